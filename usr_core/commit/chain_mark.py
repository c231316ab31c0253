"""Check before every change that the log to be extended is still the one that was written.

A short log is checked whole each time. For a long one the state of the file behind the last change (inode, size,
times) is kept in ``.usr.chain``: a log in that very state has been written by nobody since, as every write moves the
file's change time, which no program can set. A log in any other state (edited, restored, copied, pulled) is checked
whole once. The mark is only a short cut: `usr events verify` and `usr validate --strict` never look at it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from usr_core.events.chain import is_whole, verify_chain
from usr_core.fs.regular import open_regular, read_regular
from usr_core.fs.sharing import share_descriptor
from usr_core.roots.layout import CHAIN_MARK, EVENT_LOG

__all__ = ["ALWAYS_CHECKED", "chain_fault", "mark_chain"]

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
