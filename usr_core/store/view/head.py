"""A few rows of a view: from a few pages of the base, and point lookups in the overlays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import conform
from usr_core.records.masks import valid_mask
from usr_core.registry.document import TOMBSTONE_NAMESPACE
from usr_core.roots.layout import RECORDS
from usr_core.store.base.pages import FilePages
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseColumnHasNulls, BaseUnreadable
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.view.contributions import pick_rows
from usr_core.store.view.places import ViewPlaces
from usr_core.store.view.points import PointRows, merge_points
from usr_core.store.view.schema import ViewColumn, optional_base_columns, schema_of

__all__ = ["PointReader"]

_MOST_POINTS = 4_096
"""Up to so many base rows are looked up one by one; more are merged in windows."""

_BUFFERED = 64 << 10
_BATCH = 1_024
_FAR = 8_192
"""Rows of a batch where those that are wanted may lie far inside a row group."""
_DELETED = "usr__deleted"


class PointReader:
    """Reads the first rows of a view, or single ones; its cost grows with the number of parts, not with the base."""

    def __init__(self, base: OpenParquet, overlays: Mapping[str, NamespaceOverlay], places: ViewPlaces) -> None:
        self._base = base
        self._overlays = overlays
        self._places = places
        self._optional = optional_base_columns(base.schema)

    def head(self, n: int, chosen: Sequence[ViewColumn], *, include_deleted: bool) -> pa.Table | None:
        """Return the first `n` rows that are shown, or None where that takes more than a few lookups.

        That is so for many rows, for a part keyed by ``sequence_ci`` (which needs all records' keys), and
        where far more rows than `n` at the beginning are deleted.
        """
        tombstones = None if include_deleted else self._overlays.get(TOMBSTONE_NAMESPACE)
        wanted = _by_namespace(chosen)
        involved = [self._overlays[name] for name in wanted] + ([tombstones] if tombstones else [])
        keys = {part.key for overlay in involved for part in overlay.parts}
        if n > _MOST_POINTS or "sequence_ci" in keys:
            return None
        by_sequence = sorted(keys - {"id"})
        bio_type = self._places.bio_type(by_sequence[0]) if by_sequence and n else None
        for tried in (n, min(_MOST_POINTS, 16 * n + _BATCH)):
            base = self._first_rows(tried, chosen)
            points = PointRows(base["id"], bio_type=bio_type)
            live = np.arange(len(points))
            if tombstones is not None and len(points):
                flags = merge_points(tombstones, {_DELETED: pa.bool_()}, points, {})[_DELETED]
                live = np.array([row for row, flag in enumerate(flags.to_pylist()) if not flag], np.int64)
            if len(live) >= n or len(points) == self._base.rows:
                return self._table(chosen, wanted, base, live[:n], bio_type)
            if tombstones is None:
                break
        return None

    def rows_at(self, rows: npt.NDArray[np.int64], chosen: Sequence[ViewColumn]) -> pa.Table | None:
        """Return single rows, or None where that takes more than a few lookups (see `head`).

        Args:
            rows: Numbers of base rows, ascending, each once.
            chosen: The columns.
        """
        wanted = _by_namespace(chosen)
        keys = {part.key for name in wanted for part in self._overlays[name].parts}
        if len(rows) > _MOST_POINTS or "sequence_ci" in keys:
            return None
        by_sequence = sorted(keys - {"id"})
        bio_type = self._places.bio_type(by_sequence[0]) if by_sequence and len(rows) else None
        return self._table(chosen, wanted, self._base_rows(rows, chosen), np.arange(len(rows)), bio_type)

    def _table(
        self,
        chosen: Sequence[ViewColumn],
        wanted: Mapping[str, Mapping[str, pa.DataType]],
        base: Mapping[str, pa.Array],
        live: np.ndarray[tuple[int], np.dtype[np.int64]],
        bio_type: str | None,
    ) -> pa.Table:
        values = {name: pick_rows(array, live) for name, array in base.items()}
        if len(live):
            points = PointRows(values["id"], bio_type=bio_type)
            for namespace, kinds in wanted.items():
                below = {name: values[name] for name in kinds if name in values}
                values.update(merge_points(self._overlays[namespace], kinds, points, below))
        arrays = [
            values[column.name] if column.name in values else pa.nulls(len(live), column.field.type)
            for column in chosen
        ]
        return pa.Table.from_arrays(arrays, schema=schema_of(chosen))

    def _base_rows(self, rows: npt.NDArray[np.int64], chosen: Sequence[ViewColumn]) -> dict[str, pa.Array]:
        kinds = {"id": pa.string()} | {column.name: column.field.type for column in chosen if column.in_base}
        pieces: dict[str, list[pa.Array]] = {name: [] for name in kinds}
        metadata = self._base.file.metadata
        starts = np.cumsum([0, *(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))])
        stored = {name: self._base.schema.field(name).type for name in kinds}
        pages = FilePages(self._base)
        try:
            for group in sorted(set((np.searchsorted(starts, rows, side="right") - 1).tolist())):
                inside = rows[(rows >= starts[group]) & (rows < starts[group + 1])] - starts[group]
                found = pages.rows(group, inside, stored)
                if found is not None:
                    for name, kind in kinds.items():
                        pieces[name].append(conform(found[name], kind))
                    continue
                done = left = 0
                reader = self._base.reader(buffered=_BUFFERED)
                for batch in reader.iter_batches(_FAR, row_groups=[group], columns=list(kinds), use_threads=False):
                    right = int(np.searchsorted(inside, done + len(batch)))
                    if right > left:
                        for name, kind in kinds.items():
                            values = conform(batch.column(name), kind)
                            pieces[name].append(pick_rows(values, inside[left:right] - done))
                    done, left = done + len(batch), right
                    if left == len(inside):
                        break
        except (pa.ArrowException, OSError) as error:
            raise BaseUnreadable(self._base.path, error) from error
        return {
            name: pa.concat_arrays(arrays) if arrays else pa.nulls(0, kinds[name]) for name, arrays in pieces.items()
        }

    def _first_rows(self, rows: int, chosen: Sequence[ViewColumn]) -> dict[str, pa.Array]:
        kinds = {"id": pa.string()} | {column.name: column.field.type for column in chosen if column.in_base}
        pieces: dict[str, list[pa.Array]] = {name: [] for name in kinds}
        reader, left = self._base.reader(buffered=_BUFFERED), rows
        try:
            batches = reader.iter_batches(min(max(rows, 1), _BATCH), columns=list(kinds), use_threads=False)
            while left > 0 and (batch := next(batches, None)) is not None:
                for name, kind in kinds.items():
                    pieces[name].append(conform(batch.column(name).slice(0, left), kind))
                left -= len(batch)
        except (pa.ArrowException, OSError) as error:
            raise BaseUnreadable(self._base.path, error) from error
        found = {
            name: pa.concat_arrays(arrays) if arrays else pa.nulls(0, kinds[name]) for name, arrays in pieces.items()
        }
        self._refuse_nulls(found, np.arange(rows))
        return found

    def _refuse_nulls(self, found: Mapping[str, pa.Array], rows: npt.NDArray[np.int64]) -> None:
        for name in self._optional & found.keys():
            if found[name].null_count:
                at = valid_mask(found[name]).argmin()
                raise BaseColumnHasNulls(column=name, file=RECORDS, row=int(rows[at]) + 1)


def _by_namespace(chosen: Sequence[ViewColumn]) -> dict[str, dict[str, pa.DataType]]:
    """Return the names and types of the columns that overlays have, by namespace."""
    wanted: dict[str, dict[str, pa.DataType]] = {}
    for column in chosen:
        if column.namespace is not None:
            wanted.setdefault(column.namespace, {})[column.name] = column.field.type
    return wanted
