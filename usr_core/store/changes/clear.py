"""Clearing: unset values of a namespace. A null hides nothing, so this rewrites its parts as one, and the base.

The base is rewritten only where it has such values, and is kept as a snapshot then, as the old parts are archived.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.records.arrays import boolean_array, plain_type, text_array
from usr_core.records.base_schema import next_base_metadata
from usr_core.registry.document import Registry
from usr_core.registry.store import load_registry
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import read_base_facts
from usr_core.store.base.rewrite import base_writer, checked_batches, extra_fields
from usr_core.store.changes.errors import IdsUnknown
from usr_core.store.changes.snapshot import stage_snapshot
from usr_core.store.ids.row_numbers import distinct, only_where, valid_mask
from usr_core.store.mutation import Mutation, Site, keep_clock_after, mutate
from usr_core.store.overlay.fold import FoldedRows, OverlayFold
from usr_core.store.overlay.open_namespace import OpenNamespace, refuse_reserved, registered_columns
from usr_core.store.overlay.single_part import SinglePart
from usr_core.store.view.base_windows import BaseColumn, base_windows
from usr_core.values.showing import Shown

__all__ = ["ClearOptions", "ClearOutcome", "clear_overlay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearOptions:
    """What is unset.

    Attributes:
        namespace: A registered namespace, not a reserved one.
        columns: At least one of its columns, with or without the prefix.
        ids: The records whose values are unset; None is all of them.
    """

    namespace: str
    columns: tuple[str, ...]
    ids: tuple[str, ...] | None = None

    def event_args(self, names: Sequence[str]) -> dict[str, object]:
        """Return the event's ``args``, given the full names of the columns; ids are counted."""
        ids = None if self.ids is None else len(self.ids)
        return {"namespace": self.namespace, "columns": list(names), "ids": ids}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ClearOutcome(Shown):
    """What was unset, or would be.

    Attributes:
        columns: Full names of the columns.
        cells: Values unset: as readers saw them, so a value that is hidden by a newer one is not counted.
        base_cells: Materialized values unset, hidden ones too.
        rows_removed: Keys that had no other value and are gone from the overlay.
        rows: Keys that are left in it.
        part: The new file; None in a dry run, where the overlay had nothing to unset, and where nothing is left of it.
        archived: The folder that holds the old files.
        snapshot: The base as it was, where it was rewritten.
        event: None where nothing was changed.

    Example:
        >>> with dataset.maintenance("the sigma factors were wrong"):
        ...     done = dataset.clear_overlay("lab", ["sigma"])
        >>> done.columns, done.cells, done.rows_removed, done.rows
        (('lab__sigma',), 2, 0, 3)
    """

    namespace: str
    columns: tuple[str, ...]
    cells: int
    rows_removed: int
    rows: int
    base_cells: int = 0
    part: str | None = None
    archived: str | None = None
    snapshot: str | None = None
    event: dict[str, Any] | None = None


def clear_overlay(site: Site, options: ClearOptions, *, progress: Callable[[int], None] | None = None) -> ClearOutcome:
    """Unset values of some columns, for some records or for all, attached ones as well as materialized ones.

    The namespace becomes one part, compacted as `compact_overlay` does it; keys without any value left vanish, and the
    files that held them are archived. A base that has such values is rewritten, and kept as a snapshot.

    Raises:
        NamespaceReservedHere: The namespace is USR's own.
        NoSuchOverlay: The namespace has no overlay and no materialized column here.
        NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The registry lacks a name or a type.
        IdsUnknown: An id belongs to no record and to no row of the overlay.
        OverlayKeysUnresolved, OverlayKeyFault: A part's keys do not tell ids.
        BaseColumnHasNulls, BaseUnreadable: The base is damaged.

    Memory: that of `OverlayFold`, and a byte for each base row and cleared column.
    """
    refuse_reserved(options.namespace, "overlay-clear")

    def open_files(tree: FileTree) -> OpenNamespace:
        return OpenNamespace.open(tree, options.namespace, materialized=True)

    if site.dry_run:
        registry = load_registry(site.ref.root)
        with read_consistent(site.ref.path, open_files) as opened, tempfile.TemporaryDirectory() as place:
            clearing = _Clearing(opened, registry, options)
            with OverlayFold(opened, clearing.kinds, scratch=Path(place) / "fold") as fold:
                for _ in clearing.batches(fold, progress):
                    pass
            clearing.count_in_base()
            return clearing.outcome()
    with mutate(site, "clear_overlay") as mutation, open_files(mutation.txn.tree) as opened:
        clearing = _Clearing(opened, mutation.registry, options)
        keep_clock_after(mutation, opened.overlay)
        part = SinglePart(mutation, opened, clearing.kinds) if opened.overlay.parts else None
        scratch = part.scratch if part is not None else mutation.txn.stage(RECORDS).with_name("fold")
        with OverlayFold(opened, clearing.kinds, scratch=scratch) as fold:
            batches = clearing.batches(fold, progress)
            if part is not None:
                part.write(batches, at_most=fold.rows)
            else:
                for _ in batches:  # finds the ids
                    pass
        if part is not None and not clearing.cells:
            part.discard()
            part = None
        clearing.count_in_base()
        if not clearing.cells and not clearing.base_cells:
            return clearing.outcome()
        return _replace(mutation, opened, part, clearing, options)


