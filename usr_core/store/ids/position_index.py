"""The position index: which row of the base an id stands in.

Kept per base row are the id's 20 bytes in row order, and 32 mixed bits of it sorted with their row
numbers: 28 bytes. A lookup finds the run of equal prefixes through a table of buckets and compares
whole ids there, so it is exact for any ids. Sorting is put off until the first lookup that needs it;
what lies in the base's own order is recognized by comparing, without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.ids.words import IdWords, words_of_ids

__all__ = ["NO_DUPLICATES", "BaseIndex", "Duplicates"]

Positions = npt.NDArray[np.int32]

_MOST_BUCKET_BITS = 24
_HALF = np.uint64(32)
_STEPS = 12
"""Steps inside a bucket before a binary search takes over: buckets hold one row on average."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Rows whose id stands in an earlier row as well.

    Attributes:
        rows: The repeating rows, ascending, int32.
        firsts: For each the first row with its id.
    """

    rows: Positions
    firsts: Positions

    def __len__(self) -> int:
        return len(self.rows)


NO_DUPLICATES = Duplicates(np.empty(0, np.int32), np.empty(0, np.int32))


@dataclass(frozen=True, slots=True)
class _Sorted:
    entries: npt.NDArray[np.uint64]  # ascending; the prefix above, the row below
    starts: npt.NDArray[np.int32]  # of each bucket of prefixes among the entries
    shift: np.uint64  # from a prefix in the upper half to its bucket

    def rows(self, at: npt.NDArray[np.intp] | slice) -> Positions:
        return self.entries[at].astype(np.uint32).view(np.int32)

    def prefixes(self, at: npt.NDArray[np.intp] | slice) -> npt.NDArray[np.uint32]:
        return (self.entries[at] >> _HALF).astype(np.uint32)


class BaseIndex:
    """Finds rows by id; at most 2^31 - 1 rows. Safe to use from several threads."""

    def __init__(self, words: IdWords) -> None:
        if len(words) >= 2**31:
            raise OverflowError("a dataset holds at most 2^31 - 1 rows")
        self._words = words
        self._sorted: _Sorted | None = None
        self._duplicates: Duplicates | None = None
        self._lock = Lock()

    @classmethod
    def from_ids(cls, chunks: Iterable[pa.Array | pa.ChunkedArray]) -> BaseIndex:
        """Build the index from an id column, chunk by chunk; what is not an id is never found."""
        return cls(IdWords.join([words_of_ids(chunk) for chunk in chunks]))

    @property
    def rows(self) -> int:
        """Rows of the base."""
        return len(self._words)

    @property
    def words(self) -> IdWords:
        """The ids themselves, in row order."""
        return self._words

    def positions(self, ids: pa.Array | pa.ChunkedArray, *, expected: int | None = None) -> Positions:
        """Return the row of each id, int32, in the order asked; -1 where there is no such id.

        Of several rows with one id it is the first. What is not 40 lower-case hex digits is not found.

        Args:
            ids: Strings; nulls are not found.
            expected: A row at which these ids may stand in exactly this order; if so, nothing is searched.
        """
        asked = words_of_ids(ids)
        if expected is not None and len(asked) and self._is_run(expected, asked):
            return np.arange(expected, expected + len(asked), dtype=np.int32)
        return self._find(asked)

    def duplicates(self) -> Duplicates:
        """Return the rows that repeat an earlier row's id."""
        with self._lock:
            if self._duplicates is None:
                self._duplicates = self._find_duplicates(self._sort())
            return self._duplicates

    def _is_run(self, start: int, asked: IdWords) -> bool:
        bad = self._words.bad
        clean = len(bad) == 0 or not np.any((bad >= start) & (bad < start + len(asked)))
        return clean and len(asked.bad) == 0 and self._words.is_run(start, asked)

    def _find(self, asked: IdWords) -> Positions:
        if self.rows == 0 or len(asked) == 0:
            return np.full(len(asked), -1, np.int32)
        with self._lock:
            order = self._sort()
        wanted = asked.prefixes()
        at, found = _first_of_prefix(order, wanted)
        rows = found.astype(np.uint32).view(np.int32)
        found >>= _HALF
        hit = found == wanted
        hit &= self._is_at(rows, asked)
        if not hit.all():
            self._search_on(order, asked, wanted, at, rows, hit)
            rows[~hit] = -1
        if len(asked.bad):
            rows[asked.bad] = -1
        return rows

    def _is_at(self, rows: Positions, asked: IdWords) -> npt.NDArray[np.bool_]:
        same = self._words.equal_at(rows, asked)
        if len(self._words.bad):
            same &= ~np.isin(rows, self._words.bad)
        return same

    def _search_on(
        self,
        order: _Sorted,
        asked: IdWords,
        wanted: npt.NDArray[np.uint32],
        at: npt.NDArray[np.intp],
        rows: Positions,
        hit: npt.NDArray[np.bool_],
    ) -> None:
        """Look at the next rows of the same prefix where the first was another id."""
        last = self.rows - 1
        open_ = np.flatnonzero(~hit)
        open_ = open_[order.prefixes(at[open_]) == wanted[open_]]
        while len(open_):
            open_ = open_[at[open_] < last]
            at[open_] += 1
            open_ = open_[order.prefixes(at[open_]) == wanted[open_]]
            candidates = order.rows(at[open_])
            same = self._is_at(candidates, asked.at(open_))
            rows[open_[same]] = candidates[same]
            hit[open_[same]] = True
            open_ = open_[~same]

    def _sort(self) -> _Sorted:
        """Return the sorted prefixes, sorting on the first call; the lock is held."""
        if self._sorted is None:
            # One sort of (prefix, row) in 64 bits is five times as fast as an argsort of the prefixes.
            entries = self._words.prefixes().astype(np.uint64)
            entries <<= _HALF
            entries |= np.arange(self.rows, dtype=np.uint64)
            entries.sort()
            bits = max(1, min(_MOST_BUCKET_BITS, self.rows.bit_length()))
            shift = np.uint64(64 - bits)
            counts = np.bincount((entries >> shift).astype(np.intp), minlength=1 << bits)
            starts = np.zeros(len(counts), np.int32)
            np.cumsum(counts[:-1], out=starts[1:])
            self._sorted = _Sorted(entries, starts, shift)
        return self._sorted

    def _find_duplicates(self, order: _Sorted) -> Duplicates:
        prefixes = order.prefixes(slice(None))
        equal = prefixes[1:] == prefixes[:-1]
        if not equal.any():
            return NO_DUPLICATES
        in_run = np.zeros(self.rows, bool)
        in_run[1:] |= equal
        in_run[:-1] |= equal
        rows = order.rows(np.flatnonzero(in_run))
        if len(self._words.bad):
            rows = rows[~np.isin(rows, self._words.bad)]
        repeated = self._words.at(rows)
        k, h, low = repeated.k, repeated.h, repeated.l
        by_id = np.lexsort((rows, low, h, k))
        rows, k, h, low = rows[by_id], k[by_id], h[by_id], low[by_id]
        repeats = np.zeros(len(rows), bool)
        repeats[1:] = (k[1:] == k[:-1]) & (h[1:] == h[:-1]) & (low[1:] == low[:-1])
        first_at = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(rows))))
        found, firsts = rows[repeats], rows[first_at][repeats]
        in_order = np.argsort(found)
        return Duplicates(found[in_order], firsts[in_order])


def _first_of_prefix(
    order: _Sorted, wanted: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
    """Return where the first entry not below each wanted prefix stands (the last, if there is none), and the entry."""
    least = wanted.astype(np.uint64)
    least <<= _HALF
    last = len(order.entries) - 1
    at = order.starts.take((least >> order.shift).astype(np.intp)).astype(np.intp)
    np.minimum(at, last, out=at)
    found = order.entries.take(at)
    below = np.flatnonzero(found < least)
    for _ in range(_STEPS):
        below = below[at[below] < last]
        if not len(below):
            return at, found
        at[below] += 1
        entries = order.entries[at[below]]
        found[below] = entries
        below = below[entries < least[below]]
    at[below] = np.minimum(np.searchsorted(order.entries, least[below]), last)
    found[below] = order.entries[at[below]]
    return at, found
