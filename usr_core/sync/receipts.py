"""`.sync.log`: one line a pull or push, beside the event log. It never travels.

Both heads in it are what a cut tail of either log shows against.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usr_core.roots.layout import SYNC_LOG

__all__ = ["write_receipt"]


def write_receipt(folder: Path, audit: Mapping[str, Any], *, method: str) -> None:
    """Append the receipt of a transfer and make it durable; one write, so that lines of two processes never mix.

    Raises:
        OSError: The file can't be written; the transfer has happened all the same.
    """
    line = json.dumps({"receipt_version": 1, "method": method, **audit}, ensure_ascii=True, separators=(",", ":"))
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(folder / SYNC_LOG, flags, 0o666)
    try:
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
