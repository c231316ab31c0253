"""Putting journalled rows into the dataset: new records and their overlay rows in one change."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from usr_core.events.event import encode_line
from usr_core.events.log import line_digest
from usr_core.records.arrays import fixed_array
from usr_core.records.base_schema import BASE_COLUMNS
from usr_core.roots.layout import RECORDS
from usr_core.store.base.append import BaseWriter
from usr_core.store.base.facts import read_base_facts
from usr_core.store.base.file import write_options
from usr_core.store.base.metadata import next_base_metadata
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.store.overlay.metadata import overlay_metadata
from usr_core.store.overlay.part_writer import PartWriter
from usr_core.store.overlay.parts import list_overlays
from usr_core.store.overlay.publishing import adopt_single_file, keep_clock_after, new_part_name
from usr_core.store.session.known import KnownIds

__all__ = ["SessionCommit", "commit_segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCommit:
    """What one commit of a session did.

    Attributes:
        added: New records.
        skipped: Journalled rows whose record another writer had added meanwhile.
        overlay_rows: Overlay rows over all namespaces.
        rows_total: Records of the dataset now.
        size_bytes: Bytes of the new base and parts.
        event: The event, or None where no row was new.
    """

    added: int
    skipped: int
    overlay_rows: int
    rows_total: int
    size_bytes: int
    event: dict[str, Any] | None


def commit_segments(
    site: Site,
    segments: Sequence[str],
    batches: Callable[[], Iterable[pa.RecordBatch]],
    *,
    namespaces: Sequence[str],
    known: KnownIds,
    session: str,
    action: str,
) -> SessionCommit:
    """Commit the rows of closed journal segments, and retire the segments in the same change.

    Args:
        site: The dataset and the actor.
        segments: Relative names of the segments.
        batches: Opens their rows, in order; called once, under the lock.
        namespaces: Those of the session.
        known: The ids of the base; brought up to date under the lock.
        session: The session's name, for the event.
        action: The event's action.
    """
    with mutate(site, action) as mutation, contextlib.ExitStack() as closing:
        known.refresh(mutation.txn.head.digest)
        before = mutation.base_facts()
        overlays = list_overlays(mutation.txn.tree, namespaces=namespaces)
        for overlay in overlays.values():
            closing.callback(overlay.close)
            keep_clock_after(mutation, overlay)
        rows = _NewRows(batches(), known)
        first = next(iter(rows), None)
        if first is None:
            _remove(site, segments)
            return SessionCommit(
                added=0, skipped=rows.skipped, overlay_rows=0, rows_total=before.rows, size_bytes=0, event=None
            )
        staged = mutation.txn.stage(RECORDS)
        metadata = next_base_metadata(before.metadata, registry_hash=mutation.registry.hash)
        base = BaseWriter(staged, existing=site.layout.records, metadata=metadata)
        parts = _Parts(mutation, namespaces, first.schema)
        try:
            for batch in itertools.chain([first], rows):
                base.write(batch.select(list(BASE_COLUMNS)))
                parts.write(batch, position=before.rows + rows.added - batch.num_rows)
            base.finish()
            parts.close()
        except BaseException:
            base.abort()
            raise
        for name in segments:
            mutation.txn.retire(name)
        for namespace in parts.written:
            adopt_single_file(mutation, namespace, overlays.get(namespace))
        after = read_base_facts(staged)
        size = after.size_bytes + parts.size_bytes
        event = mutation.finish(
            base=after,
            args={"session": session, "namespaces": list(namespaces)},
            metrics={
                "rows_added": rows.added,
                "rows_skipped": rows.skipped,
                "overlay_rows": parts.rows,
                "bytes": size,
            },
            new_base=True,
        )
    known.accept(line_digest(encode_line(event).removesuffix(b"\n")), rows.ids)
    return SessionCommit(
        added=rows.added,
        skipped=rows.skipped,
        overlay_rows=parts.rows,
        rows_total=after.rows,
        size_bytes=size,
        event=event,
    )


class _NewRows:
    """The rows whose record the dataset does not have yet, each record once; counts what it leaves out."""

    def __init__(self, batches: Iterable[pa.RecordBatch], known: KnownIds) -> None:
        self._batches = iter(batches)
        self._known = known
        self._seen: set[str] = set()
        self.ids: list[str] = []
        self.added = self.skipped = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            ids = batch.column(0)
            new = ~self._known.mask(ids)
            texts = ids.to_pylist()
            for row in np.flatnonzero(new).tolist():
                if texts[row] in self._seen:
                    new[row] = False
                self._seen.add(texts[row])
            kept = np.flatnonzero(new)
            self.skipped += batch.num_rows - len(kept)
            if len(kept):
                self.added += len(kept)
                self.ids.extend(texts[row] for row in kept.tolist())
                yield batch if len(kept) == batch.num_rows else batch.take(fixed_array(kept, pa.int64()))


class _Parts:
    """One part a namespace, written as the rows come; a namespace without rows gets none."""

    def __init__(self, mutation: Mutation, namespaces: Sequence[str], schema: pa.Schema) -> None:
        self._mutation = mutation
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

    def write(self, batch: pa.RecordBatch, *, position: int) -> None:
        """Add the rows that have values; `position` is the base row of the batch's first record."""
        for namespace, schema in self._schemas.items():
            has = np.flatnonzero(batch.column(namespace).to_numpy(zero_copy_only=False))
            if not len(has):
                continue
            chosen = batch.select(schema.names)
            rows = chosen if len(has) == batch.num_rows else chosen.take(fixed_array(has, pa.int64()))
            self._writer(namespace).add(rows.cast(schema.remove_metadata()), has + position)

    def close(self) -> None:
        """Finish every part."""
        for writer in self._writers.values():
            writer.close()

    def _writer(self, namespace: str) -> PartWriter:
        if namespace not in self._writers:
            schema = self._schemas[namespace]
            path = self._paths[namespace] = self._mutation.txn.stage(new_part_name(self._mutation, namespace))
            options = write_options(schema, bloom="id").writer_arguments()
            self._writers[namespace] = PartWriter(path, schema, options=options, boundaries=[])
        return self._writers[namespace]

    def _schema_of(self, namespace: str, schema: pa.Schema) -> pa.Schema:
        fields = [field for field in schema if field.name.startswith(f"{namespace}__")]
        identity = pa.field("id", pa.string(), nullable=False)
        return pa.schema([identity, *fields], metadata=overlay_metadata(self._mutation, namespace))


def _remove(site: Site, segments: Sequence[str]) -> None:
    """Remove segments whose rows are all in the dataset already."""
    for name in segments:
        (site.ref.path / name).unlink(missing_ok=True)
