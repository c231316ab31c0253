"""A transport to a `MemoryRemote`: the whole protocol in process, for tests of the engine and of plugins."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from usr_core.plugin.parquet_facts import parquet_facts
from usr_core.plugin.transport_errors import (
    RemoteChanged,
    RemoteNameRefused,
    RemoteRefused,
    RemoteToolMissing,
    RemoteUnreachable,
)
from usr_core.plugin.transports import (
    ABILITY_LOCK,
    ABILITY_SHA256,
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
from usr_core.roots.layout import STAGING
from usr_core.testing.far_side import Direction
from usr_core.testing.memory_commit import MemoryCommit
from usr_core.testing.memory_disk import MemoryDisk

__all__ = ["MemoryRemote", "MemoryTransport"]

_CHUNK = 1 << 16


class MemoryTransport:
    """One host's way to a `MemoryRemote`; make several for several hosts.

    It keeps the protocol of `usr_core.plugin.transports.Transport`, and every call goes through ``remote.reached``,
    where a test may let things go wrong. What is cut off leaves the first bytes under the file's name, as some
    transports do. Traffic counts the 64 KiB blocks that differ from the basis.

    Args:
        remote: The remote side.
    """

    def __init__(self, remote: MemoryDisk) -> None:
        self._remote = remote
        self._sent = self._received = 0
        self._sessions: list[tuple[str, object, int]] = []

    # ------------------------------------------------------------ looking

    def abilities(self) -> frozenset[str]:
        """Return what the remote side is set to be able to do."""
        self._reached("abilities", None)
        return self._remote.abilities

    def probe(self, folder: str) -> Probe:
        """Return the abilities as facts."""
        self._reached("probe", folder)
        entry = self._remote.entry(folder)
        there = entry is not None and entry.kind == "folder"
        return Probe(
            facts={name: "in memory" for name in sorted(self._remote.abilities)},
            clock=self._remote.now(),
            folder=("writable" if self._remote.writable else "read-only") if there else "missing",
        )

    def stat(self, path: str) -> RemoteEntry | None:
        """Return what has that path."""
        self._reached("stat", path)
        return self._remote.entry(path)

    def walk(self, path: str) -> Iterator[RemoteEntry]:
        """Yield everything below a folder as it is at the call."""
        self._reached("walk", path)
        return iter(self._remote.below(path))

    def read(self, request: ReadRequest) -> bytes:
        """Return a range of a file."""
        self._reached("read", request)
        end = None if request.length is None else request.offset + request.length
        found = self._content(request.path)[request.offset : end]
        self._received += len(found)
        return found

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name."""
        self._reached("digest", request)
        if request.kind not in self._remote.abilities:
            raise RemoteToolMissing(
                f"the remote can't compute {request.kind}",
                hint="Install what it needs there, or choose another way to verify.",
                facts={"host": "memory"},
            )
        facts: dict[str, Mapping[str, str | int]] = {}
        for name in request.files:
            with contextlib.suppress(FileNotFoundError):
                content = self._remote.read(f"{request.folder}/{name}")
                facts[name] = _sha256(content) if request.kind == ABILITY_SHA256 else _parquet(content)
        return facts

    # ------------------------------------------------------------ moving

    def fetch(self, request: FetchRequest) -> None:
        """Copy files here, a block at a time."""
        self._reached("fetch", request, session=False)
        paths = {name: f"{request.folder}/{_inside(name)}" for name in request.files}
        sizes = {name: len(self._content(path)) for name, path in paths.items()}
        done = moved = 0
        for name, path in paths.items():
            basis = _local_bytes(None if request.basis is None else request.basis / name)
            with _fresh(request.into, name).open("wb") as opened:
                for start in range(0, sizes[name], _CHUNK):
                    block = self._content(path)[start : start + _CHUNK]
                    if block != basis[start : start + _CHUNK]:
                        block = self._passed("fetch", moved, block)
                        moved += len(block)
                    opened.write(block)
                    done += len(block)
                    if request.progress is not None:
                        request.progress(min(done, sum(sizes.values())), sum(sizes.values()))

    def send(self, request: SendRequest) -> None:
        """Copy files there, a block at a time."""
        self._reached("send", request, session=False)
        self._check_writable(request.into)
        for name in request.files:
            _inside(name)
        self._remote.make_folders(request.into)
        total = sum((request.source / name).stat().st_size for name in request.files)
        done = moved = 0
        for name in request.files:
            path, basis, arrived = f"{request.into}/{name}", b"", b""
            with contextlib.suppress(FileNotFoundError):
                basis = b"" if request.basis is None else self._remote.read(f"{request.basis}/{name}")
            self._remote.write(path, b"")
            with (request.source / name).open("rb") as opened:
                while block := opened.read(_CHUNK):
                    if block != basis[len(arrived) : len(arrived) + len(block)]:
                        block = self._passed("send", moved, block)
                        moved += len(block)
                    arrived += block
                    self._remote.write(path, arrived)
                    done += len(block)
                    if request.progress is not None:
                        request.progress(min(done, total), total)

    # ------------------------------------------------------------ changing

    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        """Hold the lock of a dataset."""
        return self._locked(request)

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
        if self._remote.lock_holders.get(request.folder) not in [holder for _, holder, _ in self._sessions]:
            raise RuntimeError("a commit needs the lock")
        self._check_writable(request.folder)

        def step(name: str) -> None:
            self._remote.reached(f"commit:{name}", request, step=True)
            self._check_session()

        MemoryCommit(self._remote, request, step).run()

    def place(self, request: PlaceRequest) -> None:
        """Rename a staged file to its final name."""
        self._reached("place", request)
        self._check_writable(request.final)
        self._remote.rename(request.staged, request.final)

    def remove_staging(self, request: RemoveRequest) -> None:
        """Remove a staging folder."""
        self._reached("remove_staging", request)
        if "/" in request.name or request.name in ("", ".", ".."):
            raise _name_refused(request.name)
        self._check_writable(request.folder)
        self._remote.remove(f"{request.folder}/{STAGING}/{request.name}")
        self._remote.remove_if_empty(f"{request.folder}/{STAGING}")

    # ------------------------------------------------------------ the connection

    def traffic(self) -> Traffic:
        """Return the bytes of files that moved so far."""
        return Traffic(sent=self._sent, received=self._received)

    def close(self) -> None:
        """End the connection, and with it the locks."""
        for folder, holder, _ in self._sessions:
            self._remote.free_lock(folder, holder)

    # ------------------------------------------------------------ inside

    @contextlib.contextmanager
    def _locked(self, request: LockRequest) -> Iterator[bool]:
        self._reached("lock", request)
        if ABILITY_LOCK not in self._remote.abilities:
            raise RemoteToolMissing("the remote has no flock", hint="Install util-linux there.")
        if request.create:
            self._check_writable(request.folder)
            self._remote.make_folders(request.folder)
        elif not self._remote.writable or not self._remote.exists(request.folder):
            yield False
            return
        holder = object()
        self._remote.take_lock(request.folder, holder, timeout=request.timeout)
        session = (request.folder, holder, self._remote.connection)
        self._sessions.append(session)
        try:
            yield True
        finally:
            self._sessions.remove(session)
            self._remote.free_lock(request.folder, holder)

    def _reached(self, name: str, request: object, *, session: bool = True) -> None:
        self._remote.reached(name, request)
        if session:
            self._check_session()

    def _check_session(self) -> None:
        """Refuse to go on in a session whose connection was lost: the lock may be somebody else's by now."""
        if any(connection != self._remote.connection for _, _, connection in self._sessions):
            raise RemoteUnreachable(
                "the connection that held the lock was lost", hint="Run the command again.", facts={"host": "memory"}
            )

    def _check_writable(self, path: str) -> None:
        if not self._remote.writable:
            raise RemoteRefused(
                "the remote's file system refused: read-only",
                hint="Ask for write access there.",
                facts={"host": "memory", "path": path},
            )

    def _content(self, path: str) -> bytes:
        try:
            return self._remote.read(path)
        except FileNotFoundError:
            raise _gone(path) from None

    def _passed(self, direction: Direction, moved: int, block: bytes) -> bytes:
        if direction == "fetch":
            self._received += len(block)
        else:
            self._sent += len(block)
        return self._remote.passing(direction, moved, block)


