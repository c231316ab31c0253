"""Eight bytes of every id, kept while rows stream past, and what they say about repeated ids.

Different ids may share a word, so equal words only raise a suspicion; it is settled on the full ids of
the suspected rows, read again from the file they were written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.bulk_ids import id_words
from usr_core.store.errors import BaseUnreadable

__all__ = ["WordList", "WordSet", "base_id_words", "row_groups_from"]

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
            self._words.resize(max(needed, len(self._words) * 3 // 2), refcheck=False)
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


def base_id_words(path: Path, *, threads: int = 2) -> Iterator[tuple[int, pa.Array, Words]]:
    """Yield (first row from 0, ids, their words) for each row group of a base, in order.

    Decoded on a small pool with one reader each; at most `threads` + 1 row groups are held.

    Raises:
        BaseUnreadable: An id is not 40 characters long.
    """
    metadata = pq.read_metadata(path)
    starts = np.concatenate(([0], np.cumsum([metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)])))

    def load(group: int) -> tuple[int, pa.Array, Words]:
        with pq.ParquetFile(path, metadata=metadata) as source:
            column = source.read_row_group(group, columns=["id"], use_threads=False).column(0)
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
