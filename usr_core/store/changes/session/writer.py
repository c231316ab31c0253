"""`RecordWriter`: what a tool that runs for hours writes records with.

Rows are safe once they are flushed to the session's journal; they become part of the dataset with the next
commit. A flush costs what it adds. A commit copies the base, so commits come once per `commit_fraction` of
it: a long run costs the bytes that it adds, a few times over, and not a copy of the base a flush.

After a kill, a writer of the same name, in this process or another, on this host or another, goes on where
the journal ends. Records that the dataset or the journal has already are skipped and counted.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from usr_core.errors import UsrError
from usr_core.events.event import Actor, now_us
from usr_core.events.log import read_head
from usr_core.fs.durable import make_folders
from usr_core.fs.errors import LockTimeout, file_system_error
from usr_core.fs.lock import hold_lock, read_holder
from usr_core.records.arrays import fixed_array
from usr_core.records.bulk_ids import IdHasher
from usr_core.registry.store import load_registry
from usr_core.roots.layout import JOURNALS
from usr_core.store.changes.session.commit import commit_segments
from usr_core.store.changes.session.errors import SessionClosed, SessionInUse, SessionLost, SessionSchemaChanged
from usr_core.store.changes.session.journal import JournalSegment, read_segment
from usr_core.store.changes.session.known import KnownIds
from usr_core.store.changes.session.rows import OverlayRows, as_schema, record_batch, session_schema
from usr_core.store.mutation import Site, refuse_archived
from usr_core.store.rules.rows import ImportDefaults
from usr_core.values.showing import Shown

__all__ = ["Added", "RecordWriter", "SessionOptions"]

_log = logging.getLogger("usr")
_SUFFIX = ".journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How a session writes.

    Attributes:
        namespaces: Whose overlay values come with the records.
        bio_type, alphabet, source: What holds for records that do not say it themselves.
        name: The session's name; a writer of the same name resumes it. By default the actor's tool and its run id,
            where it has one.
        action: The action of its events; by default ``<tool>_write``.
        flush_rows, flush_bytes, flush_seconds: A flush comes at the first of these.
        commit_rows, commit_fraction: A commit comes at the larger of so many rows and this share of the base …
        commit_seconds: … or when the oldest row that is not in the dataset is so old.
    """

    namespaces: tuple[str, ...] = ()
    bio_type: str = "dna"
    alphabet: str = "dna_4"
    source: str = "python"
    name: str | None = None
    action: str | None = None
    flush_rows: int = 128
    flush_bytes: int = 8 << 20
    flush_seconds: float = 5.0
    commit_rows: int = 10_000
    commit_fraction: float = 0.05
    commit_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Added(Shown):
    """What became of the records of one call: new ones, and those that were known.

    Example:
        >>> with dataset.writer() as writer:
        ...     writer.add([{"sequence": "TATAAT"}, {"sequence": "GATTACAGATTACAGATTAC"}])
        Added(added=1, skipped=1)
    """

    added: int
    skipped: int


