"""Duplicates among imported rows, and between them and the base they are added to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.ids.word_sets import Words, WordSet, base_id_words, find_repeats, repeated_words, row_groups_from

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
    suspects = [repeated_words(ordered)]
    if existing is not None:
        imported = WordSet(ordered)
        suspects += [found[imported.contains(found)] for _, _, found in base_id_words(existing)]
        del imported
    del ordered
    suspected = np.unique(np.concatenate(suspects))
    if not len(suspected):
        return None
    rows = np.flatnonzero(WordSet(suspected).contains(words)) + offset

    def read() -> Iterator[tuple[npt.NDArray[np.int64], pa.Array]]:
        for start, ids, _ in base_id_words(existing) if existing is not None else ():
            yield np.arange(start, start + len(ids)), ids
        with pq.ParquetFile(written) as source:
            for group, start in row_groups_from(source, offset):
                stop = start + source.metadata.row_group(group).num_rows
                chosen = rows[slice(*np.searchsorted(rows, (start, stop)))]
                if len(chosen):
                    ids = source.read_row_group(group, columns=["id"]).column(0).combine_chunks()
                    yield chosen, ids.take(row_numbers(chosen - start))

    later, first = find_repeats(suspected, read)
    ours = later >= offset
    if not ours.any():
        return None
    return RepeatedRecords(rows=later[ours] - offset, originals=np.maximum(first[ours] - offset, -1))
