"""The files below a folder of this machine, reached without following a link that somebody has put there.

Each folder on the way is opened below the one before it, and none of them through a link, so that nothing is read or
written outside the base folder, whatever changes meanwhile. The base folder itself may be a link: the user chose it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from usr_core.api.files import LockTimeout, hold_lock, share
from usr_core.api.transports import (
    ABILITY_LOCK,
    ABILITY_PARQUET,
    ABILITY_SHA256,
    Probe,
    RemoteEntry,
    RemoteNameRefused,
    RemoteRefused,
    RemoteUnreachable,
    parquet_facts,
)
from usr_folder.errors import FolderLacksLinks, FolderLacksLocks, FolderMissing
from usr_folder.probing import probe_folder

__all__ = ["FolderFiles"]

_PIECE = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_NO_FSYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES}


class FolderFiles:
    """The files below the base folder, or the folder for file mode, of one remote.

    Args:
        settings: ``base_dir``, and where they are set ``name`` and ``repo_root``.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._remote = str(settings.get("name") or "NAME")
        self._base = str(settings["base_dir"]).rstrip("/") or "/"
        self._tops = [self._base, *(str(top) for top in (settings.get("repo_root"),) if top)]
        self._stopped = threading.Event()

    @property
    def name(self) -> str:
        """What the remote is called in messages: its folder."""
        return self._base

    @property
    def abilities(self) -> frozenset[str]:
        """Digests and footers are computed here; that a lock can be taken shows when one is taken."""
        self._require_base()
        return frozenset({ABILITY_SHA256, ABILITY_PARQUET, ABILITY_LOCK})

    def probe(self, folder: str) -> Probe:
        """Return what the folder's file system is like."""
        self._require_base()
        return probe_folder(folder)

    # ------------------------------------------------------------ looking

    def entry(self, path: str) -> RemoteEntry | None:
        """Return what has that path."""
        if path in self._tops:
            return RemoteEntry(path="", kind="folder") if self._is_top(path) else None
        try:
            with self._parent(path) as (parent, name):
                return _entry("", os.stat(name, dir_fd=parent, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def entries(self, folder: str) -> Iterator[RemoteEntry]:
        """Yield what is directly in a folder."""
        with self._folder(folder) as opened:
            for name in os.listdir(opened):  # noqa: PTH208 - by the descriptor
                with contextlib.suppress(FileNotFoundError):  # it has gone since
                    yield _entry(name, os.stat(name, dir_fd=opened, follow_symlinks=False))

    def read(self, path: str, offset: int, length: int | None) -> bytes:
        """Return the bytes of a file, or of a range."""
        with self._opened(path, _READ) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as handle:
            handle.seek(offset)
            return handle.read(-1 if length is None else length)

    def digest(self, folder: str, names: Sequence[str], kind: str) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name, on several cores; files that are missing are left out."""
        self._stopped.clear()
        facts = self._footer if kind == ABILITY_PARQUET else self._sha256
        with ThreadPoolExecutor(os.cpu_count() or 1, "usr-folder") as pool:
            try:
                found = pool.map(lambda name: facts(f"{folder}/{name}"), names)
                return {name: told for name, told in zip(names, found, strict=True) if told is not None}
            except BaseException:
                # An interrupt does not wait for the files that are being read.
                self._stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _sha256(self, path: str) -> Mapping[str, str | int] | None:
        digest = hashlib.sha256()
        try:
            with self._opened(path, _READ) as descriptor:
                while piece := os.read(descriptor, _PIECE):
                    if self._stopped.is_set():
                        raise RemoteUnreachable(
                            "The remote was closed while it computed digests.",
                            hint="Run the command again.",
                            facts={"remote": self._remote, "path": path},
                        )
                    digest.update(piece)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return {"sha256": digest.hexdigest()}

    def _footer(self, path: str) -> Mapping[str, str | int] | None:
        try:
            with self._opened(path, _READ) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as handle:
                try:
                    return parquet_facts(handle)
                except (OSError, ValueError) as error:  # what pyarrow raises for what is not a Parquet file
                    return {"error": str(error)}
        except (FileNotFoundError, NotADirectoryError):
            return None

    # ------------------------------------------------------------ moving

    def get(self, path: str, *, basis: Path | None) -> Iterator[bytes]:
        """Yield a file's bytes; all of them, as nothing is faster than reading them."""
        with self._opened(path, _READ) as descriptor:
            while piece := os.read(descriptor, _PIECE):
                yield piece

    def put(self, path: str, pieces: Iterator[bytes], *, basis: str | None) -> None:
        """Write a new file, and make its content durable."""
        with self._opened(path, _NEW) as descriptor:
            for piece in pieces:
                _write_all(descriptor, piece)
            os.fsync(descriptor)
        self._share(path)

    # ------------------------------------------------------------ changing

    def write_at(self, path: str, offset: int, content: bytes) -> None:
        """Write into a file, and make that durable."""
        made = self.entry(path) is None
        with self._opened(path, _WRITE) as descriptor:
            os.lseek(descriptor, offset, os.SEEK_SET)
            _write_all(descriptor, content)
            os.fsync(descriptor)
        if made:
            self._share(path)

    def truncate(self, path: str, size: int) -> None:
        """Cut a file, and move its time of change, by which readers see that something happened."""
        with self._opened(path, _WRITE & ~os.O_CREAT) as descriptor:
            before = os.fstat(descriptor)
            os.ftruncate(descriptor, size)
            now = max(os.fstat(descriptor).st_mtime_ns, before.st_mtime_ns + 1)
            with contextlib.suppress(PermissionError):  # only the owner may choose the time
                os.utime(descriptor, ns=(before.st_atime_ns, now))
            os.fsync(descriptor)

    def make_folder(self, path: str) -> None:
        """Make a folder, which takes the group bits of the one that it is in."""
        with self._parent(path) as (parent, name):
            os.mkdir(name, dir_fd=parent)
        self._share(path)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or a link."""
        with self._parent(old) as (source, old_name), self._parent(new) as (target, new_name):
            os.rename(old_name, new_name, src_dir_fd=source, dst_dir_fd=target)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name."""
        with self._parent(old) as (source, old_name), self._parent(new) as (target, new_name):
            try:
                os.link(old_name, new_name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
            except OSError as error:
                # A network file system may do it, lose the answer, and find the name taken when it tries again.
                with contextlib.suppress(OSError):
                    first = os.stat(old_name, dir_fd=source, follow_symlinks=False)
                    if os.path.samestat(first, os.stat(new_name, dir_fd=target, follow_symlinks=False)):
                        return
                if error.errno in _NO_LINKS:
                    raise FolderLacksLinks(path=self._base, remote=self._remote, answer=error.strerror) from error
                raise

    def remove(self, path: str) -> None:
        """Remove a file or a link."""
        with self._parent(path) as (parent, name):
            os.unlink(name, dir_fd=parent)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        with self._parent(path) as (parent, name):
            os.rmdir(name, dir_fd=parent)

    def sync(self, folder: str) -> None:
        """Make the names in a folder durable, where its file system can."""
        with self._folder(folder) as opened:
            try:
                os.fsync(opened)
            except OSError as error:
                if error.errno not in _NO_FSYNC:
                    raise

    # ------------------------------------------------------------ the lock

    def lock(self, folder: str, *, timeout: float, label: str) -> AbstractContextManager[None]:
        """Hold the flock on ``.usr.lock``, and on a network file system the lease beside it."""
        return self._locked(folder, timeout, label)

    @contextlib.contextmanager
    def _locked(self, folder: str, timeout: float, label: str) -> Iterator[None]:
        with self._folder(folder), contextlib.ExitStack() as held:
            place = Path(folder)
            lock = hold_lock(
                place / ".usr.lock",
                timeout=timeout,
                command=" ".join(label.split()),
                name=place.name,
                lease=place / ".usr.lease",
            )
            try:
                held.enter_context(lock)
            except LockTimeout as error:
                raise TimeoutError(error.holder) from error
            except OSError as error:
                found = self.entry(f"{folder}/.usr.lock")
                if found is not None and found.kind in ("folder", "other"):
                    raise RemoteRefused(
                        f"{folder}/.usr.lock can't be locked: it is not a regular file.",
                        hint="Move it out of the way there, then run the command again.",
                        facts={"remote": self._remote, "path": folder},
                    ) from error
                if error.errno in _NO_LOCKS:
                    answer = os.strerror(error.errno)
                    raise FolderLacksLocks(path=self._base, remote=self._remote, answer=answer) from error
                number = error.errno or errno.EIO
                raise OSError(number, os.strerror(number), folder) from error
            yield

    def close(self) -> None:
        """Let what computes digests end soon."""
        self._stopped.set()

    # ------------------------------------------------------------ the way to a file

    def _require_base(self) -> None:
        """Check that the base folder is there.

        Raises:
            FolderMissing: The share is perhaps not mounted.
        """
        try:
            found = Path(self._base).stat().st_mode
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENOTCONN, errno.ESTALE):
                raise
            linked = "a link that leads nowhere" if Path(self._base).is_symlink() else None
            raise FolderMissing(path=self._base, remote=self._remote, found=linked) from error
        if not stat.S_ISDIR(found):
            raise FolderMissing(path=self._base, remote=self._remote, found="not a folder")

    def _is_top(self, path: str) -> bool:
        if path == self._base:
            self._require_base()
        return Path(path).is_dir()

    @contextlib.contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """Open a folder below one of the tops, no part of the way through a link."""
        top = next((one for one in self._tops if path == one or path.startswith(f"{one.rstrip('/')}/")), None)
        if top is None:
            raise RemoteNameRefused(
                f"{path} is not below {' or '.join(self._tops)}, and nothing else is touched there.",
                hint="Give a path below base_dir or repo_root of the remote (`usr remotes show` names them).",
                facts={"remote": self._remote, "path": path},
            )
        self._require_base()
        opened = os.open(top, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for part in path[len(top) :].split("/"):
                if part:
                    below = _open_below(opened, part, path)
                    os.close(opened)
                    opened = below
            yield opened
        finally:
            os.close(opened)

    @contextlib.contextmanager
    def _parent(self, path: str) -> Iterator[tuple[int, str]]:
        folder, _, name = path.rpartition("/")
        with self._folder(folder or "/") as opened:
            yield opened, name

    @contextlib.contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        """Open a regular file."""
        with self._parent(path) as (parent, name):
            descriptor = os.open(name, flags, 0o666, dir_fd=parent)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.ELOOP, "it is not a regular file", path)
            yield descriptor
        finally:
            os.close(descriptor)

    def _share(self, path: str) -> None:
        """Give what is new the group and the group bits of its folder, so that a colleague can go on there."""
        place = Path(path)
        with contextlib.suppress(OSError):
            share(place, like=place.parent)


def _open_below(folder: int, part: str, path: str) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=folder)
    except OSError as error:
        # A link that must be a folder is "not a directory" to some systems.
        if error.errno == errno.ENOTDIR and stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None
        raise


def _entry(name: str, found: os.stat_result) -> RemoteEntry:
    mode = found.st_mode
    if stat.S_ISREG(mode):
        mark = f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
        return RemoteEntry(path=name, kind="file", size_bytes=found.st_size, mark=mark)
    return RemoteEntry(path=name, kind="folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "other")


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
