"""The rows of a merge of two datasets: the destination's, filled from duplicates, and the source's new ones."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.alphabets import OWN_ALPHABETS, KnownAlphabets
from usr_core.records.arrays import boolean_array, fixed_values
from usr_core.records.base_schema import BASE_COLUMNS, BASE_FIELDS
from usr_core.records.bulk_ids import IdHasher
from usr_core.store.base.rewrite import checked_batches
from usr_core.store.changes.errors import SourceLengthDiffers
from usr_core.store.changes.merge_datasets.cells import CellTally, taken_cells
from usr_core.store.changes.merge_datasets.columns import MergedColumns, TakenColumn
from usr_core.store.changes.merge_datasets.fates import Fate, SourceFates
from usr_core.store.changes.merge_datasets.files import MergeFiles
from usr_core.store.changes.merge_datasets.view import OrderedRows, OverlayValues, overlaid
from usr_core.store.ids.row_numbers import any_valid, only_where, row_numbers, valid_mask
from usr_core.store.rules.record import CHECKED_COLUMNS
from usr_core.store.rules.rows import ImportDefaults, RowReader
from usr_core.store.view.places import ViewPlaces

__all__ = ["MergedRows", "Override", "SourceValues", "Take"]

_AS_GIVEN = {field.name: field.type for field in BASE_FIELDS if field.name not in CHECKED_COLUMNS}

Take = Literal["none", "over", "under"]
Rows = npt.NDArray[np.int64]


class SourceValues:
    """The source's materialized columns as its view shows them, for the batches of its base from the first one on."""

    def __init__(self, source: MergeFiles, columns: Sequence[TakenColumn]) -> None:
        self._columns = columns
        kinds = {column.name: column.source for column in columns}
        self._overlays = OverlayValues(source.attached, kinds, ViewPlaces(source.base).placements)
        self._label = source.label

    def converted(self, first: int, batch: pa.RecordBatch, chosen: npt.NDArray[np.bool_]) -> dict[str, pa.Array]:
        """Return the values of the `chosen` rows of a batch, with the destination's types.

        Raises:
            MergeTypesDiffer: A value would not survive the cast; its row is named.
        """
        above = self._overlays.window(first, first + batch.num_rows)
        rows = np.flatnonzero(chosen)
        found = {}
        for column in self._columns:
            shown = overlaid(batch.column(column.name), above.get(column.name), column.source, batch.num_rows)
            if len(rows) < batch.num_rows:
                shown = shown.take(row_numbers(rows))
            found[column.name] = column.converted(shown, label=self._label, rows=first + rows)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Values that have to be in an overlay, because what is there would hide them in the base.

    Attributes:
        places: Rows of the result, ascending.
        ids: Their ids.
        columns: Values by column; null where none is needed.
    """

    places: Rows
    ids: pa.Array
    columns: Mapping[str, pa.Array]


class MergedRows:
    """The rows of the result: first `filled`, or nothing of the destination's rows at all, then `new`.

    Args:
        destination, source: The two sides.
        columns: The columns of the result.
        fates: What becomes of the source's rows.
        overlays: What overlays of the destination have for the rows of the result.
        take: Which values duplicates get from the source: none, all that it has (``over``), or those that the
            destination does not show (``under``).
        filled_columns: The columns in which duplicates get values.
        override: Called with values that overlays of the destination would hide.
        tally: Counts the values of duplicates that change, and those that differ from the source's and stay.
        known: The alphabets that there are.
    """

    def __init__(
        self,
        destination: MergeFiles,
        source: MergeFiles,
        columns: MergedColumns,
        fates: SourceFates,
        *,
        overlays: OverlayValues,
        take: Take,
        filled_columns: Collection[str],
        override: Callable[[Override], None],
        tally: CellTally,
        known: KnownAlphabets = OWN_ALPHABETS,
    ) -> None:
        self._destination, self._source, self._columns, self._fates = destination, source, columns, fates
        self._overlays, self._take, self._override, self._tally = overlays, take, override, tally
        self._filled = frozenset(filled_columns)
        self._known = known
        # Values of a type that is not the destination's are converted only where they are taken.
        self._met = [one for one in columns.taken if one.name in self._filled or one.source.equals(one.kind)]

    def filled(self, scratch: Path) -> Iterator[pa.RecordBatch]:
        """Yield the destination's rows in their order, all columns of the result by name, values of duplicates in them.

        Args:
            scratch: A file that may be made meanwhile.

        Raises:
            MergeTypesDiffer: A value of the source would not survive the cast; its row is named.
            BaseColumnHasNulls, BaseUnreadable, OverlayUnreadable, OverlayKeyFault: A file is damaged.
        """
        kinds = {column.name: column.kind for column in self._met}
        duplicate = self._fates.fates == Fate.DUPLICATE
        with OrderedRows(scratch, kinds, highest=self._destination.base.rows) as ordered:
            if kinds and duplicate.any():
                values = SourceValues(self._source, self._met)
                for first, batch in checked_batches(self._source.base, label=self._source.label):
                    mine = duplicate[first : first + batch.num_rows]
                    if mine.any():
                        places = self._fates.places[first : first + batch.num_rows][mine]
                        ordered.add(values.converted(first, batch, mine), places)
            theirs = ordered.merge()
            for first, batch in checked_batches(self._destination.base, label=self._destination.label):
                yield self._with(batch, first, theirs.window(first, first + batch.num_rows, {}))

    def new(self) -> Iterator[pa.RecordBatch]:
        """Yield the source's new records, in order, with the destination's types.

        Every record of the source is checked as an import checks it: letters, kinds, lengths, recomputed ids.

        Raises:
            ImportCellError, UnknownBioType, UnknownAlphabet, AlphabetMismatch: A record breaks a rule; row 1 is the
                first.
            SourceLengthDiffers, BaseColumnHasNulls, BaseUnreadable: The source is damaged.
            MergeTypesDiffer: A value of a materialized column would not survive the cast.
        """
        source, values = self._source, SourceValues(self._source, self._columns.taken)
        # No record takes a default: all seven columns are there and hold no null.
        defaults = ImportDefaults(
            bio_type="dna", alphabet="dna_4", source=source.label, created_at_us=0, known=self._known
        )
        with IdHasher() as hasher:
            reader = RowReader(label=source.label, defaults=defaults, hasher=hasher)
            for first, batch in checked_batches(source.base, label=source.label):
                records = reader.read(batch.select([name for name in BASE_COLUMNS if name != "length"]))
                _check_lengths(source.label, first, batch.column("length"), records.column("length"))
                new = self._fates.fates[first : first + batch.num_rows] == Fate.NEW
                if not new.any():
                    continue
                kept = boolean_array(new)
                some = batch if new.all() else batch.filter(kept)
                # Checked and normalized ones; an empty source is one too, and a created_at is kept to the digit.
                arrays = {name: records.column(name).filter(kept) for name in CHECKED_COLUMNS}
                arrays |= {name: some.column(name).cast(kind) for name, kind in _AS_GIVEN.items()}
                arrays |= values.converted(first, batch, new)
                self._unhide(arrays, self._fates.places[first : first + batch.num_rows][new])
                yield _batch(arrays)

    def _with(self, batch: pa.RecordBatch, first: int, found: Mapping[str, pa.Array]) -> pa.RecordBatch:
        arrays = {name: batch.column(name) for name in batch.schema.names}
        width = batch.num_rows
        rows = np.arange(first, first + width, dtype=np.int64)
        above = self._overlays.window(first, first + width)
        hidden: dict[str, pa.Array] = {}
        for column in self._columns.taken:
            name = column.name
            ours, over = arrays.get(name), above.get(name)
            if name not in found:
                arrays[name] = overlaid(ours, None, column.kind, width)
                continue
            theirs = found[name]
            shown = overlaid(ours, over, column.kind, width)
            taken = taken_cells(shown, theirs, over=self._take == "over") & (name in self._filled)
            self._tally.keep(shown, theirs, taken=taken)
            self._tally.add(name, taken, rows=rows, ids=batch.column("id"), before=shown, after=theirs)
            arrays[name] = overlaid(ours, only_where(theirs, taken), column.kind, width)
            if over is not None and (taken & valid_mask(over)).any():
                hidden[name] = only_where(theirs, taken & valid_mask(over))
        self._override_where_needed(hidden, batch.column("id"), rows)
        return _batch(arrays)

    def _unhide(self, arrays: Mapping[str, pa.Array], places: Rows) -> None:
        """See to it that a new record shows what it shows in the source, and not values kept for an earlier one."""
        if not self._columns.taken:
            return
        above = self._overlays.window(int(places[0]), int(places[-1]) + 1)
        hidden = {
            name: only_where(arrays[name], taken)
            for name, over in above.items()
            if (taken := taken_cells(over, arrays[name], over=True) & valid_mask(over)).any()
        }
        self._override_where_needed(hidden, arrays["id"], places)

    def _override_where_needed(self, hidden: Mapping[str, pa.Array], ids: pa.Array, places: Rows) -> None:
        if not hidden:
            return
        keep = any_valid(hidden.values())
        numbers = row_numbers(np.flatnonzero(keep))
        self._override(
            Override(
                places=places[keep],
                ids=ids.take(numbers),
                columns={name: values.take(numbers) for name, values in hidden.items()},
            )
        )


def _batch(arrays: Mapping[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def _check_lengths(label: str, first: int, given: pa.Array, found: pa.Array) -> None:
    theirs, ours = fixed_values(given), fixed_values(found)
    wrong = np.flatnonzero(theirs != ours)
    if len(wrong):
        at = int(wrong[0])
        raise SourceLengthDiffers(file=label, row=first + at + 1, value=int(theirs[at]), length=int(ours[at]))
