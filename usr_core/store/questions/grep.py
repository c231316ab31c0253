"""Records whose text matches a pattern, in the base's order, found while streaming.

A column that only the base has is searched row group by row group on two threads, and nothing else is read until
something matches.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array, conform
from usr_core.roots.layout import RECORDS
from usr_core.store.base.pages import FilePages
from usr_core.store.errors import BaseColumnHasNulls, BaseUnreadable
from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.questions.errors import ColumnNotText
from usr_core.store.questions.pattern import Matcher
from usr_core.store.questions.row_filter import Where
from usr_core.store.questions.scan import first_rows, select_rows
from usr_core.store.view.merged_view import MergedView

__all__ = ["grep_records"]

_THREADS = 2
_AHEAD = 4
_DELETED = "usr__deleted"
_SLICE = 1_024
_FEW_CANDIDATES = 4_096
"""Up to so many matches are looked up among the tombstones one by one; for more all tombstones are placed."""


def grep_records(
    view: MergedView,
    matches: Matcher,
    *,
    literal: bytes | None = None,
    column: str = "sequence",
    limit: int = 20,
    where: Where | None = None,
    include_deleted: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the records whose `column` matches, with their columns ``id`` and `column`.

    Args:
        view: The dataset.
        matches: From `compile_pattern`.
        literal: What every text has that matches, from `literal_of`.
        column: A column of type string.
        limit: Stop after so many records; 0 is all.
        where: Look only at records that meet it, see `row_filter`.
        include_deleted: Look at deleted records too.
        progress: Called with the number of rows searched since its last call.

    Yields:
        Batches of at least one row, in the base's order, as they are found.

    Raises:
        UnknownColumn: The view has no such column; raised at the call.
        ColumnNotText: The column holds something else than text; raised at the call.
        ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used; raised at the call.
    """
    kind = view.schema([column]).field(column).type
    if not pa.types.is_string(kind):
        from usr_core.store.questions.overview import type_text

        raise ColumnNotText(column=column, kind=type_text(kind))
    if where is None and _only_in_base(view, column):
        found = _grep_base(view, matches, literal, column, include_deleted, progress)
    else:
        schema = view.schema(list(dict.fromkeys(["id", column])))
        batches = partial(view.batches, include_deleted=include_deleted, progress=progress)
        chosen = select_rows(
            batches,
            schema,
            view.schema(include_deleted=True),
            where,
            view=None if include_deleted else view,
            progress=progress,
        )
        found = _matching(chosen, matches, column)
    return first_rows(found, limit or None)


def _only_in_base(view: MergedView, column: str) -> bool:
    overlays = view.overlays.values()
    attached = any(field.name == column for one in overlays for part in one.parts for field in part.columns)
    return column in view.source.schema.names and not attached


def _matching(batches: Iterator[pa.RecordBatch], matches: Matcher, column: str) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        hits = matches(batch.column(column))
        if hits.any():
            yield batch.filter(boolean_array(hits))


@dataclass(frozen=True, slots=True)
class _Hits:
    group: int
    first: int  # the row group's first row
    length: int
    rows: npt.NDArray[np.int64]  # inside the row group, ascending
    values: pa.Array


def _grep_base(
    view: MergedView,
    matches: Matcher,
    literal: bytes | None,
    column: str,
    include_deleted: bool,
    progress: Callable[[int], None] | None,
) -> Iterator[pa.RecordBatch]:
    live = None if include_deleted or "usr" not in view.overlays else _LiveRows(view)
    try:
        for hits in _search(view, matches, literal, column):
            ids = None
            for start in range(0, len(hits.rows), _SLICE):
                rows, values = hits.rows[start : start + _SLICE], hits.values.slice(start, _SLICE)
                ids = _read(view, hits.group, "id").combine_chunks() if ids is None else ids
                shown = ids.take(row_numbers(rows))
                if live is not None:
                    keep = boolean_array(live.are_live(hits.first + rows))
                    shown, values = shown.filter(keep), values.filter(keep)
                if len(shown):
                    schema = view.schema(list(dict.fromkeys(["id", column])))
                    yield pa.RecordBatch.from_arrays([shown, values][: len(schema)], schema=schema)
            if progress is not None:
                progress(hits.length)
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(view.source.path, error) from error


def _search(view: MergedView, matches: Matcher, literal: bytes | None, column: str) -> Iterator[_Hits]:
    """Yield what each row group has, in order, while the next ones are searched."""
    metadata = view.source.file.metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    firsts = np.cumsum([0, *sizes]).tolist()
    if view.source.schema.field(column).nullable and not view.schema([column]).field(0).nullable:
        literal = None  # each value has to be looked at: none may be null

    def one(group: int) -> _Hits:
        if literal is not None and FilePages(view.source).holds(group, column, literal) is False:
            return _Hits(group, firsts[group], sizes[group], np.empty(0, np.int64), pa.nulls(0, pa.string()))
        values = _read(view, group, column)
        if values.null_count and not view.schema([column]).field(0).nullable:
            row = firsts[group] + int(values.is_null().to_pylist().index(True))
            raise BaseColumnHasNulls(column=column, file=RECORDS, row=row + 1)
        found = [np.empty(0, np.bool_), *(matches(chunk) for chunk in values.chunks)]
        rows = np.flatnonzero(np.concatenate(found)).astype(np.int64)
        return _Hits(group, firsts[group], sizes[group], rows, _taken(values, rows))

    waiting: deque[Future[_Hits]] = deque()
    pool = ThreadPoolExecutor(_THREADS, "usr-grep")
    try:
        for group in range(len(sizes)):
            waiting.append(pool.submit(one, group))
            if len(waiting) >= _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read(view: MergedView, group: int, column: str) -> pa.ChunkedArray:
    values = view.source.reader().read_row_group(group, columns=[column], use_threads=False).column(0)
    kind = pa.string()
    return pa.chunked_array([conform(chunk, kind) for chunk in values.chunks], kind)


def _taken(values: pa.ChunkedArray, rows: npt.NDArray[np.int64]) -> pa.Array:
    if not len(rows):
        return pa.nulls(0, values.type)
    taken = values.take(row_numbers(rows))
    return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken


class _LiveRows:
    """Tells which rows are not deleted: a few through point lookups, many with the tombstones' positions."""

    def __init__(self, view: MergedView) -> None:
        self._view = view
        self._asked = 0

    def are_live(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        self._asked += len(rows)
        if self._asked > _FEW_CANDIDATES:
            return ~np.isin(rows, self._view.deleted_rows())
        flags = self._view.rows_at(rows, [_DELETED]).column(_DELETED).to_pylist()
        return np.array([not flag for flag in flags], np.bool_)
