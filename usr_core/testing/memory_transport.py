"""A transport to a `MemoryRemote`: the whole protocol in process, for tests of the engine and of plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from usr_core.plugin.posix_far_side import PosixFarSide
from usr_core.plugin.transports import (
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
    Transport,
)
from usr_core.testing.memory_disk import MemoryDisk
from usr_core.testing.memory_files import MemoryFiles

__all__ = ["MemoryRemote", "MemoryTransport"]


class MemoryTransport(PosixFarSide):
    """One host's way to a `MemoryRemote`; make several for several hosts.

    It is `PosixFarSide` over `MemoryFiles`, and every call goes through ``remote.reached``, where a test may let things
    go wrong.

    Args:
        remote: The remote side.
    """

    _files: MemoryFiles

    def __init__(self, remote: MemoryDisk) -> None:
        super().__init__(MemoryFiles(remote))
        self._remote = remote

    def abilities(self) -> frozenset[str]:
        """Return what the remote side is set to be able to do."""
        self._reached("abilities", None)
        return super().abilities()

    def probe(self, folder: str) -> Probe:
        """Return the abilities as facts."""
        self._reached("probe", folder)
        return super().probe(folder)

    def stat(self, path: str) -> RemoteEntry | None:
        """Return what has that path."""
        self._reached("stat", path)
        return super().stat(path)

    def walk(self, path: str) -> Iterator[RemoteEntry]:
        """Yield everything below a folder as it is at the call."""
        self._reached("walk", path)
        return iter(self._remote.below(path))

    def read(self, request: ReadRequest) -> bytes:
        """Return a range of a file."""
        self._reached("read", request)
        return super().read(request)

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name."""
        self._reached("digest", request)
        return super().digest(request)

    def fetch(self, request: FetchRequest) -> None:
        """Copy files here, a block at a time."""
        self._reached("fetch", request, session=False)
        self._files.begin_transfer("fetch")
        super().fetch(request)

    def send(self, request: SendRequest) -> None:
        """Copy files there, a block at a time."""
        self._reached("send", request, session=False)
        self._files.begin_transfer("send")
        super().send(request)

    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        """Hold the lock of a dataset."""
        self._reached("lock", request)
        return super().lock(request)

    def commit(self, request: CommitRequest) -> None:
        """Carry a change out.

        Steps that ``remote.before`` and ``remote.at_call`` see, each right after it is done: ``commit:checked``,
        ``commit:copied``, ``commit:linked``, ``commit:applied-0`` and on, ``commit:applied``, ``commit:logged``,
        ``commit:cleaned``; of an undo, ``commit:aborted`` and ``commit:reversed``. A `RemoteUnreachable` that is raised
        there leaves everything as it is at that moment, as if whoever carries it out had been killed; any other
        `UsrError` after the link has the change taken back.

        Raises:
            RuntimeError: The lock is not held: an error of the caller.
        """
        self._reached("commit", request)
        if not self._files.holds_lock(request.folder):
            raise RuntimeError("a commit needs the lock")
        super().commit(request)

    def step(self, name: str, request: CommitRequest) -> None:
        """Tell the remote side of a step."""
        self._remote.reached(f"commit:{name}", request, step=True)
        self._files.check_session()

    def place(self, request: PlaceRequest) -> None:
        """Rename a staged file to its final name."""
        self._reached("place", request)
        super().place(request)

    def remove_staging(self, request: RemoveRequest) -> None:
        """Remove a staging folder."""
        self._reached("remove_staging", request)
        super().remove_staging(request)

    def traffic(self) -> Traffic:
        """Return the bytes of files that moved so far: of blocks that differ from the basis."""
        return Traffic(sent=self._files.moved["send"], received=super().traffic().received)

    def _reached(self, name: str, request: object, *, session: bool = True) -> None:
        self._remote.reached(name, request)
        if session:
            self._files.check_session()


class MemoryRemote(MemoryDisk):
    """A remote side in memory, and a transport to it; also the ``remote`` of a contract."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.transport: Transport = MemoryTransport(self)
