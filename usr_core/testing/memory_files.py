"""The files of a `MemoryDisk`, as `PosixFarSide` works with them: a model of what a transport's author writes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from usr_core.plugin.parquet_facts import parquet_facts
from usr_core.plugin.transport_errors import RemoteUnreachable
from usr_core.plugin.transports import ABILITY_SHA256, Probe, RemoteEntry
from usr_core.testing.far_side import Direction
from usr_core.testing.memory_disk import MemoryDisk

__all__ = ["MemoryFiles"]

_BLOCK = 1 << 16


class MemoryFiles:
    """One host's connection to a `MemoryDisk`.

    What is cut off leaves the first bytes under the file's name, as some transports do. Only blocks of 64 KiB that
    differ from the basis count as sent or received.

    Args:
        remote: The remote side.

    Example:
        >>> from usr_core.testing import MemoryFiles, MemoryRemote
        >>> files = MemoryFiles(MemoryRemote())
        >>> files.write_at("/remote/root/motifs.txt", 0, b"TATAAT")
        >>> files.entry("/remote/root/motifs.txt").size_bytes
        6
    """

    name = "memory"

    def __init__(self, remote: MemoryDisk) -> None:
        self._remote = remote
        self._sessions: list[tuple[str, object, int]] = []
        self.moved: dict[Direction, int] = {"fetch": 0, "send": 0}
        self._begun: dict[Direction, int] = {"fetch": 0, "send": 0}

    def begin_transfer(self, direction: Direction) -> None:
        """Note that a transfer begins, for faults that count its own bytes."""
        self._begun[direction] = self.moved[direction]

    @property
    def abilities(self) -> frozenset[str]:
        """What the remote side is set to be able to do."""
        return self._remote.abilities

    def probe(self, folder: str) -> Probe:
        """Return the abilities as facts."""
        entry = self._remote.entry(folder)
        there = entry is not None and entry.kind == "folder"
        return Probe(
            facts={name: "in memory" for name in sorted(self._remote.abilities)},
            clock=self._remote.now(),
            folder=("writable" if self._remote.writable else "read-only") if there else "missing",
        )

    # ------------------------------------------------------------ looking

    def entry(self, path: str) -> RemoteEntry | None:
        """Return what has that path."""
        return self._remote.entry(path)

    def entries(self, folder: str) -> list[RemoteEntry]:
        """Return what is directly in a folder."""
        self._require_folder(folder)
        return [entry for entry in self._remote.below(folder) if "/" not in entry.path]

    def read(self, path: str, offset: int, length: int | None) -> bytes:
        """Return a range of a file."""
        return self._remote.read(path)[offset : None if length is None else offset + length]

    def digest(self, folder: str, names: Sequence[str], kind: str) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name."""
        facts: dict[str, Mapping[str, str | int]] = {}
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                content = self._remote.read(f"{folder}/{name}")
                facts[name] = _sha256(content) if kind == ABILITY_SHA256 else _parquet(content)
        return facts

    # ------------------------------------------------------------ moving

    def get(self, path: str, *, basis: Path | None) -> Iterator[bytes]:
        """Yield a file's bytes, a block at a time."""
        old = basis.read_bytes() if basis is not None and basis.is_file() else b""
        for start in range(0, len(self._remote.read(path)), _BLOCK):
            yield self._passed("fetch", self._remote.read(path)[start : start + _BLOCK], old[start : start + _BLOCK])

    def put(self, path: str, pieces: Iterator[bytes], *, basis: str | None) -> None:
        """Write a file, a block at a time."""
        self._require_writable(path)
        old, arrived = b"", b""
        with contextlib.suppress(FileNotFoundError):
            old = b"" if basis is None else self._remote.read(basis)
        self._remote.write(path, b"")
        for piece in pieces:
            for start in range(0, len(piece), _BLOCK):
                block = piece[start : start + _BLOCK]
                arrived += self._passed("send", block, old[len(arrived) : len(arrived) + len(block)])
                self._remote.write(path, arrived)

    def _passed(self, direction: Direction, block: bytes, old: bytes) -> bytes:
        if block == old:
            return block
        done = self.moved[direction] - self._begun[direction]
        self.moved[direction] += len(block)
        return self._remote.passing(direction, done, block)

    # ------------------------------------------------------------ changing

    def write_at(self, path: str, offset: int, content: bytes) -> None:
        """Write into a file."""
        self._require_writable(path)
        held = self._remote.read(path) if self.entry(path) is not None else b""
        self._remote.write(path, held[:offset].ljust(offset, b"\0") + content + held[offset + len(content) :])

    def truncate(self, path: str, size: int) -> None:
        """Cut a file to that size."""
        self._require_writable(path)
        self._remote.write(path, self._remote.read(path)[:size])

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self._require_writable(path)
        self._require_free(path)
        self._remote.make_folders(path)

    def rename(self, old: str, new: str) -> None:
        """Rename a file or a link."""
        self._require_writable(new)
        self._require(old)
        self._require_folder(posixpath.dirname(new))
        self._remote.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name."""
        self._require_writable(new)
        self._require(old)
        self._require_free(new)
        self._remote.hard_link(old, new)

    def remove(self, path: str) -> None:
        """Remove a file or a link."""
        self._require_writable(path)
        self._require(path)
        self._remote.remove(path)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        self._require_writable(path)
        self._require_folder(path)
        if self._remote.below(path):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        self._remote.remove(path)

    def sync(self, folder: str) -> None:
        """Do nothing: memory is as durable as it gets."""

    # ------------------------------------------------------------ the connection

    def lock(self, folder: str, *, timeout: float, label: str) -> AbstractContextManager[None]:
        """Hold the lock of a dataset."""
        return self._locked(folder, timeout)

    @contextlib.contextmanager
    def _locked(self, folder: str, timeout: float) -> Iterator[None]:
        self._require_writable(folder)
        holder = object()
        self._remote.take_lock(folder, holder, timeout=timeout)
        session = (folder, holder, self._remote.connection)
        self._sessions.append(session)
        try:
            yield
        finally:
            self._sessions.remove(session)
            self._remote.free_lock(folder, holder)

    def holds_lock(self, folder: str) -> bool:
        """Tell whether this connection holds that lock."""
        return self._remote.lock_holders.get(folder) in [holder for _, holder, _ in self._sessions]

    def check_session(self) -> None:
        """Refuse to go on in a session whose connection was lost: the lock may be somebody else's by now."""
        if any(connection != self._remote.connection for _, _, connection in self._sessions):
            raise RemoteUnreachable(
                "The connection that held the lock was lost.", hint="Run the command again.", facts={"host": "memory"}
            )

    def close(self) -> None:
        """End the connection, and with it the locks."""
        for folder, holder, _ in self._sessions:
            self._remote.free_lock(folder, holder)

    # ------------------------------------------------------------ as an operating system says it

    def _require(self, path: str) -> None:
        if self.entry(path) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def _require_folder(self, path: str) -> None:
        self._require(path)
        entry = self.entry(path)
        if entry is None or entry.kind != "folder":
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)

    def _require_free(self, path: str) -> None:
        if self.entry(path) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    def _require_writable(self, path: str) -> None:
        if not self._remote.writable:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)


def _sha256(content: bytes) -> dict[str, str | int]:
    return {ABILITY_SHA256: hashlib.sha256(content).hexdigest()}


def _parquet(content: bytes) -> dict[str, str | int]:
    try:
        return parquet_facts(io.BytesIO(content))
    except (OSError, ValueError) as error:  # what pyarrow raises for what is not a Parquet file
        return {"error": str(error)}
