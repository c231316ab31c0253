"""The copy on the remote side, through a transport."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from usr_core.commit.errors import CommitRecordUnreadable
from usr_core.commit.record import CommitRecord
from usr_core.plugin.specs import Fingerprint
from usr_core.plugin.transport_errors import RemoteChanged, RemoteRefused
from usr_core.plugin.transports import (
    ABILITY_LOCK,
    CommitRequest,
    DigestRequest,
    LockRequest,
    ReadRequest,
    RemoteEntry,
    RemoveRequest,
    SendRequest,
    Transport,
)
from usr_core.roots.layout import ABORT_PREFIX, EVENT_LOG, RECORDS, STAGING
from usr_core.sync.errors import (
    ChangeUnderWay,
    FileNotRegular,
    RemoteFolderIsLink,
    RemoteRecordUnreadable,
    SourceChanging,
)
from usr_core.sync.history import LogBytes
from usr_core.sync.jobs import JOB_FILES, write_job
from usr_core.sync.listing import Listing, list_remote
from usr_core.sync.request import Action
from usr_core.sync.verification import Verification

__all__ = ["RemoteSide"]

_TRIES = 5
_PAUSE = 0.2


class RemoteSide:
    """A dataset's folder on the remote side.

    Args:
        transport: Reaches the remote.
        folder: The dataset's folder, absolute.
        lock_timeout: Seconds to wait for another writer there.
    """

    name: Literal["remote"] = "remote"

    def __init__(self, transport: Transport, folder: str, *, lock_timeout: float) -> None:
        self.transport, self.folder, self._lock_timeout = transport, folder, lock_timeout
        self._seen: tuple[list[RemoteEntry], Listing] = ([], Listing(exists=False, files={}))

    @contextlib.contextmanager
    def locked(self, label: str, *, create: bool = False) -> Iterator[bool]:
        """Hold the lock there; False where it can't be written and is read without."""
        request = LockRequest(folder=self.folder, timeout=self._lock_timeout, label=label, create=create)
        with self.transport.lock(request) as held:
            yield held

    def listing(self, action: Action, *, lock: bool) -> tuple[Listing, LogBytes]:
        """List the files and note the log's end; what an interrupted writer left there is finished first.

        Args:
            action: What is done, for whoever waits for the lock.
            lock: Take the lock, where it can be taken; without it nothing there is written.

        Raises:
            ChangeUnderWay: A change is under way there, or was left half done, and may not be finished from here.
            FileNotRegular: The log or the base there is a link or a special file.
            RemoteRecordUnreadable: A commit record there can't be read.
            SourceChanging: The copy there changed again and again.
        """
        if lock and self.exists() and ABILITY_LOCK in self.transport.abilities():
            with self.locked(f"usr {action}") as held:
                listing = self._look()
                if held and listing.records:
                    self.recover(listing)
                    listing = self._look()
                if not listing.records:
                    return listing, self.log(listing)
        listing = self._look()
        for attempt in range(_TRIES):
            before, listing = listing, self._look()
            if not listing.records and listing == before:
                return listing, self.log(listing)
            time.sleep(_PAUSE * attempt)
        for name in listing.records:
            with contextlib.suppress(RemoteChanged):  # it was settled this very moment
                self._record(name)
        if listing.records:
            raise ChangeUnderWay(folder=self.folder)
        raise SourceChanging(what="The remote copy")

    def look(self) -> tuple[Listing, LogBytes]:
        """List the files and note the log's end as they are, the lock being held or not."""
        listing = self._look()
        return listing, self.log(listing)

    def exists(self) -> bool:
        """Tell whether the folder is there.

        Raises:
            RemoteFolderIsLink: The folder there is a symbolic link.
        """
        entry = self.transport.stat(self.folder)
        if entry is not None and entry.kind == "link":
            raise RemoteFolderIsLink(folder=self.folder)
        return entry is not None and entry.kind == "folder"

    def log(self, listing: Listing) -> LogBytes:
        """Return the log as it was when it was listed."""
        return LogBytes(listing.log_size, _once_read(self._read_log), "there")

    def digests(
        self, names: Iterable[str], *, below: str = "", expected: Callable[[], Mapping[str, str]] | None = None
    ) -> dict[str, str]:
        """Return SHA-256 by name; files that are missing are left out.

        Args:
            names: The files.
            below: The folder inside the dataset that they are in.
            expected: Gives what they should be, which need not be known yet.
        """
        facts = self.facts(names, kind="sha256", below=below, expected=expected)
        return {name: str(found["sha256"]) for name, found in facts.items()}

    def facts(
        self,
        names: Iterable[str],
        *,
        kind: str,
        below: str = "",
        expected: Callable[[], Mapping[str, str]] | None = None,
    ) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts of some kind by name; files that are missing are left out."""
        files = tuple(names)
        if not files:
            return {}
        folder = f"{self.folder}/{below}" if below else self.folder
        return self.transport.digest(DigestRequest(folder=folder, files=files, kind=kind, expected=expected))

    def fingerprint(self, listing: Listing, verification: Verification) -> Fingerprint:
        """Return what the chosen strategy sees of the base."""
        kind = verification.needs
        size = {RECORDS: {"size_bytes": listing.size(RECORDS)}}
        return verification.remote_facts((size if kind is None else self.facts([RECORDS], kind=kind)).get(RECORDS, {}))

    def changed(self, listing: Listing, names: Iterable[str]) -> list[str]:
        """Return which of `names` are not what they were when they were listed."""
        now = self._look()
        return [name for name in names if now.files.get(name) != listing.files.get(name)]

    def still(self, log: LogBytes) -> bool:
        """Tell whether the log there still has what it had, at least."""
        start, line = log.tail()
        return not line or self._read_log(start, len(line)) == line

    def recover(self, listing: Listing) -> None:
        """Finish or take back what interrupted writers left; the lock must be held."""
        for name in sorted(listing.records, key=lambda one: not one.startswith(ABORT_PREFIX)):
            record = self._record(name)
            entry = self.transport.stat(f"{self.folder}/{EVENT_LOG}")
            log_size = 0 if entry is None else entry.size_bytes
            found = self._read_log(record.offset, len(record.line)) if log_size > record.offset else b""
            if name.startswith(ABORT_PREFIX):
                self._settle(record, "undo")
            elif record.state_in(found, log_size) == "foreign":
                self._settle(record, "discard")
            else:
                self._settle(record, "finish")

    def _record(self, name: str) -> CommitRecord:
        """Read a commit record there.

        Raises:
            RemoteRecordUnreadable: The record is of another format, or is not a regular file.
        """
        path = f"{self.folder}/{name}"
        entry = self.transport.stat(path)
        if entry is not None and entry.kind != "file":
            raise RemoteRecordUnreadable(path=path, reason="it is not a regular file")
        try:
            return CommitRecord.decode(self.transport.read(ReadRequest(path=path)), Path(name))
        except CommitRecordUnreadable as error:
            raise RemoteRecordUnreadable(path=path, reason=error.reason) from error
        except RemoteRefused as error:
            raise RemoteRecordUnreadable(path=path, reason=str(error.facts.get("answer") or error.message)) from error

    def commit(self, record: CommitRecord, *, job: str) -> None:
        """Make a change real whose files and job are in its staging; the lock must be held."""
        self.transport.commit(self._request(record, "commit", job))

    def read(self, name: str) -> bytes:
        """Return the content of a small file."""
        return self.transport.read(ReadRequest(path=f"{self.folder}/{name}"))

    def stop(self) -> None:
        """Close the connection."""
        self.transport.close()

    def remove_staging(self, name: str) -> None:
        """Remove a staging folder."""
        self.transport.remove_staging(RemoveRequest(folder=self.folder, name=name))

    def _settle(self, record: CommitRecord, action: str) -> None:
        name = f"push-{secrets.token_hex(8)}"
        with tempfile.TemporaryDirectory(prefix="usr-job-") as folder:
            write_job(Path(folder), record)
            into = f"{self.folder}/{STAGING}/{name}"
            self.transport.send(SendRequest(source=Path(folder), files=JOB_FILES, into=into))
        try:
            self.transport.commit(self._request(record, action, f"{STAGING}/{name}"))
        finally:
            with contextlib.suppress(RemoteChanged):
                self.remove_staging(name)

    def _request(self, record: CommitRecord, action: str, job: str) -> CommitRequest:
        return CommitRequest(
            folder=self.folder,
            job=job,
            staging=f"{STAGING}/{record.txn}",
            seq=record.seq,
            offset=record.offset,
            length=len(record.line),
            action=action,  # type: ignore[arg-type]
        )

    def _look(self) -> Listing:
        exists = self.exists()
        entries = list(self.transport.walk(self.folder)) if exists else []
        if entries != self._seen[0] or exists != self._seen[1].exists:
            self._seen = entries, list_remote(entries, exists=exists)
        listing = self._seen[1]
        for name in (RECORDS, EVENT_LOG):
            if name in listing.links:
                raise FileNotRegular(name, side="on the remote", folder=self.folder)
        return listing

    def _read_log(self, offset: int, length: int) -> bytes:
        if not length:
            return b""
        return self.transport.read(ReadRequest(path=f"{self.folder}/{EVENT_LOG}", offset=offset, length=length))


def _once_read(read: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
    """Return `read` of a log as it was listed: what lies in a piece that was read before is not asked for again."""
    held_from, held = 0, b""

    def piece(offset: int, length: int) -> bytes:
        nonlocal held_from, held
        if not (held_from <= offset and offset + length <= held_from + len(held)):
            held_from, held = offset, read(offset, length)
        return held[offset - held_from : offset - held_from + length]

    return piece
