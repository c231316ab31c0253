"""Writing so that it is still there after a power cut.

Rules kept here: data is fsynced before its name is, a name is made durable by fsyncing its folder,
and after an fsync error the descriptor is not fsynced again (the kernel may have dropped the pages).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from usr_core.fs.errors import LinksUnsupported
from usr_core.fs.files import keep_access, share

__all__ = [
    "digest_of",
    "link_create_only",
    "link_or_copy",
    "make_folders",
    "name_exists",
    "own_file",
    "remove_temporaries",
    "remove_tree",
    "rename_over",
    "replace_file",
    "reserve_bytes",
    "sync_file",
    "sync_folder",
    "temporaries_in",
    "temporaries_of",
    "temporary_sibling",
    "write_new",
]

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOTSUP, errno.EMLINK}


def name_exists(path: Path) -> bool:
    """Tell whether something has that name, a dangling link included.

    `os.path.lexists` takes every error for "no"; here a path that can't be examined does not count as absent.

    Raises:
        OSError: The path can't be examined.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def sync_file(path: Path) -> None:
    """Fsync the content of an existing file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Fsync a folder, which makes the names in it durable.

    Raises:
        OSError: `path` is not a folder, or can't be opened or fsynced.

    Example:
        >>> from usr_core.api.files import sync_folder, write_new
        >>> write_new(tmp_path / "motifs.txt", b"TATAAT")
        >>> sync_folder(tmp_path)
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_new(path: Path, content: bytes) -> None:
    """Create `path` with `content`, fsynced; the name is durable once its folder is fsynced.

    Raises:
        FileExistsError: A file of that name exists.

    Example:
        >>> from usr_core.api.files import write_new
        >>> write_new(tmp_path / "motifs.txt", b"TATAAT")
        >>> write_new(tmp_path / "motifs.txt", b"TTGACA")
        Traceback (most recent call last):
            ...
        FileExistsError: [Errno 17] File exists: '.../motifs.txt'
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_sibling(path: Path) -> Path:
    """Return a fresh hidden name beside `path`, for a file that will be renamed to it.

    Example:
        >>> from usr_core.api.files import temporary_sibling
        >>> temporary_sibling(tmp_path / "part.parquet").name.startswith(".part.parquet.")
        True
    """
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")


def remove_temporaries(path: Path) -> None:
    """Remove the temporary siblings of `path` that killed writers left. Call it only under the lock of its writers."""
    for left in temporaries_of(path):
        with contextlib.suppress(OSError):
            left.unlink()


def temporaries_of(path: Path) -> list[Path]:
    """Return the temporary files beside `path` that `replace_file` has made for it, sorted."""
    return _temporaries(path.parent, re.escape(path.name))


def temporaries_in(folder: Path) -> list[Path]:
    """Return the files in a folder that have names of `temporary_sibling`, sorted; some may be in use."""
    return _temporaries(folder, ".+")


def _temporaries(folder: Path, name: str) -> list[Path]:
    pattern = re.compile(rf"\.{name}\.[0-9a-f]{{8}}\.tmp")
    with contextlib.suppress(OSError):
        return sorted(place for place in folder.iterdir() if pattern.fullmatch(place.name))
    return []


