"""Writing a base file: an older base's row groups as bytes, then new ones, under one footer.

What an append copies is neither decoded nor encoded, and keeps its Bloom filters and page indexes. Small
row groups at the end are decoded and joined with the new rows, a run of them at a time, so that groups don't grow
without end; and a small group that a write leaves at the end lies behind everything else, so that the next append can
cut it off without leaving a gap. An older base whose columns are laid out otherwise, or whose columns of floats
have minimum and maximum, is encoded anew, once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.base_schema import BASE_COLUMNS, BASE_FIELDS, base_schema
from usr_core.store.base.file import GROUP_BYTES, float_paths, write_options
from usr_core.store.base.segments import (
    FooterLayout,
    Segment,
    SegmentedFile,
    footer_layout,
    footer_start,
    read_metadata_of,
    without_trailing_groups,
)
from usr_core.store.errors import BaseUnreadable

__all__ = ["BaseWriter", "rewrite_footer"]

_DECODE_ROWS = 16_384
_JOINED_GROUPS = 16
"""So many small row groups at the end are joined, however few rows they have."""


def rewrite_footer(source: Path, destination: Path, *, metadata: Mapping[str, str]) -> int:
    """Write `source` again with other key/value metadata; return how many bytes were copied. The caller fsyncs.

    Rows are copied as bytes, or encoded anew where the older base is laid out otherwise.

    Raises:
        BaseUnreadable: `source` is not a base.
        FileExistsError: `destination` exists.
    """
    with BaseWriter(destination, existing=source, metadata=metadata, join_small_groups=False) as writer:
        writer.finish()
        return writer.copied_bytes


class BaseWriter:
    """Writes one base file: the rows of `existing`, then those given to `write`, in order.

    Encoding runs in a thread of its own beside the caller. At most two row groups (64 MiB decoded each) are
    held. The caller fsyncs the finished file. A ``with`` block that fails leaves no file; without one the caller
    calls `abort` on any failure.

    Args:
        destination: The file to create.
        existing: A base whose rows come first, or None. It is never modified.
        metadata: Key/value metadata of the new file; that of `existing` is not carried over.
        join_small_groups: Decode small row groups at the end of `existing`, to be joined with new rows.

    Attributes:
        schema: The columns of the new file: the seven, then the materialized ones of `existing`.
        metadata: Key/value metadata; may be set until `finish`.
        existing_rows: Rows of `existing`.
        copied_groups: Row groups of `existing` that were copied as bytes.
        copied_bytes: Bytes of it that the new file begins with.

    Raises:
        BaseUnreadable: `existing` is not a base.
        FileExistsError: `destination` exists.
    """

    def __init__(
        self,
        destination: Path,
        *,
        existing: Path | None,
        metadata: Mapping[str, str],
        join_small_groups: bool = True,
    ) -> None:
        self.metadata = dict(metadata)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="usr-encode")
        self._pending: Future[None] | None = None
        self._batches: list[pa.RecordBatch] = []
        self._rows = self._bytes = self._written = 0
        self._segment: Segment | None = None
        self.existing_rows = self.copied_groups = self.copied_bytes = 0
        self._source = existing or destination
        source = _open(existing) if existing else None
        extra = [field for field in source.schema_arrow if field.name not in BASE_COLUMNS] if source else []
        self.schema = base_schema([field.remove_metadata() for field in extra])
        self._options = write_options(self.schema, bloom="id")
        self._file = SegmentedFile(destination)
        try:
            if source is not None and existing is not None:
                self._take_over(source, existing, join_small_groups)
        except BaseException:
            self.abort()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows: the seven columns by name; materialized columns that are not there become null.

        Raises:
            BaseUnreadable: A column of the base can't be written as required.
            OSError: Writing failed, possibly for rows given earlier.
        """
        self._push(self._complete(batch))

    def finish(self) -> int:
        """Write what is held and the footer, and check the file by reading it again; return its size in bytes."""
        self._settle()
        if self._rows:
            if self._is_small(self._rows, self._bytes):
                self._close_segment()
                self._segment = self._open_segment(rows=self._rows)
            self._flush(self._rows)
            self._settle()
        self._close_segment()
        self._pool.shutdown()
        schema = self.schema.with_metadata(self.metadata or None)
        size = self._file.finish(schema, self._options.writer_arguments())
        self._verify(size)
        return size

    def abort(self) -> None:
        """Stop and remove the unfinished file; harmless when repeated."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._file.close()
        self._file.path.unlink(missing_ok=True)

    # ------------------------------------------------------------ the older base

    def _take_over(self, source: pq.ParquetFile, path: Path, join_small_groups: bool) -> None:
        self.existing_rows = source.metadata.num_rows
        layout = _layout(path)
        keep = 0
        if self._can_copy(source.metadata, layout, path):
            keep = self._groups_to_keep(source.metadata) if join_small_groups else len(layout.groups)
        if keep:
            kept = source.metadata
            if keep < kept.num_row_groups:
                kept = read_metadata_of(without_trailing_groups(layout, keep))
            self.copied_bytes = max(group.data_end for group in layout.groups[:keep])
            self._file.copy(path, self.copied_bytes, kept)
            self.copied_groups = keep
            self._written = kept.num_rows
        for group in range(keep, source.metadata.num_row_groups):
            for batch in source.iter_batches(_DECODE_ROWS, row_groups=[group], use_threads=False):
                self._push(self._complete(batch))

    def _can_copy(self, metadata: pq.FileMetaData, layout: FooterLayout, path: Path) -> bool:
        ours = pq.ParquetFile(pa.BufferReader(_empty_file(self.schema))).metadata
        return (
            bool(ours.schema.equals(metadata.schema))
            and not _has_float_bounds(metadata, self.schema)
            and len(layout.groups) == metadata.num_row_groups
            and all(0 < group.data_end <= path.stat().st_size for group in layout.groups)
        )

    def _groups_to_keep(self, metadata: pq.FileMetaData) -> int:
        """Return how many leading row groups stay; a run of small ones at the end is joined with what comes.

        It is joined once it makes a group that is not small, or has many groups. A dataset that keeps its history
        keeps what is joined, so that joining at every append would keep each row many times.
        """
        keep = int(metadata.num_row_groups)
        rows = size = 0
        while keep:
            last = metadata.row_group(keep - 1)
            more, larger = rows + last.num_rows, size + last.total_byte_size
            small = self._is_small(last.num_rows, last.total_byte_size)
            if not small or more > self._options.rows_per_group or larger > GROUP_BYTES:
                break
            keep, rows, size = keep - 1, more, larger
        few = metadata.num_row_groups - keep < _JOINED_GROUPS and self._is_small(rows, size)
        return int(metadata.num_row_groups) if few else keep

    # ------------------------------------------------------------ rows and row groups

    def _complete(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        names = batch.schema.names
        columns = [
            _as_type(batch.column(field.name), field.type)
            if field.name in names
            else pa.nulls(batch.num_rows, field.type)
            for field in self.schema
        ]
        for field, column in zip(BASE_FIELDS, columns, strict=False):
            if column.null_count:
                raise BaseUnreadable(self._source, f"its column {field.name!r} holds nulls")
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _push(self, batch: pa.RecordBatch) -> None:
        limit = self._options.rows_per_group
        while batch.num_rows:
            taken = batch.slice(0, limit - self._rows)
            self._batches.append(taken)
            self._rows += taken.num_rows
            self._bytes += taken.nbytes
            batch = batch.slice(taken.num_rows)
            if self._rows >= limit or self._bytes >= GROUP_BYTES:
                self._flush(self._rows)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._batches, schema=self.schema)
        self._batches = []
        self._rows = self._bytes = 0
        self._settle()
        if self._segment is None:
            self._segment = self._open_segment(rows=None)
        self._pending = self._pool.submit(self._segment.write, table)
        self._written += rows

    def _open_segment(self, *, rows: int | None) -> Segment:
        return self._file.segment(self.schema, self._options.writer_arguments(rows=rows))

    def _close_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _is_small(self, rows: int, size: int) -> bool:
        return rows < self._options.rows_per_group // 2 and size < GROUP_BYTES // 2

    def _verify(self, size: int) -> None:
        path = self._file.path
        written = pq.read_metadata(path)
        if path.stat().st_size != size or written.num_rows != self._written:
            raise BaseUnreadable(path, f"it holds {written.num_rows} rows instead of {self._written} after writing")


def _open(path: Path) -> pq.ParquetFile:
    try:
        source = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise BaseUnreadable(path, "it is not a Parquet file") from error
    names = source.schema_arrow.names
    missing = [name for name in BASE_COLUMNS if names.count(name) != 1]
    if missing:
        raise BaseUnreadable(path, f"it lacks the column {missing[0]!r}")
    return source


def _layout(path: Path) -> FooterLayout:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        start = footer_start(os.pread(descriptor, 8, size - 8), size, path=path)
        return footer_layout(os.pread(descriptor, size - 8 - start, start))
    except (ValueError, IndexError) as error:
        if isinstance(error, BaseUnreadable):
            raise
        raise BaseUnreadable(path, "its footer is damaged") from error
    finally:
        os.close(descriptor)


def _has_float_bounds(metadata: pq.FileMetaData, schema: pa.Schema) -> bool:
    """Tell whether a column of floats has minimum and maximum, as older bases and those of other writers may have."""
    floats = float_paths(schema)
    leaves = [index for index in range(metadata.num_columns) if metadata.schema.column(index).path in floats]
    return any(
        (statistics := metadata.row_group(group).column(index).statistics) is not None and statistics.has_min_max
        for index in leaves
        for group in range(metadata.num_row_groups)
    )


def _empty_file(schema: pa.Schema) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.ParquetWriter(sink, schema).close()
    return sink.getvalue()


def _as_type(column: pa.Array, type_: pa.DataType) -> pa.Array:
    return column if column.type == type_ else column.cast(type_)
