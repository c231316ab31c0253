"""The rows of a merge of two datasets: the destination's, filled from duplicates, and the source's new ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.records.base_schema import BASE_COLUMNS, BASE_FIELDS
from usr_core.records.bulk_ids import IdHasher
from usr_core.store.base.rewrite import checked_batches
from usr_core.store.incoming.rows import ImportDefaults, RowReader
from usr_core.store.index.row_numbers import valid_mask
from usr_core.store.merge.columns import Contribution, merge_column
from usr_core.store.merge.namespace_merge import NamespaceMerge
from usr_core.store.merge.placement import Placement
from usr_core.store.merge.types import conform
from usr_core.store.overlay.ordered_part import part_in_order
from usr_core.store.overlay.parts import OverlayPart
from usr_core.store.upkeep.errors import SourceLengthDiffers
from usr_core.store.upkeep.merge_columns import MergedColumns
from usr_core.store.upkeep.merge_fates import Fate, SourceFates
from usr_core.store.upkeep.merge_files import MergeFiles

__all__ = ["FilledRows", "new_rows"]

_CHECKED = ("id", "bio_type", "sequence", "alphabet", "length")
_AS_GIVEN = {field.name: field.type for field in BASE_FIELDS if field.name not in _CHECKED}


def new_rows(source: MergeFiles, columns: MergedColumns, fates: SourceFates) -> Iterator[pa.RecordBatch]:
    """Yield the source's new records, in order, with the destination's types.

    Every record of the source is checked as an import checks it: letters, kinds, lengths, recomputed ids.

    Raises:
        ImportCellError, UnknownBioType, UnknownAlphabet, AlphabetMismatch: A record breaks a rule; row 1 is the first.
        SourceLengthDiffers, BaseColumnHasNulls, BaseUnreadable: The source is damaged.
        MergeTypesDiffer: A value of a materialized column would not survive the cast.
    """
    # No record takes a default: all seven columns are there and hold no null.
    defaults = ImportDefaults(bio_type="dna", alphabet="dna_4", source=source.label, created_at_us=0)
    with IdHasher() as hasher:
        reader = RowReader(label=source.label, defaults=defaults, hasher=hasher)
        for first, batch in checked_batches(source.base, label=source.label):
            records = reader.read(batch.select(list(BASE_COLUMNS)))
            _check_lengths(source.label, first, batch.column("length"), records.column("length"))
            new = fates.fates[first : first + batch.num_rows] == Fate.NEW
            if not new.any():
                continue
            kept = boolean_array(new)
            rows = first + np.flatnonzero(new)
            some = batch if new.all() else batch.filter(kept)
            # Checked and normalized ones; an empty source is one too, and a created_at is kept to the digit.
            arrays = {name: records.column(name).filter(kept) for name in _CHECKED}
            arrays |= {name: some.column(name).cast(kind) for name, kind in _AS_GIVEN.items()}
            arrays |= {
                column.name: column.converted(some.column(column.name), label=source.label, rows=rows)
                for column in columns.taken
            }
            yield _batch(arrays)


class FilledRows:
    """The destination's rows, with materialized values of the source's duplicates in them.

    Args:
        destination, source: The two sides.
        columns: The columns of the result.
        fates: What becomes of the source's rows.
        take: Which values duplicates get from the source: none, all it has (``over``), or those that are null
            in the destination (``under``).
        scratch: A file that may be made meanwhile.

    Attributes:
        cells: How many values were taken from the source so far.
    """

    def __init__(
        self,
        destination: MergeFiles,
        source: MergeFiles,
        columns: MergedColumns,
        fates: SourceFates,
        *,
        take: Literal["none", "over", "under"],
        scratch: Path,
    ) -> None:
        self._destination, self._source, self._columns = destination, source, columns
        self._over, self._scratch = take == "over", scratch
        duplicates = (fates.fates == Fate.DUPLICATE) & (take != "none")
        self._places = np.where(duplicates, fates.places, -1)
        self.cells = 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the destination's order, all columns of the result by name; once.

        Raises:
            MergeTypesDiffer: A value of the source would not survive the cast; its row is named.
            BaseColumnHasNulls, BaseUnreadable, OverlayUnreadable: A base is damaged.
        """
        placed, order = self._placed()
        try:
            merge = NamespaceMerge([placed], {column.name: column.source for column in self._columns.taken})
            for first, batch in checked_batches(self._destination.base, label=self._destination.label):
                found = merge.window(first, first + batch.num_rows, {})
                yield self._filled(batch, found, order[first : first + batch.num_rows])
        finally:
            if placed.part.source is not self._source.base:
                placed.part.source.close()
                placed.part.path.unlink(missing_ok=True)

    def _filled(self, batch: pa.RecordBatch, found: dict[str, pa.Array], rows: npt.NDArray[np.int64]) -> pa.RecordBatch:
        arrays = {name: batch.column(name) for name in batch.schema.names}
        width = batch.num_rows
        for column in self._columns.taken:
            theirs = column.converted(found[column.name], label=self._source.label, rows=rows)
            there = column.name in arrays
            ours = conform(arrays[column.name], column.kind) if there else pa.nulls(width, column.kind)
            both = [Contribution(slice(0, width), ours), Contribution(slice(0, width), theirs)]
            arrays[column.name] = merge_column(column.kind, width, both if self._over else both[::-1])
            taken = valid_mask(theirs) if self._over else valid_mask(theirs) & ~valid_mask(ours)
            self.cells += int(np.count_nonzero(taken))
        return _batch(arrays)

    def _placed(self) -> tuple[Placement, npt.NDArray[np.int64]]:
        """Return where the source's duplicates stand in the destination, and for each of its rows the source's row."""
        rows = np.flatnonzero(self._places >= 0)
        positions = self._places[rows]
        order = np.zeros(self._destination.base.rows, np.int64)
        order[positions] = rows
        part = OverlayPart(
            relative=self._source.label,
            namespace="",
            source=self._source.base,
            key="id",
            created_at_us=0,
            metadata={},
            columns=tuple(self._source.base.schema.field(column.name) for column in self._columns.taken),
        )
        if bool(np.all(positions[1:] > positions[:-1])):
            return Placement(part=part, positions=positions.astype(np.int32), rows=rows.astype(np.int32)), order
        names = [column.name for column in self._columns.taken]
        placed = part_in_order(part, names, self._places, self._scratch)
        return placed, order


def _batch(arrays: Mapping[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def _check_lengths(label: str, first: int, given: pa.Array, found: pa.Array) -> None:
    theirs, ours = given.to_numpy(zero_copy_only=False), found.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(theirs != ours)
    if len(wrong):
        at = int(wrong[0])
        raise SourceLengthDiffers(label, row=first + at + 1, value=int(theirs[at]), length=int(ours[at]))
