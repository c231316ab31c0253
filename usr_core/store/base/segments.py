"""A Parquet file put together from byte ranges of an older one and segments of new row groups.

pyarrow's writer insists on starting at offset 0. Here each segment gets a writer of its own whose sink
pretends: it swallows what lies before the segment's start, so that every offset the writer notes is the
real one. The older file's bytes are copied by the kernel (shared, where the file system can), and one
footer over all row groups is written at the end.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.base.footer import MAGIC, footer_start
from usr_core.store.base.output import KeptErrors

__all__ = ["SegmentedFile", "read_metadata_of"]

_COPY_STEP = 1 << 30
_READ_STEP = 8 << 20
_BLANK = bytes(1 << 20)


class SegmentedFile:
    """A new file at `path`; nothing in it is valid before `finish`.

    Raises:
        FileExistsError: A file of that name exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._end = 0
        self._parts: list[pq.FileMetaData] = []

    def copy(self, source: Path, stop: int, metadata: pq.FileMetaData) -> None:
        """Begin with the first `stop` bytes of `source`, of which `metadata` describes the row groups."""
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _copy_range(descriptor, self._descriptor, stop)
        finally:
            os.close(descriptor)
        self._end = stop
        self._parts.append(metadata)

    def segment(self, schema: pa.Schema, arguments: Mapping[str, Any]) -> Segment:
        """Begin a segment of row groups behind what is there; close it before the next one."""
        return Segment(self, schema, arguments)

    def finish(self, schema: pa.Schema, arguments: Mapping[str, Any]) -> int:
        """Write the footer over all row groups, with the metadata of `schema`; return the file's size in bytes."""
        joined = _empty_footer(schema, arguments)
        for part in self._parts:
            joined.append_row_groups(part)
        footer = io.BytesIO()
        joined.write_metadata_file(footer)
        content = footer.getvalue()
        if self._end == 0:
            self._end = self.write_at(0, MAGIC)
        size = self.write_at(self._end, content[len(MAGIC) :])
        os.ftruncate(self._descriptor, size)
        self.close()
        return size

    def close(self) -> None:
        """Close the descriptor; harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def write_at(self, position: int, content: Any) -> int:
        """Write `content` at `position`; return the offset behind it."""
        view = memoryview(content)
        while view:
            written = os.pwrite(self._descriptor, view, position)
            view = view[written:]
            position += written
        return position

    @property
    def end(self) -> int:
        """Where the next segment starts."""
        return self._end

    def adopt(self, stop: int) -> None:
        """Take note of a segment that was closed: its footer ends at `stop`, and is read and given up."""
        start = footer_start(os.pread(self._descriptor, 8, stop - 8), stop, path=self.path)
        footer = os.pread(self._descriptor, stop - 8 - start, start)
        self._parts.append(read_metadata_of(footer))
        self._end = start


class Segment:
    """Row groups written one after the other; rows keep their order."""

    def __init__(self, file: SegmentedFile, schema: pa.Schema, arguments: Mapping[str, Any]) -> None:
        self._file, self._start = file, file.end
        self._errors = KeptErrors(self._put)
        self._sink = pa.PythonFile(self._errors, mode="w")
        with self._errors.calls():
            self._writer = pq.ParquetWriter(self._sink, schema, **arguments)
            self._advance(file.end)

    def write(self, table: pa.Table) -> None:
        """Write `table` as one row group."""
        with self._errors.calls():
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def close(self) -> None:
        """End the segment."""
        with self._errors.calls():
            self._writer.close()
        stop = self._sink.tell()
        self._sink.close()
        self._file.adopt(stop)

    def _put(self, position: int, content: memoryview) -> None:
        """Write what lies behind the file's end at the segment's creation; what comes before is pretended."""
        if position >= self._start:
            self._file.write_at(position, content)

    def _advance(self, start: int) -> None:
        missing = start - self._sink.tell()
        while missing > 0:
            self._sink.write(_BLANK[:missing] if missing < len(_BLANK) else _BLANK)
            missing = start - self._sink.tell()


def read_metadata_of(footer: bytes) -> pq.FileMetaData:
    """Return pyarrow's view of Thrift footer bytes."""
    whole = MAGIC + footer + struct.pack("<I", len(footer)) + MAGIC
    return pq.read_metadata(pa.BufferReader(whole))


def _empty_footer(schema: pa.Schema, arguments: Mapping[str, Any]) -> pq.FileMetaData:
    sink = io.BytesIO()
    pq.ParquetWriter(sink, schema, **arguments).close()
    return pq.read_metadata(pa.BufferReader(sink.getvalue()))


def _copy_range(source: int, target: int, stop: int) -> None:
    """Copy bytes 0 to `stop` inside the kernel, or through memory where it can't."""
    done = 0
    while done < stop:
        step = min(stop - done, _COPY_STEP)
        try:
            copied = os.copy_file_range(source, target, step, done, done)
        except (OSError, AttributeError):
            copied = _copy_through(source, target, min(step, _READ_STEP), done)
        if copied == 0:
            raise OSError(f"the file ended at {done} of {stop} bytes")
        done += copied


def _copy_through(source: int, target: int, step: int, done: int) -> int:
    view = memoryview(os.pread(source, step, done))
    size = len(view)
    while view:
        written = os.pwrite(target, view, done)
        view = view[written:]
        done += written
    return size