def _replace(
    mutation: Mutation, opened: OpenNamespace, part: SinglePart | None, clearing: _Clearing, options: ClearOptions
) -> ClearOutcome:
    outcome, base = clearing.outcome(), mutation.base_facts()
    archived = part.replace(archive=True) if part is not None else None
    snapshot = None
    if outcome.base_cells:
        snapshot = stage_snapshot(mutation)
        metadata = next_base_metadata(base.metadata, registry_hash=mutation.registry.hash, same_rows=True)
        staged = mutation.txn.stage(RECORDS)
        with base_writer(staged, extra_fields(opened.base.schema), metadata=metadata) as writer:
            for batch in clearing.base_batches():
                writer.write(batch)
            writer.finish()
        base = read_base_facts(staged)
    event = mutation.finish(
        base=base,
        args=options.event_args(outcome.columns),
        metrics={
            "parts": len(opened.overlay.parts),
            "cells_cleared": outcome.cells,
            "cells_cleared_in_base": outcome.base_cells,
            "rows_removed": outcome.rows_removed,
            "rows": outcome.rows,
            "bytes_before": opened.overlay.size_bytes,
            "bytes": part.size_bytes() if part is not None else opened.overlay.size_bytes,
        },
        new_base=bool(outcome.base_cells),
    )
    return replace(
        outcome,
        part=part.relative if part is not None and part.rows else None,
        archived=archived,
        snapshot=snapshot,
        event=event,
    )


class _Clearing:
    """Sets cells to null, those of the overlay first, and counts."""

    def __init__(self, opened: OpenNamespace, registry: Registry, options: ClearOptions) -> None:
        entry = registry.namespace(options.namespace)
        self._opened, self._options = opened, options
        self._names = tuple(dict.fromkeys(entry.column(name).name for name in options.columns))
        self._in_base = [name for name in self._names if name in opened.base.schema.names]
        self.kinds = registered_columns(opened.overlay, registry)
        self._places: npt.NDArray[np.int64] | None = None
        self._attached = {name: np.zeros(opened.base.rows, np.bool_) for name in self._in_base}
        self.cells = self.base_cells = self._removed = self._rows = 0

    def batches(self, fold: OverlayFold, progress: Callable[[int], None] | None) -> Iterator[FoldedRows]:
        """Yield what is left of the overlay, row by row in order; to be gone through before the base."""
        self._places = None if self._options.ids is None else _places_of(fold, self._options)
        for rows in fold.batches(progress):
            yield self._without(rows, self._chosen(rows.positions))

    def count_in_base(self) -> None:
        """Count the materialized values that are to be unset, and those among them that readers saw."""
        if not self._in_base:
            return
        kinds = {name: plain_type(self._opened.base.schema.field(name).type) for name in self._in_base}
        for window in base_windows(self._opened.base, [BaseColumn(name, kind) for name, kind in kinds.items()]):
            chosen = self._chosen(np.arange(window.start, window.stop, dtype=np.int64))
            for name in self._in_base:
                there = valid_mask(window.columns[name]) & chosen
                self.base_cells += int(np.count_nonzero(there))
                self.cells += int(np.count_nonzero(there & ~self._attached[name][window.start : window.stop]))

    def base_batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the base with those values unset."""
        for first, batch in checked_batches(self._opened.base):
            chosen = self._chosen(np.arange(first, first + batch.num_rows, dtype=np.int64))
            arrays = {name: batch.column(name) for name in batch.schema.names}
            arrays |= {name: only_where(arrays[name], ~chosen) for name in self._in_base}
            yield pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))

    def outcome(self) -> ClearOutcome:
        return ClearOutcome(
            namespace=self._options.namespace,
            columns=self._names,
            cells=self.cells,
            base_cells=self.base_cells,
            rows_removed=self._removed,
            rows=self._rows,
        )

    def _chosen(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if self._places is None or not len(positions):
            return np.ones(len(positions), np.bool_)
        low, high = np.searchsorted(self._places, (positions[0], positions[-1] + 1))
        return np.isin(positions, self._places[low:high], assume_unique=True)

    def _without(self, rows: FoldedRows, chosen: npt.NDArray[np.bool_]) -> FoldedRows:
        columns = []
        left = np.zeros(len(chosen), np.bool_)
        for name, column in zip(self.kinds, rows.columns, strict=True):
            values = column
            if name in self._names:
                there = valid_mask(column) & chosen
                self.cells += int(np.count_nonzero(there))
                if name in self._attached:
                    of_records = there & (rows.positions < self._opened.base.rows)
                    self._attached[name][rows.positions[of_records]] = True
                values = only_where(column, ~chosen)
            left |= valid_mask(values)
            columns.append(values)
        # A key that had no value before says as little as one that has none now.
        keep = left | ~chosen
        self._removed += int(np.count_nonzero(~keep))
        self._rows += int(np.count_nonzero(keep))
        if keep.all():
            return FoldedRows(rows.positions, rows.ids, tuple(columns))
        kept = boolean_array(keep)
        return FoldedRows(rows.positions[keep], rows.ids.filter(kept), tuple(column.filter(kept) for column in columns))


def _places_of(fold: OverlayFold, options: ClearOptions) -> npt.NDArray[np.int64]:
    ids = list(dict.fromkeys(options.ids or ()))
    places = fold.find(text_array(ids))
    unknown = np.flatnonzero(places < 0)
    if len(unknown):
        raise IdsUnknown(value=ids[int(unknown[0])], namespace=options.namespace, count=len(unknown))
    return distinct(places)
