"""What a transport is asked to do: one frozen request a call, so that a new field never breaks an author.

A transport moves bytes and reports what it saw. The engine (`usr_core.sync`) decides what moves, in which
order, and what counts; the transport knows neither sections nor histories. All paths on the remote side are
absolute POSIX paths; names inside a folder are relative, with ``/``, and never hold control characters:
the engine refuses those before it asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

__all__ = [
    "ABILITY_LOCK",
    "ABILITY_PARQUET",
    "ABILITY_SHA256",
    "CommitRequest",
    "DigestRequest",
    "FetchRequest",
    "LockRequest",
    "PlaceRequest",
    "Probe",
    "ReadRequest",
    "RemoteEntry",
    "RemoveRequest",
    "SendRequest",
    "Traffic",
    "Transport",
    "WatchedTransport",
]

ABILITY_SHA256 = "sha256"
"""The remote side can compute SHA-256 digests."""
ABILITY_PARQUET = "parquet"
"""The remote side can read Parquet footers."""
ABILITY_LOCK = "lock"
"""The remote side can hold a dataset's lock."""

EntryKind = Literal["file", "folder", "link", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteEntry:
    """Something that has a name on the remote side.

    Attributes:
        path: Relative to the folder that was walked; ``""`` for what `Transport.stat` was asked about.
        kind: Links are never followed.
        size_bytes: Of a file; 0 for everything else.
        mark: Changes whenever the content may have (inode, size and time, for example); only compared for equality.

    Example:
        >>> from usr_core.api.transports import RemoteEntry
        >>> RemoteEntry(path="promoters/records.parquet", kind="file", size_bytes=3010, mark="42:3010:1764").kind
        'file'
    """

    path: str
    kind: EntryKind
    size_bytes: int = 0
    mark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Bytes that went over the connection.

    Example:
        >>> from usr_core.api.transports import Traffic
        >>> Traffic(sent=3010) + Traffic(sent=120, received=64)
        Traffic(sent=3130, received=64)
    """

    sent: int = 0
    received: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(sent=self.sent + other.sent, received=self.received + other.received)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the remote side has, for `usr remotes doctor`.

    Attributes:
        facts: Names and texts in the order to show: ``rsync`` and its version, for example; a missing thing is None.
        clock: Its time, seconds since 1970.
        folder: The folder that was asked about: ``missing``, ``read-only`` or ``writable``.
        lock: Why a lock can't be taken in that folder; ``""`` where one was taken and given back, None where it was
            not tried.
        errors, warnings: What to do about facts that stand in the way of a transfer, or may do so, by the fact's name.

    Example:
        >>> from usr_core.api.transports import Probe
        >>> probe = Probe(facts={"rsync": "3.2.7", "sha256sum": None}, clock=1764000000.0, folder="writable", lock="")
        >>> [name for name, fact in probe.facts.items() if fact is None]
        ['sha256sum']
    """

    facts: Mapping[str, str | None]
    clock: float
    folder: Literal["missing", "read-only", "writable"]
    lock: str | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Read a file, or `length` bytes of it from `offset`; a range that ends behind the file gives what there is.

    Example:
        >>> from usr_core.api.transports import ReadRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> remote.write("/srv/usr/motifs.txt", b"TTGACA TATAAT")
        >>> MemoryTransport(remote).read(ReadRequest(path="/srv/usr/motifs.txt", offset=7, length=6))
        b'TATAAT'
    """

    path: str
    offset: int = 0
    length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """Copy files from the remote side into a local folder.

    Attributes:
        folder: The folder on the remote side.
        files: Names below it; they keep them below `into`.
        into: Local folder; it exists. What an earlier try left there is used and overwritten.
        basis: Local folder whose files of the same names are likely alike, so that only what differs need travel.
        progress: Called with (bytes done, bytes in all) now and then.

    Example:
        >>> from usr_core.api.transports import FetchRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> remote.write("/srv/usr/motifs.txt", b"TTGACA TATAAT")
        >>> MemoryTransport(remote).fetch(FetchRequest(folder="/srv/usr", files=("motifs.txt",), into=tmp_path))
        >>> (tmp_path / "motifs.txt").read_bytes()
        b'TTGACA TATAAT'
    """

    folder: str
    files: tuple[str, ...]
    into: Path
    basis: Path | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRequest:
    """Copy files from a local folder into one on the remote side, which is made if missing.

    Attributes:
        source: Local folder.
        files: Names below it; they keep them below `into`.
        into: Folder on the remote side.
        basis: Folder on the remote side whose files of the same names are likely alike.
        progress: Called with (bytes done, bytes in all) now and then.

    Example:
        >>> from usr_core.api.transports import SendRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> MemoryTransport(remote).send(SendRequest(source=tmp_path, files=("more.csv",), into="/srv/usr/new"))
        >>> remote.names("/srv/usr/new")
        ['more.csv']
    """

    source: Path
    files: tuple[str, ...]
    into: str
    basis: str | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockRequest:
    """Hold a dataset's lock on the remote side.

    Attributes:
        folder: The dataset's folder.
        timeout: Seconds to wait for another holder.
        label: What is done, one line, for whoever waits for us.
        create: Make the folder if it is missing.

    Example:
        >>> from usr_core.api.transports import LockRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> request = LockRequest(folder="/srv/usr/demo/promoters", timeout=5.0, label="push", create=True)
        >>> with MemoryTransport(MemoryRemote()).lock(request) as locked:
        ...     print(locked)
        True
    """

    folder: str
    timeout: float
    label: str
    create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRequest:
    """Compute facts of files on the remote side, several at a time.

    Attributes:
        folder: The folder.
        files: Names below it.
        kind: ``sha256`` gives ``{"sha256": hex}``; ``parquet`` gives ``{"rows": n, "columns": n, "schema": sha256 of
            the Parquet schema's text}``. A third party's transport may offer more kinds, each an ability.
        expected: Gives SHA-256 by name, as they are if nothing is wrong, once the same files are hashed here; a
            transport may compare there, and send only what differs. None where nothing is expected.

    Example:
        >>> from usr_core.api.transports import ABILITY_SHA256, DigestRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> remote.write("/srv/usr/motifs.txt", b"TTGACA TATAAT")
        >>> request = DigestRequest(folder="/srv/usr", files=("motifs.txt", "missing.txt"), kind=ABILITY_SHA256)
        >>> sorted(MemoryTransport(remote).digest(request))
        ['motifs.txt']
    """

    folder: str
    files: tuple[str, ...]
    kind: str = ABILITY_SHA256
    expected: Callable[[], Mapping[str, str]] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveRequest:
    """Remove a staging folder: ``<folder>/.usr.tmp/<name>``, and ``.usr.tmp`` when it is empty then.

    Example:
        >>> from usr_core.api.transports import RemoveRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> remote.write("/srv/usr/demo/promoters/.usr.tmp/push-1/records.parquet", b"")
        >>> MemoryTransport(remote).remove_staging(RemoveRequest(folder="/srv/usr/demo/promoters", name="push-1"))
        >>> remote.names("/srv/usr/demo/promoters")
        []
    """

    folder: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceRequest:
    """Rename a staged file to its final name, replacing what has it; both absolute, on one file system.

    Example:
        >>> from usr_core.api.transports import PlaceRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> remote.write("/srv/usr/.motifs.tmp", b"TTGACA")
        >>> MemoryTransport(remote).place(PlaceRequest(staged="/srv/usr/.motifs.tmp", final="/srv/usr/motifs.txt"))
        >>> remote.read("/srv/usr/motifs.txt")
        b'TTGACA'
    """

    staged: str
    final: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRequest:
    """Do, finish or take back a change of the dataset whose lock is held; the protocol of docs/adr/0003.

    The job folder holds four files that the engine has sent and whose digests it has checked:
    ``record.json`` (the commit record as it is to be linked), ``line`` (the bytes for the log, perhaps none),
    ``operations`` and ``reversed`` (the same in reverse order), a line each, fields separated by tabs, all names
    relative to the dataset's folder:

        publish <staged> <final> <undo or ->
        retire  <final> <target>

    Attributes:
        folder: The dataset's folder.
        job: Name of the job folder, relative: ``.usr.tmp/push-…``.
        staging: Name of the staging folder that the record owns; removed in the end.
        seq: Of the record: ``.usr.commit.<seq>.json``.
        offset: Where in ``.events.log`` the line goes.
        length: Its length in bytes.
        action: ``commit`` does a new change: check every operation, cut a torn last line of the log (bytes behind
            `offset` without a line's end), link the undo copies, make all durable, link the
            record create-only, look at the log again, apply, extend the log, clean up; what fails after the link is
            taken back. ``finish`` does what is left of one that was linked. ``undo`` takes one back that was linked,
            renaming its record to ``.usr.abort.<seq>.json`` first. ``discard`` removes a record that was overtaken,
            and its staging.

    Example:
        >>> from usr_core.api.transports import CommitRequest
        >>> request = CommitRequest(
        ...     folder="/srv/usr/demo/motifs", job=".usr.tmp/job", staging=".usr.tmp/push", seq=4, offset=81, length=31
        ... )
        >>> request.action, f".usr.commit.{request.seq}.json"
        ('commit', '.usr.commit.4.json')
    """

    folder: str
    job: str
    staging: str
    seq: int
    offset: int
    length: int
    action: Literal["commit", "finish", "undo", "discard"] = "commit"


@runtime_checkable
class Transport(Protocol):
    """Moves bytes to and from one remote; for one thread at a time unless a method says otherwise.

    What the remote side answers is not believed: a size, digest, clock or listing that is not one, or that is larger
    than what was asked for can be, is `RemoteNonsense` (exit 7). A transport whose spec has the feature ``watch`` is a
    `WatchedTransport`.

    Errors are `UsrError`s: `RemoteUnreachable` (exit 7) where the remote side does not answer or a try was cut
    off, after retries; `RemoteToolMissing` (exit 7) where it lacks a program; `RemoteChanged` (exit 6) where a file to
    fetch has gone or the log moved on; `RemoteLocked` (exit 5); `RemoteRefused` (exit 1) for what its file
    system refuses. They are in `usr_core.plugin.transport_errors`.

    Example:
        >>> from usr_core.api.transports import Transport
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> transport = MemoryTransport(MemoryRemote())
        >>> isinstance(transport, Transport), transport.stat("/srv/missing"), list(transport.walk("/srv/missing"))
        (True, None, [])
    """

    def abilities(self) -> frozenset[str]:
        """Return what the remote side can do, of the ``ABILITY_…`` constants; connects if need be."""
        ...

    def probe(self, folder: str) -> Probe:
        """Return what the remote side has, for a report."""
        ...

    def stat(self, path: str) -> RemoteEntry | None:
        """Return what has that path, or None; links are not followed."""
        ...

    def walk(self, path: str) -> Iterator[RemoteEntry]:
        """Yield everything below a folder, folders included, sorted by path; a missing folder yields nothing."""
        ...

    def read(self, request: ReadRequest) -> bytes:
        """Return the bytes of a small file, or of a range; a missing file is `RemoteChanged`."""
        ...

    def fetch(self, request: FetchRequest) -> None:
        """Copy files here. Nothing outside `into` is written, and nothing but the files named is left in it."""
        ...

    def send(self, request: SendRequest) -> None:
        """Copy files there. Nothing outside `into` is written there."""
        ...

    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        """Hold the lock inside ``with``; False where it can't be written there, and is read without its lock.

        The lock dies with the connection. Inside, all other calls but `fetch` and `send` go over the same session, so
        that a commit can't happen after the lock was lost.
        """
        ...

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name; files that are missing there are left out. May run beside local work."""
        ...

    def commit(self, request: CommitRequest) -> None:
        """Do, finish or take back a change; the lock must be held."""
        ...

    def place(self, request: PlaceRequest) -> None:
        """Rename a staged file to its final name."""
        ...

    def remove_staging(self, request: RemoveRequest) -> None:
        """Remove a staging folder; one that is not there is fine."""
        ...

    def traffic(self) -> Traffic:
        """Return the bytes that went over the connection so far."""
        ...

    def close(self) -> None:
        """End the connection, unless it is one that the user keeps open.

        May be called while another thread waits in `digest`: that call then ends soon, with an error, and what it has
        started on the remote side ends too. The transport can be used again afterwards.
        """
        ...


class WatchedTransport(Transport, Protocol):
    """A transport that says what it waits for; its spec has the feature ``watch``.

    Example:
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> class Patient(MemoryTransport):  # its spec has features=frozenset({"watch"})
        ...     def watch(self, tell):
        ...         tell("lab.example.org has been silent for 10 s")
        >>> Patient(MemoryRemote()).watch(print)
        lab.example.org has been silent for 10 s
    """

    def watch(self, tell: Callable[[str], None]) -> None:
        """Let `tell` have a line about each long silence of the remote side, and about each further try.

        `tell` may be called from any thread that calls the transport.
        """
        ...
