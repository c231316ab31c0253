"""What a folder's file system can do, tried out in it: everything that a commit relies on.

Test files are made in a fresh folder below the one that is asked about, and removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from usr_core.fs.durable import link_create_only, sync_file, sync_folder, write_new
from usr_core.fs.lock import file_system_of, is_network_place
from usr_core.store.checks.doctor.errors import FolderMissing

__all__ = ["FolderAbility", "try_folder"]

_LEAST_BYTES = 1 << 30
_LEAST_INODES = 10_000
_CHILD_SECONDS = 30.0
_OTHER_PLACE = "Keep datasets on another file system."

# Exits 0 where the lock is refused, as it should be; the file's path is its argument.
_SECOND_HOLDER = """
import fcntl, os, sys
descriptor = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(0)
sys.exit(3)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderAbility:
    """One thing that was tried.

    Attributes:
        name: ``write``, ``create-only``, ``link``, ``lock``, ``fsync``, ``rename``, ``space`` or ``inodes``.
        works: Whether it is as USR needs it.
        told: What was seen.
        fix: What to do where it does not work.
    """

    name: str
    works: bool
    told: str
    fix: str = ""


def try_folder(folder: Path) -> list[FolderAbility]:
    """Try out what a commit needs in `folder`, and leave it as it was.

    Raises:
        FolderMissing: `folder` is not a folder.
    """
    if not folder.is_dir():
        raise FolderMissing(path=folder)
    try:
        place = Path(tempfile.mkdtemp(prefix=".usr-doctor-", dir=folder))
    except OSError as error:
        fix = "Make the folder writable for you." if error.errno in (errno.EACCES, errno.EPERM) else _OTHER_PLACE
        return [FolderAbility(name="write", works=False, told=_reason(error), fix=fix), *_room(folder)]
    try:
        tried = [_attempt(name, trial, place) for name, trial in _TRIALS]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    kind = file_system_of(folder) or "unknown"
    network = "; a network file system: a lease is held beside the lock" if is_network_place(folder) else ""
    return [FolderAbility(name="write", works=True, told=f"file system {kind}{network}"), *tried, *_room(folder)]


def _attempt(name: str, trial: Callable[[Path], str], place: Path) -> FolderAbility:
    try:
        return FolderAbility(name=name, works=True, told=trial(place))
    except _Failed as failure:
        return FolderAbility(name=name, works=False, told=str(failure), fix=_OTHER_PLACE)
    except OSError as error:
        return FolderAbility(name=name, works=False, told=_reason(error), fix=_OTHER_PLACE)


class _Failed(Exception):
    """A trial went through, with another outcome than it should have."""


def _create_only(place: Path) -> str:
    write_new(place / "exclusive", b"1")
    try:
        write_new(place / "exclusive", b"2")
    except FileExistsError:
        return "a name is taken once"
    raise _Failed("a file could be created twice under one name")


def _link(place: Path) -> str:
    write_new(place / "linked", b"1")
    write_new(place / "other", b"2")
    link_create_only(place / "linked", place / "second")
    if not (place / "second").samefile(place / "linked"):
        raise _Failed("a hard link is another file")
    try:
        link_create_only(place / "other", place / "second")
    except FileExistsError:
        return "hard links work, and are create-only"
    raise _Failed("a hard link replaced a file")


def _lock(place: Path) -> str:
    write_new(place / "lock", b"")
    descriptor = os.open(place / "lock", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SECOND_HOLDER, str(place / "lock")],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_CHILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _Failed("a second process hung while it tried the lock") from error
    finally:
        os.close(descriptor)
    if child.returncode == 0:
        return "flock keeps a second process out"
    if child.returncode == 3:
        raise _Failed("flock let a second process in")
    raise _Failed("flock could not be tried from a second process")


def _fsync(place: Path) -> str:
    write_new(place / "synced", b"1" * 4096)
    sync_file(place / "synced")
    sync_folder(place)
    return "files and folders can be fsynced"


def _rename(place: Path) -> str:
    write_new(place / "old", b"old")
    write_new(place / "new", b"new")
    with (place / "old").open("rb") as reader:
        (place / "new").rename(place / "old")
        if (place / "old").read_bytes() != b"new":
            raise _Failed("a renamed file did not replace the other")
        if reader.read() != b"old":
            raise _Failed("a reader of a replaced file does not see what it opened")
    return "a rename replaces a file that is open, and its reader goes on"


def _room(folder: Path) -> list[FolderAbility]:
    try:
        found = os.statvfs(folder)
    except OSError as error:
        return [FolderAbility(name="space", works=False, told=_reason(error), fix=_OTHER_PLACE)]
    free = found.f_bavail * found.f_frsize
    space = FolderAbility(
        name="space",
        works=free >= _LEAST_BYTES,
        told=f"{free / (1 << 30):,.1f} GiB free",
        fix="Free some space: a rewrite of the base needs its size again.",
    )
    if not found.f_files:  # file systems that make inodes as they go tell none
        return [space]
    inodes = FolderAbility(
        name="inodes",
        works=found.f_favail >= _LEAST_INODES,
        told=f"{found.f_favail:,} inodes free",
        fix="Remove files, or compact overlays (usr maintenance overlay-compact).",
    )
    return [space, inodes]


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


_TRIALS: tuple[tuple[str, Callable[[Path], str]], ...] = (
    ("create-only", _create_only),
    ("link", _link),
    ("lock", _lock),
    ("fsync", _fsync),
    ("rename", _rename),
)