class MemoryRemote(MemoryDisk):
    """A remote side in memory, and a transport to it; also the ``remote`` of a contract."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.transport: Transport = MemoryTransport(self)


def _inside(name: str) -> str:
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise _name_refused(name)
    return name


def _fresh(into: Path, name: str) -> Path:
    """Return where to write a file below `into`, with no link on the way that would lead out."""
    place = into
    for part in name.split("/")[:-1]:
        place /= part
        if place.is_symlink():
            place.unlink()
        place.mkdir(exist_ok=True)
    path = into / name
    path.unlink(missing_ok=True)
    return path


def _local_bytes(path: Path | None) -> bytes:
    return path.read_bytes() if path is not None and path.is_file() else b""


def _sha256(content: bytes) -> dict[str, str | int]:
    return {ABILITY_SHA256: hashlib.sha256(content).hexdigest()}


def _parquet(content: bytes) -> dict[str, str | int]:
    try:
        return parquet_facts(io.BytesIO(content))
    except (OSError, ValueError) as error:  # what pyarrow raises for what is not a Parquet file
        return {"error": str(error)}


def _gone(path: str) -> RemoteChanged:
    return RemoteChanged(
        "a file on the remote has gone", hint="Run the command again.", facts={"host": "memory", "path": path}
    )


def _name_refused(name: str) -> RemoteNameRefused:
    return RemoteNameRefused(
        f"{name!r} is not a name of a file inside a folder", hint="Rename the file.", facts={"value": name}
    )
