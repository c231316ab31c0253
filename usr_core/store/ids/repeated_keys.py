"""Which rows of a base share a key: for bases whose keys are not unique, ids made by hand included.

Eight bytes of each key are sorted; rows whose word occurs twice are read again and compared by the sha1
of the whole key, as records are by their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.interrupts import native_calls
from usr_core.records.arrays import text_array
from usr_core.records.bulk_ids import hashing_connection, id_words, string_parts
from usr_core.records.duckdb_sources import register_source
from usr_core.records.normalize import CASE_FOLD_ALPHABET
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseColumnHasNulls, BaseUnreadable
from usr_core.store.ids.keys import one_bio_type
from usr_core.store.ids.row_numbers import row_numbers, true_rows, valid_mask
from usr_core.store.ids.texts import comparable_ids
from usr_core.store.ids.word_sets import WordSet, repeated_words
from usr_core.store.ids.words import words_of_digests
from usr_core.store.parts.errors import KeyNeedsDna4
from usr_core.store.parts.files import OverlayKey

if TYPE_CHECKING:
    import duckdb

__all__ = ["RepeatedKeys", "find_repeated_keys"]

Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_THREADS = 2
_BATCH_ROWS = 65_536
_DUCKDB_FROM_ROWS = 200_000
"""Below so many rows hashlib is done before DuckDB is imported."""


@dataclass(frozen=True, slots=True)
class RepeatedKeys:
    """Rows that share their key with another row.

    Attributes:
        rows: Base rows from 0, group after group, ascending inside a group.
        groups: The number of each row's group, from 0, ascending.
    """

    rows: Rows
    groups: Rows

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.groups[-1]) + 1 if len(self.groups) else 0


def find_repeated_keys(base: OpenParquet, key: OverlayKey) -> RepeatedKeys:
    """Return the rows of a base that share a key.

    ``sequence`` compares what is stored, ``sequence_norm`` without surrounding white space, ``sequence_ci`` also
    without the case of ASCII letters.

    Args:
        base: The open base; only the key column is read (and ``bio_type``, ``alphabet`` as the key demands).
        key: One of the four keys.

    Raises:
        KeyNeedsOneBioType: A sequence key, and records of several bio_types.
        KeyNeedsDna4: ``sequence_ci``, and a record that is not ``dna_4``.
        BaseColumnHasNulls: A key is null.
        BaseUnreadable: A page is damaged.

    Memory: 16 bytes a row, and 40 a row that shares its key.
    """
    if key != "id":
        one_bio_type(base.reader(), key)
    if key == "sequence_ci":
        _check_dna4(base)
    with _Words(key, base.rows) as words_of:
        found = [words_of(keys) for _, keys in _keys(base, key)]
    words = np.concatenate(found) if found else np.empty(0, np.uint64)
    again = repeated_words(np.sort(words))
    if not len(again):
        return RepeatedKeys(np.empty(0, np.int64), np.empty(0, np.int64))
    suspects = np.flatnonzero(WordSet(again).contains(words))
    del words
    return _grouped(suspects, _digests(base, key, suspects))


def _grouped(rows: Rows, digests: bytes) -> RepeatedKeys:
    words = words_of_digests(np.frombuffer(digests, np.uint8))
    order = np.lexsort((rows, words.l, words.h, words.k))
    k, h, low = words.k[order], words.h[order], words.l[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (k[1:] != k[:-1]) | (h[1:] != h[:-1]) | (low[1:] != low[:-1])
    numbers = np.cumsum(begins) - 1
    shared = np.bincount(numbers)[numbers] > 1
    _, groups = np.unique(numbers[shared], return_inverse=True)
    return RepeatedKeys(rows[order][shared], groups.astype(np.int64).reshape(-1))


def _digests(base: OpenParquet, key: OverlayKey, rows: Rows) -> bytes:
    """Return the sha1 of the keys in these rows (ascending), one after the other."""
    found = []
    for start, keys in _keys(base, key):
        low, high = np.searchsorted(rows, (start, start + len(keys)))
        if low < high:
            offsets, content = string_parts(keys.take(row_numbers(rows[low:high] - start)))
            found += [hashlib.sha1(content[i:j], usedforsecurity=False).digest() for i, j in pairwise(offsets.tolist())]
    return b"".join(found)


class _Words:
    """Turns keys into words: equal keys into equal ones, different keys into different ones nearly always."""

    def __init__(self, key: OverlayKey, rows: int) -> None:
        self._is_id, self._small = key == "id", rows < _DUCKDB_FROM_ROWS
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> _Words:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def __call__(self, keys: pa.Array) -> Words:
        if self._is_id:
            return id_words(comparable_ids(keys))
        return _hashlib_words(keys) if self._small else self._duckdb_words(keys)

    def _duckdb_words(self, keys: pa.Array) -> Words:
        if self._connection is None:
            self._connection = hashing_connection(_THREADS)
        with native_calls():
            register_source(self._connection, "keys", pa.Table.from_arrays([keys], names=["k"]))
            try:
                hashed = self._connection.sql("SELECT hash(k) AS w FROM keys").to_arrow_table().column(0)
            finally:
                self._connection.unregister("keys")
        return np.asarray(hashed.to_numpy(), dtype=np.uint64)


def _hashlib_words(keys: pa.Array) -> Words:
    offsets, content = string_parts(keys)
    digests = [hashlib.blake2b(content[i:j], digest_size=8).digest() for i, j in pairwise(offsets.tolist())]
    return np.frombuffer(b"".join(digests), np.uint64)


def _keys(base: OpenParquet, key: OverlayKey) -> Iterator[tuple[int, pa.Array]]:
    """Yield (first row from 0, keys) in order; decoded on a small pool, three row groups ahead at most."""
    column = "id" if key == "id" else "sequence"
    start = 0
    for batch in _column(base, column):
        if batch.null_count:
            row = start + int(valid_mask(batch).argmin()) + 1
            raise BaseColumnHasNulls(column=column, file=RECORDS, row=row)
        yield start, _normalized(batch, key)
        start += len(batch)


def _normalized(keys: pa.Array, key: OverlayKey) -> pa.Array:
    if key in ("id", "sequence"):
        return keys
    keys = pc.utf8_trim_whitespace(keys)
    return pc.ascii_upper(keys) if key == "sequence_ci" else keys


def _column(base: OpenParquet, name: str) -> Iterator[pa.Array]:
    """Yield a text column in pieces, row groups decoded ahead on two threads."""

    def decode(group: int) -> list[pa.Array]:
        batches = base.reader().iter_batches(_BATCH_ROWS, row_groups=[group], columns=[name], use_threads=False)
        return [batch.column(0).cast(pa.string()) for batch in batches if batch.num_rows]

    groups = base.file.metadata.num_row_groups
    try:
        with ThreadPoolExecutor(_THREADS, "usr-keys") as pool:
            waiting = [pool.submit(decode, group) for group in range(min(_THREADS + 1, groups))]
            for group in range(groups):
                yield from waiting.pop(0).result()
                if group + _THREADS + 1 < groups:
                    waiting.append(pool.submit(decode, group + _THREADS + 1))
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(base.path, error) from error


def _check_dna4(base: OpenParquet) -> None:
    start, allowed = 0, text_array([CASE_FOLD_ALPHABET])
    for chunk in _column(base, "alphabet"):
        wrong = np.flatnonzero(~true_rows(pc.is_in(chunk, value_set=allowed)))
        if len(wrong):
            at = int(wrong[0])
            raise KeyNeedsDna4(row=start + at + 1, alphabet=str(chunk[at].as_py()))
        start += len(chunk)
