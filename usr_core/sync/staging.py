"""Staging folders of transfers: kept for the next try when one fails, used by one process at a time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from usr_core.fs.errors import FileSystemError, LockTimeout, file_system_error
from usr_core.fs.files import make_shared_folder
from usr_core.fs.lock import hold_lock
from usr_core.roots.layout import STAGING
from usr_core.roots.unfinished import ORIGIN
from usr_core.sync.errors import TransferDamaged

__all__ = ["FILES", "claim_staging", "drop_all_but", "drop_staging", "require_only"]

FILES = "files"
"""The folder inside a staging folder that holds files under their own names."""

_PARTIAL = ".rsync-partial"


@contextlib.contextmanager
def claim_staging(folder: Path, *, kind: str, other: str) -> Iterator[Path]:
    """Yield the staging folder of transfers between this dataset and one other copy; it is kept.

    The next try of the same transfer gets the same folder, and finds what arrived before. While a process has it,
    another gets one with a name of its own.

    Args:
        folder: The dataset's folder; made if missing.
        kind: ``pull`` or ``push``.
        other: What identifies the other copy.

    Raises:
        FileSystemError: The staging folder can't be made.
    """
    own = hashlib.sha256(f"{os.path.realpath(folder)}\0{other}".encode()).hexdigest()[:16]
    top = folder / STAGING
    with contextlib.ExitStack() as exits:
        try:
            make_shared_folder(top, like=folder if folder.is_dir() else folder.parent)
        except OSError as error:
            raise file_system_error(error, top, "make a folder for what arrives") from error
        lock: Path | None = top / f"{kind}-{own}.lock"
        try:
            exits.enter_context(hold_lock(top / f"{kind}-{own}.lock", timeout=0, command=kind))
        except LockTimeout:
            # Nobody will look for this one again.
            own, lock = secrets.token_hex(8), None
            exits.callback(shutil.rmtree, top / f"{kind}-{own}", ignore_errors=True)
        place = top / f"{kind}-{own}"
        try:
            make_shared_folder(place / FILES, like=folder)
            (place / ORIGIN).write_text(other, encoding="utf-8", errors="replace")
            os.utime(place)  # its age decides when it is given up
        except OSError as error:
            raise file_system_error(error, place, "make a folder for what arrives") from error
        yield place
        # Done: nobody will come back for it.
        with contextlib.suppress(OSError):
            shutil.rmtree(place)
        if lock is not None:
            with contextlib.suppress(OSError):
                lock.unlink()
        with contextlib.suppress(OSError):
            top.rmdir()


def drop_staging(folder: Path, *, kind: str, other: str) -> None:
    """Remove what an earlier try of a transfer left; for when there is nothing to transfer any more."""
    if (folder / STAGING).is_dir():
        with contextlib.suppress(FileSystemError), claim_staging(folder, kind=kind, other=other):
            pass


def drop_all_but(place: Path, names: Iterable[str]) -> None:
    """Remove from a folder of files what an earlier try left and this one has no use for."""
    wanted = set(names)
    for path in sorted(place.rglob("*"), reverse=True):
        with contextlib.suppress(OSError):
            mode, kept = path.lstat().st_mode, path.relative_to(place).as_posix() in wanted
            if stat.S_ISDIR(mode):
                path.rmdir()
            elif not stat.S_ISREG(mode) or not (kept or path.parent.name == _PARTIAL):
                path.unlink()  # a link is of no use under any name


def require_only(place: Path, names: Iterable[str], *, missing_ok: bool = False) -> list[str]:
    """Check that a folder holds the files named, regular ones, and nothing else; return those that are missing.

    Raises:
        TransferDamaged: Something else is there, or a file is missing.
    """
    wanted, found, odd = set(names), set(), []
    for path in place.rglob("*"):
        name, mode = path.relative_to(place).as_posix(), path.lstat().st_mode
        if stat.S_ISREG(mode) and name in wanted:
            found.add(name)
        elif _PARTIAL in (path.name, path.parent.name):
            continue
        elif not stat.S_ISDIR(mode):
            odd.append(name)
    if odd:
        raise TransferDamaged(files=sorted(odd), reason="files arrived that nobody asked for")
    missing = sorted(wanted - found)
    if missing and not missing_ok:
        raise TransferDamaged(files=missing, reason="files did not arrive")
    return missing
