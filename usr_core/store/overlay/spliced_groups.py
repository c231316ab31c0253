"""A part written beside the base: its ids are the base's own column chunks, its vectors go to disk as they come.

Where a row group of the part has the rows of one of the base's, its chunk of ids is copied as bytes. Vectors become
pages at once (`DenseChunk`), so that a row group of 268 MB takes no memory. What is left is encoded by itself, a row
group at a time, and copied from there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.base.dense_pages import DenseChunk, is_dense
from usr_core.store.base.file import ParquetOutput
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.segments import MAGIC
from usr_core.store.base.splice import Chunk, SplicedFile, Stored, Target
from usr_core.store.ids.row_numbers import cut_at
from usr_core.store.parts.files import unique_keys_note

__all__ = ["SMALLEST_GROUP", "Beside", "SplicedGroups"]

SMALLEST_GROUP = 32_768
"""A part's row group of fewer rows does not end where one of the base's does, unless it has the same rows."""
_MOST_HELD_BYTES = 320 << 20
_MOST_GROUP_BYTES = 1 << 30


class Beside:
    """What a part that is written beside a base has to know of it.

    Attributes:
        base: The base's chunks.
        target: The form of the part.
        templates: What a footer says of a chunk of each column of vectors.
    """

    def __init__(self, base: Stored, target: Target, templates: dict[str, Any]) -> None:
        self.base, self.target, self.templates = base, target, templates

    @classmethod
    def of(cls, base: OpenParquet, schema: pa.Schema, options: dict[str, Any], scratch: Path) -> Beside | None:
        """Return it, or None where the base's ids can't be copied into a part of this schema.

        Args:
            base: The base.
            schema: Of the part, key column first; metadata included.
            options: Keyword arguments of the writer that would encode the part.
            scratch: A file that may be made, and is removed.
        """
        stored, target = Stored.of(base), Target(schema, options)
        if stored is None or not stored.has(schema.field(0), like=target) or stored.is_fragmented():
            return None
        values = [field for field in schema if is_dense(field.type)]
        one = pa.table([pa.nulls(1, field.type) for field in values], schema=pa.schema(values))
        with _encoded(scratch, one, options) as made:
            if values and not (made is not None and all(made.has(field, like=target) for field in values)):
                return None
            templates = {field.name: made.chunks(0, field.name)[0].described for field in values if made is not None}
        return cls(stored, target, templates)


class SplicedGroups:
    """A writer of parts that ends row groups where the base's end; rows come in the base's order.

    Args:
        path: The part; files whose names begin so stand beside it meanwhile.
        schema: Key column first; metadata included.
        options: Keyword arguments of the writer of what is encoded.
        boundaries: Base positions at which row groups end, ascending.
        beside: The base.
        keys: As for `PartWriter`.

    Memory: the rows of a row group without vectors.
    """

    def __init__(
        self,
        path: Path,
        schema: pa.Schema,
        options: dict[str, Any],
        boundaries: npt.NDArray[np.int64],
        beside: Beside,
        *,
        keys: Callable[[npt.NDArray[np.int64]], pa.Array] | None,
    ) -> None:
        self._schema, self._options, self._beside, self._keys = schema.remove_metadata(), options, beside, keys
        self._boundaries = boundaries
        ends = np.cumsum(beside.base.rows, dtype=np.int64)
        self._base_groups = {
            (int(end) - rows, int(end)): number
            for number, (rows, end) in enumerate(zip(beside.base.rows, ends, strict=True))
        }
        self._scratch = path.with_name(f"{path.name}.group")
        self._file = SplicedFile(path, beside.target)
        self._dense = {name: _Lane(path, at) for at, name in enumerate(beside.templates)}
        given = self._schema.names if keys is None else self._schema.names[1:]
        self._names = [name for name in given if name not in beside.templates]
        self._pending: list[pa.RecordBatch] = []
        self._positions: list[npt.NDArray[np.int64]] = []
        self._pending_rows = self._pending_bytes = self._dense_bytes = 0
        self._rows = 0
        self._seen: list[npt.NDArray[np.int32]] = []

    def add(self, batch: pa.RecordBatch, positions: npt.NDArray[np.int64]) -> None:
        self._seen.append(positions.astype(np.int32))
        for start, stop, ends in cut_at(self._boundaries, positions):
            self._take(batch.slice(start, stop - start), positions[start:stop])
            if ends and (self._pending_rows >= SMALLEST_GROUP or self._is_of_base() is not None):
                self._flush()

    def positions(self) -> npt.NDArray[np.int64]:
        return np.concatenate(self._seen).astype(np.int64) if self._seen else np.empty(0, np.int64)

    def close(self) -> None:
        self._flush()
        self._file.finish(unique_keys_note(self._rows))
        self.abort()

    def abort(self) -> None:
        """Close the file; it is not a valid part where it was not finished."""
        self._pending.clear()
        for lane in self._dense.values():
            lane.close()
        self._file.close()

    def _take(self, batch: pa.RecordBatch, positions: npt.NDArray[np.int64]) -> None:
        if not batch.num_rows:
            return
        for name, lane in self._dense.items():
            lane.write(batch.column(name), self._beside.templates[name], self._file)
        kept = batch.select(self._names)
        self._pending.append(kept)
        self._positions.append(positions)
        self._rows += batch.num_rows
        self._pending_rows += batch.num_rows
        self._pending_bytes += kept.nbytes
        self._dense_bytes += batch.nbytes - kept.nbytes
        if self._pending_bytes > _MOST_HELD_BYTES or self._dense_bytes > _MOST_GROUP_BYTES:
            self._flush()

    def _is_of_base(self) -> int | None:
        """Return the number of the base's row group that has exactly the pending rows, or None."""
        if not self._pending_rows:
            return None
        first, last = int(self._positions[0][0]), int(self._positions[-1][-1])
        # Positions ascend, so as many as there are places between first and last are all of these.
        return self._base_groups.get((first, last + 1)) if last - first + 1 == self._pending_rows else None

    def _flush(self) -> None:
        if not self._pending_rows:
            return
        number, key = self._is_of_base(), self._schema.names[0]
        chunks: dict[str, list[Chunk]] = {name: [lane.finish(self._file)] for name, lane in self._dense.items()}
        columns = {name: [batch.column(name) for batch in self._pending] for name in self._names}
        if number is not None:
            chunks[key] = self._beside.base.chunks(number, key)
            columns.pop(key, None)
        elif self._keys is not None:
            columns = {key: [self._keys(np.concatenate(self._positions))], **columns}
        schema = pa.schema([self._schema.field(name) for name in columns])
        arrays = [pa.chunked_array(pieces, field.type) for pieces, field in zip(columns.values(), schema, strict=True)]
        table = pa.Table.from_arrays(arrays, schema=schema)
        with _encoded(self._scratch, table, self._options) as made:
            if made is not None:
                chunks |= {name: made.chunks(0, name) for name in columns}
            for name in self._schema.names:
                for chunk in chunks[name]:
                    self._file.add(chunk)
        self._file.end_group(self._pending_rows)
        self._pending, self._positions = [], []
        self._pending_rows = self._pending_bytes = self._dense_bytes = 0