def replace_file(path: Path, content: bytes, *, mode: int | None = None, shared: bool = False) -> None:
    """Replace `path` (or create it) as a whole: a reader sees the old bytes or the new, also after a power cut.

    Args:
        path: The file.
        content: Its new bytes.
        mode: Its permissions afterwards; by default those of the file that is replaced.
        shared: A new file takes the group and the group bits of its folder.

    Raises:
        OSError: The file can't be written; it is as it was.

    Example:
        >>> from usr_core.api.files import replace_file
        >>> replace_file(tmp_path / "motifs.txt", b"TTGACA", mode=0o640)
        >>> replace_file(tmp_path / "motifs.txt", b"TATAAT")
        >>> (tmp_path / "motifs.txt").read_bytes(), oct((tmp_path / "motifs.txt").stat().st_mode & 0o777)
        (b'TATAAT', '0o640')
    """
    temporary = temporary_sibling(path)
    try:
        write_new(temporary, content)
        if mode is not None:
            temporary.chmod(mode)
        if name_exists(path):
            if mode is None:
                keep_access(temporary, like=path)
        elif shared:
            share(temporary, like=path.parent)
        rename_over(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def rename_over(source: Path, path: Path) -> None:
    """Give `source`, which is fsynced, the name `path` in its folder, durably; what had the name is replaced.

    Raises:
        OSError: What had the name has it still, or nothing has.
    """
    undo = None
    try:
        if name_exists(path):
            undo = temporary_sibling(path)
            link_or_copy(path, undo)
        os.rename(source, path)  # noqa: PTH104 - the POSIX call, whose guarantees the line relies on
        try:
            sync_folder(path.parent)
        except BaseException:
            # Nobody can tell now what a power cut would leave; what the caller is told has to be true all the same.
            if undo is None:
                path.unlink(missing_ok=True)
            else:
                os.rename(undo, path)  # noqa: PTH104
            raise
    finally:
        if undo is not None:
            with contextlib.suppress(OSError):
                undo.unlink(missing_ok=True)


def own_file(path: Path, *, temporary: Path) -> None:
    """Give a file that has more than one hard link an inode of its own, with the same bytes, before it is extended.

    A backup that was made with hard links stays as it was then. Readers see the same bytes at any moment.

    Args:
        path: The file; one that is not there, is a link, or has one name only, stays as it is.
        temporary: A name beside it for the copy, which a crash may leave.

    Raises:
        OSError: The copy can't be made; the file is as before.
    """
    try:
        before = path.lstat()
    except FileNotFoundError:
        return
    if before.st_nlink < 2 or not stat.S_ISREG(before.st_mode):
        return
    try:
        shutil.copy2(path, temporary)
        keep_access(temporary, like=path)
        sync_file(temporary)
        now = path.lstat()
        # A writer that woke up late must not put old bytes over what another has written meanwhile.
        if (now.st_ino, now.st_size, now.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns):
            os.rename(temporary, path)  # noqa: PTH104 - the POSIX call, atomic
            sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def link_create_only(source: Path, target: Path) -> None:
    """Give `source` the name `target` as well, unless that name is taken: the fence of every commit.

    ``link()`` is atomic and create-only on local and network file systems alike. A network file
    system may apply the call and lose the answer (the retry then says EEXIST), so whatever the call
    answers, a target that is our own inode counts as success.

    Raises:
        FileExistsError: Another file has that name.
        LinksUnsupported: The file system has no hard links.
    """
    try:
        os.link(source, target)
    except OSError as error:
        if _same_file(source, target):
            return
        if error.errno in _NO_LINKS:
            raise LinksUnsupported(
                "This file system has no hard links, which USR needs to commit safely.",
                hint="Keep datasets on a file system with hard links; `usr doctor --fs DIR` tests a folder.",
                facts={"file": str(target)},
            ) from error
        raise


def digest_of(path: Path, *, start: int = 0) -> str:
    """Return the sha256 of a file's content from byte `start` on."""
    import hashlib  # loads OpenSSL, which readers do not need

    with path.open("rb", buffering=0) as handle:
        handle.seek(start)
        return hashlib.file_digest(handle, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> bool:
    """Make `target` a second name of `source`'s bytes: a hard link, else a fsynced copy. Return True for a link.

    The target of a symbolic link belongs to somebody else, who may write into it, so it is copied.
    """
    try:
        if source.is_symlink():
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS | {errno.EXDEV}:
            raise
        shutil.copy2(source, target)
        sync_file(target)
        return False
    return True


def make_folders(path: Path, *, below: Path, sync: bool = True, like: Path | None = None) -> list[Path]:
    """Create `path` and its missing parents below the folder `below`; return what was created, outermost first.

    Each takes the group and the group bits of the folder `like`, by default of the folder that it is made in.
    With ``sync=False`` the caller makes the new names durable, by fsyncing the parents of what is returned.

    Raises:
        OSError: A folder can't be made; those that were made are removed again.

    Example:
        >>> from usr_core.api.files import make_folders
        >>> [made.name for made in make_folders(tmp_path / "runs" / "r1", below=tmp_path)]
        ['runs', 'r1']
        >>> make_folders(tmp_path / "runs" / "r1", below=tmp_path)
        []
    """
    missing: list[Path] = []
    place = path
    while place != below and not place.is_dir():
        missing.append(place)
        place = place.parent
    created: list[Path] = []
    try:
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                created.append(folder)
                share(folder, like=like or folder.parent)
            if sync:
                sync_folder(folder.parent)
    except BaseException:
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # somebody has put something there meanwhile
                folder.rmdir()
        raise
    return created


def remove_tree(path: Path) -> None:
    """Remove a folder and what is in it, or the file or link of that name; one that is not there is fine.

    Raises:
        OSError: Something in the folder can't be removed.

    Example:
        >>> from usr_core.api.files import remove_tree
        >>> (tmp_path / "runs" / "r1").mkdir(parents=True)
        >>> remove_tree(tmp_path / "runs")
        >>> (tmp_path / "runs").exists()
        False
    """
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()


def _same_file(source: Path, target: Path) -> bool:
    try:
        return os.path.samestat(os.lstat(source), os.lstat(target))
    except OSError:
        return False


def _write_all(descriptor: int, content: bytes) -> None:
    for chunk in _chunks(content):
        view = memoryview(chunk)
        while view:
            view = view[os.write(descriptor, view) :]


def _chunks(content: bytes, size: int = 1 << 24) -> Iterator[memoryview]:
    view = memoryview(content)
    for start in range(0, len(view), size):
        yield view[start : start + size]


_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE, linux/falloc.h
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def reserve_bytes(descriptor: int, offset: int, length: int) -> bool:
    """Allocate the blocks for ``[offset, offset + length)`` while the file's size stays as it is.

    Python's ``posix_fallocate`` would grow the file, which readers take for an event.

    Returns:
        True if reserved; False where the platform or the file system can't, which is not an error.

    Raises:
        OSError: There is no space or no quota left, or the file can't be written.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    call = library.fallocate
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    while call(descriptor, _KEEP_SIZE, offset, length) != 0:
        number = ctypes.get_errno()
        if number in _UNSUPPORTED:
            return False
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return True
