"""Rows that are put in order on disk: spilled into buckets of neighbouring base rows, and each bucket sorted by itself.

A bucket is a file. Numbers and vectors of floats without nulls lie in it as they lie in memory, a block of each column
for each time that rows were spilled, so that they are moved four times in all: into a block, to disk, back and in
order. Other rows go through an Arrow stream beside it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import fixed_array
from usr_core.records.arrow_calls import taken
from usr_core.store.base.dense_pages import is_dense, item_bits
from usr_core.store.ids.row_numbers import ascending_order

__all__ = ["BUCKET_BYTES", "Buckets", "sorted_rows"]

Rows = npt.NDArray[np.int64]

BUCKET_BYTES = 24 << 20
"""Of a bucket, roughly. The C library gives pieces of 32 MB and more back to the system, which clears them anew."""
_WAITING_BYTES = 16 << 20
"""Rows are spilled together: written a batch at a time, each bucket would get a few rows at once."""


class Buckets:
    """Rows spilled by ranges of base positions.

    Args:
        folder: Is made, and is to be removed by `remove`.
        schema: Of the rows.
        rows: Base positions of a bucket.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, rows: int) -> None:
        self._folder, self._schema, self._rows = folder, schema.remove_metadata(), rows
        folder.mkdir()
        self._widths = [_item_count(field.type) for field in schema]
        self._blocks: dict[int, _Blocks] = {}
        self._streams: dict[int, _Stream] = {}
        self._waiting: list[tuple[list[npt.NDArray[Any]], Rows]] = []
        self._waiting_bytes = 0

    def add(self, batch: pa.RecordBatch, positions: Rows) -> None:
        """Take rows and the base position of each."""
        values = self._fixed(batch)
        if values is None:
            self._stream(batch, positions)
            return
        self._waiting.append((values, positions))
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes >= _WAITING_BYTES:
            self._spill()

    def sorted(self) -> Iterator[tuple[pa.RecordBatch, Rows]]:
        """Yield all rows and their positions, which ascend, unless one comes twice; each bucket's file is removed."""
        self._spill()
        for bucket in sorted(self._blocks.keys() | self._streams.keys()):
            blocks, stream = self._blocks.pop(bucket, None), self._streams.pop(bucket, None)
            held = [] if blocks is None else [blocks.sorted(self._schema)]
            if stream is not None:
                held += stream.rows()
            yield from sorted_rows(held, self._schema)

    def remove(self) -> None:
        """Close and remove what is left."""
        opened: list[_Blocks | _Stream] = [*self._blocks.values(), *self._streams.values()]
        for one in opened:
            with contextlib.suppress(OSError, pa.ArrowException):  # what is left of it goes
                one.close()
        self._blocks.clear()
        self._streams.clear()
        self._waiting.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _fixed(self, batch: pa.RecordBatch) -> list[npt.NDArray[Any]] | None:
        """Return the values of each column, shape (rows, items), or None where there are nulls or no such values."""
        found = []
        for column, width in zip(batch.columns, self._widths, strict=True):
            if not width or column.null_count:
                return None
            if is_dense(column.type):
                if column.flatten().null_count:
                    return None
                found.append(item_bits(column).reshape(-1, width))
            else:
                dtype = np.dtype(f"u{column.type.bit_width // 8}")
                start = column.offset * dtype.itemsize
                found.append(np.frombuffer(column.buffers()[1], dtype, len(column), start).reshape(-1, 1))
        return found

    def _spill(self) -> None:
        """Write the rows that wait to their buckets, each of which gets one block."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not waiting:
            return
        positions = np.concatenate([rows for _, rows in waiting])
        buckets = positions // self._rows
        order = np.argsort(buckets, kind="stable")
        places = np.empty(len(order), np.int64)
        places[order] = np.arange(len(order))
        columns = []
        for at in range(len(self._widths)):
            first = waiting[0][0][at]
            gathered, start = np.empty((len(order), first.shape[1]), first.dtype), 0
            for values, rows in waiting:
                gathered[places[start : start + len(rows)]] = values[at]
                start += len(rows)
            columns.append(gathered)
        ordered, positions = buckets[order], positions[order]
        ends = [*(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]
        for start, end in pairwise([0, *ends]):
            bucket = int(ordered[start])
            if bucket not in self._blocks:
                self._blocks[bucket] = _Blocks(self._folder / f"{bucket}.rows")
            self._blocks[bucket].write([column[start:end] for column in columns], positions[start:end])

    def _stream(self, batch: pa.RecordBatch, positions: Rows) -> None:
        buckets = positions // self._rows
        order = np.argsort(buckets, kind="stable")
        schema = self._schema.append(pa.field("position", pa.int64()))
        columns = [*taken(batch, order).columns, fixed_array(positions[order], pa.int64())]
        rows = pa.RecordBatch.from_arrays(columns, schema=schema)
        ordered = buckets[order]
        ends = [*(np.flatnonzero(ordered[1:] != ordered[:-1]) + 1).tolist(), len(ordered)]
        for start, end in pairwise([0, *ends]):
            bucket = int(ordered[start])
            if bucket not in self._streams:
                self._streams[bucket] = _Stream(self._folder / f"{bucket}.arrow", schema)
            self._streams[bucket].write(rows.slice(start, end - start))


class _Blocks:
    """One file of values as they lie in memory; the positions of its rows are kept: 8 bytes each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._dtypes: list[npt.NDArray[Any]] = []
        self._positions: list[Rows] = []
        self._end = 0

    def write(self, columns: Sequence[npt.NDArray[Any]], positions: Rows) -> None:
        self._dtypes = [column[:0] for column in columns]
        self._positions.append(positions.copy())
        for column in columns:
            rest = column.view(np.uint8).reshape(-1).data
            while rest:
                written = os.pwrite(self._descriptor, rest, self._end)
                rest, self._end = rest[written:], self._end + written

    def sorted(self, schema: pa.Schema) -> tuple[pa.RecordBatch, Rows]:
        """Return all rows in order of their positions, and close and remove the file."""
        positions = np.concatenate(self._positions)
        order = ascending_order(positions - positions.min())
        if order is None:  # the caller refuses the rows in the end
            order = np.argsort(positions, kind="stable")
        columns = [np.empty((len(order), empty.shape[1]), empty.dtype) for empty in self._dtypes]
        start = offset = 0
        for rows in self._positions:
            for column in columns:
                offset += self._read(column[start : start + len(rows)], offset)
            start += len(rows)
        self.close()
        self._path.unlink()
        arrays = [
            _as_array(np.take(column, order, axis=0), field.type) for column, field in zip(columns, schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema), positions[order]

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self, values: npt.NDArray[Any], offset: int) -> int:
        rest = values.view(np.uint8).reshape(-1).data
        while rest:
            count = os.preadv(self._descriptor, [rest], offset)
            if not count:
                raise OSError(f"{self._path} has become shorter")
            rest, offset = rest[count:], offset + count
        return int(values.nbytes)


