"""`.sync.log`: one line a pull or push, beside the event log. It never travels.

It holds both heads, so that a missing end of either log can be noticed.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usr_core.fs.durable import own_file
from usr_core.fs.regular import open_regular
from usr_core.fs.sharing import share_descriptor
from usr_core.roots.layout import COMMIT_PREFIX, SYNC_LOG

__all__ = ["write_receipt"]


def write_receipt(folder: Path, audit: Mapping[str, Any], *, method: str) -> None:
    """Append the receipt of a transfer and make it durable; one write, so that lines of two processes never mix.

    Raises:
        OSError: The file can't be written; the transfer has happened all the same.
    """
    line = json.dumps({"receipt_version": 1, "method": method, **audit}, ensure_ascii=True, separators=(",", ":"))
    path = folder / SYNC_LOG
    own_file(path, temporary=path.with_name(f"{COMMIT_PREFIX}{secrets.token_hex(8)}.tmp"))
    descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
    try:
        share_descriptor(descriptor, like=folder)
        os.write(descriptor, line.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
