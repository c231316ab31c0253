"""The end of the event log, as a writer needs it: checked to be as it was left, repaired, reserved, extended, cut back.

Before every change the log to be extended is checked to be still the one that was written. A short log is checked
whole each time. For a long one the state of the file behind the last change (inode, size, times) is kept in
``.usr.chain``: a log in that very state has been written by nobody since, as every write moves the file's change time,
which no program can set. A log in any other state (edited, restored, copied, pulled) is checked whole once. The mark
is only a short cut: `usr events verify` and `usr validate --strict` never look at it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from usr_core.commit.record import CommitRecord, log_state
from usr_core.errors import counted
from usr_core.events.chain import is_whole, verify_chain
from usr_core.events.log import read_head
from usr_core.fs.durable import name_exists, own_file, reserve_bytes, sync_folder
from usr_core.fs.files import open_regular, read_regular, share_descriptor
from usr_core.roots.layout import CHAIN_MARK, COMMIT_PREFIX, EVENT_LOG

__all__ = [
    "ALWAYS_CHECKED",
    "chain_fault",
    "cut_line",
    "mark_chain",
    "mend_log",
    "reserve_line",
    "write_line",
]

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


ALWAYS_CHECKED = 1 << 18
"""Bytes up to which a log is checked whole before each change (about 350 events, 2 ms)."""

_LONGEST_MARK = 200


def chain_fault(folder: Path) -> str:
    """Return the first fault of the chain of a dataset's log, one sentence, or ``""`` where it is whole.

    Called under the lock. Costs nothing that grows with the log, unless somebody else has touched it.
    """
    log = folder / EVENT_LOG
    state = _state(log)
    if not state or (state[1] > ALWAYS_CHECKED and _marked(folder) == _text(state)) or is_whole(log):
        return ""
    faults = [fault for fault in verify_chain(log) if fault.severity == "error"]
    return faults[0].message if faults else ""


def mark_chain(folder: Path) -> None:
    """Remember the log as it is, at the end of a change that found it whole; under the lock.

    A mark may be lost, and no error is raised: the change has been made.
    """
    with contextlib.suppress(OSError):
        state = _state(folder / EVENT_LOG)
        if not state or state[1] <= ALWAYS_CHECKED:
            return
        descriptor = open_regular(folder / CHAIN_MARK, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "wb") as mark:
            share_descriptor(descriptor, like=folder)
            mark.write(_text(state))


def _state(log: Path) -> tuple[int, ...]:
    try:
        found = log.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _text(state: tuple[int, ...]) -> bytes:
    return " ".join(map(str, state)).encode() + b"\n"


def _marked(folder: Path) -> bytes:
    with contextlib.suppress(OSError):
        return read_regular(folder / CHAIN_MARK, _LONGEST_MARK)
    return b""
