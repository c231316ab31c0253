"""The rows of a base that have given ids, found without an index of the base: all of its ids are compared with those.

For a few ids the Bloom filters of the base's row groups tell which groups may hold one; for many, all groups are
read. Two threads read the ids of these groups. Eight of the forty digits of an id rule out nearly every row, and the
others are compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.ids import ID_LENGTH
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import distinct
from usr_core.store.ids.words import IdWords, ids_at_rows
from usr_core.store.parts.bloom import BloomFilter, hash_ids

__all__ = ["FoundRows", "digits_of_words", "find_rows", "id_array", "id_digits"]

Rows = npt.NDArray[np.int64]
Digits = npt.NDArray[np.uint8]

_ROWS = 32_768
_THREADS = 2
_COLUMN = "id"

_MIX = np.uint64(0x9E3779B97F4A7C15)
_FEWEST_BITS, _MOST_BITS = 10, 27
_SPARSE_BITS = 5
"""The table has at least 2^5 places for each id, so that 1 in 32 other rows at most goes on to the full comparison."""


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Where ids stand in a base.

    Attributes:
        rows: The first row of each id, -1 where no row has it.
        repeated: Whether two rows have one of them; not looked for where the search ended early.
    """

    rows: Rows
    repeated: bool


def find_rows(base: OpenParquet, digits: Digits, index: BaseIndex, *, until_found: bool = False) -> FoundRows:
    """Find ids in a base. Exact, whatever the base's ids are.

    Args:
        base: The base.
        digits: The bytes of the ids, shape (ids, 40); each id once.
        index: Finds the place of an id among them.
        until_found: Read no more of the id column than it takes to find all of them; the row that is told is one
            that has the id then, and need not be the first.

    Memory: a row group's ids a thread.

    Raises:
        pa.ArrowException, OSError: A page is damaged or can't be read.
    """
    search = _Search(base, digits, index, until_found=until_found)
    if len(digits):
        with ThreadPoolExecutor(_THREADS, "usr-ids") as pool:
            for done in [pool.submit(search.scan, *group) for group in search.groups()]:
                done.result()
    return FoundRows(search.rows, search.repeated)


def id_array(digits: Digits) -> pa.Array:
    """Return the ids whose digits are the rows of `digits`."""
    rows = digits.size // ID_LENGTH
    ends = np.arange(rows + 1, dtype=np.int32) * np.int32(ID_LENGTH)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(ends), pa.py_buffer(digits)])


def id_digits(ids: pa.Array) -> Digits | None:
    """Return the bytes of the ids, shape (rows, 40), or None where one is null or of another length."""
    if ids.null_count or not pa.types.is_string(ids.type) or not len(ids):
        return None
    _, bounds, values = ids.buffers()
    offsets = np.frombuffer(bounds, np.int32, count=len(ids) + 1, offset=4 * ids.offset)
    if offsets[-1] - offsets[0] != ID_LENGTH * len(ids) or (np.diff(offsets) != ID_LENGTH).any():
        return None
    content = np.frombuffer(values, np.uint8, count=ID_LENGTH * len(ids), offset=int(offsets[0]))
    return content.reshape(-1, ID_LENGTH)


def digits_of_words(words: IdWords) -> npt.NDArray[np.uint8]:
    """Return the hexadecimal digits of ids, none of them bad: shape (ids, 40)."""
    text = ids_at_rows(words, np.arange(len(words))).buffers()[2]
    return np.frombuffer(text, np.uint8).reshape(-1, ID_LENGTH)


class _Search:
    """What two threads have found so far."""

    def __init__(self, base: OpenParquet, digits: Digits, index: BaseIndex, *, until_found: bool) -> None:
        self._base, self._digits, self._index, self._until_found = base, digits, index, until_found
        self._lock = Lock()
        self.rows: Rows = np.full(len(digits), -1, np.int64)
        self.repeated = False
        if len(digits):
            self._sieve = _sieve(digits)
            index.positions(id_array(digits[:1]))  # sorted here, once, and not while a thread waits for another

    def groups(self) -> Iterator[tuple[int, int, npt.NDArray[np.bool_]]]:
        """Yield the row groups that are to be read: number, first row, and which of the ids may be in it."""
        metadata = self._base.file.metadata
        every = np.ones(len(self._digits), np.bool_)
        # With as many ids as groups nearly every group holds one of them.
        few = len(self._digits) <= metadata.num_row_groups
        leaf = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == _COLUMN)
        hashes = hash_ids(self._digits) if few else None
        start = 0
        for group in range(metadata.num_row_groups):
            facts = metadata.row_group(group)
            bloom = BloomFilter.of(self._base.handle, facts.column(leaf)) if hashes is not None else None
            may = every if bloom is None or hashes is None else bloom.may_hold(hashes)
            if may.any():
                yield group, start, may
            start += facts.num_rows

    def scan(self, group: int, start: int, may: npt.NDArray[np.bool_]) -> None:
        """Look through one row group for the ids that may be in it."""
        reader: pq.ParquetFile | None = None
        if not self._done(may):
            reader = self._base.reader()
            for batch in reader.iter_batches(_ROWS, row_groups=[group], columns=[_COLUMN], use_threads=False):
                at, ids = self._sieve(batch.column(0))
                if len(ids):
                    with self._lock:
                        self._note(start + at, ids)
                    if self._done(may):
                        return
                start += batch.num_rows

    def _done(self, may: npt.NDArray[np.bool_]) -> bool:
        return self._until_found and bool((self.rows[may] >= 0).all())

    def _note(self, rows: Rows, ids: pa.Array) -> None:
        places = self._index.positions(ids)
        hit = places >= 0
        rows, places = rows[hit], places[hit]
        known = self.rows[places] >= 0
        if known.any() or len(distinct(places)) < len(places):
            self.repeated = True
        # Backwards, so that of several rows in this batch the first one stays.
        first = np.where(known, np.minimum(self.rows[places], rows), rows)
        self.rows[places[::-1]] = first[::-1]


def _sieve(digits: Digits) -> Callable[[pa.Array], tuple[Rows, pa.Array]]:
    """Return a function that drops most of the ids in an array that are not sought, and none that is.

    It returns the row numbers of those that are left, and them.
    """
    bits = min(_MOST_BITS, max(_FEWEST_BITS, len(digits).bit_length() + _SPARSE_BITS))
    shift = np.uint64(64 - bits)
    table = np.zeros(1 << bits, np.bool_)
    table[(np.ascontiguousarray(digits).view(np.uint64)[:, 0] * _MIX) >> shift] = True

    def candidates(ids: pa.Array) -> tuple[Rows, pa.Array]:
        content = id_digits(ids)
        if content is None:
            return np.arange(len(ids)), ids
        slots = content.view(np.uint64)[:, 0] * _MIX
        slots >>= shift
        rows = np.flatnonzero(table[slots.view(np.int64)])
        return rows, id_array(content[rows])

    return candidates