class _Stream:
    """One Arrow stream of rows with their positions."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._file = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_stream(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def rows(self) -> list[tuple[pa.RecordBatch, Rows]]:
        """Return all rows as they came, and close and remove the file."""
        self.close()
        with pa.OSFile(str(self._path)) as source, pa.ipc.open_stream(source) as stream:
            found = [(batch.drop_columns(["position"]), batch.column("position").to_numpy()) for batch in stream]
        self._path.unlink()
        return found

    def close(self) -> None:
        # The stream leaves the file open, which it was given.
        try:
            if not self._file.closed:
                self._writer.close()
        finally:
            self._file.close()


def sorted_rows(
    held: Sequence[tuple[pa.RecordBatch, Rows]], schema: pa.Schema
) -> Iterator[tuple[pa.RecordBatch, Rows]]:
    """Yield rows that are held in ascending order of their positions, unless one comes twice."""
    if not held:
        return
    positions = np.concatenate([part for _, part in held])
    if np.all(positions[1:] > positions[:-1]):
        yield from held
        return
    order = ascending_order(positions)
    if order is None:  # the caller refuses the rows in the end
        order = np.argsort(positions, kind="stable")
    table = pa.Table.from_batches([batch for batch, _ in held], schema=schema.remove_metadata())
    table = taken(table, order)
    start = 0
    for batch in table.to_batches():
        yield batch, positions[order[start : start + batch.num_rows]]
        start += batch.num_rows


def _item_count(kind: pa.DataType) -> int:
    """Return how many numbers of whole bytes a value of this type is, 0 where it is none of them."""
    if is_dense(kind):
        return int(kind.list_size)
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind)
    return int(numbers and kind.bit_width in (8, 16, 32, 64))


def _as_array(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
    buffer = pa.py_buffer(values.reshape(-1))
    if not is_dense(kind):
        return pa.Array.from_buffers(kind, len(values), [None, buffer])
    items = pa.Array.from_buffers(kind.value_type, values.size, [None, buffer])
    return pa.Array.from_buffers(kind, len(values), [None], children=[items])
