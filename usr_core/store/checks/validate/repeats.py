"""Which ids stand in a file more than once, from eight bytes of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.bulk_ids import id_words

__all__ = ["WordStore", "find_repeats"]

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]


class WordStore:
    """Eight bytes of each id of a file, written in any order by several threads; 8 bytes a row.

    Args:
        starts: The first row (from 0) of each piece of the file, and last the number of rows.
    """

    def __init__(self, starts: npt.NDArray[np.int64]) -> None:
        self._starts = starts
        self._words: Words = np.empty(int(starts[-1]), dtype=np.uint64)
        self._filled = np.zeros(len(starts) - 1, dtype=np.int64)

    def extend(self, piece: int, ids: pa.Array) -> None:
        """Add ids (no nulls, 40 bytes each) of a piece; a piece belongs to one thread."""
        start = int(self._starts[piece] + self._filled[piece])
        self._words[start : start + len(ids)] = id_words(ids)
        self._filled[piece] += len(ids)

    def suspects(self) -> Words:
        """Return the words that occur more than once, ascending. Call it last: words are sorted in place."""
        words = self._words
        if int(self._filled.sum()) < len(words):
            ends = self._starts[:-1] + self._filled
            words = np.concatenate([words[start:end] for start, end in zip(self._starts, ends, strict=False)])
            self._words = words
        words.sort()
        again: Words = np.unique(words[1:][words[1:] == words[:-1]])
        return again


def find_repeats(suspects: Words, read: Callable[[], Iterator[tuple[Rows, pa.Array]]]) -> tuple[Rows, Rows]:
    """Return the rows that repeat an earlier row's id, ascending, and for each the first row with that id.

    Args:
        suspects: Words that occur more than once; different ids may share one.
        read: Yields row numbers and ids (no nulls, 40 bytes each) of the whole file once more, in order.

    Memory: 32 bytes a suspected row.
    """
    none = np.empty(0, np.int64)
    if not len(suspects):
        return none, none
    numbers: list[Rows] = []
    keys: list[npt.NDArray[np.uint64]] = []
    for rows, ids in read():
        words = id_words(ids)
        places = np.searchsorted(suspects, words)
        places[places == len(suspects)] = 0
        hits = np.flatnonzero(suspects[places] == words)
        if len(hits):
            numbers.append(rows[hits])
            keys.append(np.stack([words[hits], id_words(ids, word=1)[hits], id_words(ids, word=2)[hits]]))
    if not numbers:
        return none, none
    found, words = np.concatenate(numbers), np.concatenate(keys, axis=1)
    order = np.lexsort((found, words[2], words[1], words[0]))
    arranged = words[:, order]
    repeats = np.zeros(len(order), dtype=np.bool_)
    repeats[1:] = (arranged[:, 1:] == arranged[:, :-1]).all(axis=0)
    firsts = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(order))))
    later, first = found[order[repeats]], found[order[firsts[repeats]]]
    ascending = np.argsort(later)
    return later[ascending], first[ascending]
