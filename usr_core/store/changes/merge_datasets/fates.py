"""What becomes of each record of a source in a merge of two datasets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.records.bulk_ids import IdHasher
from usr_core.records.masks import valid_mask
from usr_core.store.base.rewrite import letter_case
from usr_core.store.changes.merge_datasets.files import MergeFiles
from usr_core.store.errors import BaseColumnHasNulls, BaseUnreadable
from usr_core.store.ids.keys import base_index, open_key_index
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.view.places import ViewPlaces

__all__ = ["Fate", "SourceFates", "decide_fates"]

_ROWS = 32_768


class Fate(IntEnum):
    """What becomes of one record of the source."""

    NEW = 0
    DUPLICATE = 1
    CASE_VARIANT = 2
    DELETED = 3


@dataclass(frozen=True, slots=True)
class SourceFates:
    """The fate of every row of the source.

    Attributes:
        fates: A `Fate` for each row, int8.
        places: The row of the destination afterwards, int64; -1 for rows that are not there: duplicates have
            that of the record which is there already, new ones follow the destination's rows in their order.
    """

    fates: npt.NDArray[np.int8]
    places: npt.NDArray[np.int64]

    def count(self, fate: Fate) -> int:
        """Return how many rows have this fate."""
        return int(np.count_nonzero(self.fates == fate))

    def rows(self, fate: Fate) -> npt.NDArray[np.int64]:
        """Return the rows that have this fate, ascending."""
        return np.flatnonzero(self.fates == fate)


def decide_fates(destination: MergeFiles, source: MergeFiles, *, avoid_case_variants: bool) -> SourceFates:
    """Compare the source's records with the destination's.

    Deleted records of the source are left out; a record whose id is in the destination, deleted there or not, is
    a duplicate. Of the others, one that differs from a live record of the destination, or from an earlier one that
    is added, only in the case of its letters is a case variant, if those are to be avoided.

    Raises:
        BaseKeysNotUnique: One of the bases has an id twice.
        BaseColumnHasNulls, BaseUnreadable: One of them is damaged.

    Memory: 28 bytes a row of the destination, 65 a row of the source.
    """
    index = open_key_index(destination.base.reader(), "id", ids=base_index(destination.base)).index
    open_key_index(source.base.reader(), "id", ids=base_index(source.base))
    places = np.full(source.base.rows, -1, np.int64)
    start = 0
    for batch in _batches(source, ["id"]):
        places[start : start + batch.num_rows] = index.positions(batch.column(0))
        start += batch.num_rows
    fates = np.where(places >= 0, Fate.DUPLICATE, Fate.NEW).astype(np.int8)
    deleted = ViewPlaces(source.base).deleted(source.tombstones)
    fates[deleted] = Fate.DELETED
    places[deleted] = -1
    if avoid_case_variants and not _one_case(destination, source):
        fates[_case_variants(destination, source, fates == Fate.NEW)] = Fate.CASE_VARIANT
    new = fates == Fate.NEW
    places[new] = destination.base.rows + np.arange(int(np.count_nonzero(new)))
    return SourceFates(fates, places)


def _one_case(destination: MergeFiles, source: MergeFiles) -> bool:
    """Tell whether all letters of both are known to have one case; the footers of imported bases say so."""
    cases = {letter_case(files.base) for files in (destination, source) if files.base.rows}
    return len(cases) <= 1 and None not in cases


def _case_variants(destination: MergeFiles, source: MergeFiles, new: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the rows of the source, among the `new` ones, that only differ in case from what is or comes before."""
    rows = np.flatnonzero(new)
    if not len(rows):
        return rows
    with IdHasher() as hasher:
        index = BaseIndex.from_ids(_folded(source, hasher, new))
        variant = np.zeros(len(rows), np.bool_)
        variant[index.duplicates().rows] = True
        live = np.ones(destination.base.rows, np.bool_)
        live[ViewPlaces(destination.base).deleted(destination.tombstones)] = False
        for ids in _folded(destination, hasher, live):
            hits = index.positions(ids)
            variant[hits[hits >= 0]] = True
    return rows[variant]


def _folded(files: MergeFiles, hasher: IdHasher, wanted: npt.NDArray[np.bool_]) -> Iterator[pa.Array]:
    """Yield the ids that the wanted rows would have if every sequence were in upper case."""
    import pyarrow.compute as pc

    start = 0
    for batch in _batches(files, ["bio_type", "sequence"]):
        mine = wanted[start : start + batch.num_rows]
        for name in ("bio_type", "sequence"):
            if batch.column(name).null_count:
                at = int(valid_mask(batch.column(name)).argmin())
                raise BaseColumnHasNulls(column=name, file=files.label, row=start + at + 1)
        start += batch.num_rows
        if mine.any():
            some = batch.filter(boolean_array(mine))
            kinds, sequences = (some.column(name).cast(pa.string()) for name in ("bio_type", "sequence"))
            yield hasher.ids(kinds, pc.ascii_upper(sequences))


def _batches(files: MergeFiles, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from files.base.reader().iter_batches(_ROWS, columns=columns, use_threads=True)
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(files.base.path, error) from error
