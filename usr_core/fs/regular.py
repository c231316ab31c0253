"""Opening what must be a regular file: a FIFO would make its reader wait forever, a device may do anything."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from usr_core.fs.errors import SpecialFile

__all__ = ["open_regular", "read_regular", "require_regular"]


def require_regular(path: Path, *, follow: bool = True) -> os.stat_result:
    """Return the status of `path` if a regular file has that name; nothing is opened.

    Args:
        path: The file.
        follow: Look at what a link leads to; False reports a link as it is, which is then refused.

    Raises:
        FileNotFoundError: `path` does not exist, or is a link that leads nowhere.
        SpecialFile: `path` is a folder, FIFO, socket, device, or (without `follow`) a link.
    """
    found = path.stat() if follow else path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise SpecialFile(path, kind=_kind(found.st_mode))
    return found


def open_regular(path: Path, flags: int = os.O_RDONLY, *, mode: int = 0o666) -> int:
    """Open a regular file and return its descriptor; with ``O_CREAT`` in `flags` it may be missing.

    ``O_CLOEXEC`` is always set. A link is followed unless `flags` have ``O_NOFOLLOW``, which answers ELOOP.

    Raises:
        FileNotFoundError: `path` does not exist.
        SpecialFile: `path` is not a regular file.
        OSError: The file can't be opened.
    """
    try:
        require_regular(path)
    except FileNotFoundError:
        if not flags & os.O_CREAT and not (flags & os.O_NOFOLLOW and path.is_symlink()):
            raise
    # Should a FIFO take the name in this moment, opening it does not wait.
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, mode)
    try:
        found = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(found):
            raise SpecialFile(path, kind=_kind(found))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: Path, limit: int = -1) -> bytes:
    """Return the content of a regular file, at most `limit` bytes of it where that is not negative.

    Raises:
        FileNotFoundError, SpecialFile, OSError: See `open_regular`.
    """
    with os.fdopen(open_regular(path), "rb") as handle:
        return handle.read(limit)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "folder",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
