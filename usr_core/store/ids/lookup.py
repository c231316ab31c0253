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
from usr_core.store.ids.id_stream import find_rows, id_array
from usr_core.store.ids.position_cache.cache import open_cache
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.words import IdWords, words_of_ids

__all__ = ["AskedIds", "ask_ids", "existing_ids", "holds"]


@dataclass(frozen=True)
class AskedIds:
    """Ids that a verb was asked to treat: well-formed, each once, in the order they were given."""

    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def column(self) -> pa.Array:
        """The ids as a string array."""
        return id_array(self.digits)

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
    if not {str}.issuperset(map(type, asked.ids)):  # numpy's texts, Arrow's scalars
        asked = AskedIds(tuple(dict.fromkeys(map(str, asked.ids))))
    if not {ID_LENGTH}.issuperset(map(len, asked.ids)) or not "".join(asked.ids).isascii():
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
