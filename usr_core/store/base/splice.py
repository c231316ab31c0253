"""Parquet files made of whole column chunks of other files: pages are copied as bytes, and only the footer is new.

A chunk goes on as it was written: its pages with their dictionary and checksums, its Bloom filter, its column index; of
its offset index and its description in the footer only the places change. So the columns of several files that have
the same rows in the same row groups become one file without being decoded (ADR 0026).

Whether that can be done is known from the footers alone (`Stored.has`). What this module was not made for, such as
encrypted files, files of other writers or without page indexes, is never copied: the caller encodes it then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.base.file import GROUP_ROWS, float_paths
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.segments import MAGIC, copy_range, empty_file, footer_start
from usr_core.store.base.thrift import BINARY, STRUCT, Cursor
from usr_core.store.base.thrift_tree import (
    I32,
    Struct,
    columns_of,
    integer,
    read_struct,
    struct_list,
    structs,
    write_struct,
)
from usr_core.store.errors import BaseUnreadable

__all__ = ["Chunk", "SplicedFile", "Stored", "Target", "chunk_of_pages", "splice"]

_OUR_WRITER = re.compile(rb"parquet-cpp-arrow version (\d+)\.")
_OLDEST_WRITER = 20
"""The first pyarrow that wrote all that USR asks for."""
_MOST_CHUNKS = 50_000
"""A footer is read at about 50 us a chunk."""
_FEW_GROUPS = 8
_MOST_GROUPS = 8
"""So many times the row groups that USR would make may be kept: it makes smaller ones of long sequences."""
_SMALL_LAST = 2
"""A last row group that is so many times smaller than the first stands behind everything else (see `append`)."""

# The numbers of fields in the structs of parquet.thrift.
_FILE_SCHEMA, _FILE_ROWS, _FILE_GROUPS, _FILE_NOTES, _FILE_WRITER, _FILE_ENCRYPTED = 2, 3, 4, 5, 6, (8, 9)
_GROUP_CHUNKS, _GROUP_BYTES, _GROUP_ROWS, _GROUP_START, _GROUP_STORED, _GROUP_NUMBER = 1, 2, 3, 5, 6, 7
_CHUNK_START, _CHUNK_DESCRIBED, _CHUNK_OFFSETS, _CHUNK_BOUNDS = 2, 3, (4, 5), (6, 7)
_CHUNK_FIELDS = frozenset({_CHUNK_START, _CHUNK_DESCRIBED, *_CHUNK_OFFSETS, *_CHUNK_BOUNDS})
_COLUMN_BYTES, _COLUMN_STORED, _COLUMN_DATA, _COLUMN_DICTIONARY, _COLUMN_STATISTICS = 6, 7, 9, 11, 12
_COLUMN_VALUES, _COLUMN_ENCODINGS, _COLUMN_BLOOM, _COLUMN_SIZES = 5, 13, (14, 15), 16
_COLUMN_FIELDS = frozenset(range(1, 18)) - {10}  # an index page, which nobody writes
_BOUNDS = frozenset({1, 2, 5, 6})
_PAGES, _PAGE_START = 1, 1

_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One column chunk of an open file.

    Attributes:
        descriptor: Of the file.
        described: What the footer says of it.
        start, size: Where its pages are.
        offsets: Its offset index, where that is not in the file.
    """

    descriptor: int
    described: Struct
    start: int
    size: int
    offsets: Struct | None = None

    def beside(self, moved: int) -> _Beside:
        """Read what stands beside the pages, for pages that are moved by so many bytes."""
        offsets = self.offsets
        if offsets is None:
            offsets = read_struct(Cursor(self._read(self.described, _CHUNK_OFFSETS) or b""))
        for page in structs(offsets[_PAGES]):
            page[_PAGE_START] = integer(page[_PAGE_START][1] + moved)
        bloom = self._read(self.described[_CHUNK_DESCRIBED][1], _COLUMN_BLOOM)
        return _Beside(bloom, self._read(self.described, _CHUNK_BOUNDS), offsets)

    def _read(self, described: Struct, fields: _Place) -> bytes | None:
        if fields[0] not in described:
            return None
        start, size = (described[field][1] for field in fields)
        return os.pread(self.descriptor, size, start)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What stands beside the pages of a chunk: its Bloom filter, the bounds of its pages, and their places."""

    bloom: bytes | None
    bounds: bytes | None
    offsets: Struct


def chunk_of_pages(
    template: Struct, *, descriptor: int, pages: Sequence[tuple[int, int, int]], size: int, values: int, nulls: int
) -> Chunk:
    """Describe pages that were written to a file one after the other, without a dictionary and without bounds.

    Args:
        template: What a footer says of another chunk of the column, in the same encoding.
        descriptor: The file.
        pages: The place of each page, its bytes with the header, and the number of its first row; at least one page.
        size: Bytes of all pages.
        values: Values with their nulls, as Parquet counts them: the items of lists, and lists that are null or empty.
        nulls: How many of these are null.
    """
    column: Struct = dict(template[_CHUNK_DESCRIBED][1])
    for field in (_COLUMN_DICTIONARY, *_COLUMN_BLOOM, _COLUMN_SIZES):
        column.pop(field, None)
    column[_COLUMN_VALUES] = integer(values)
    column[_COLUMN_BYTES] = column[_COLUMN_STORED] = integer(size)
    column[_COLUMN_DATA] = integer(pages[0][0])
    column[_COLUMN_STATISTICS] = STRUCT, {3: integer(nulls)}
    column[_COLUMN_ENCODINGS] = struct_list([{1: (I32, 0), 2: (I32, 0), 3: (I32, len(pages))}])
    offsets: list[Struct] = [{1: integer(start), 2: (I32, length), 3: integer(row)} for start, length, row in pages]
    described: Struct = {_CHUNK_START: integer(0), _CHUNK_DESCRIBED: (STRUCT, column)}
    return Chunk(descriptor, described, pages[0][0], size, {_PAGES: struct_list(offsets)})


class Stored:
    """An open Parquet file whose column chunks can be copied.

    Attributes:
        source: The file.
        rows: Rows of each row group that has any; of a file of which only the first rows count, of each that counts
            whole.
    """

    def __init__(self, source: OpenParquet, footer: Struct) -> None:
        self.source = source
        groups = [group for group in structs(footer[_FILE_GROUPS]) if group[_GROUP_ROWS][1]]
        if source.cut_from is not None:
            ends = accumulate(int(group[_GROUP_ROWS][1]) for group in groups)
            groups = [group for group, end in zip(groups, ends, strict=True) if end <= source.rows]
        self.rows = tuple(int(group[_GROUP_ROWS][1]) for group in groups)
        self._chunks = [structs(group[_GROUP_CHUNKS]) for group in groups]
        self._behind: Stored | None = None
        self._columns = columns_of(structs(footer[_FILE_SCHEMA]))

    @classmethod
    def of(cls, source: OpenParquet) -> Stored | None:
        """Return `source` so, or None where nothing of it can be copied.

        Raises:
            OSError: The footer can't be read.
        """
        metadata = source.file.metadata
        if metadata.num_columns * metadata.num_row_groups > _MOST_CHUNKS:
            return None
        size = source.handle.size()
        try:
            start = footer_start(source.handle.read_at(8, size - 8), size, path=source.path)
            footer = read_struct(Cursor(source.handle.read_at(size - 8 - start, start)))
            writer = _OUR_WRITER.match(footer.get(_FILE_WRITER, (BINARY, b""))[1])
            if writer is None or int(writer[1]) < _OLDEST_WRITER or any(field in footer for field in _FILE_ENCRYPTED):
                return None
            stored = cls(source, footer)
        except (ValueError, IndexError, KeyError, TypeError, BaseUnreadable):  # pyarrow reads it, or says what is wrong
            return None
        return stored if source.cut_from is not None or sum(stored.rows) == source.rows else None

    def with_behind(self, other: Stored) -> Stored:
        """Return the row groups of this file with those of another one behind them, which has the same columns."""
        joined = copy(self)
        joined.rows, joined._behind = self.rows + other.rows, other
        return joined

    def has(self, field: pa.Field, *, like: Target) -> bool:
        """Tell whether the column `field` can be copied into a file of the form of `like`, from its footers alone.

        It can where Parquet keeps it in the same way, its chunks have page indexes, and a Bloom filter where the other
        file is to have one, and no minimum and maximum of floats (ADR 0015).
        """
        mine, wanted = self._columns.get(field.name), like.columns.get(field.name)
        if mine is None or wanted is None or mine.elements != wanted.elements:
            return False
        floats = bool(float_paths(pa.schema([field])))
        if self._behind is not None and not self._behind.has(field, like=like):
            return False
        return all(
            _can_copy(chunk, bloom=field.name == like.bloom, floats=floats)
            for chunks in self._chunks
            for chunk in chunks[mine.first : mine.first + mine.leaves]
        )

    def is_fragmented(self) -> bool:
        """Tell whether the file has so many row groups that it is worth writing anew."""
        return len(self.rows) > _FEW_GROUPS + _MOST_GROUPS * sum(self.rows) // GROUP_ROWS

    def chunks(self, group: int, column: str) -> list[Chunk]:
        """Return the chunks of one column in one row group; a column of structs has several."""
        if self._behind is not None and group >= len(self._chunks):
            return self._behind.chunks(group - len(self._chunks), column)
        span = self._columns[column]
        found = []
        for described in self._chunks[group][span.first : span.first + span.leaves]:
            start, size = _pages_of(described[_CHUNK_DESCRIBED][1])
            found.append(Chunk(self.source.handle.fileno(), described, start, size))
        return found


class Target:
    """The form of a file that is to be made.

    Args:
        schema: Its columns, with the metadata.
        arguments: Those of the writer that would encode it.
    """

    def __init__(self, schema: pa.Schema, arguments: Mapping[str, Any]) -> None:
        self.schema = schema
        content = empty_file(schema, arguments)
        # Seconds, for one, come back as milliseconds.
        self.read_as = pq.read_schema(pa.BufferReader(content))
        start = footer_start(content[-8:], len(content), path=Path("footer"))
        self.footer = read_struct(Cursor(content[start:-8]))
        self.columns = columns_of(structs(self.footer[_FILE_SCHEMA]))
        self.bloom = next(iter(arguments.get("bloom_filter_options") or {}), None)


class SplicedFile:
    """A new Parquet file that is put together; a context manager, which removes a file that was not finished.

    Args:
        path: The file to make.
        target: Its form.

    Raises:
        FileExistsError: `path` exists.
    """

    def __init__(self, path: Path, target: Target) -> None:
        self._path, self._target = path, target
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._end = self._write(0, MAGIC)
        self._chunks: list[tuple[Struct, _Beside]] = []
        self._groups: list[Struct] = []
        self._waiting: list[tuple[Struct, _Beside]] = []
        self._finished = False

    def __enter__(self) -> SplicedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if not self._finished:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file, finished or not; harmless when repeated."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def add(self, chunk: Chunk) -> None:
        """Add the next chunk of the row group, in the schema's order: copy it, unless it was adopted."""
        moved = 0
        if chunk.descriptor != self._file:
            copy_range(chunk.descriptor, self._file, chunk.size, start=chunk.start, at=self._end)
            moved, self._end = self._end - chunk.start, self._end + chunk.size
        column = dict(chunk.described[_CHUNK_DESCRIBED][1])
        for field in (_COLUMN_DATA, _COLUMN_DICTIONARY):
            if column.get(field, integer(0))[1]:
                column[field] = integer(column[field][1] + moved)
        # The chunk's own place is deprecated; most writers put 0, and no reader looks at it.
        described = {**chunk.described, _CHUNK_START: integer(0), _CHUNK_DESCRIBED: (STRUCT, column)}
        self._chunks.append((described, chunk.beside(moved)))

    @property
    def end(self) -> tuple[int, int]:
        """The file's descriptor, and where the next chunk begins in it."""
        return self._file, self._end

    def adopt(self, *chunks: Chunk) -> None:
        """Take note of chunks that somebody has written at the end of the file, one behind the other."""
        self._end += sum(chunk.size for chunk in chunks)

    def end_group(self, rows: int) -> None:
        """End a row group, of which all chunks were added."""
        columns = [described[_CHUNK_DESCRIBED][1] for described, _ in self._chunks]
        decoded, stored = (sum(column[field][1] for column in columns) for field in (_COLUMN_BYTES, _COLUMN_STORED))
        start = min((_pages_of(column)[0] for column in columns), default=self._end)
        group: Struct = {
            _GROUP_CHUNKS: struct_list([described for described, _ in self._chunks]),
            _GROUP_BYTES: integer(decoded),
            _GROUP_ROWS: integer(rows),
            _GROUP_START: integer(start),
            _GROUP_STORED: integer(stored),
        }
        if len(self._groups) < 1 << 15:
            group[_GROUP_NUMBER] = 4, len(self._groups)
        self._groups.append(group)
        self._waiting += self._chunks
        self._chunks = []

    def end_section(self) -> None:
        """Write the Bloom filters and page indexes of the row groups since the last section."""
        for described, beside in self._waiting:
            if beside.bloom is not None:
                self._put(described[_CHUNK_DESCRIBED][1], _COLUMN_BLOOM, beside.bloom)
        for described, beside in self._waiting:
            if beside.bounds is not None:
                self._put(described, _CHUNK_BOUNDS, beside.bounds)
        for described, beside in self._waiting:
            self._put(described, _CHUNK_OFFSETS, write_struct(beside.offsets))
        self._waiting = []

    def finish(self, notes: Mapping[str, str] | None = None) -> int:
        """Write the footer, with these key/value metadata beside the schema's; return the file's size in bytes."""
        self.end_section()
        footer = dict(self._target.footer)
        footer[_FILE_ROWS] = integer(sum(group[_GROUP_ROWS][1] for group in self._groups))
        footer[_FILE_GROUPS] = struct_list(self._groups)
        if notes:
            added: list[Struct] = [
                {1: (BINARY, key.encode()), 2: (BINARY, value.encode())} for key, value in notes.items()
            ]
            footer[_FILE_NOTES] = struct_list([*structs(footer.get(_FILE_NOTES, struct_list([]))), *added])
        content = write_struct(footer)
        self._end = self._write(self._end, content + len(content).to_bytes(4, "little") + MAGIC)
        self._finished = True
        return self._end

    def _put(self, described: Struct, fields: _Place, content: bytes) -> None:
        """Write what two fields say the place and size of."""
        described[fields[0]], described[fields[1]] = integer(self._end), (I32, len(content))
        self._end = self._write(self._end, content)

    def _write(self, position: int, content: bytes) -> int:
        view = memoryview(content)
        while view:
            written = os.pwrite(self._file, view, position)
            view, position = view[written:], position + written
        return position


