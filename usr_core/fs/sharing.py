"""New files and folders in a folder that a group shares: they take its group and its group bits, whatever the umask.

A colleague with another umask would lock the others out otherwise: they could neither add a part, nor take the
lock, nor clean up after an interrupted writer.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

__all__ = ["keep_access", "make_shared_folder", "share", "share_descriptor"]

_GROUP_FILE = stat.S_IRGRP | stat.S_IWGRP


def share(path: Path, *, like: Path) -> None:
    """Give a new file or folder the group and the group bits of the folder `like`.

    A file never becomes executable. Others get no right that the group, or the folder, does not give them: the usual
    umask would open files to everybody in a folder that is its owner's alone. Where the group can't be given (the
    caller is not in it), the group's bits stay as the umask made them: they would be another group's. A link, and a
    file with a second name, stay as they are.

    Raises:
        OSError: One of the two can't be examined.

    Example:
        >>> from usr_core.api.files import share
        >>> group, note = tmp_path / "group", tmp_path / "group" / "note.txt"
        >>> group.mkdir()
        >>> group.chmod(0o2770)
        >>> note.touch(0o600)
        >>> share(note, like=group)
        >>> oct(note.stat().st_mode & 0o777)
        '0o660'
    """
    own = path.lstat()
    if stat.S_ISLNK(own.st_mode) or (stat.S_ISREG(own.st_mode) and own.st_nlink > 1):
        return
    _share(path, own, like.stat())


def share_descriptor(descriptor: int, *, like: Path) -> None:
    """Do the same for a new file that is open."""
    _share(descriptor, os.fstat(descriptor), like.stat())


def keep_access(path: Path, *, like: Path) -> None:
    """Give the new content of a file the mode, and where that is allowed the group, of the old file `like`.

    Raises:
        OSError: One of the two can't be examined, or the mode can't be set.
    """
    old, new = like.stat(), path.stat()
    if old.st_gid != new.st_gid:
        with contextlib.suppress(PermissionError):
            os.chown(path, -1, old.st_gid)
    if stat.S_IMODE(old.st_mode) != stat.S_IMODE(new.st_mode):
        path.chmod(stat.S_IMODE(old.st_mode))


def make_shared_folder(path: Path, *, like: Path) -> None:
    """Make a folder, its missing parents included, which takes the group bits of `like`; one that is there is fine.

    Raises:
        OSError: The folder can't be made.
    """
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            share(folder, like=like)


def _share(place: Path | int, own: os.stat_result, like: os.stat_result) -> None:
    folder = stat.S_ISDIR(own.st_mode)
    mode = stat.S_IMODE(own.st_mode)
    with contextlib.suppress(PermissionError):
        if own.st_gid != like.st_gid:
            os.chown(place, -1, like.st_gid)
        bits = like.st_mode & (stat.S_IRWXG if folder else _GROUP_FILE)
        if folder:
            bits |= like.st_mode & stat.S_ISGID
        mode = (mode & ~stat.S_IRWXG) | bits
    others = mode & like.st_mode & ((mode & stat.S_IRWXG) >> 3)
    mode = (mode & ~stat.S_IRWXO) | (others & stat.S_IRWXO)
    with contextlib.suppress(PermissionError):
        if mode != stat.S_IMODE(own.st_mode):
            os.chmod(place, mode)  # noqa: PTH101 - a descriptor too
