"""Ids that a verb was asked to treat, and which of them the base has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.fs.errors import file_system_error
from usr_core.records.ids import ID_LENGTH, is_record_id
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseMissing, BaseUnreadable
from usr_core.store.ids.errors import RecordIdInvalid, RecordsMissing
from usr_core.store.ids.id_stream import find_rows, id_array, id_digits
from usr_core.store.ids.position_cache.cache import open_cache
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import distinct
from usr_core.store.ids.words import IdWords, words_of_ids

__all__ = ["AskedIds", "ask_ids", "existing_ids", "holds"]


@dataclass(frozen=True, eq=False)
class AskedIds:
    """Ids that a verb was asked to treat: well-formed, each once, in the order they were given.

    Attributes:
        digits: Their bytes, shape (ids, 40).
    """

    digits: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.digits)

    @cached_property
    def column(self) -> pa.Array:
        """The ids as a string array."""
        return id_array(self.digits)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids as texts: about 150 bytes each."""
        return tuple(self.column.to_pylist())

    @cached_property
    def words(self) -> IdWords:
        """The ids as integers."""
        return words_of_ids(self.column)

    @cached_property
    def index(self) -> BaseIndex:
        """Finds the place of an id among these."""
        return BaseIndex(self.words)

    def at(self, places: npt.NDArray[np.integer] | slice) -> AskedIds:
        """Return the ids at `places`."""
        return AskedIds(self.digits[places])


def ask_ids(ids: Iterable[str] | pa.Array | pa.ChunkedArray) -> AskedIds:
    """Return `ids` without repetitions; memory is theirs, 60 bytes each where they are an Arrow array.

    Args:
        ids: Texts, an Arrow array of them, or one text, which is one id.

    Raises:
        RecordIdInvalid: One is not 40 lower-case hexadecimal digits; it is named.
    """
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    digits = id_digits(ids) if isinstance(ids, pa.Array) else None
    if digits is None:
        digits = _digits_of_texts(ids)
    asked = AskedIds(digits)
    if len(asked.words.bad):
        raise RecordIdInvalid(value=asked.ids[int(asked.words.bad[0])])
    # Among ids that differ in their first digits none repeats; a sort of these is a tenth of finding each.
    ordered = np.sort(asked.words.k)
    if not (ordered[1:] == ordered[:-1]).any():
        return asked
    firsts = distinct(asked.index.positions(asked.column))
    return asked if len(firsts) == len(asked) else asked.at(firsts)


def _digits_of_texts(ids: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Return the bytes of ids; texts that are no ids, but as long, are left for the caller to find.

    Raises:
        RecordIdInvalid: A text has another length, or other letters than ASCII's.
    """
    given = [ids] if isinstance(ids, str) else list(ids.to_pylist() if isinstance(ids, pa.Array) else ids)
    if not {str}.issuperset(map(type, given)):  # numpy's texts, Arrow's scalars
        given = list(map(str, given))
    joined = "".join(given)
    if not {ID_LENGTH}.issuperset(map(len, given)) or not joined.isascii():
        raise RecordIdInvalid(value=next(one for one in given if not is_record_id(one)))
    return np.frombuffer(joined.encode("ascii"), np.uint8).reshape(-1, ID_LENGTH)


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
        base = OpenParquet.open(path, rows=tree.base_rows)
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
        raise RecordsMissing(dataset, ids=asked.at(missing[:10]).ids, count=len(missing))
    return asked.at(np.flatnonzero(there))


def holds(base: OpenParquet, asked: AskedIds) -> npt.NDArray[np.bool_]:
    """Return for each asked id whether a row of `base` has it. Exact, whatever the base's ids are.

    Where nothing is remembered of the base, no more of the id column is read than it takes to find all of them; many
    ids have all of it read, and remembered. Memory: a row group's ids a thread.

    Raises:
        pa.ArrowException, OSError: A page is damaged or can't be read.
    """
    cache = open_cache(base, make=len(asked) > base.file.metadata.num_row_groups)
    found = None if cache is None else cache.find(asked.words)
    if found is None:
        found = find_rows(base, asked.digits, asked.index, until_found=True)
    return np.asarray(found.rows >= 0)
