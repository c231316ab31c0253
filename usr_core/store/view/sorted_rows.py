"""Reading rows of one file forwards, in pieces, each page once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.base.parquet import BUFFER_BYTES, OpenParquet
from usr_core.store.ids.row_numbers import row_numbers

__all__ = ["RowSource", "RowStream", "SortedRows"]

_WHOLE_CHUNK_BYTES = 4 << 20
"""Column chunks up to this size are fetched whole; larger ones through a buffer."""


class RowSource(Protocol):
    """Rows of some columns, addressed by number."""

    def rows(self, start: int, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield the rows from `start` up to `stop` as pieces with the number of their first row."""
        ...


class RowStream:
    """Rows of some columns of a Parquet file, asked for in ascending order.

    What lies before the rows asked for is decoded and dropped, except for whole row groups, which are
    passed over. Memory: one batch, and what Parquet holds of one row group (compressed).

    Args:
        source: The file.
        columns: At least one top-level name.
        batch_rows: Rows to decode at a time.
    """

    def __init__(self, source: OpenParquet, columns: Sequence[str], *, batch_rows: int) -> None:
        self._source = source
        self._columns = list(columns)
        self._batch_rows = batch_rows
        metadata = source.file.metadata
        self._group_ends = np.cumsum([metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)])
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._opened_group = -1
        self._current: pa.RecordBatch | None = None
        self._first = 0  # number of the current batch's first row
        self._next = 0  # number of the row after it

    def rows(self, start: int, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield the rows from `start` up to `stop`; `start` never goes back behind an earlier `start`."""
        while start < stop:
            if self._current is None or start >= self._next:
                self._advance(start)
            assert self._current is not None
            end = min(stop, self._next)
            piece = self._current.slice(start - self._first, end - start)
            if end == self._group_ends[-1]:
                self._close()
            yield start, piece
            start = end

    def _advance(self, start: int) -> None:
        """Decode up to the batch that holds row `start`, from the beginning of its row group where that is ahead."""
        group = int(np.searchsorted(self._group_ends, start, side="right"))
        group_start = int(self._group_ends[group - 1]) if group else 0
        if self._opened_group < 0 or self._next < group_start:
            self._open(group)
            self._next = group_start
        while self._next <= start or self._current is None:
            self._current = next(self._batches)
            self._first, self._next = self._next, self._next + self._current.num_rows

    def _close(self) -> None:
        """Let go of what the reader holds: of many parts only those that are read at the moment hold something."""
        self._batches, self._current, self._opened_group = iter(()), None, -1

    def _open(self, group: int) -> None:
        large = self._source.largest_chunk(frozenset(self._columns)) > _WHOLE_CHUNK_BYTES
        reader = self._source.reader(buffered=BUFFER_BYTES if large else 0)
        self._batches = reader.iter_batches(
            self._batch_rows,
            row_groups=range(group, len(self._group_ends)),
            columns=self._columns,
            use_threads=False,
        )
        self._opened_group = group
        self._current = None


class SortedRows:
    """Rows of a file that is not in the base's order, read whole and sorted once.

    Memory: the file's requested columns. USR's own parts are in the base's order and do not need this.

    Args:
        source: The file.
        columns: At least one top-level name.
        order: The file's row numbers in the order wanted; some may be missing, and some may repeat.
    """

    def __init__(self, source: OpenParquet, columns: Sequence[str], order: npt.NDArray[np.int32]) -> None:
        self._source = source
        self._columns = list(columns)
        self._order = order
        self._table: pa.Table | None = None

    def rows(self, start: int, stop: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield the sorted rows from `start` up to `stop`."""
        if self._table is None:
            read = self._source.reader().read(self._columns, use_threads=False)
            self._table = read.take(row_numbers(self._order))
        for batch in self._table.slice(start, stop - start).to_batches():
            yield start, batch
            start += batch.num_rows
