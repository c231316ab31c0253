"""Standard output kept for the command's result, also from bytes that a function writes to the descriptor itself."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["printing_elsewhere"]


@contextlib.contextmanager
def printing_elsewhere() -> Iterator[None]:
    """Let descriptor 1 be standard error inside the block, for libraries in C and child processes too."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
