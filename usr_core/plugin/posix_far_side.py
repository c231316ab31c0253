"""A whole transport over operations on files: what every transport would have to say again, said once.

`PosixFarSide` keeps what `Transport` promises; what it is made of is a `FarFiles`, which moves bytes and knows no
protocol. Every step is one call of it, so it suits remote sides whose calls are quick (a mounted share, SFTP, a store
in memory); the transport over ssh does its part in one session there instead.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from usr_core.errors import UsrError, visible
from usr_core.fs.errors import file_system_error
from usr_core.plugin.far_commit import FarCommit, remove_far_tree
from usr_core.plugin.far_files import FarFiles, check_names, check_path, check_staging_name, remote_error
from usr_core.plugin.transport_errors import (
    RemoteChanged,
    RemoteLocked,
    RemoteNonsense,
    RemoteRefused,
    RemoteToolMissing,
    TransportError,
)
from usr_core.plugin.transports import (
    ABILITY_LOCK,
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    Probe,
    ReadRequest,
    RemoteEntry,
    RemoveRequest,
    SendRequest,
    Traffic,
)
from usr_core.roots.layout import STAGING

__all__ = ["PosixFarSide"]

_PIECE = 1 << 18
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


class PosixFarSide:
    """A `Transport` over a `FarFiles`.

    It checks paths and names, refuses to work through links, stages, locks, commits and takes back, and gives every
    error its type. A subclass may add what only it knows; `step` is told of each step of a commit.

    Args:
        files: The operations on the remote side's files.

    Example:
        >>> from usr_core.api.transports import PosixFarSide, ReadRequest, SendRequest
        >>> from usr_core.testing import MemoryFiles, MemoryRemote
        >>> remote = MemoryRemote()
        >>> transport = PosixFarSide(MemoryFiles(remote))
        >>> transport.send(SendRequest(source=tmp_path, files=("more.csv",), into="/remote/root/new"))
        >>> transport.read(ReadRequest(path="/remote/root/new/more.csv", length=8))
        b'sequence'
    """

    def __init__(self, files: FarFiles) -> None:
        self._files = files
        self._locked: str | None = None
        self._sent = self._received = 0

    # ------------------------------------------------------------ looking

    def abilities(self) -> frozenset[str]:
        """Return what the remote side can do."""
        with self._typed("", "see what it can do"):
            return self._files.abilities

    def probe(self, folder: str) -> Probe:
        """Return what the remote side has."""
        with self._typed(folder, "see what it has"):
            return self._files.probe(check_path(folder))

    def stat(self, path: str) -> RemoteEntry | None:
        """Return what has that path."""
        with self._typed(path, "look at a file"):
            return self._files.entry(check_path(path))

    def walk(self, path: str) -> Iterator[RemoteEntry]:
        """Yield everything below a folder, sorted by path; memory grows with the number of entries."""
        found: list[RemoteEntry] = []
        with self._typed(path, "list a folder"):
            self._collect(check_path(path), "", found)
        return iter(sorted(found, key=lambda entry: entry.path))

    def read(self, request: ReadRequest) -> bytes:
        """Return the bytes of a file, or of a range."""
        if request.offset < 0 or (request.length is not None and request.length < 0):
            raise ValueError("a range begins in the file and has a length")
        with self._typed(request.path, "read a file"):
            self._require_file(check_path(request.path))
            found = self._files.read(request.path, request.offset, request.length)
        self._received += len(found)
        return found

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name; files that are missing are left out."""
        folder, names = check_path(request.folder), check_names(request.files)
        with self._typed(folder, "compute digests"):
            if request.kind not in self._files.abilities:
                raise RemoteToolMissing(
                    f"{self._files.name} can't compute {request.kind}.",
                    hint="Install what it needs there, or choose another way to verify.",
                    facts={"remote": self._files.name},
                )
            return self._files.digest(folder, names, request.kind) if names else {}

    # ------------------------------------------------------------ moving

    def fetch(self, request: FetchRequest) -> None:
        """Copy files here; a file that an earlier try left is written anew."""
        folder, names = check_path(request.folder), check_names(request.files)
        with self._typed(folder, "fetch a file"):
            sizes = {name: self._require_file(f"{folder}/{name}").size_bytes for name in names}
            progress = _Progress(sum(sizes.values()), request.progress)
            for name in names:
                basis = None if request.basis is None else request.basis / name
                pieces = self._files.get(f"{folder}/{name}", basis=basis)
                _write_here(request.into, name, self._received_pieces(pieces, progress))

    def send(self, request: SendRequest) -> None:
        """Copy files there, durably; a file that an earlier try left is written anew."""
        into, names = check_path(request.into), check_names(request.files)
        basis = None if request.basis is None else check_path(request.basis)
        if not names:
            return
        progress = _Progress(sum(_size_here(request.source / name) for name in names), request.progress)
        folders: set[str] = set()
        sent: dict[str, str] = {}
        for name in names:
            path = check_path(f"{into}/{name}")
            with self._typed(path, "send a file"):
                self._make_folders(posixpath.dirname(path), folders)
                entry = self._files.entry(path)
                other = sent.setdefault(name.casefold(), name)
                if entry is not None and other != name:
                    raise RemoteRefused(
                        f"{self._files.name} can't keep {visible(other)} and {visible(name)} apart: letter case makes "
                        "no difference there.",
                        hint="Rename one of the two.",
                        facts={"remote": self._files.name, "path": into},
                    )
                if entry is not None and entry.kind == "folder":
                    remove_far_tree(self._files, path)
                elif entry is not None:
                    self._files.remove(path)
                old = None if basis is None else f"{basis}/{name}"
                self._files.put(path, self._sent_pieces(request.source / name, progress), basis=old)
        with self._typed(into, "send a file"):
            for folder in sorted(folders, reverse=True):
                self._files.sync(folder)

    # ------------------------------------------------------------ changing

    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        """Hold the lock there inside ``with``; False where it can't be written there."""
        return self._hold(request)

    def commit(self, request: CommitRequest) -> None:
        """Do, finish or take back a change.

        Raises:
            RuntimeError: The dataset's lock is not held.
        """
        folder = check_path(request.folder)
        if self._locked != folder:
            raise RuntimeError("the lock of the dataset is not held: a commit needs the lock")
        with self._typed(folder, "commit the change"):
            FarCommit(self._files, request, lambda name: self.step(name, request)).run()

    def step(self, name: str, request: CommitRequest) -> None:
        """Do nothing; overridden, it hears of each step of a commit right after it was done.

        Names are ``checked``, ``copied``, ``linked``, ``applied-0`` and on, ``applied``, ``logged``, ``cleaned``; of an
        undo, ``aborted`` and ``reversed``.
        """

    def place(self, request: PlaceRequest) -> None:
        """Rename a staged file to its final name."""
        staged, final = check_path(request.staged), check_path(request.final)
        with self._typed(final, "put a file in its place"):
            self._require_file(staged)
            entry = self._files.entry(final)
            if entry is not None and entry.kind == "folder":
                raise self._refused(final, "a folder has that name")
            self._files.rename(staged, final)
            self._files.sync(posixpath.dirname(final))

    def remove_staging(self, request: RemoveRequest) -> None:
        """Remove a staging folder; one that is not there is fine."""
        folder, name = check_path(request.folder), check_staging_name(request.name)
        with self._typed(folder, "remove a staging folder"):
            entry = self._files.entry(f"{folder}/{STAGING}")
            if entry is None:
                return
            if entry.kind != "folder":
                raise self._refused(f"{folder}/{STAGING}", "it is a symbolic link or a file, where a folder should be")
            staged = self._files.entry(f"{folder}/{STAGING}/{name}")
            if staged is not None and staged.kind != "folder":
                self._files.remove(f"{folder}/{STAGING}/{name}")
            elif staged is not None:
                remove_far_tree(self._files, f"{folder}/{STAGING}/{name}")
            with contextlib.suppress(OSError, RemoteRefused):
                self._files.remove_folder(f"{folder}/{STAGING}")

    # ------------------------------------------------------------ the connection

    def traffic(self) -> Traffic:
        """Return the bytes of files so far."""
        return Traffic(sent=self._sent, received=self._received)

    def close(self) -> None:
        """End the connection."""
        self._files.close()

    # ------------------------------------------------------------ inside

    @contextlib.contextmanager
    def _hold(self, request: LockRequest) -> Iterator[bool]:
        folder = check_path(request.folder)
        if self._locked is not None:
            raise RuntimeError("one lock at a time")
        with contextlib.ExitStack() as held:
            with self._typed(folder, "lock the dataset"):
                if ABILITY_LOCK not in self._files.abilities:
                    raise RemoteToolMissing(
                        f"{self._files.name} has no locks.",
                        hint="Two writers at once would damage a dataset there: use another place for it.",
                        facts={"remote": self._files.name, "path": folder},
                    )
                if request.create:
                    self._make_folders(folder, set())
                locked = self._enter_lock(held, request)
            if not locked:
                yield False
                return
            self._locked = folder
            try:
                yield True
            finally:
                self._locked = None

    def _enter_lock(self, held: contextlib.ExitStack, request: LockRequest) -> bool:
        """Take the lock; False where the folder is not there or can't be written, unless it was to be made."""
        entry = self._files.entry(request.folder)
        if entry is None or entry.kind != "folder":
            return False
        try:
            held.enter_context(self._files.lock(request.folder, timeout=request.timeout, label=request.label))
        except TransportError:
            raise
        except TimeoutError as error:
            raise RemoteLocked(
                f"The dataset is locked on {self._files.name} by another writer.",
                hint="Wait for it to finish, or give a longer --lock-timeout.",
                facts={"remote": self._files.name, "path": request.folder, "holder": str(error) or "unknown"},
            ) from error
        except OSError as error:
            if request.create or error.errno not in _UNWRITABLE:
                raise
            return False
        return True

    def _collect(self, folder: str, below: str, found: list[RemoteEntry]) -> None:
        try:
            entries = list(self._files.entries(folder))
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in entries:
            if "/" in entry.path or entry.path in ("", ".", ".."):
                raise RemoteNonsense(f"{entry.path!r} is not the name of something in a folder", host=self._files.name)
            path = f"{below}{entry.path}"
            found.append(RemoteEntry(path=path, kind=entry.kind, size_bytes=entry.size_bytes, mark=entry.mark))
            if entry.kind == "folder":
                self._collect(f"{folder}/{entry.path}", f"{path}/", found)

    def _require_file(self, path: str) -> RemoteEntry:
        """Return a regular file's entry; `RemoteChanged` where there is none."""
        entry = self._files.entry(path)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        if entry.kind != "file":
            raise RemoteChanged(
                f"{visible(path)} on {self._files.name} is not a regular file.",
                hint="Put a regular file in its place there; nothing is read through a link.",
                facts={"remote": self._files.name, "path": path},
            )
        return entry

    def _make_folders(self, path: str, known: set[str]) -> None:
        """Make a folder and those above it, none of them through a link below what is there; note each in `known`."""
        if path in known or path == "/":
            return
        entry = self._files.entry(path)
        if entry is None:
            self._make_folders(posixpath.dirname(path), known)
            with contextlib.suppress(FileExistsError):
                self._files.make_folder(path)
        elif entry.kind != "folder":
            raise self._refused(path, "it is a symbolic link or a file, where a folder should be")
        known.add(path)

    def _received_pieces(self, pieces: Iterator[bytes], progress: _Progress) -> Iterator[bytes]:
        for piece in pieces:
            self._received += len(piece)
            yield piece
            progress.add(len(piece))

    def _sent_pieces(self, source: Path, progress: _Progress) -> Iterator[bytes]:
        try:
            with source.open("rb", buffering=0) as opened:
                while piece := opened.read(_PIECE):
                    self._sent += len(piece)
                    yield piece
                    progress.add(len(piece))
        except OSError as error:
            raise file_system_error(error, source, "read a file that is to be sent") from error

    def _refused(self, path: str, what: str) -> RemoteRefused:
        return RemoteRefused(
            f"{visible(path)} on {self._files.name} can't be used: {what}.",
            hint="Put a regular file or folder in its place there.",
            facts={"remote": self._files.name, "path": path},
        )

    @contextlib.contextmanager
    def _typed(self, path: str, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, UsrError):
                raise
            raise remote_error(error, remote=self._files.name, path=path, doing=doing) from error


class _Progress:
    """Tells how many bytes of a transfer are done."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._tell = 0, total, tell

    def add(self, count: int) -> None:
        self._done += count
        if self._tell is not None:
            self._tell(min(self._done, self._total), self._total)


def _size_here(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # reading it will tell


def _write_here(into: Path, name: str, pieces: Iterator[bytes]) -> None:
    """Write a file below `into`, never through a link that an earlier try left; errors of this side are this side's."""
    try:
        place = into
        for part in name.split("/")[:-1]:
            place /= part
            if place.is_symlink():
                place.unlink()
            place.mkdir(exist_ok=True)
        path = into / name
        path.unlink(missing_ok=True)
        handle = path.open("xb", buffering=0)
    except OSError as error:
        raise file_system_error(error, into / name, "write a file that arrives") from error
    with handle:
        for piece in pieces:
            view = memoryview(piece)
            try:
                while view:
                    view = view[handle.write(view) or 0 :]
            except OSError as error:
                raise file_system_error(error, path, "write a file that arrives") from error
