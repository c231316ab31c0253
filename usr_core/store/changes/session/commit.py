"""Putting journalled rows into the dataset: new records and their overlay rows in one change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.events.event import encode_line
from usr_core.events.log import line_digest
from usr_core.records.alphabets import with_alphabets
from usr_core.records.arrays import fixed_array
from usr_core.records.base_schema import BASE_COLUMNS, next_base_metadata
from usr_core.records.masks import true_rows
from usr_core.roots.layout import RECORDS
from usr_core.store.base.append import BaseWriter
from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import BaseFacts, read_base_facts
from usr_core.store.changes.session.errors import SessionSchemaChanged
from usr_core.store.changes.session.known import KnownIds, base_mark
from usr_core.store.changes.session.rows import session_schema
from usr_core.store.mutation import (
    Mutation,
    Site,
    adopt_single_file,
    keep_clock_after,
    mutate,
    new_part_name,
    overlay_metadata,
)
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.parts.files import list_overlays
from usr_core.store.rules.columns import FewTexts

__all__ = ["commit_segments"]

_JOINED_ROWS = 8_192
_JOINED_BYTES = 16 << 20


class Settled(Protocol):
    """Called once the rows of a commit are in the dataset, before their event is announced."""

    def __call__(self, *, skipped: int, changed: bool) -> None: ...


def commit_segments(
    site: Site,
    segments: Sequence[str],
    batches: Callable[[], Iterable[pa.RecordBatch]],
    *,
    namespaces: Sequence[str],
    schema: pa.Schema,
    known: KnownIds,
    session: str,
    action: str,
    settled: Settled,
) -> None:
    """Commit the rows of closed journal segments, and retire the segments in the same change.

    Args:
        site: The dataset and the actor.
        segments: Relative names of the segments.
        batches: Opens their rows, in order; called once, under the lock.
        namespaces: Those of the session.
        schema: The columns of its rows.
        known: The ids of the base; brought up to date under the lock.
        session: The session's name, for the event.
        action: The event's action.
        settled: Told how many rows another writer had added meanwhile, and whether the dataset changed.
    """
    with mutate(site, action) as mutation, contextlib.ExitStack() as closing:
        _check_registered(session, schema, session_schema(mutation.registry, namespaces))
        known.refresh(mutation.txn.head.digest)
        before = mutation.base_facts()
        overlays = list_overlays(mutation.txn.tree, namespaces=namespaces)
        for overlay in overlays.values():
            closing.callback(overlay.close)
            keep_clock_after(mutation, overlay)
        base = _NewBase(mutation, site.layout.records, before)
        parts = _Parts(mutation, namespaces, schema, closing)
        closing.callback(base.abort)
        rows = _Rows(known, first_new=before.rows)
        for batch in _joined(batches()):
            new, positions = rows.place(batch)
            base.write(new)
            parts.write(batch, positions)
        after = base.finish()
        parts.close()
        if not rows.added and not parts.written:
            _remove(site, segments)
            settled(skipped=rows.skipped, changed=False)
            return
        for name in segments:
            mutation.txn.retire(name)
        for namespace in parts.written:
            adopt_single_file(mutation, namespace, overlays.get(namespace))
        size = parts.size_bytes + (after.size_bytes if rows.added else 0)
        mutation.finish(
            base=after,
            args={"session": session, "namespaces": list(namespaces)},
            metrics={
                "rows_added": rows.added,
                "rows_skipped": rows.skipped,
                "overlay_rows": parts.rows,
                "bytes": size,
            },
            new_base=bool(rows.added),
        )
        mark = base_mark(site.layout.records)
        known.accept(line_digest(encode_line(mutation.event or {}).removesuffix(b"\n")), mark, rows.ids)
        settled(skipped=rows.skipped, changed=True)


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a session's many small flushes in larger batches, so that a commit costs by the row."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _JOINED_ROWS or size >= _JOINED_BYTES:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()
            held, rows, size = [], 0, 0
    if held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


class _Rows:
    """Gives each journalled row its place in the base: a new one at the end, or the row of a record that is there.

    A record that another writer added meanwhile is not added again; the overlay values that came with it are
    written all the same, because they were reported as safe.
    """

    def __init__(self, known: KnownIds, *, first_new: int) -> None:
        self._known = known
        self._next = first_new
        self._placed: dict[str, int] = {}
        self._written: set[int] = set()
        self.ids: list[str] = []
        self.added = self.skipped = 0

    def place(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, npt.NDArray[np.int64]]:
        """Return the batch's new rows, and the base row of each of its rows; -1 where an earlier one has it."""
        ids = batch.column(0)
        positions = self._known.positions(ids)
        fresh: list[int] = []
        unknown = np.flatnonzero(positions < 0)
        for row, identity in zip(unknown.tolist(), ids.take(fixed_array(unknown, pa.int64())).to_pylist(), strict=True):
            place = self._placed.get(identity)
            if place is None:
                place = self._placed[identity] = self._next
                self._next += 1
                self.ids.append(identity)
                fresh.append(row)
            positions[row] = place
        if len(fresh) < batch.num_rows:
            for row, position in enumerate(positions.tolist()):
                if position in self._written:
                    positions[row] = -1
                self._written.add(position)
        else:
            self._written.update(positions.tolist())
        self.added += len(fresh)
        self.skipped += batch.num_rows - len(fresh)
        whole = len(fresh) == batch.num_rows
        return batch if whole else batch.take(fixed_array(np.array(fresh, np.int64), pa.int64())), positions