def splice(path: Path, target: Target, columns: Mapping[str, Stored], *, notes: Mapping[str, str] | None = None) -> int:
    """Write a file whose columns are those of others; return its size in bytes. The caller fsyncs.

    Memory: the footers, page indexes and Bloom filters (2 bytes a row). A small last row group stands behind the page
    indexes of the others, so that an append can take its place without a gap.

    Args:
        path: The file to make; it is removed where that fails.
        target: Its form.
        columns: For each of its columns a file that `has` it; all have the same `rows`.
        notes: Key/value metadata beside those of the schema.

    Raises:
        FileExistsError: `path` exists.
        OSError: A file can't be read, or `path` not be written.
        BaseUnreadable: What was written is not what was to be written.
    """
    files = [columns[name] for name in target.schema.names]
    borders = files[0].rows
    with SplicedFile(path, target) as spliced:
        for group, rows in enumerate(borders):
            if group and group == len(borders) - 1 and rows * _SMALL_LAST < borders[0]:
                spliced.end_section()
            for name, file in zip(target.schema.names, files, strict=True):
                for chunk in file.chunks(group, name):
                    spliced.add(chunk)
            spliced.end_group(rows)
        size = spliced.finish(notes)
    _verify(path, target.read_as, borders)
    return size


def _verify(path: Path, schema: pa.Schema, borders: Sequence[int]) -> None:
    try:
        with pq.ParquetFile(path) as file:
            metadata, found = file.metadata, file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(path, error) from error
    rows = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
    if rows != tuple(borders) or not found.equals(schema):
        raise BaseUnreadable(path, "it is not what was written to it")


def _can_copy(described: Struct, *, bloom: bool, floats: bool) -> bool:
    if not described.keys() <= _CHUNK_FIELDS or not described.keys() >= {_CHUNK_DESCRIBED, *_CHUNK_OFFSETS}:
        return False
    column = described[_CHUNK_DESCRIBED][1]
    first, length = (field in column for field in _COLUMN_BLOOM)
    if not column.keys() <= _COLUMN_FIELDS or first != length or (bloom and not first):
        return False
    return not floats or _BOUNDS.isdisjoint(column.get(_COLUMN_STATISTICS, (STRUCT, {}))[1])


def _pages_of(column: Struct) -> _Place:
    places = (column.get(field, integer(0))[1] for field in (_COLUMN_DATA, _COLUMN_DICTIONARY))
    return min(place for place in places if place), column[_COLUMN_STORED][1]
