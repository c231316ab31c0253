"""Clearing: unset values of an overlay. A null hides nothing, so this rewrites the namespace's parts as one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.records.arrays import boolean_array, text_array
from usr_core.registry.document import Registry
from usr_core.registry.store import load_registry
from usr_core.store.index.row_numbers import row_numbers, valid_mask
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.store.overlay.fold import FoldedRows, OverlayFold
from usr_core.store.overlay.open_namespace import OpenNamespace, refuse_reserved, registered_columns
from usr_core.store.overlay.publishing import keep_clock_after
from usr_core.store.overlay.single_part import SinglePart
from usr_core.store.upkeep.errors import ColumnMaterialized, IdsUnknown

__all__ = ["ClearOptions", "ClearOutcome", "clear_overlay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearOptions:
    """What is unset.

    Attributes:
        namespace: A registered namespace, not a reserved one.
        columns: At least one of its columns, with or without the prefix.
        ids: The records whose values are unset; None is all of them.
        dry_run: Count, and change nothing.
    """

    namespace: str
    columns: tuple[str, ...]
    ids: tuple[str, ...] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearOutcome:
    """What was unset, or would be.

    Attributes:
        columns: Full names of the columns.
        cells: Values unset: as merged, so a value that is hidden by a newer one is not counted.
        rows_removed: Keys that had no other value and are gone from the overlay.
        rows: Keys that are left in it.
        part: The new file; None in a dry run, where nothing was to be unset, and where nothing is left.
        archived: The folder that holds the old files.
        event: None where nothing was changed.
    """

    namespace: str
    columns: tuple[str, ...]
    cells: int
    rows_removed: int
    rows: int
    part: str | None = None
    archived: str | None = None
    event: dict[str, Any] | None = None


def clear_overlay(site: Site, options: ClearOptions, *, progress: Callable[[int], None] | None = None) -> ClearOutcome:
    """Unset values of some columns, for some records or for all, and archive the files that held them.

    The namespace becomes one part, compacted as `compact_overlay` does it; keys without any value left vanish.

    Raises:
        NamespaceReservedHere: The namespace is USR's own.
        NoSuchOverlay: It has no overlay here.
        NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The registry lacks a name or a type.
        ColumnMaterialized: A column is in the base too, whose values no overlay can unset.
        IdsUnknown: An id belongs to nothing here.
        OverlayKeysUnresolved, OverlayKeyFault: A part's keys do not tell ids.
    """
    refuse_reserved(options.namespace, "overlay-clear")

    def open_files(tree: FileTree) -> OpenNamespace:
        return OpenNamespace.open(tree, options.namespace)

    if options.dry_run:
        registry = load_registry(site.ref.root)
        with read_consistent(site.ref.path, open_files) as opened, tempfile.TemporaryDirectory() as place:
            cleared = _cleared_columns(registry, opened, options.columns)
            kinds = registered_columns(opened.overlay, registry)
            with OverlayFold(opened, kinds, scratch=Path(place) / "fold") as fold:
                clearing = _Clearing(fold, kinds, cleared, options)
                for _ in clearing.batches(progress):
                    pass
            return clearing.outcome()
    with mutate(site, "clear_overlay") as mutation, open_files(mutation.txn.tree) as opened:
        cleared = _cleared_columns(mutation.registry, opened, options.columns)
        kinds = registered_columns(opened.overlay, mutation.registry)
        keep_clock_after(mutation, opened.overlay)
        part = SinglePart(mutation, opened, kinds)
        with OverlayFold(opened, kinds, scratch=part.scratch) as fold:
            clearing = _Clearing(fold, kinds, cleared, options)
            part.write(clearing.batches(progress), at_most=fold.rows)
        if not clearing.cells:
            part.discard()
            return clearing.outcome()
        return _replace(mutation, opened, part, clearing.outcome(), options)


def _replace(
    mutation: Mutation, opened: OpenNamespace, part: SinglePart, outcome: ClearOutcome, options: ClearOptions
) -> ClearOutcome:
    archived = part.replace(archive=True)
    event = mutation.finish(
        base=mutation.base_facts(),
        args={
            "namespace": outcome.namespace,
            "columns": list(outcome.columns),
            "ids": None if options.ids is None else len(options.ids),
        },
        metrics={
            "parts": len(opened.overlay.parts),
            "cells_cleared": outcome.cells,
            "rows_removed": outcome.rows_removed,
            "rows": outcome.rows,
            "bytes_before": opened.overlay.size_bytes,
            "bytes": part.size_bytes(),
        },
    )
    return replace(outcome, part=part.relative if part.rows else None, archived=archived, event=event)


class _Clearing:
    """Sets cells of a fold to null, and counts."""

    def __init__(
        self, fold: OverlayFold, kinds: Mapping[str, pa.DataType], cleared: Sequence[str], options: ClearOptions
    ) -> None:
        self._fold, self._kinds, self._options = fold, kinds, options
        self._names = tuple(cleared)
        self._places = None if options.ids is None else _places_of(fold, options)
        self.cells = self._removed = self._rows = 0

    def batches(self, progress: Callable[[int], None] | None) -> Iterator[FoldedRows]:
        """Yield what is left, row by row in order."""
        for rows in self._fold.batches(progress):
            yield self._without(rows, self._chosen(rows.positions))

    def outcome(self) -> ClearOutcome:
        return ClearOutcome(
            namespace=self._options.namespace,
            columns=self._names,
            cells=self.cells,
            rows_removed=self._removed,
            rows=self._rows,
        )

    def _chosen(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if self._places is None:
            return np.ones(len(positions), np.bool_)
        low, high = np.searchsorted(self._places, (positions[0], positions[-1] + 1))
        return np.isin(positions, self._places[low:high], assume_unique=True)

    def _without(self, rows: FoldedRows, chosen: npt.NDArray[np.bool_]) -> FoldedRows:
        columns = []
        left = np.zeros(len(chosen), np.bool_)
        for (name, kind), column in zip(self._kinds.items(), rows.columns, strict=True):
            values = column
            if name in self._names:
                self.cells += int(np.count_nonzero(valid_mask(column) & chosen))
                # Taking nothing gives null, for nested types too.
                numbers = row_numbers(np.arange(len(column)), hidden=chosen)
                values = pa.nulls(len(column), kind) if chosen.all() else column.take(numbers)
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
        raise IdsUnknown(ids[int(unknown[0])], namespace=options.namespace, count=len(unknown))
    return np.unique(places)


def _cleared_columns(registry: Registry, opened: OpenNamespace, columns: Sequence[str]) -> list[str]:
    entry = registry.namespace(opened.overlay.namespace)
    names = list(dict.fromkeys(entry.column(name).name for name in columns))
    for name in names:
        if name in opened.base.schema.names:
            raise ColumnMaterialized(name)
    return names