class _NewBase:
    """The base with the new rows at its end; nothing is staged where there are none."""

    def __init__(self, mutation: Mutation, existing: Path, before: BaseFacts) -> None:
        self._mutation, self._existing, self._before = mutation, existing, before
        self._writer: BaseWriter | None = None
        self._finished = False

    def write(self, rows: pa.RecordBatch) -> None:
        """Add rows."""
        if not rows.num_rows:
            return
        if self._writer is None:
            metadata = next_base_metadata(self._before.metadata, registry_hash=self._mutation.registry.hash)
            staged = self._mutation.txn.stage(RECORDS)
            self._writer = BaseWriter(staged, existing=self._existing, metadata=metadata)
        known = self._mutation.site.alphabets.among(FewTexts.of(rows.column("alphabet")).values)
        used = {each.name: each.plugin for each in known if each.plugin is not None}
        self._writer.metadata = with_alphabets(self._writer.metadata, used)
        self._writer.write(rows.select(list(BASE_COLUMNS)))

    def finish(self) -> BaseFacts:
        """Finish the file; return the base as it is after the change."""
        if self._writer is None:
            return self._before
        self._writer.finish()
        self._mutation.copied_bytes = self._writer.copied_bytes
        self._finished = True
        return read_base_facts(self._mutation.txn.stage(RECORDS))

    def abort(self) -> None:
        """Stop an unfinished file's thread; after `finish` nothing is left to do."""
        if self._writer is not None and not self._finished:
            self._writer.abort()


class _Parts:
    """One part a namespace, written as the rows come; a namespace without rows gets none."""

    def __init__(
        self, mutation: Mutation, namespaces: Sequence[str], schema: pa.Schema, closing: contextlib.ExitStack
    ) -> None:
        self._mutation, self._closing = mutation, closing
        self._writers: dict[str, PartWriter] = {}
        self._paths: dict[str, Path] = {}
        self._schemas = {name: self._schema_of(name, schema) for name in namespaces}

    @property
    def written(self) -> list[str]:
        """The namespaces that have a part."""
        return list(self._writers)

    @property
    def rows(self) -> int:
        """Rows over all parts."""
        return sum(writer.rows for writer in self._writers.values())

    @property
    def size_bytes(self) -> int:
        """Bytes over all parts, once they are closed."""
        return sum(path.stat().st_size for path in self._paths.values())

    def write(self, batch: pa.RecordBatch, positions: npt.NDArray[np.int64]) -> None:
        """Add the rows that have values; `positions` are their base rows, -1 for those to be left out."""
        for namespace, schema in self._schemas.items():
            has = np.flatnonzero(true_rows(batch.column(namespace)) & (positions >= 0))
            if not len(has):
                continue
            chosen = batch.select(schema.names)
            rows = chosen if len(has) == batch.num_rows else chosen.take(fixed_array(has, pa.int64()))
            self._writer(namespace).add(rows.cast(schema.remove_metadata()), positions[has])

    def close(self) -> None:
        """Finish every part."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, namespace: str) -> PartWriter:
        if namespace not in self._writers:
            schema = self._schemas[namespace]
            path = self._paths[namespace] = self._mutation.txn.stage(new_part_name(self._mutation, namespace))
            options = write_options(schema, bloom="id").writer_arguments()
            writer = PartWriter(path, schema, options=options, boundaries=[])
            self._writers[namespace] = self._closing.enter_context(writer)
        return self._writers[namespace]

    def _schema_of(self, namespace: str, schema: pa.Schema) -> pa.Schema:
        fields = [field for field in schema if field.name.startswith(f"{namespace}__")]
        identity = pa.field("id", pa.string(), nullable=False)
        return pa.schema([identity, *fields], metadata=overlay_metadata(self._mutation, namespace))


def _check_registered(session: str, schema: pa.Schema, registered: pa.Schema) -> None:
    """Refuse rows whose columns are registered otherwise by now; they stay in the journal."""
    for field in schema:
        if registered.get_field_index(field.name) < 0:
            raise SessionSchemaChanged(name=session, reason=f"{field.name} is not registered any more")
        now = registered.field(field.name).type
        if not now.equals(field.type):
            raise SessionSchemaChanged(name=session, reason=f"{field.name} is {field.type}, and {now} is registered")


def _remove(site: Site, segments: Sequence[str]) -> None:
    """Remove segments whose rows are all in the dataset already."""
    for name in segments:
        (site.ref.path / name).unlink(missing_ok=True)
