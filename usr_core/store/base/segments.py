"""A Parquet file put together from byte ranges of an older one and segments of new row groups, and the footers for it.

pyarrow's writer insists on starting at offset 0. Here each segment gets a writer of its own whose sink
pretends: it swallows what lies before the segment's start, so that every offset the writer notes is the
real one. The older file's blocks are shared where the file system can (XFS, btrfs), else its bytes are copied by the
kernel, and one footer over all row groups is written at the end.

pyarrow joins footers but can't shorten one, and it does not say where page indexes lie. The Thrift compact encoding is
read just far enough for both: the fields are walked over and byte ranges kept, so that what is not known here survives
untouched.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.base.file import KeptErrors
from usr_core.store.base.thrift import INTEGERS, STRUCT, Cursor
from usr_core.store.base.thrift_tree import varint
from usr_core.store.errors import BaseUnreadable

__all__ = [
    "MAGIC",
    "FooterLayout",
    "RowGroupPlace",
    "SegmentedFile",
    "copy_range",
    "empty_file",
    "footer_layout",
    "footer_start",
    "read_metadata_of",
    "without_trailing_groups",
]

MAGIC = b"PAR1"

_ROWS_FIELD, _GROUPS_FIELD = 3, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroupPlace:
    """Where one row group is.

    Attributes:
        rows: Its rows.
        start, end: The range in the footer of its description.
        data_end: The first byte of the file behind everything that belongs to it: pages, Bloom filters, page indexes.
    """

    rows: int
    start: int
    end: int
    data_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FooterLayout:
    """A footer and the places in it.

    Attributes:
        content: The Thrift bytes, without length and magic.
        groups: Its row groups in order.
        rows_range: The bytes of the field ``num_rows``'s value.
        list_range: The bytes of the row group list, header included.
    """

    content: bytes
    groups: tuple[RowGroupPlace, ...]
    rows_range: tuple[int, int]
    list_range: tuple[int, int]


def footer_start(tail: bytes, size: int, *, path: Path) -> int:
    """Return the offset of the footer in a file of `size` bytes whose last 8 bytes are `tail`.

    Raises:
        BaseUnreadable: The file does not end like a Parquet file.
    """
    if size < 12 or len(tail) != 8 or tail[4:] != MAGIC:
        raise BaseUnreadable(path, "it does not end like a Parquet file")
    start: int = size - 8 - struct.unpack("<I", tail[:4])[0]
    if start < 4:
        raise BaseUnreadable(path, "its footer is longer than the file")
    return start


def footer_layout(content: bytes) -> FooterLayout:
    """Find the row groups in a footer; each byte is looked at once.

    Raises:
        ValueError, IndexError: The bytes are not a Thrift structure.
    """
    groups: list[RowGroupPlace] = []
    rows_range = list_range = (0, 0)
    cursor = Cursor(content)
    for field, kind in cursor.fields():
        start = cursor.at
        if field == _ROWS_FIELD:
            cursor.skip(kind)
            rows_range = (start, cursor.at)
        elif field == _GROUPS_FIELD:
            groups.extend(_row_group(cursor) for _ in range(cursor.list_length()))
            list_range = (start, cursor.at)
    return FooterLayout(content=content, groups=tuple(groups), rows_range=rows_range, list_range=list_range)


def without_trailing_groups(layout: FooterLayout, keep: int) -> bytes:
    """Return the footer of the first `keep` row groups; everything else is as it was."""
    content = layout.content
    kept = layout.groups[:keep]
    rows = varint(2 * sum(group.rows for group in kept))
    header = bytes([keep << 4 | STRUCT]) if keep < 15 else bytes([0xF0 | STRUCT]) + varint(keep)
    listed = header + (content[kept[0].start : kept[-1].end] if kept else b"")
    pieces = sorted([(layout.rows_range, rows), (layout.list_range, listed)])
    out, at = [], 0
    for (start, end), replacement in pieces:
        out += [content[at:start], replacement]
        at = end
    return b"".join([*out, content[at:]])


def _row_group(cursor: Cursor) -> RowGroupPlace:
    start, rows, data_end = cursor.at, 0, 0
    for field, _ in cursor.fields():
        if field == 1:
            for _ in range(cursor.list_length()):
                data_end = max(data_end, _column_chunk_end(cursor))
        elif field == 3:
            rows = cursor.integer()
    return RowGroupPlace(rows=rows, start=start, end=cursor.at, data_end=data_end)


def _column_chunk_end(cursor: Cursor) -> int:
    """Return the file offset behind a column chunk, its page indexes and its Bloom filter."""
    chunk: dict[int, int] = {}
    pages: dict[int, int] = {}
    for field, kind in cursor.fields():
        if kind in INTEGERS:
            chunk[field] = cursor.integer()
        elif field == 3 and kind == STRUCT:
            for inner, inner_kind in cursor.fields():
                if inner_kind in INTEGERS:
                    pages[inner] = cursor.integer()
    # ColumnMetaData: 7 compressed size, 9 first data page, 11 dictionary page, 14/15 Bloom filter.
    # ColumnChunk: 4/5 offset index, 6/7 column index.
    first = min(offset for offset in (pages[9], pages.get(11)) if offset)
    return max(
        first + pages[7],
        pages.get(14, 0) + pages.get(15, 0),
        chunk.get(4, 0) + chunk.get(5, 0),
        chunk.get(6, 0) + chunk.get(7, 0),
    )


_COPY_STEP = 1 << 30
_READ_STEP = 8 << 20
_FICLONERANGE = 0x4020940D
"""Of Linux: ``struct file_clone_range`` follows, which is a descriptor, and offset, length and target offset."""
_BLOCK = 4096
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
            copy_range(descriptor, self._descriptor, stop)
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
    return pq.read_metadata(pa.BufferReader(empty_file(schema, arguments)))


def empty_file(schema: pa.Schema, arguments: Mapping[str, Any]) -> bytes:
    """Return a file of this schema, metadata included, that has no row group."""
    sink = io.BytesIO()
    pq.ParquetWriter(sink, schema, **arguments).close()
    return sink.getvalue()


def copy_range(source: int, target: int, count: int, *, start: int = 0, at: int = 0) -> None:
    """Copy `count` bytes from `start` on to `at`; both files are given as descriptors.

    Blocks are shared where that is possible, and what is left goes through the kernel, or else through memory.

    Raises:
        OSError: The source ends before, or the target can't be written.
    """
    done = 0 if start or at else _share_blocks(source, target, count)
    while done < count:
        step = min(count - done, _COPY_STEP)
        try:
            copied = os.copy_file_range(source, target, step, start + done, at + done)
        except (OSError, AttributeError):
            copied = _copy_through(source, target, min(step, _READ_STEP), start + done, at + done)
        if copied == 0:
            raise OSError(f"the file ended at {start + done} of {start + count} bytes")
        done += copied


def _share_blocks(source: int, target: int, stop: int) -> int:
    """Let `target` begin with blocks of `source`; return their bytes, `stop` at most, 0 where they can't be shared."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            whole = stop - stop % (os.fstatvfs(source).f_bsize or _BLOCK)
            if whole:
                fcntl.ioctl(target, _FICLONERANGE, struct.pack("=qQQQ", source, 0, whole, 0))
                return whole
    return 0


def _copy_through(source: int, target: int, step: int, start: int, at: int) -> int:
    view = memoryview(os.pread(source, step, start))
    size = len(view)
    while view:
        written = os.pwrite(target, view, at)
        view = view[written:]
        at += written
    return size
