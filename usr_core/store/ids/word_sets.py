"""Eight bytes of every id, kept while rows stream past, and what they say about repeated ids.

Different ids may share a word, so equal words only raise a suspicion; it is settled on the full ids of
the suspected rows, read again from the file they were written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.bulk_ids import id_words
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.row_numbers import distinct

__all__ = ["WordList", "WordSet", "WordStore", "base_id_words", "find_repeats", "repeated_words", "row_groups_from"]

Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_FIRST_CAPACITY = 1 << 16
_TABLE_BITS = 25


class WordList:
    """Words in order of arrival, 8 bytes a row; grows in place."""

    def __init__(self) -> None:
        self._words: Words = np.empty(_FIRST_CAPACITY, dtype=np.uint64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def extend(self, words: Words) -> None:
        needed = self._size + len(words)
        if needed > len(self._words):
            # Reallocating moves pages instead of copying them, so no second array is ever held.
            self._words.resize(max(needed, len(self._words) * 9 // 8), refcheck=False)
        self._words[self._size : needed] = words
        self._size = needed

    def words(self) -> Words:
        """Return the words, sharing memory: valid until the next `extend`."""
        return self._words[: self._size]


class WordSet:
    """A sorted set of words with a quick answer for words that are not in it."""

    def __init__(self, ordered: Words) -> None:
        """Take `ordered`, ascending; repeated words are allowed."""
        self._ordered = ordered
        bits = min(_TABLE_BITS, max(10, len(ordered).bit_length() + 3))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=np.bool_)
        self._table[ordered >> self._shift] = True

    def contains(self, words: Words) -> npt.NDArray[np.bool_]:
        """Return for each word whether it is in the set."""
        found: npt.NDArray[np.bool_] = self._table[words >> self._shift]
        rows = np.flatnonzero(found)
        if len(rows):
            sought = words[rows]
            places = np.searchsorted(self._ordered, sought)
            places[places == len(self._ordered)] = 0
            found[rows] = self._ordered[places] == sought
        return found


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
        return repeated_words(words)


def repeated_words(ordered: Words) -> Words:
    """Return the words that occur more than once among `ordered` (ascending): each once, ascending."""
    again: Words = distinct(ordered[1:][ordered[1:] == ordered[:-1]])
    return again


def find_repeats(suspects: Words, read: Callable[[], Iterator[tuple[Rows, pa.Array]]]) -> tuple[Rows, Rows]:
    """Return the rows that repeat an earlier row's id, ascending, and for each the first row with that id.

    Args:
        suspects: Words that occur more than once, ascending; different ids may share one.
        read: Yields row numbers and ids (no nulls, 40 bytes each), rows ascending: at least those with such words.

    Memory: 32 bytes a suspected row.
    """
    numbers, keys = [np.empty(0, np.int64)], [np.empty((3, 0), np.uint64)]
    suspected = WordSet(suspects)
    for rows, ids in read() if len(suspects) else ():
        words = id_words(ids)
        hits = np.flatnonzero(suspected.contains(words))
        if len(hits):
            numbers.append(rows[hits])
            keys.append(np.stack([words[hits], id_words(ids, word=1)[hits], id_words(ids, word=2)[hits]]))
    found, every = np.concatenate(numbers), np.concatenate(keys, axis=1)
    order = np.argsort(every[0], kind="stable")  # so equal ids stay in order of their rows
    repeats = _equal_neighbours(every, order)
    if not np.array_equal(_equal_neighbours(every[:1], order), repeats):
        order = np.lexsort(every)  # different ids share a word: never seen, but it would hide repeats behind them
        repeats = _equal_neighbours(every, order)
    firsts = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(order))))
    later, first = found[order[repeats]], found[order[firsts[repeats]]]
    ascending = np.argsort(later)
    return later[ascending], first[ascending]


def _equal_neighbours(keys: npt.NDArray[np.uint64], order: Rows) -> npt.NDArray[np.bool_]:
    """Return for each place in `order` whether its key equals the one before it."""
    equal = np.zeros(len(order), dtype=np.bool_)
    equal[1:] = True
    for word in keys:
        arranged = word[order]
        equal[1:] &= arranged[1:] == arranged[:-1]
    return equal


def base_id_words(path: Path, *, threads: int = 2) -> Iterator[tuple[int, pa.Array, Words]]:
    """Yield (first row from 0, ids, their words) for each row group of a base, in order.

    Decoded on a small pool with one reader each; at most `threads` + 1 row groups are held.

    Raises:
        BaseUnreadable: A page is damaged, or an id is not 40 characters long.
    """
    metadata = pq.read_metadata(path)
    starts = np.concatenate(([0], np.cumsum([metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)])))

    def load(group: int) -> tuple[int, pa.Array, Words]:
        try:
            with pq.ParquetFile(path, metadata=metadata) as source:
                column = source.read_row_group(group, columns=["id"], use_threads=False).column(0)
        except (pa.ArrowException, OSError) as error:
            raise BaseUnreadable(path, error) from error
        ids = (
            column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, pa.string())])
        )
        try:
            return int(starts[group]), ids, id_words(ids)
        except ValueError as error:
            raise BaseUnreadable(path, "an id is not 40 characters long") from error

    with ThreadPoolExecutor(threads, thread_name_prefix="usr-ids") as pool:
        waiting = [pool.submit(load, group) for group in range(min(threads + 1, metadata.num_row_groups))]
        for group in range(metadata.num_row_groups):
            current = waiting.pop(0)
            yield current.result()
            following = group + threads + 1
            if following < metadata.num_row_groups:
                waiting.append(pool.submit(load, following))


def row_groups_from(source: pq.ParquetFile, first_row: int) -> Iterator[tuple[int, int]]:
    """Yield (row group, its first row from 0) for the row groups that hold rows from `first_row` on."""
    start = 0
    for group in range(source.metadata.num_row_groups):
        rows = source.metadata.row_group(group).num_rows
        if start + rows > first_row:
            yield group, start
        start += rows
