"""The end of the event log, as a writer needs it: repaired, reserved, extended by one line, cut back."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from usr_core.commit.record import CommitRecord, log_state
from usr_core.errors import counted
from usr_core.events.log import read_head
from usr_core.fs.durable import name_exists, own_file, sync_folder
from usr_core.fs.regular import open_regular
from usr_core.fs.reserve import reserve_bytes
from usr_core.fs.sharing import share_descriptor
from usr_core.roots.layout import COMMIT_PREFIX

__all__ = ["cut_line", "mend_log", "reserve_line", "write_line"]

# No link is followed: a dataset from somebody else must not make us write into a file elsewhere.
_WRITE = os.O_WRONLY | os.O_NOFOLLOW


def mend_log(log: Path) -> list[str]:
    """Make the log end with a newline: finish a last line that lacks only that, cut one that was torn off.

    Returns:
        What was done, a line each.
    """
    try:
        found = log.lstat()
    except FileNotFoundError:
        return []
    if stat.S_ISLNK(found.st_mode):
        return []  # a link is read; extending it is refused
    size, end = found.st_size, read_head(log).end
    if size == end:
        return []
    descriptor = _open(log)
    try:
        if size < end:
            os.pwrite(descriptor, b"\n", size)
            told = "gave the last event its newline"
        else:
            os.ftruncate(descriptor, end)
            told = f"cut {counted(size - end, 'byte')} of a torn last line off the event log"
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return [told]


def reserve_line(log: Path, offset: int, length: int) -> bool:
    """Open the log for writing, create it if there is none, and reserve the line's bytes; tell whether we made it."""
    made = not name_exists(log)
    descriptor = _open(log, create=made)
    try:
        reserve_bytes(descriptor, offset, length)
    finally:
        os.close(descriptor)
    return made


def write_line(log: Path, record: CommitRecord) -> None:
    """Put the record's event at its offset and fsync; repeating it is harmless."""
    made = not name_exists(log)
    descriptor = _open(log, create=made)
    try:
        view, offset = memoryview(record.line), record.offset
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if made:
        sync_folder(log.parent)


def cut_line(log: Path, record: CommitRecord) -> None:
    """Remove the record's line, or the part of it that a failed write left, where it is what ends the log."""
    try:
        size = log.lstat().st_size
    except FileNotFoundError:
        return
    if not record.offset < size <= record.offset + len(record.line) or log_state(record, log) == "foreign":
        return
    # A descriptor of its own: the one whose fsync failed is not trusted again.
    descriptor = _open(log)
    try:
        os.ftruncate(descriptor, record.offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(log: Path, *, create: bool = False) -> int:
    """Open the log for writing, as a file that nobody else has under another name."""
    own_file(log, temporary=log.with_name(f"{COMMIT_PREFIX}{secrets.token_hex(8)}.tmp"))
    descriptor = open_regular(log, _WRITE | os.O_CREAT)
    if create:
        share_descriptor(descriptor, like=log.parent)
    return descriptor
