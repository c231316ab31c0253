"""Whether the base has records of given ids, without an index of the base.

For a few ids the Bloom filters of the base's row groups tell which groups may hold one; for many, all
are read. The ids of those groups stream past on two threads: eight of an id's forty digits decide for
nearly every row that it was not asked for, and the others are compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.commit.file_tree import FileTree
from usr_core.fs.errors import file_system_error
from usr_core.records.ids import ID_LENGTH, is_record_id
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseMissing, BaseUnreadable
from usr_core.store.ids.errors import RecordIdInvalid, RecordsMissing
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.words import IdWords, words_of_ids
from usr_core.store.parts.bloom import BloomFilter, hash_ids

__all__ = ["AskedIds", "ask_ids", "existing_ids", "holds"]

_ROWS = 32_768
_THREADS = 2
_COLUMN = "id"

_MIX = np.uint64(0x9E3779B97F4A7C15)
_FEWEST_BITS, _MOST_BITS = 10, 27
_SPARSE_BITS = 5
"""The table has at least 2^5 places for each id, so that 1 in 32 other rows at most goes on to the full comparison."""


@dataclass(frozen=True)
class AskedIds:
    """Ids that a verb was asked to treat: well-formed, each once, in the order they were given."""

    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def column(self) -> pa.Array:
        """The ids as a string array."""
        return _string_array(self.digits, len(self.ids))

    @cached_property
    def digits(self) -> npt.NDArray[np.uint8]:
        """The bytes of the ids, shape (ids, 40)."""
        return np.frombuffer("".join(self.ids).encode("ascii"), np.uint8).reshape(-1, ID_LENGTH)

    @cached_property
    def words(self) -> IdWords:
        """The ids as integers; those that are not ids are listed as bad."""
        return words_of_ids(self.column)

    @cached_property
    def index(self) -> BaseIndex:
        """Finds the place of an id among these."""
        return BaseIndex(self.words)

    def at(self, places: Iterable[int]) -> AskedIds:
        """Return the ids at `places`."""
        return AskedIds(tuple(map(self.ids.__getitem__, places)))


def ask_ids(ids: Iterable[str]) -> AskedIds:
    """Return `ids` without repetitions; memory is theirs, about 150 bytes each.

    Args:
        ids: Texts, an Arrow array of them, or one text, which is one id.

    Raises:
        RecordIdInvalid: One is not 40 lower-case hexadecimal digits; it is named.
    """
    if isinstance(ids, str):
        ids = (ids,)
    asked = AskedIds(tuple(dict.fromkeys(ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else ids)))
    if set(map(type, asked.ids)) - {str}:  # numpy's texts, Arrow's scalars
        asked = AskedIds(tuple(dict.fromkeys(map(str, asked.ids))))
    if set(map(len, asked.ids)) - {ID_LENGTH} or not all(map(str.isascii, asked.ids)):
        raise RecordIdInvalid(value=next(one for one in asked.ids if not is_record_id(one)))
    if len(asked.words.bad):
        raise RecordIdInvalid(value=asked.ids[int(asked.words.bad[0])])
    return asked


def existing_ids(tree: FileTree, asked: AskedIds, *, dataset: str, allow_missing: bool) -> AskedIds:
    """Return those of the ids that a record has, in their order.

    Args:
        tree: The dataset's files.
        asked: The ids.
        dataset: Its name, for the error.
        allow_missing: Leave out the others, instead of failing.

    Raises:
        RecordsMissing: Some ids match no record; the first ones are named, and all are counted.
        BaseMissing, BaseUnreadable: The base is missing, or can't be read.
    """
    path = tree.path(RECORDS)
    if path is None:
        raise BaseMissing(file=RECORDS)
    try:
        base = OpenParquet.open(path)
        try:
            there = holds(base, asked)
        finally:
            base.close()
    except FileNotFoundError as error:
        raise BaseMissing(file=RECORDS) from error
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, "read the records' ids") from error
        raise BaseUnreadable(path, error) from error
    if there.all():
        return asked
    missing = np.flatnonzero(~there)
    if not allow_missing:
        raise RecordsMissing(dataset, ids=asked.at(missing[:10].tolist()).ids, count=len(missing))
    return asked.at(np.flatnonzero(there).tolist())


def holds(base: OpenParquet, asked: AskedIds) -> npt.NDArray[np.bool_]:
    """Return for each asked id whether a row of `base` has it. Exact, whatever the base's ids are.

    Reads no more of the id column than it takes to find all of them. Memory: a row group's ids a thread.

    Raises:
        pa.ArrowException, OSError: A page is damaged or can't be read.
    """
    found = np.zeros(len(asked), np.bool_)
    if not len(asked):
        return found
    sieve = _sieve(asked)
    asked.index.positions(asked.column.slice(0, 1))  # sorted here, once, and not while a thread waits for another
    lock = Lock()

    def scan(group: int, may: npt.NDArray[np.bool_]) -> None:
        if found[may].all():
            return
        for ids in _group_ids(base, group):
            candidates = sieve(ids)
            if len(candidates):
                with lock:
                    _mark(found, asked, candidates)
            if found[may].all():
                return

    with ThreadPoolExecutor(_THREADS, "usr-ids") as pool:
        for done in [pool.submit(scan, group, may) for group, may in _groups_that_may_hold(base, asked)]:
            done.result()
    return found


def _groups_that_may_hold(base: OpenParquet, asked: AskedIds) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """Yield the row groups that are to be read, each with which of the ids may be in it."""
    metadata = base.file.metadata
    groups = metadata.num_row_groups
    every = np.ones(len(asked), np.bool_)
    if len(asked) > groups:  # nearly every group will hold one of them
        yield from ((group, every) for group in range(groups))
        return
    leaf = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == _COLUMN)
    hashes = hash_ids(asked.digits)
    for group in range(groups):
        bloom = BloomFilter.of(base.handle, metadata.row_group(group).column(leaf))
        may = every if bloom is None else bloom.may_hold(hashes)
        if may.any():
            yield group, may


def _mark(found: npt.NDArray[np.bool_], asked: AskedIds, ids: pa.Array) -> None:
    places = asked.index.positions(ids)
    found[places[places >= 0]] = True


def _sieve(asked: AskedIds) -> Callable[[pa.Array], pa.Array]:
    """Return a function that drops most of the ids in an array that were not asked for, and none that was."""
    bits = min(_MOST_BITS, max(_FEWEST_BITS, len(asked).bit_length() + _SPARSE_BITS))
    shift = np.uint64(64 - bits)
    table = np.zeros(1 << bits, np.bool_)
    table[(asked.digits.view(np.uint64)[:, 0] * _MIX) >> shift] = True

    def candidates(ids: pa.Array) -> pa.Array:
        content = _plain_digits(ids)
        if content is None:
            return ids
        slots = content.view(np.uint64)[:, 0] * _MIX
        slots >>= shift
        rows = np.flatnonzero(table[slots.view(np.int64)])
        return _string_array(content[rows], len(rows))

    return candidates


def _string_array(digits: npt.NDArray[np.uint8], rows: int) -> pa.Array:
    """Return the ids whose digits follow each other in `digits`."""
    ends = np.arange(rows + 1, dtype=np.int32) * np.int32(ID_LENGTH)
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(ends), pa.py_buffer(digits)])


def _plain_digits(ids: pa.Array) -> npt.NDArray[np.uint8] | None:
    """Return the bytes of the ids, shape (rows, 40), or None where one is null or of another length."""
    if ids.null_count or not pa.types.is_string(ids.type) or not len(ids):
        return None
    _, bounds, values = ids.buffers()
    offsets = np.frombuffer(bounds, np.int32, count=len(ids) + 1, offset=4 * ids.offset)
    if offsets[-1] - offsets[0] != ID_LENGTH * len(ids) or (np.diff(offsets) != ID_LENGTH).any():
        return None
    content = np.frombuffer(values, np.uint8, count=ID_LENGTH * len(ids), offset=int(offsets[0]))
    return content.reshape(-1, ID_LENGTH)


def _group_ids(base: OpenParquet, group: int) -> Iterator[pa.Array]:
    reader: pq.ParquetFile = base.reader()
    for batch in reader.iter_batches(_ROWS, row_groups=[group], columns=[_COLUMN], use_threads=False):
        yield batch.column(0)