class RecordWriter:
    """One session; a context manager. Not for several threads.

    Only a commit holds the dataset's lock; `add` and `flush` write to the session's own journal, and commit where it is
    due.

    Args:
        site: The dataset, and the actor that its events name.
        options: See `SessionOptions`.

    Attributes:
        added: New records over the session's life in this process.
        skipped: Known records that were given again.
        resumed: Rows that were found in the journal.
        flushes: Times the journal was extended.
        commits: Times the dataset was changed.

    Example:
        >>> from usr_core import Actor
        >>> with dataset.writer(namespaces=["lab"], actor=Actor(tool="densegen", run_id="r1")) as writer:
        ...     writer.add([{"sequence": "TATAAT"}, {"sequence": "TTGACA"}], overlays={"lab": [{"gc": 0.0}, None]})
        ...     writer.flush(), dataset.base_rows()
        ...     writer.commit()
        ...     writer.commits, dataset.base_rows()
        Added(added=2, skipped=0)
        (2, 3)
        (1, 5)
    """

    def __init__(self, site: Site, options: SessionOptions) -> None:
        actor = site.actor.resolved()
        self.name = options.name or _default_name(site.actor)
        self._namespaces = tuple(dict.fromkeys(options.namespaces))
        self._site, self._options = site, options
        self._action = options.action or f"{_word(actor.tool)}_write"
        self._folder = site.ref.path / JOURNALS / _folder_name(self.name)
        self._identity: tuple[int, int] | None = None
        self._schema: pa.Schema
        self._known = KnownIds(site.layout.records)
        self._pending: set[str] = set()
        self._buffer: list[pa.RecordBatch] = []
        self._buffered_rows = self._buffered_bytes = 0
        self._segment: JournalSegment | None = None
        self._journalled_rows = 0
        self._oldest: float | None = None
        self._last_flush = time.monotonic()
        self._exits = contextlib.ExitStack()
        self._hasher: IdHasher
        self._open = False
        self.added = self.skipped = self.resumed = self.flushes = self.commits = 0

    def __repr__(self) -> str:
        state = "open" if self._open else "closed"
        counts = f"added={self.added}, skipped={self.skipped}, commits={self.commits}"
        return f"RecordWriter({self._site.ref.name!r}, name={self.name!r}, {state}, {counts})"

    def __enter__(self) -> Self:
        refuse_archived(self._site.ref)
        registry = load_registry(self._site.ref.root)
        self._schema = session_schema(registry, self._namespaces)
        with contextlib.ExitStack() as exits:
            self._take_folder(exits)
            self._resume()
            self._known.refresh(read_head(self._site.layout.event_log).digest)
            self._hasher = exits.enter_context(IdHasher())
            self._exits = exits.pop_all()
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except (UsrError, OSError) as failure:
            if error is not None:
                # The caller's own error is what it has to hear of; the rows are in the journal.
                _log.warning("%s: closing the session failed: %s", self.name, failure)
                return
            raise

    # ------------------------------------------------------------- writing

    def add(self, records: Sequence[Mapping[str, object]], overlays: OverlayRows | None = None) -> Added:
        """Take in records and the overlay values that belong to them; all of the call or none of it.

        Args:
            records: Mappings with ``sequence`` and, optionally, the other columns of a record.
            overlays: For each namespace one mapping a record (None where there is none), bare or full names.

        Raises:
            SessionClosed: The session is closed.
            ImportCellError, SessionRowError: A row is refused; its number in this call is told.
            FileSystemError: The journal can't be written; what was flushed before is safe.
        """
        self._require_open()
        records = list(records)
        if not records:
            return Added(added=0, skipped=0)
        self._require_folder()
        # Others may have added or removed records since; while nobody has, this reads the log's end only.
        self._known.refresh(read_head(self._site.layout.event_log).digest)
        defaults = ImportDefaults(
            bio_type=self._options.bio_type,
            alphabet=self._options.alphabet,
            source=self._options.source,
            created_at_us=now_us(),
            known=self._site.alphabets,
        )
        batch = record_batch(
            records,
            overlays or {},
            schema=self._schema,
            namespaces=self._namespaces,
            defaults=defaults,
            hasher=self._hasher,
            label=self.name,
        )
        kept = self._without_known(batch)
        counts = Added(added=kept.num_rows, skipped=batch.num_rows - kept.num_rows)
        self.added += counts.added
        self.skipped += counts.skipped
        if kept.num_rows:
            self._buffer.append(kept)
            self._buffered_rows += kept.num_rows
            self._buffered_bytes += kept.nbytes
        if self._flush_is_due():
            self.flush()
        return counts

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Tell for each id whether the dataset, the journal or this session has its record already.

        For a tool that would do work for a record which is skipped in the end.

        Raises:
            SessionClosed: The session is closed.

        Example:
            >>> from usr_core.api.records import record_id
            >>> with dataset.writer() as writer:
            ...     writer.has([ids[0], record_id("dna", "TATAAT")])
            [True, False]
        """
        self._require_open()
        self._known.refresh(read_head(self._site.layout.event_log).digest)
        found = self._known.positions(pa.array(ids, pa.string())) >= 0
        return [one in self._pending or known for one, known in zip(ids, found.tolist(), strict=True)]

    def flush(self) -> int:
        """Make every row given so far durable in the journal; return how many there were. May commit."""
        self._require_open()
        rows = self._flush()
        if self._commit_is_due():
            try:
                self.commit()
            except LockTimeout as error:
                # Another writer is at work; the rows are safe, and the next flush tries again.
                _log.warning("%s: the commit was put off: %s", self.name, error)
        return rows

    def commit(self) -> None:
        """Put every row given so far into the dataset, in one change.

        Raises:
            LockTimeout: Another writer holds the dataset; the rows stay in the journal.
        """
        self._require_open()
        self._flush()
        segments = self._segments()
        if not segments:
            if self._journalled_rows:
                raise SessionLost(name=self.name, folder=self._folder)
            return
        if self._segment is not None:
            self._segment.close()
            self._segment = None
        commit_segments(
            self._site,
            [path.relative_to(self._site.ref.path).as_posix() for path in segments],
            lambda: self._rows_of(segments),
            namespaces=self._namespaces,
            schema=self._schema,
            known=self._known,
            session=self.name,
            action=self._action,
            settled=self._settled,
        )

    def close(self) -> None:
        """Commit what is left and end the session; closing twice is fine.

        Example:
            >>> writer = dataset.writer().__enter__()
            >>> writer.add([{"sequence": "TATAAT"}]).added, dataset.base_rows()
            (1, 3)
            >>> writer.close()
            >>> writer.close(), dataset.base_rows()
            (None, 4)
        """
        if not self._open:
            return
        try:
            self.commit()
            self._remove_folder()
        finally:
            self._open = False
            if self._segment is not None:
                self._segment.close()
            self._exits.close()

    # ------------------------------------------------------------- inside

    def _settled(self, *, skipped: int, changed: bool) -> None:
        self._pending.clear()
        self._journalled_rows, self._oldest = 0, None
        # Another writer had added some of them meanwhile.
        self.added -= skipped
        self.skipped += skipped
        self.commits += changed

    def _flush(self) -> int:
        rows = self._buffered_rows
        self._last_flush = time.monotonic()
        self._require_folder()
        if not rows:
            return 0
        try:
            if self._segment is None:
                self._segment = JournalSegment(self._next_segment(), self._schema)
            # One frame a flush; several only beyond 2 GiB of text.
            self._buffer = pa.Table.from_batches(self._buffer).combine_chunks().to_batches()
            while self._buffer:
                batch = self._buffer[0]
                self._segment.append(batch)
                del self._buffer[0]
                self._buffered_rows -= batch.num_rows
                self._journalled_rows += batch.num_rows
        except OSError as error:
            # After a failed fsync the same descriptor is not trusted again.
            if self._segment is not None:
                self._segment.close()
                self._segment = None
            raise file_system_error(error, self._folder, "write the session's journal") from error
        self._buffered_bytes = 0
        self._oldest = self._oldest or time.monotonic()
        self.flushes += 1
        return rows

    def _without_known(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        ids = batch.column(0)
        new = self._known.positions(ids) < 0
        for row, one in enumerate(ids.to_pylist()):
            if one in self._pending:
                new[row] = False
            elif new[row]:
                self._pending.add(one)
        kept = np.flatnonzero(new)
        return batch if len(kept) == batch.num_rows else batch.take(fixed_array(kept, pa.int64()))

    def _flush_is_due(self) -> bool:
        return (
            self._buffered_rows >= self._options.flush_rows
            or self._buffered_bytes >= self._options.flush_bytes
            or time.monotonic() - self._last_flush >= self._options.flush_seconds
        )

    def _commit_is_due(self) -> bool:
        if self._oldest is None:
            return False
        enough = max(self._options.commit_rows, int(self._options.commit_fraction * self._known.rows))
        return self._journalled_rows >= enough or time.monotonic() - self._oldest >= self._options.commit_seconds

    def _take_folder(self, exits: contextlib.ExitStack) -> None:
        try:
            make_folders(self._folder, below=self._site.ref.path, like=self._site.ref.path)
        except OSError as error:
            raise file_system_error(error, self._folder, "make the session's journal") from error
        lock = self._folder / "lock"
        try:
            exits.enter_context(hold_lock(lock, timeout=0, command=f"writer session {self.name}"))
        except LockTimeout as error:
            raise SessionInUse(name=self.name, holder=read_holder(lock)) from error
        except FileNotFoundError as error:
            # Whoever closed the session of this name is just removing its folder.
            raise SessionInUse(name=self.name, holder="") from error
        place = self._folder.stat()
        self._identity = (place.st_dev, place.st_ino)

    def _require_folder(self) -> None:
        """Refuse to go on where the dataset was archived, removed or replaced under the session."""
        try:
            place = self._folder.stat()
        except FileNotFoundError as error:
            raise SessionLost(name=self.name, folder=self._folder) from error
        if (place.st_dev, place.st_ino) != self._identity:
            raise SessionLost(name=self.name, folder=self._folder)

    def _resume(self) -> None:
        for path in self._segments():
            schema, batches = read_segment(path)
            if schema is None:
                path.unlink()
                continue
            for field in schema:
                if self._schema.get_field_index(field.name) < 0:
                    raise SessionSchemaChanged(name=self.name, reason=f"{field.name} is missing now")
                if not self._schema.field(field.name).type.equals(field.type):
                    raise SessionSchemaChanged(name=self.name, reason=f"{field.name} was {field.type}")
            for batch in batches:
                self._pending.update(batch.column(0).to_pylist())
                self._journalled_rows += batch.num_rows
                self.resumed += batch.num_rows
                self._oldest = time.monotonic()

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob(f"*{_SUFFIX}"))

    def _next_segment(self) -> Path:
        numbers = [int(path.stem) for path in self._segments()]
        return self._folder / f"{max(numbers, default=0) + 1:08d}{_SUFFIX}"

    def _rows_of(self, segments: Iterable[Path]) -> Iterator[pa.RecordBatch]:
        for path in segments:
            for batch in read_segment(path)[1]:
                yield as_schema(batch, self._schema)

    def _remove_folder(self) -> None:
        with contextlib.suppress(OSError):
            (self._folder / "lock").unlink()
            self._folder.rmdir()
            self._folder.parent.rmdir()

    def _require_open(self) -> None:
        if not self._open:
            raise SessionClosed(name=self.name)


def _word(text: str) -> str:
    """Return `text` as one plain word, for a folder or an action."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-") or "session"


def _folder_name(name: str) -> str:
    """Return a plain folder name, another one for each session name."""
    plain = _word(name)
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


def _default_name(actor: Actor) -> str:
    """Return the tool and its run; without a run id the tool alone, as a process number resumes nothing."""
    run = actor.run_id or os.environ.get("USR_ACTOR_RUN_ID", "").strip()
    return f"{actor.resolved().tool}-{run}" if run else actor.resolved().tool
