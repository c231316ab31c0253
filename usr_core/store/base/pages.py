"""A few rows of a Parquet file, from the pages that hold them; pyarrow decodes all pages up to those.

The headers of a column's pages are walked over until the rows are reached; where they do not say how many rows a page
has, as of lists, the offset index does. The page, with its dictionary, becomes a Parquet file of its own in memory:
bytes as they were written under a small new footer, which pyarrow decodes. So every value comes from the one decoder.
Ids are looked for in the bytes of their pages.

Whatever is not as it is expected to be (other encodings, several leaves, a damaged page) is None: the caller reads as
if there were no pages then, and finds what there is or says what is wrong.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.arrow_calls import taken
from usr_core.store.base.parquet import OpenParquet, footer_bytes
from usr_core.store.base.thrift import BINARY, LIST, STRUCT, Cursor
from usr_core.store.base.thrift_tree import (
    I32,
    ColumnElements,
    Struct,
    columns_of,
    integer,
    read_struct,
    row_group_of,
    schema_elements,
    struct_list,
    structs,
    write_struct,
)

__all__ = ["FEW_ROWS", "FilePages"]

FEW_ROWS = 64
"""Up to so many rows of a row group are read from their pages: a page costs 0.3 ms beside decoding it."""

_FEW_TEXTS = 64
_HEADER_BYTES, _LONG_HEADER_BYTES = 128, 64 << 10  # with the bounds of long texts
_MAGIC = b"PAR1"
_CODECS = {"UNCOMPRESSED": 0, "SNAPPY": 1, "GZIP": 2, "ZSTD": 6}
_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_2 = 0, 2, 3
_PLAIN = 0
_BY_DICTIONARY = (2, 8)
_INT96, _BYTE_ARRAY = 3, 6
_ID_BYTES, _STORED_ID_BYTES = 40, 44
# The numbers of fields in the structs of parquet.thrift.
_KIND, _DECODED, _STORED, _OF_DATA, _OF_DICTIONARY, _OF_DATA_2 = 1, 2, 3, 5, 7, 8
_VALUES, _ENCODING, _CHUNK_OFFSETS = 1, 2, (4, 5)
_PAGES, _PAGE_ROW = 1, 3
_PHYSICAL = 1

_UNUSUAL = (pa.ArrowException, OSError, ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError)

Rows = npt.NDArray[np.int64]


class _Page(NamedTuple):
    """A page: where it is, its bytes with and without the header, its values, and whether it is a dictionary."""

    start: int
    head: int
    stored: int
    decoded: int
    values: int
    kind: int
    encoding: int

    @property
    def end(self) -> int:
        return self.start + self.head + self.stored


class _Piece(NamedTuple):
    """A page of a column, and what it takes to decode it."""

    field: pa.Field
    leaf: int
    elements: list[Struct]
    dictionary: _Page | None
    page: _Page


class FilePages:
    """The pages of an open file; for one thread.

    Args:
        source: The file. Nothing is read before something is asked for.
    """

    def __init__(self, source: OpenParquet) -> None:
        self._source = source

    def rows(self, group: int, rows: Rows, columns: Mapping[str, pa.DataType]) -> dict[str, pa.Array] | None:
        """Return some rows of a row group, or None where that is not known to be possible page by page.

        Args:
            group: Number of the row group.
            rows: Numbers of rows in it, ascending.
            columns: Names and types of top-level columns, as the file has them.
        """
        if not len(rows) or len(rows) > FEW_ROWS:
            return None
        try:
            return self._rows(group, rows, columns)
        except _UNUSUAL:
            return None

    def find(self, group: int, column: str, texts: Sequence[bytes], *, most: int) -> tuple[Rows, Rows] | None:
        """Return the rows of a row group that hold one of a few ids, and which they hold.

        Pages are read until `most` rows are found.

        Args:
            group: Number of the row group.
            column: A column that has texts of 40 bytes and nothing else, or the answer is None.
            texts: Of 40 bytes, all different.
            most: Rows that there are at most.
        """
        if len(texts) > _FEW_TEXTS:
            return None
        try:
            return self._find(group, column, texts, most)
        except _UNUSUAL:
            return None

    def holds(self, group: int, column: str, text: bytes) -> bool | None:
        """Tell whether some bytes stand anywhere in the texts of a column in a row group, from its pages alone.

        Where it is False no text has them; True may also mean that they stand across two texts. None where it can't be
        told so.

        Args:
            group: Number of the row group.
            column: A column of texts.
            text: One byte or more.
        """
        try:
            return self._holds(group, column, text)
        except _UNUSUAL:
            return None

    @cached_property
    def _footer(self) -> bytes:
        return footer_bytes(self._source.handle)

    @cached_property
    def _columns(self) -> dict[str, ColumnElements]:
        return columns_of(schema_elements(self._footer))

    def _leaf(self, name: str) -> tuple[int, Struct]:
        """Return the number of the only leaf of a column, and what the schema says of it."""
        column = self._columns[name]
        if column.leaves != 1 or column.elements[-1][_PHYSICAL][1] == _INT96:
            raise ValueError(f"{name} is not read by page")
        return column.first, column.elements[-1]

    def _walk(self, group: int, leaf: int) -> Iterator[_Page]:
        """Yield the pages of a column chunk, one header read after the other."""
        chunk = self._source.file.metadata.row_group(group).column(leaf)
        at = min(place for place in (chunk.dictionary_page_offset, chunk.data_page_offset) if place)
        end, left = at + chunk.total_compressed_size, chunk.total_uncompressed_size
        while at < end:
            page = self._page(at, end)
            left -= page.decoded
            if page.end > end or left < 0:
                raise ValueError("a page is larger than its column chunk")
            yield page
            at = page.end

    def _page(self, at: int, end: int) -> _Page:
        content = self._source.handle.read_at(min(_HEADER_BYTES, end - at), at)
        try:
            return _read_header(content, at)
        except IndexError:
            return _read_header(self._source.handle.read_at(min(_LONG_HEADER_BYTES, end - at), at), at)

    def _rows(self, group: int, rows: Rows, columns: Mapping[str, pa.DataType]) -> dict[str, pa.Array]:
        spans: dict[tuple[int, int], list[_Piece]] = {}
        for name, kind in columns.items():
            column, leaf = self._columns[name], self._leaf(name)[0]
            found = (self._holding if len(column.elements) == 1 else self._indexed)(group, leaf, rows)
            for first, count, page in found[1]:
                field = pa.field(name, kind)
                spans.setdefault((first, count), []).append(_Piece(field, leaf, column.elements, found[0], page))
        picked: dict[str, list[pa.Array]] = {name: [] for name in columns}
        for (first, count), pieces in sorted(spans.items(), key=lambda span: span[0]):
            low, high = np.searchsorted(rows, (first, first + count)).tolist()
            for piece, values in zip(pieces, self._decoded(group, pieces, count), strict=True):
                picked[piece.field.name].append(taken(values, rows[low:high] - first))
        whole = {name: one[0] if len(one) == 1 else pa.concat_arrays(one) for name, one in picked.items()}
        if any(len(values) != len(rows) for values in whole.values()):
            raise ValueError("some rows are in no page")
        return whole

    def _holding(self, group: int, leaf: int, rows: Rows) -> tuple[_Page | None, list[tuple[int, int, _Page]]]:
        """Return the dictionary, and the pages that hold `rows`, each with its first row and their number."""
        dictionary, pages, first = None, [], 0
        for page in self._walk(group, leaf):
            if page.kind == _DICTIONARY_PAGE:
                dictionary = page
                continue
            low, high = np.searchsorted(rows, (first, first + page.values)).tolist()
            if low < high:
                pages.append((first, page.values, page))
            first += page.values
            if high == len(rows):
                break
        return dictionary, pages

    def _indexed(self, group: int, leaf: int, rows: Rows) -> tuple[_Page | None, list[tuple[int, int, _Page]]]:
        """Do as `_holding` for a column of lists, by the offset index: a page there has more values than rows."""
        start, size = (row_group_of(self._footer, group)[leaf][field][1] for field in _CHUNK_OFFSETS)
        places = structs(read_struct(Cursor(bytes(self._source.handle.read_at(size, start))))[_PAGES])
        metadata = self._source.file.metadata.row_group(group)
        starts = [place[_PAGE_ROW][1] for place in places] + [metadata.num_rows]
        first_page = next(self._walk(group, leaf))
        end = first_page.start + metadata.column(leaf).total_compressed_size
        pages = []
        for place, (first, stop) in zip(places, pairwise(starts), strict=True):
            low, high = np.searchsorted(rows, (first, stop)).tolist()
            if low < high:
                page = self._page(place[1][1], end)
                if page.kind == _DICTIONARY_PAGE or page.head + page.stored != place[2][1]:
                    raise ValueError("the offset index does not fit the pages")
                pages.append((first, stop - first, page))
        return first_page if first_page.kind == _DICTIONARY_PAGE else None, pages

    def _decoded(self, group: int, pieces: Sequence[_Piece], rows: int) -> list[pa.Array]:
        """Return all rows of some pages, which have the same rows of different columns."""
        metadata = self._source.file.metadata.row_group(group)
        content, end = [_MAGIC], len(_MAGIC)
        chunks: list[Struct] = []
        for piece in pieces:
            used = [one for one in (piece.dictionary, piece.page) if one is not None]
            content += [self._source.handle.read_at(one.end - one.start, one.start) for one in used]
            starts = [end, end + used[0].end - used[0].start]
            described: Struct = {
                1: piece.elements[-1][_PHYSICAL],
                2: (LIST, (I32, [_PLAIN])),
                3: (LIST, (BINARY, [one[4][1] for one in piece.elements])),
                4: (I32, _CODECS[metadata.column(piece.leaf).compression]),
                5: integer(piece.page.values),
                6: integer(sum(one.head + one.decoded for one in used)),
                7: integer(sum(one.end - one.start for one in used)),
                9: integer(starts[len(used) - 1]),
            }
            if piece.dictionary is not None:
                described[11] = integer(end)
            chunks.append({2: integer(0), 3: (STRUCT, described)})
            end += described[7][1]
        schema = pa.schema([piece.field for piece in pieces])
        note = base64.b64encode(schema.serialize().to_pybytes())
        elements = [element for piece in pieces for element in piece.elements]
        group_: Struct = {1: struct_list(chunks), 2: integer(end), 3: integer(rows)}
        tree: Struct = {
            1: (I32, 2),
            2: struct_list([{4: (BINARY, b"schema"), 5: (I32, len(pieces))}, *elements]),
            3: integer(rows),
            4: struct_list([group_]),
            5: struct_list([{1: (BINARY, b"ARROW:schema"), 2: (BINARY, note)}]),
        }
        footer = write_struct(tree)
        content += [footer, len(footer).to_bytes(4, "little"), _MAGIC]
        with pq.ParquetFile(pa.BufferReader(b"".join(content)), pre_buffer=False) as file:
            table = file.read(use_threads=False)
        if table.num_rows != rows or table.schema.types != schema.types:
            raise ValueError("a page holds something else")
        return [one.chunk(0) if one.num_chunks == 1 else one.combine_chunks() for one in table.columns]

    def _find(self, group: int, column: str, texts: Sequence[bytes], most: int) -> tuple[Rows, Rows] | None:
        leaf, element = self._leaf(column)
        if element[_PHYSICAL][1] != _BYTE_ARRAY or len(self._columns[column].elements) != 1:
            return None
        codec = self._codec(group, leaf)
        begins = np.frombuffer(b"".join(text[:4] for text in texts), "<u4")
        optional = element[3][1] != 0
        first = 0
        found: list[tuple[int, int]] = []
        for page in self._walk(group, leaf):
            if page.kind != _DATA_PAGE or page.encoding != _PLAIN:
                return None
            content = self._content(page, codec)
            levels = 4 + int.from_bytes(memoryview(content)[:4], "little") if optional else 0
            if len(content) != levels + _STORED_ID_BYTES * page.values:
                return None  # a null, or a text of another length
            letters = memoryview(content)[levels:]
            stored = np.frombuffer(letters, "<u4").reshape(page.values, _STORED_ID_BYTES // 4)
            if (stored[:, 0] != _ID_BYTES).any():
                return None
            for number, begin in enumerate(begins):
                for row in np.flatnonzero(stored[:, 1] == begin).tolist():
                    if stored[row, 1:].tobytes() == texts[number]:
                        found.append((first + row, number))
            if len(found) >= most:
                break
            first += page.values
        # Of a file of which only the first rows count, the last page goes on behind them.
        count = self._source.file.metadata.row_group(group).num_rows
        found = [place for place in found if place[0] < count]
        pairs = np.array(sorted(found), np.int64).reshape(len(found), 2)
        return pairs[:, 0], pairs[:, 1]

    def _holds(self, group: int, column: str, text: bytes) -> bool | None:
        leaf, element = self._leaf(column)
        if element[_PHYSICAL][1] != _BYTE_ARRAY or len(self._columns[column].elements) != 1 or not text:
            return None
        codec = self._codec(group, leaf)
        for page in self._walk(group, leaf):
            if page.kind != _DICTIONARY_PAGE:
                if page.encoding in _BY_DICTIONARY:
                    continue  # what it points to stands in the dictionary
                if page.kind != _DATA_PAGE or page.encoding != _PLAIN:
                    return None
            if _contains(self._content(page, codec), text):
                return True
        return False

    def _codec(self, group: int, leaf: int) -> pa.Codec | None:
        name = self._source.file.metadata.row_group(group).column(leaf).compression
        return None if name == "UNCOMPRESSED" else pa.Codec(name.lower())

    def _content(self, page: _Page, codec: pa.Codec | None) -> pa.Buffer:
        content = self._source.handle.read_at(page.stored, page.start + page.head)
        return pa.py_buffer(content) if codec is None else codec.decompress(content, page.decoded)


def _contains(content: pa.Buffer, text: bytes) -> bool:
    """Tell whether bytes stand in a buffer: the C library's search takes a fifth of the time of Python's."""
    import ctypes

    search = getattr(ctypes.CDLL(None), "memmem", None)
    if search is None:
        return bool(content.to_pybytes().find(text) >= 0)
    search.restype = ctypes.c_void_p
    search.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    return search(content.address, content.size, text, len(text)) is not None


def _read_header(content: bytes, start: int) -> _Page:
    cursor = Cursor(content)
    header = read_struct(cursor)
    kind = header[_KIND][1]
    described = header[{_DATA_PAGE: _OF_DATA, _DICTIONARY_PAGE: _OF_DICTIONARY, _DATA_PAGE_2: _OF_DATA_2}[kind]][1]
    encoding = described[_ENCODING if kind != _DATA_PAGE_2 else 4][1]
    decoded, stored, values = header[_DECODED][1], header[_STORED][1], described[_VALUES][1]
    if min(decoded, stored, values) < 0:
        raise ValueError("a page has a size below 0")
    return _Page(start, cursor.at, stored, decoded, values, kind, encoding)
