"""A stream over the merged view, with the rows and columns that are asked for, which closes its own files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Self

import pyarrow as pa

from usr_core.store.questions.errors import BatchRowsInvalid
from usr_core.store.questions.row_filter import Filter, RowFilter, Where, open_filter
from usr_core.store.view.merged_view import MergedView

__all__ = ["Scan", "filtered", "first_rows", "of_rows", "select_rows"]


class Scan(Iterator[pa.RecordBatch]):
    """Batches of one view, in the base's order; the view is closed at the end, by `close`, or when this is dropped.

    Args:
        view: An open view that belongs to this scan from now on.
        columns: Names in the order wanted, or None for all.
        where: Which rows are wanted, see `usr_core.store.questions.row_filter`; columns that only it names are read
            and not returned.
        include_deleted: Keep deleted rows, and show the tombstone columns.
        batch_rows: Rows of a batch at most; None leaves the batches as they are read.

    Raises:
        BatchRowsInvalid: `batch_rows` is below 1.
        UnknownColumn: A name is not a column of the view.
        FilterInvalid, PatternInvalid: `where` can't be used.

    Example:
        >>> from usr_core.api.results import Scan
        >>> with dataset.view() as view:
        ...     scan = Scan(view, ["lab__gc"], where=[("lab__gc", ">", 0.35)])
        ...     scan.schema.names, [batch["lab__gc"].to_pylist() for batch in scan]
        (['lab__gc'], [[0.4, 0.55]])
    """

    def __init__(
        self,
        view: MergedView,
        columns: Sequence[str] | None = None,
        *,
        where: Where | None = None,
        include_deleted: bool = False,
        batch_rows: int | None = None,
    ) -> None:
        self._view = view
        try:
            if batch_rows is not None and batch_rows < 1:
                raise BatchRowsInvalid(rows=batch_rows)
            self.schema: pa.Schema = view.schema(columns, include_deleted=include_deleted)
            self._batches = select_rows(
                partial(view.batches, include_deleted=include_deleted, step=batch_rows),
                self.schema,
                view.schema(include_deleted=True),
                where,
                view=None if include_deleted else view,
            )
            if batch_rows is not None:
                self._batches = _at_most(self._batches, batch_rows)
        except BaseException:
            view.close()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        for batch in self._batches:
            return batch
        self.close()
        raise StopIteration

    def __del__(self) -> None:
        self.close()

    def reader(self) -> pa.RecordBatchReader:
        """Return this as Arrow's reader, which raises what reading raises; closing it closes nothing here.

        Example:
            >>> from usr_core.api.results import Scan
            >>> with dataset.view() as view:
            ...     Scan(view, ["lab__gc"]).reader().read_all()["lab__gc"].to_pylist()
            [0.4, 0.3, 0.55]
        """
        return pa.RecordBatchReader.from_batches(self.schema, self)

    def close(self) -> None:
        """Close the view's files.

        Example:
            >>> from usr_core.api.results import Scan
            >>> with dataset.view() as view:
            ...     scan = Scan(view, ["id"])
            ...     scan.close()
        """
        batches = self.__dict__.get("_batches")
        if isinstance(batches, Generator):
            batches.close()  # its threads end before the files do
        self._view.close()


def select_rows(
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]],
    schema: pa.Schema,
    known: pa.Schema,
    where: Where | None,
    *,
    view: MergedView | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Return what `batches` gives for the columns of `schema`, with the rows that `where` keeps.

    Args:
        batches: Called once at most, with the names of the columns to read.
        schema: Of what is returned.
        known: Every column that `where` may look at.
        where: Which rows are wanted; None for all.
        view: What `batches` reads, where it leaves out deleted rows; its files may be asked instead.
        progress: Told of rows of the base that the files were asked for.

    Raises:
        ConditionInvalid, FilterInvalid, PatternInvalid, UnknownColumn: `where` can't be used; raised at the call.
    """
    if where is None:
        return batches(schema.names)
    rows = open_filter(where, known)
    names = list(dict.fromkeys([*schema.names, *rows.columns]))
    if view is None or isinstance(rows, RowFilter):
        return _kept(batches(names), rows, schema)
    from usr_core.store.questions.condition import SqlCondition
    from usr_core.store.questions.matching_rows import matching_rows

    assert isinstance(rows, SqlCondition)
    return matching_rows(view, rows, schema, lambda: _kept(batches(names), rows, schema), progress)


def of_rows(batches: Iterator[pa.RecordBatch], rows: int, *, drop_last: bool) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in batches of exactly `rows`, the last one shorter or with `drop_last` left out.

    What lies in one batch is not copied.
    """
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        start = 0
        while len(batch) - start >= rows - count:
            piece = batch if len(batch) == rows - count else batch.slice(start, rows - count)
            start += len(piece)
            yield pa.concat_batches([*held, piece]) if held else piece
            held, count = [], 0
        if start < len(batch):
            held.append(batch.slice(start))
            count += len(held[-1])
    if held and not drop_last:
        yield pa.concat_batches(held) if len(held) > 1 else held[0]


def _at_most(batches: Iterator[pa.RecordBatch], rows: int) -> Generator[pa.RecordBatch]:
    try:
        for batch in batches:
            for start in range(0, len(batch), rows):
                yield batch.slice(start, rows) if len(batch) > rows else batch
    finally:
        if isinstance(batches, Generator):
            batches.close()


def first_rows(batches: Iterator[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    """Yield the first rows of a stream, which is read no further than that; None is all of them."""
    if limit is None:
        yield from batches
        return
    left = limit
    while left > 0 and (batch := next(batches, None)) is not None:
        yield batch.slice(0, left)
        left -= min(left, len(batch))


def _kept(batches: Iterator[pa.RecordBatch], rows: Filter, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        for batch in batches:
            kept = filtered(batch, rows, schema)
            if len(kept):
                yield kept
    finally:
        if isinstance(batches, Generator):
            batches.close()  # its threads end before the files do


def filtered(batch: pa.RecordBatch, rows: Filter, schema: pa.Schema) -> pa.RecordBatch:
    """Return the rows of a batch that a filter keeps, with the columns of `schema`."""
    mask = rows.mask(batch)
    if not len(schema):  # rows without columns, which no filter of Arrow's keeps count of
        return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), mask.true_count, [None]))
    return batch.select(schema.names).filter(mask)
