"""`.sync.log`: one line a pull or push, beside the event log. It never travels.

It holds both heads, so that a missing end of either log can be noticed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usr_core.fs.durable import own_file
from usr_core.fs.files import open_regular, share_descriptor
from usr_core.roots.layout import COMMIT_PREFIX, SYNC_LOG

__all__ = ["write_receipt"]


def write_receipt(folder: Path, audit: Mapping[str, Any], *, method: str) -> None:
    """Append the receipt of a transfer and make it durable; one write, so that lines of two processes never mix.

    Raises:
        OSError: The file can't be written, and is as it was; the transfer has happened all the same.
    """
    line = json.dumps({"receipt_version": 1, "method": method, **audit}, ensure_ascii=True, separators=(",", ":"))
    path = folder / SYNC_LOG
    own_file(path, temporary=path.with_name(f"{COMMIT_PREFIX}{secrets.token_hex(8)}.tmp"))
    descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
    try:
        _append(descriptor, line.encode() + b"\n", path, folder)
    finally:
        os.close(descriptor)


def _append(descriptor: int, line: bytes, path: Path, folder: Path) -> None:
    written = 0
    try:
        share_descriptor(descriptor, like=folder)
        written = os.write(descriptor, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: only a part of the line could be written")
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            _take_back(descriptor, written, path)
        raise


def _take_back(descriptor: int, written: int, path: Path) -> None:
    """Cut off what was written last, unless another process has written behind it; an empty file goes."""
    size = os.fstat(descriptor).st_size
    start = size - written
    if written and os.lseek(descriptor, 0, os.SEEK_CUR) == size:
        os.ftruncate(descriptor, start)
        size = start
    if size == 0:
        path.unlink()
