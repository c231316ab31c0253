"""Files and folders that others can reach too: what has a name there may be anything, and what is new is for the group.

What must be a regular file is opened as one: a FIFO would make its reader wait forever, a device may do anything. What
must be a folder is looked at in the same way, so that a wrong thing in its place is never taken for an empty one.

New files and folders in a folder that a group shares take its group and its group bits, whatever the umask: a
colleague with another umask would lock the others out otherwise: they could neither add a part, nor take the
lock, nor clean up after an interrupted writer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from usr_core.fs.errors import SpecialFile

__all__ = [
    "keep_access",
    "kind_of",
    "make_shared_folder",
    "open_regular",
    "read_regular",
    "refuse_special",
    "require_folder",
    "require_regular",
    "share",
    "share_descriptor",
]


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
