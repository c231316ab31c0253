"""Materialize: fold overlay columns into the base, and drop deleted records where asked to.

Columns that stand whole in one file are copied as bytes; the others are merged and encoded in one streaming pass, as is
all where rows are dropped. Reserved namespaces are never folded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.base_schema import next_base_metadata
from usr_core.registry.document import RESERVED_NAMESPACES
from usr_core.roots.layout import RECORDS
from usr_core.store.base.file import GROUP_BYTES, ParquetOutput, WriteOptions, write_options
from usr_core.store.base.parquet import read_base_facts
from usr_core.store.changes.row_drop import drop_reserved
from usr_core.store.changes.snapshot import stage_snapshot
from usr_core.store.changes.unfolded import keep_unfolded
from usr_core.store.mutation import Mutation, Site, keep_clock_after, mutate
from usr_core.store.overlay.open_namespace import OpenNamespace, archive_or_drop, refuse_reserved, registered_columns
from usr_core.store.parts.errors import NoSuchOverlay
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.rules.columns import bounded
from usr_core.store.view.merged_view import MergedView
from usr_core.store.view.spliced import splice_view
from usr_core.values.showing import Shown

__all__ = ["MaterializeOptions", "MaterializeOutcome", "OverlaysAfter", "materialize"]

OverlaysAfter = Literal["keep", "drop", "archive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterializeOptions:
    """What is folded and what becomes of it.

    Attributes:
        namespaces: The namespaces to fold; None is every one but the reserved ones.
        overlays: What happens to the folded files. Values that the new base has no record for stay in the overlay.
        snapshot_before: Keep the base as it was under `_snapshots/`.
        drop_deleted: Remove deleted records with their tombstones and states, so that the sequences can come in
            again as new; attached values of other namespaces stay on disk.
    """

    namespaces: tuple[str, ...] | None = None
    overlays: OverlaysAfter = "keep"
    snapshot_before: bool = False
    drop_deleted: bool = False

    def event_args(self, folded: Iterable[str]) -> dict[str, object]:
        """Return the event's ``args``, given the namespaces that were found to be folded."""
        return {
            "namespaces": list(folded),
            "overlays": self.overlays,
            "snapshot_before": self.snapshot_before,
            "drop_deleted": self.drop_deleted,
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MaterializeOutcome(Shown):
    """What was folded; ``event`` is None where there was nothing to fold or to drop.

    Attributes:
        namespaces, columns: What was folded; columns by their full names.
        rows: Rows of the base now.
        rows_dropped: Deleted records that were left out of it.
        snapshot: The base as it was, where it was kept, relative to the dataset's folder.
        kept: For each folded namespace whose files went, how many keys with values stayed in its overlay, because the
            new base has no such record.

    Example:
        >>> with dataset.maintenance("fold the scores in"):
        ...     done = dataset.materialize()
        >>> done.namespaces, done.columns, done.rows
        (('lab',), ('lab__gc', 'lab__sigma'), 3)
    """

    namespaces: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    rows_dropped: int
    snapshot: str | None
    event: dict[str, Any] | None
    kept: Mapping[str, int] = field(default_factory=dict)


def materialize(
    site: Site, options: MaterializeOptions, *, progress: Callable[[int], None] | None = None
) -> MaterializeOutcome:
    """Rewrite the base with the overlays' columns in it. Memory does not grow with rows.

    Raises:
        NoSuchOverlay: A named namespace has no overlay here.
        NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The registry lacks what is to be folded.
        NamespaceReservedHere: A reserved namespace was named.
        OverlayKeysUnresolved: Files are to go that have values of no record, under keys that do not tell its id.
    """
    with mutate(site, "materialize") as mutation:
        view = MergedView.open(mutation.txn.tree, namespaces=None)
        try:
            return _fold(mutation, view, options, progress)
        finally:
            view.close()


def _fold(
    mutation: Mutation, view: MergedView, options: MaterializeOptions, progress: Callable[[int], None] | None
) -> MaterializeOutcome:
    before = mutation.base_facts()
    folded = _chosen(view.overlays, options.namespaces)
    kinds = {name: registered_columns(overlay, mutation.registry) for name, overlay in folded.items()}
    if options.overlays != "keep":
        _keep_clock(mutation, folded.values())
    dropped = view.deleted_count() if options.drop_deleted else 0
    if not folded and not dropped:
        return MaterializeOutcome(
            namespaces=(), columns=(), rows=before.rows, rows_dropped=0, snapshot=None, event=None
        )
    own = {field.name for overlay in folded.values() for part in overlay.parts for field in part.columns}
    stored = set(before.schema.names)
    columns = [name for name in view.schema(None, include_deleted=False).names if name in own or name in stored]
    snapshot = stage_snapshot(mutation) if options.snapshot_before else None
    staged = mutation.txn.stage(RECORDS)
    metadata = next_base_metadata(
        before.metadata, registry_hash=mutation.registry.hash, same_rows=not dropped, dropped=dropped
    )
    _write_base(staged, view, columns, metadata, keep_deleted=not dropped, progress=progress)
    counts: dict[str, object] = {}
    gone = None
    if dropped:
        gone = np.zeros(view.rows, np.bool_)
        gone[view.deleted_rows()] = True
        counts.update(drop_reserved(mutation, view.source, view.overlays, ~gone))
    kept = dict[str, int]()
    if options.overlays != "keep":
        kept = _retire(mutation, view, kinds, gone, archive=options.overlays == "archive")
    counts.update({"keys_kept": kept} if kept else {})
    after = read_base_facts(staged)
    new = tuple(name for name in columns if name not in stored)
    event = mutation.finish(
        base=after,
        args=options.event_args(folded),
        metrics={
            "rows": after.rows,
            "rows_dropped": before.rows - after.rows,
            **counts,
            "columns_added": len(new),
            "bytes": after.size_bytes,
        },
        new_base=True,
    )
    return MaterializeOutcome(
        namespaces=tuple(folded),
        columns=tuple(name for name in columns if name in own),
        rows=after.rows,
        rows_dropped=before.rows - after.rows,
        snapshot=snapshot,
        event=event,
        kept=kept,
    )


def _keep_clock(mutation: Mutation, overlays: Iterable[NamespaceOverlay]) -> None:
    for overlay in overlays:
        keep_clock_after(mutation, overlay)


def _retire(
    mutation: Mutation,
    view: MergedView,
    kinds: Mapping[str, Mapping[str, pa.DataType]],
    gone: npt.NDArray[np.bool_] | None,
    *,
    archive: bool,
) -> dict[str, int]:
    """Retire the folded files; return how many keys stay in which overlay, where some do."""
    unmatched = view.unmatched_counts(kinds)
    kept: dict[str, int] = {}
    for name in kinds:
        overlay = view.overlays[name]
        if gone is not None or unmatched[name]:
            kept[name] = keep_unfolded(
                mutation, OpenNamespace(view.source, overlay), kinds[name], gone, archive=archive
            )
        if not kept.get(name):
            archive_or_drop(mutation, {part.relative: name for part in overlay.parts}, archive=archive)
    return {name: count for name, count in kept.items() if count}


def _chosen(overlays: Mapping[str, NamespaceOverlay], wanted: Sequence[str] | None) -> dict[str, NamespaceOverlay]:
    if wanted is None:
        return {name: overlay for name, overlay in overlays.items() if name not in RESERVED_NAMESPACES}
    for name in wanted:
        refuse_reserved(name, "materialize")
        if name not in overlays:
            raise NoSuchOverlay(name, present=sorted(set(overlays) - RESERVED_NAMESPACES))
    return {name: overlays[name] for name in wanted}


def _write_base(
    path: Path,
    view: MergedView,
    columns: Sequence[str],
    metadata: Mapping[str, str],
    *,
    keep_deleted: bool,
    progress: Callable[[int], None] | None,
) -> None:
    schema = view.schema(columns, include_deleted=keep_deleted).with_metadata(dict(metadata))
    options = write_options(schema, bloom="id")
    if keep_deleted and splice_view(path, view, schema, options, progress=progress):
        return
    with ParquetOutput(path, schema, **options.writer_arguments(rows=view.rows)) as writer:
        held: list[pa.RecordBatch] = []
        rows = size = 0
        for batch in bounded(view.batches(columns, include_deleted=keep_deleted, progress=progress), limit=GROUP_BYTES):
            held.append(batch)
            rows += batch.num_rows
            size += batch.nbytes
            while rows >= options.rows_per_group or size >= _group_bytes(options):
                table = pa.Table.from_batches(held)
                _write_group(writer, table.slice(0, options.rows_per_group), schema)
                rest = table.slice(options.rows_per_group)
                held, rows, size = rest.to_batches(), rest.num_rows, rest.nbytes
        if rows:
            _write_group(writer, pa.Table.from_batches(held), schema)


def _group_bytes(options: WriteOptions) -> int:
    """Return the bytes at which a group is closed early: long sequences, not the vectors that its rows allow for."""
    return max(GROUP_BYTES, GROUP_BYTES * options.rows_per_group // 32_768)


def _write_group(writer: ParquetOutput, table: pa.Table, schema: pa.Schema) -> None:
    writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=table.num_rows)