class _Lane:
    """The chunk of one column of vectors: the first such column's in the part itself, the others' beside it."""

    def __init__(self, path: Path, number: int) -> None:
        self._path = path.with_name(f"{path.name}.lane{number}") if number else None
        self._descriptor = -1
        self._chunk: DenseChunk | None = None

    def write(self, vectors: pa.Array, template: Any, file: SplicedFile) -> None:
        if self._chunk is None:
            descriptor, start = file.end if self._path is None else (self._open(), len(MAGIC))
            self._chunk = DenseChunk(descriptor, start, template, vectors.type)
        self._chunk.write(vectors)

    def finish(self, file: SplicedFile) -> Chunk:
        assert self._chunk is not None
        chunk, self._chunk = self._chunk.finish(), None
        if self._path is None:
            file.adopt(chunk)
        return chunk

    def close(self) -> None:
        if self._path is not None and self._descriptor >= 0:
            os.close(self._descriptor)
            self._path.unlink(missing_ok=True)
            self._descriptor = -1

    def _open(self) -> int:
        if self._descriptor < 0:
            assert self._path is not None
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        return self._descriptor


@contextlib.contextmanager
def _encoded(path: Path, table: pa.Table, options: dict[str, Any]) -> Iterator[Stored | None]:
    """Write a table without metadata as one row group of a file, and open it; None of a table without columns."""
    if not table.num_columns:
        yield None
        return
    names = set(table.column_names)
    bloom = {name: facts for name, facts in (options.get("bloom_filter_options") or {}).items() if name in names}
    try:
        with ParquetOutput(path, table.schema, **options | {"bloom_filter_options": bloom or None}) as output:
            output.write_table(table, row_group_size=max(1, table.num_rows))
        with contextlib.closing(OpenParquet.open(path)) as source:
            yield Stored.of(source)
    finally:
        path.unlink(missing_ok=True)
