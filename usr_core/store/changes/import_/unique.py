"""Duplicates among imported rows, and between them and the base they are added to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from usr_core.records.bulk_ids import id_words
from usr_core.store.ids.word_sets import Words, WordSet, base_id_words, row_groups_from

__all__ = ["RepeatedRecords", "find_duplicates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRecords:
    """Rows that repeat an earlier one; the first of several equal rows is not among them.

    Attributes:
        rows: Their numbers from 0 among the imported rows, ascending.
        originals: For each the imported row that it repeats, or -1 where the base has the record.
    """

    rows: npt.NDArray[np.int64]
    originals: npt.NDArray[np.int64]


def find_duplicates(words: Words, *, written: Path, offset: int, existing: Path | None) -> RepeatedRecords | None:
    """Return the duplicates among imported rows, or None where every id is new and unique.

    Args:
        words: Word 0 of each imported id, in order. Not modified.
        written: The file that holds the imported rows, finished.
        offset: How many rows of `written` precede them.
        existing: The base whose records count as present, or None.

    Holds 8 bytes an imported row, and about 40 bytes a suspected row, of which there are none as a rule.
    """
    ordered = np.sort(words)
    suspects = [ordered[1:][ordered[1:] == ordered[:-1]]]
    if existing is not None:
        imported = WordSet(ordered)
        suspects += [found[imported.contains(found)] for _, _, found in base_id_words(existing)]
        del imported
    del ordered
    suspected = np.sort(np.concatenate(suspects))
    if not len(suspected):
        return None
    lookup = WordSet(suspected)
    present = _base_keys(existing, lookup) if existing is not None else np.zeros((3, 0), dtype=np.uint64)
    rows = np.flatnonzero(lookup.contains(words))
    return _decide(present, rows, _imported_keys(rows, written, offset))


def _decide(
    present: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64], keys: npt.NDArray[np.uint64]
) -> RepeatedRecords | None:
    every = np.concatenate([present, keys], axis=1)
    # Stable, so equal keys stay in order of arrival, the base's before the file's.
    order = np.argsort(every[0], kind="stable")
    same = _equal_neighbours(every[:1], order)
    repeats = _equal_neighbours(every, order)
    if not np.array_equal(same, repeats):
        order = np.lexsort(every)  # different ids share a word: never seen, but it would hide repeats behind them
        repeats = _equal_neighbours(every, order)
    firsts = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(order))))
    known = present.shape[1]
    origin = order[firsts[repeats]]
    repeated = order[repeats]
    ours = repeated >= known
    repeated, origin = repeated[ours] - known, origin[ours]
    if not len(repeated):
        return None
    arrival = np.argsort(repeated)
    repeated, origin = repeated[arrival], origin[arrival]
    originals = np.where(origin < known, -1, rows[np.maximum(origin - known, 0)])
    return RepeatedRecords(rows=rows[repeated], originals=originals)


def _equal_neighbours(keys: npt.NDArray[np.uint64], order: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return for each place in `order` whether its key equals the one before it."""
    equal = np.ones(max(0, len(order) - 1), dtype=np.bool_)
    for word in keys:
        arranged = word[order]
        equal &= arranged[1:] == arranged[:-1]
    return np.concatenate(([False], equal))


def _base_keys(existing: Path, lookup: WordSet) -> npt.NDArray[np.uint64]:
    found = []
    for _, ids, words in base_id_words(existing):
        mask = lookup.contains(words)
        if mask.any():
            found.append(np.stack([words[mask], id_words(ids, word=1)[mask], id_words(ids, word=2)[mask]]))
    return np.concatenate(found, axis=1) if found else np.zeros((3, 0), dtype=np.uint64)


def _imported_keys(rows: npt.NDArray[np.int64], written: Path, offset: int) -> npt.NDArray[np.uint64]:
    found = [np.zeros((3, 0), dtype=np.uint64)]
    with pq.ParquetFile(written) as source:
        for group, start in row_groups_from(source, offset):
            stop = start + source.metadata.row_group(group).num_rows
            chosen = rows[np.searchsorted(rows, start - offset) : np.searchsorted(rows, stop - offset)]
            if not len(chosen):
                continue
            ids = source.read_row_group(group, columns=["id"]).column(0).combine_chunks()
            places = chosen + offset - start
            found.append(np.stack([id_words(ids, word=word)[places] for word in range(3)]))
    return np.concatenate(found, axis=1)
