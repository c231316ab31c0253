"""Writing one overlay part in the base's row order, whatever order the rows come in.

Rows that fit in memory are sorted there. Rows that come in the base's order already are written
through as they come. What is larger and out of order is first spilled into buckets of neighbouring
base rows, uncompressed beside the part, then each bucket is sorted by itself: memory is bounded by
a few times one bucket, which is 24 MB, 65,536 base rows or a 256th of a larger base, and by 12 bytes a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.base.file import ParquetOutput
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.row_numbers import cut_at
from usr_core.store.overlay.spilled_rows import BUCKET_BYTES, Buckets, sorted_rows
from usr_core.store.overlay.spliced_groups import SMALLEST_GROUP, Beside, SplicedGroups
from usr_core.store.parts.files import unique_keys_note

__all__ = ["PartWriter", "row_group_ends"]

_HELD_BYTES = 96 << 20
_BUCKET_ROWS = 65_536
_MOST_BUCKETS = 256
"""Each is an open file."""
_FEWEST_COPIED_ROWS = 256
"""The ids of a smaller base are encoded sooner than its footer is read for where their bytes stand."""
_LARGEST_GROUP_BYTES = 320 << 20


class PartWriter:
    """Collects (batch, base positions) and writes the part; a context manager.

    A part that is not closed when the block is left is removed.

    Args:
        path: The part, in a staging folder.
        schema: Key column first; metadata included.
        options: Keyword arguments for `pq.ParquetWriter`.
        boundaries: Base positions at which the base's row groups end, ascending; the part's groups end there
            too where that leaves no small ones, so that a part which covers the base can be read beside it.
        held_bytes: How much is kept in memory before anything is written.
        base: The base that the positions are of, where the part's keys are its ids: they are copied from it.
        keys: Returns the key column of the rows at given base positions, once these are in order; rows are added
            without it then. Without `keys` they have it.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        *,
        options: dict[str, Any],
        boundaries: Sequence[int],
        held_bytes: int = _HELD_BYTES,
        base: OpenParquet | None = None,
        keys: Callable[[npt.NDArray[np.int64]], pa.Array] | None = None,
    ) -> None:
        self._path, self._schema, self._options, self._keys = path, schema, options, keys
        self._rows_schema = schema if keys is None else schema.remove(0)
        self._boundaries = np.asarray(boundaries, dtype=np.int64)
        self._held_bytes, self._base = held_bytes, base
        self._held: list[tuple[pa.RecordBatch, npt.NDArray[np.int64]]] = []
        self._held_size = 0
        self._last = -1
        self._ascending = True
        self._stream: _GroupedWriter | SplicedGroups | None = None
        self._buckets: Buckets | None = None
        self._closed = False
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._closed:
            self.abort()

    def add(self, batch: pa.RecordBatch, positions: npt.NDArray[np.int64]) -> None:
        """Take rows and the base position of each; a position comes at most once over all calls."""
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        in_order = bool(positions[0] > self._last and np.all(positions[1:] > positions[:-1]))
        self._ascending = self._ascending and in_order
        self._last = int(positions[-1])
        if self._buckets is not None:
            self._buckets.add(batch, positions)
        elif self._stream is not None and in_order:
            self._stream.add(batch, positions)
        else:
            self._held.append((batch, positions))
            self._held_size += batch.nbytes
            if self._stream is not None or self._held_size > self._held_bytes:
                self._release()

    def close(self) -> None:
        """Write what is left and finish the file; without rows it is a valid empty part."""
        if self._buckets is not None:
            self._stream = writer = self._new_stream()
            for batch, positions in self._buckets.sorted():
                writer.add(batch, positions)
            writer.close()
            self._buckets.remove()
            self._closed = True
            return
        self._stream = writer = self._stream or self._new_stream(whole=self._covers_base())
        for batch, positions in sorted_rows(self._held, self._rows_schema):
            writer.add(batch, positions)
        self._held.clear()
        writer.close()
        self._closed = True

    def abort(self) -> None:
        """Stop, close and remove every file, the part too; harmless when repeated."""
        self._held.clear()
        if self._stream is not None:
            self._stream.abort()
        if self._buckets is not None:
            self._buckets.remove()
        self._path.unlink(missing_ok=True)

    def _release(self) -> None:
        """Stop holding everything: stream on while the rows ascend, else go over to buckets."""
        if self._ascending:
            self._stream = self._stream or self._new_stream()
            for batch, positions in self._held:
                self._stream.add(batch, positions)
        else:
            self._buckets = Buckets(self._path.with_suffix(".spill"), self._rows_schema, rows=self._bucket_rows())
            if self._stream is not None:
                self._stream.close()
                self._take_back()
                self._stream = None
            for batch, positions in self._held:
                self._buckets.add(batch, positions)
        self._held.clear()
        self._held_size = 0

    def _covers_base(self) -> bool:
        return self._base is not None and self.rows == self._base.rows

    def _new_stream(self, *, whole: bool = True) -> _GroupedWriter | SplicedGroups:
        """Return a writer for rows in order; one that copies from the base if they may fill its row groups."""
        if whole and self.rows and self._base is not None and self._base.rows >= _FEWEST_COPIED_ROWS:
            scratch = self._path.with_name(f"{self._path.name}.one")
            beside = Beside.of(self._base, self._schema, self._options, scratch)
            if beside is not None:
                return SplicedGroups(self._path, self._schema, self._options, self._boundaries, beside, keys=self._keys)
        return _GroupedWriter(self._path, self._schema, self._options, self._boundaries, keys=self._keys)

    def _bucket_rows(self) -> int:
        last = int(self._boundaries[-1]) if len(self._boundaries) else 0
        width = self._held_size // max(1, sum(batch.num_rows for batch, _ in self._held))
        rows = min(_BUCKET_ROWS, BUCKET_BYTES // max(1, int(width)))
        return max(rows, -(-last // _MOST_BUCKETS))

    def _take_back(self) -> None:
        """Move the rows that were streamed before the order broke into the buckets."""
        assert self._buckets is not None and self._stream is not None
        written = self._stream.positions()
        start = 0
        with pq.ParquetFile(self._path) as file:
            for batch in file.iter_batches(batch_size=_BUCKET_ROWS):
                stop = start + batch.num_rows
                rows = batch.cast(self._schema.remove_metadata())
                rows = rows if self._keys is None else rows.select(self._rows_schema.names)
                self._buckets.add(rows, written[start:stop])
                start = stop
        self._path.unlink()


class _GroupedWriter:
    """A Parquet writer that ends row groups at the base's boundaries."""

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        options: dict[str, Any],
        boundaries: npt.NDArray[np.int64],
        *,
        keys: Callable[[npt.NDArray[np.int64]], pa.Array] | None,
    ) -> None:
        self._writer = ParquetOutput(path, schema, **options)
        self._schema, self._keys = schema, keys
        self._boundaries = boundaries
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._pending_bytes = 0
        self._rows = 0
        self._seen: list[npt.NDArray[np.int32]] = []

    def add(self, batch: pa.RecordBatch, positions: npt.NDArray[np.int64]) -> None:
        self._seen.append(positions.astype(np.int32))
        if self._keys is not None:
            columns = [self._keys(positions), *batch.columns]
            batch = pa.RecordBatch.from_arrays(columns, schema=self._schema.remove_metadata())
        for start, stop, ends in cut_at(self._boundaries, positions):
            self._take(batch.slice(start, stop - start))
            if ends and self._pending_rows >= SMALLEST_GROUP:
                self._flush()

    def positions(self) -> npt.NDArray[np.int64]:
        return np.concatenate(self._seen).astype(np.int64) if self._seen else np.empty(0, np.int64)

    def close(self) -> None:
        self._flush()
        self._writer.add_key_value_metadata(unique_keys_note(self._rows))
        self._writer.close()

    def abort(self) -> None:
        """Close the file without the rows that are held; it is not a valid part then."""
        self._pending.clear()
        self._writer.abandon()

    def _take(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self._rows += batch.num_rows
            self._pending.append(batch)
            self._pending_rows += batch.num_rows
            self._pending_bytes += batch.nbytes
            if self._pending_bytes > _LARGEST_GROUP_BYTES:
                self._flush()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, schema=self._schema.remove_metadata())
            self._writer.write_table(
                table.replace_schema_metadata(self._schema.metadata), row_group_size=max(1, table.num_rows)
            )
            self._pending, self._pending_rows, self._pending_bytes = [], 0, 0


def row_group_ends(base: pq.ParquetFile) -> list[int]:
    """Return the base positions at which the base's row groups end, ascending: `boundaries` of a part."""
    sizes = [base.metadata.row_group(index).num_rows for index in range(base.metadata.num_row_groups)]
    return [int(end) for end in np.cumsum(sizes)]
