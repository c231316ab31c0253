"""Base rows of ids, found by the means that suits how many are asked for.

What is remembered of a large base answers for a small share of its rows. Without it a few ids are sought among the
base's, which stream past once; for more, and for what comes after, the base's ids are indexed.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.id_stream import digits_of_words, find_rows
from usr_core.store.ids.keys import base_index
from usr_core.store.ids.position_cache.cache import CachedRows, open_cache
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import distinct, row_numbers
from usr_core.store.ids.words import IdWords, ids_at_rows, words_of_ids

__all__ = ["FEWEST_ROWS_AN_ID", "FinderOfRows", "RowFinder", "SeenIds"]

Rows = npt.NDArray[np.int64]

_INDEXED_BELOW = 65_536
"""Rows of a base whose index costs less than a second thread."""
_FEW = 16_384
"""Ids that are sought without an index at most: what comes in batches has larger ones, as a rule."""
FEWEST_ROWS_AN_ID = 64
"""With fewer rows of the base for each id it is indexed at once: more ids will follow."""


class FinderOfRows(Protocol):
    """Finds base rows by id."""

    repeated: bool
    """Whether an id that was found so far stands in several rows."""

    def positions(self, ids: pa.Array) -> Rows:
        """Return the base row of each id, -1 where no record has it. Order is kept."""

    def ids_at(self, rows: Rows) -> pa.Array:
        """Return the ids that stand in these rows, of those that were found so far."""


class RowFinder:
    """Finds rows of one base; for one thread, which uses others itself.

    Memory: 28 bytes for each id that was asked for; 28 a base row once there is an index.
    """

    def __init__(self, base: OpenParquet) -> None:
        self._base = base
        self._index: BaseIndex | None = None
        self._seen = SeenIds()
        self._asked = 0
        self._cache: CachedRows | None = None
        self.repeated = False

    def positions(self, ids: pa.Array) -> Rows:
        """Return the first base row of each id, -1 where no record has it; null and what is not an id is not found.

        Raises:
            pa.ArrowException, OSError: A page of the base is damaged or can't be read.
        """
        first, self._asked = not self._asked, self._asked + len(ids)
        if self._index is None:
            few = self._asked * FEWEST_ROWS_AN_ID <= self._base.rows
            if first and few:
                self._cache = open_cache(self._base, make=True)
            rows = self._sought(ids, streamed=first and few) if few else None
            if rows is not None:
                self._seen.add(rows, ids)
                return rows
            self._index = base_index(self._base)
        found = self._index.positions(ids).astype(np.int64)
        duplicates = self._index.duplicates()
        if len(duplicates) and np.isin(found, duplicates.firsts).any():
            self.repeated = True
        return found

    def ids_at(self, rows: Rows) -> pa.Array:
        """Return the ids that stand in these rows, of those that were found so far."""
        return self._seen.ids_at(rows) if self._index is None else ids_at_rows(self._index.words, rows)

    def _sought(self, ids: pa.Array, *, streamed: bool) -> Rows | None:
        """Return the rows of a few ids without an index, or None where they had better be indexed."""
        words = words_of_ids(ids)
        places = BaseIndex(words).positions(ids)  # of several that are the same, the first; of what is no id, -1
        once = distinct(places[places >= 0])
        unique = words.at(once)
        found = None if self._cache is None else self._cache.find(unique)
        if found is None:
            self._cache = None
            if not streamed or len(once) > _FEW or self._base.rows < _INDEXED_BELOW:
                return None
            found = find_rows(self._base, digits_of_words(unique), BaseIndex(unique))
        self.repeated |= found.repeated
        rows = np.full(len(ids), -1, np.int64)
        hit = places >= 0
        rows[hit] = found.rows[np.searchsorted(once, places[hit])]
        return rows


class SeenIds:
    """The ids that were found, by their row: 28 bytes each."""

    def __init__(self) -> None:
        self._rows: list[Rows] = []
        self._words: list[IdWords] = []
        self._last: tuple[Rows, pa.Array] | None = None

    def add(self, rows: Rows, ids: pa.Array) -> None:
        """Take the row of each of `ids`, -1 for those without one."""
        hit = np.flatnonzero(rows >= 0)
        kept = ids if len(hit) == len(ids) else ids.take(row_numbers(hit))
        self._rows.append(rows[hit])
        self._words.append(words_of_ids(kept))
        self._last = rows[hit], kept

    def ids_at(self, rows: Rows) -> pa.Array:
        """Return the ids in these rows, each of which was found."""
        if self._last is not None and np.array_equal(self._last[0], rows):
            return self._last[1]
        known = np.concatenate([np.empty(0, np.int64), *self._rows])
        order = np.argsort(known, kind="stable")
        places = order[np.searchsorted(known[order], rows)] if len(rows) else np.empty(0, np.int64)
        return ids_at_rows(IdWords.join(self._words), places)
