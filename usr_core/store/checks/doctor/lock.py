"""Who holds a dataset's lock right now; looking neither waits nor writes."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from usr_core.fs.errors import SpecialFile
from usr_core.fs.files import open_regular
from usr_core.fs.lock import read_holder

__all__ = ["LockState", "read_lock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """The state of a lock file.

    Attributes:
        held: A writer holds it.
        holder: What the file says of the holder, one line, or ``""``.
        problem: Why it could not be told, or ``""``.
    """

    held: bool
    holder: str = ""
    problem: str = ""


def read_lock(path: Path) -> LockState:
    """Return the state of a lock file; one that is not there is not held.

    A shared lock is tried and given back at once, so the file is opened for reading only; a writer that tries in that
    moment tries again.
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return LockState(held=False)
    except SpecialFile as error:
        return LockState(held=False, problem=error.message)
    except OSError as error:
        return LockState(held=False, problem=f"{path.name} can't be opened: {os.strerror(error.errno or 0)}")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState(held=True, holder=read_holder(path))
    except OSError as error:
        return LockState(held=False, problem=f"{path.name} can't be locked: {os.strerror(error.errno or 0)}")
    finally:
        os.close(descriptor)
    return LockState(held=False)
