"""Records by their ids, out of any number of rows: Bloom filters say which row groups can hold one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import text_array
from usr_core.store.base.pages import FilePages
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.parts.bloom import BloomFilter, hash_ids
from usr_core.store.questions.errors import RecordsDeleted, RecordsNotFound
from usr_core.store.view.merged_view import MergedView

__all__ = ["find_rows", "get_records"]

_ID = re.compile("[0-9a-f]{40}")
_DELETED = "usr__deleted"
_ROWS = 32_768


def get_records(
    view: MergedView, ids: Iterable[str], columns: Sequence[str] | None = None, *, include_deleted: bool = False
) -> pa.Table:
    """Return the records with the given ids, merged, in the order of the ids.

    The cost grows with the number of ids and parts, hardly with the base: of each row group a Bloom filter is
    asked, and only those that may hold an id are read.

    Args:
        view: The dataset.
        ids: Ids; a repeated one counts once.
        columns: Names in the order wanted, or None for all.
        include_deleted: Take deleted records too, and show the tombstone columns.

    Raises:
        RecordsNotFound: No record has one of the ids.
        RecordsDeleted: One of the records is deleted, and `include_deleted` is not set.
        UnknownColumn: A name is not a column of the view.
    """
    asked = list(dict.fromkeys(ids))
    names = view.schema(columns, include_deleted=include_deleted).names
    found = find_rows(view.source, asked)
    missing = [one for one, row in zip(asked, found.tolist(), strict=True) if row < 0]
    if missing:
        raise RecordsNotFound(missing)
    rows = np.array(sorted(set(found.tolist())), np.int64)  # np.unique imports numpy.ma
    table = view.rows_at(rows, list(dict.fromkeys([*names, _DELETED])))
    places = np.searchsorted(rows, found).tolist()
    if not include_deleted:
        flags = table.column(_DELETED).to_pylist()
        deleted = [one for one, place in zip(asked, places, strict=True) if flags[place]]
        if deleted:
            raise RecordsDeleted(deleted)
    table = table.select(names)
    if places == sorted(places):
        return table
    return pa.concat_tables([table.slice(place, 1) for place in places])


def find_rows(base: OpenParquet, ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the row of the base that each id stands in, -1 where no row has it; of several rows the first.

    Args:
        base: The base file.
        ids: Different texts; one that does not have the form of an id is not found.

    Raises:
        BaseUnreadable: A page is damaged.
    """
    found = np.full(len(ids), -1, np.int64)
    wanted = np.array([at for at, one in enumerate(ids) if _ID.fullmatch(one)], np.int64)
    if not len(wanted):
        return found
    index = BaseIndex.from_ids([text_array([ids[at] for at in wanted])])
    pages = FilePages(base)
    hashes = hash_ids(np.frombuffer("".join(ids[at] for at in wanted).encode("ascii"), np.uint8).reshape(-1, 40))
    metadata = base.file.metadata
    leaf = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == "id")
    first = 0
    try:
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            open_ = found[wanted] < 0
            bloom = BloomFilter.of(base.handle, group.column(leaf))
            if bloom is not None:
                open_[open_] = bloom.may_hold(hashes[open_])
            if open_.any() and not _look(pages, number, first, ids, wanted[open_], found):
                _scan(base, number, first, index, wanted, found, int(np.count_nonzero(open_)))
            first += group.num_rows
            if (found[wanted] >= 0).all():
                break
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(base.path, error) from error
    return found


def _look(
    pages: FilePages,
    group: int,
    first: int,
    ids: Sequence[str],
    wanted: npt.NDArray[np.int64],
    found: npt.NDArray[np.int64],
) -> bool:
    """Do as `_scan` in the bytes of the pages, for a few ids; False where that can't be done."""
    places = pages.find(group, "id", [ids[at].encode("ascii") for at in wanted], most=len(wanted))
    if places is None:
        return False
    for row, at in zip(*(one.tolist() for one in places), strict=True):
        if found[wanted[at]] < 0:
            found[wanted[at]] = first + row
    return True


def _scan(
    base: OpenParquet,
    group: int,
    first: int,
    index: BaseIndex,
    wanted: npt.NDArray[np.int64],
    found: npt.NDArray[np.int64],
    most: int,
) -> None:
    """Note in `found` where the ids stand in one row group, whose first row is `first`; at most `most` are new."""
    for batch in base.reader().iter_batches(_ROWS, row_groups=[group], columns=["id"], use_threads=False):
        places = index.positions(batch.column(0))
        for row in np.flatnonzero(places >= 0).tolist():
            at = wanted[places[row]]
            if found[at] < 0:
                found[at] = first + row
                most -= 1
        if most <= 0:
            return
        first += len(batch)
