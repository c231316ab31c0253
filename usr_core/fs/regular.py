"""Opening what must be a regular file: a FIFO would make its reader wait forever, a device may do anything.

What must be a folder is looked at in the same way, so that a wrong thing in its place is never taken for an empty one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from usr_core.fs.errors import SpecialFile

__all__ = ["kind_of", "open_regular", "read_regular", "refuse_special", "require_folder", "require_regular"]


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
        raise SpecialFile(path=path, kind=kind_of(found.st_mode))
    return found


def refuse_special(path: Path) -> None:
    """Refuse what a library must not open: a FIFO, socket or device. A folder, and a missing name, it refuses itself.

    Raises:
        SpecialFile: A FIFO, socket or device has the name, or is what a link leads to.
    """
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise SpecialFile(path=path, kind=kind_of(mode))


def require_folder(path: Path) -> bool:
    """Tell whether `path` is a folder or a link to one; False where nothing has that name.

    Raises:
        SpecialFile: Something else has the name, a link that leads nowhere included.
        OSError: The path can't be examined.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if path.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise SpecialFile(path=path, kind="symbolic link that leads nowhere", expected="folder") from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return False
        raise
    if not stat.S_ISDIR(mode):
        raise SpecialFile(path=path, kind=kind_of(mode), expected="folder")
    return True


def open_regular(path: Path, flags: int = os.O_RDONLY, *, mode: int = 0o666) -> int:
    r"""Open a regular file and return its descriptor; with ``O_CREAT`` in `flags` it may be missing.

    ``O_CLOEXEC`` is always set. A link is followed unless `flags` have ``O_NOFOLLOW``, which answers ELOOP.

    Raises:
        FileNotFoundError: `path` does not exist.
        SpecialFile: `path` is not a regular file.
        OSError: The file can't be opened.

    Example:
        >>> import os
        >>> from usr_core.api.files import open_regular
        >>> with os.fdopen(open_regular(tmp_path / "more.csv"), "rb") as handle:
        ...     handle.readline()
        b'sequence\n'
        >>> open_regular(root)
        Traceback (most recent call last):
            ...
        usr_core.fs.errors.SpecialFile: root is a folder, where a regular file should be.
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
            raise SpecialFile(path=path, kind=kind_of(found))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_regular(path: Path, limit: int = -1) -> bytes:
    """Return the content of a regular file, at most `limit` bytes of it where that is not negative.

    Raises:
        FileNotFoundError, SpecialFile, OSError: See `open_regular`.

    Example:
        >>> from usr_core.api.files import read_regular
        >>> read_regular(tmp_path / "more.csv", 8)
        b'sequence'
    """
    with os.fdopen(open_regular(path), "rb") as handle:
        return handle.read(limit)


def kind_of(mode: int) -> str:
    """Return what the mode of a file calls it, in words."""
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "folder",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")
