"""Vectors of floats written as Parquet pages without going value by value.

Parquet keeps beside each value of a list whether it begins a list and whether it is null. For vectors of one length
these levels are the same few bytes for every row, and the values stand in an Arrow array as they stand in a page: so a
page is a header, the levels and a slice of the array. An encoder that looks at each of 512 million values takes ten
times as long.

Pages with a null in them are made with levels of their own. There is neither a dictionary nor a compression, as
`write_options` says for such columns, and no minimum and maximum; the number of nulls is noted.
"""

from __future__ import annotations

import os
import zlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.masks import valid_mask
from usr_core.store.base.splice import Chunk, chunk_of_pages
from usr_core.store.base.thrift import STRUCT
from usr_core.store.base.thrift_tree import I32, Struct, varint, write_struct

__all__ = ["DenseChunk", "is_dense", "item_bits"]

_PAGE_BYTES = 1 << 20
_PLAIN, _RLE = (I32, 0), (I32, 3)
_VALUE, _NULL_ITEM, _NULL_LIST = 3, 2, 0
"""Definition levels of a nullable list with nullable items."""


def is_dense(kind: pa.DataType) -> bool:
    """Tell whether columns of this type can be written so: vectors of float32 or float64."""
    return bool(pa.types.is_fixed_size_list(kind) and kind.value_type in (pa.float32(), pa.float64()))


def item_bits(vectors: pa.Array) -> npt.NDArray[np.unsignedinteger]:
    """Return the bits of all items of vectors, for which `is_dense`, one after the other; those of null rows too."""
    items, length = vectors.values, int(vectors.type.list_size)
    dtype = np.dtype(f"u{vectors.type.value_type.bit_width // 8}")
    start, count = items.offset + vectors.offset * length, len(vectors) * length
    buffer = items.buffers()[1]
    if buffer is None:
        return np.zeros(count, dtype)
    return np.frombuffer(buffer, dtype, count=count, offset=start * dtype.itemsize)


class DenseChunk:
    """A column chunk under way; the only thing that is written to its file meanwhile.

    Args:
        descriptor: The file.
        start: Where the chunk begins in it.
        template: What a footer says of a chunk of this column.
        kind: The column's type, for which `is_dense`.
    """

    def __init__(self, descriptor: int, start: int, template: Struct, kind: pa.DataType) -> None:
        self._file, self._start, self._end = descriptor, start, start
        self._template, self._length = template, int(kind.list_size)
        self._dtype = np.dtype(f"u{kind.value_type.bit_width // 8}")
        self._page_rows = max(1, _PAGE_BYTES // (self._length * self._dtype.itemsize))
        self._pages: list[tuple[int, int, int]] = []
        self._rows = self._levels = self._nulls = 0

    def write(self, vectors: pa.Array) -> None:
        """Add rows."""
        for start in range(0, len(vectors), self._page_rows):
            self._write_page(vectors.slice(start, self._page_rows))

    def finish(self) -> Chunk:
        """Return the chunk as it stands in its file."""
        return chunk_of_pages(
            self._template,
            descriptor=self._file,
            pages=self._pages,
            size=self._end - self._start,
            values=self._levels,
            nulls=self._nulls,
        )

    def _write_page(self, vectors: pa.Array) -> None:
        rows = len(vectors)
        values = item_bits(vectors)
        items = vectors.values.slice(vectors.offset * self._length, rows * self._length)
        if vectors.null_count or items.null_count:
            valid = valid_mask(vectors)
            present = valid_mask(items).reshape(rows, self._length) & valid[:, None]
            repetition, definition, count = _levels_with_nulls(valid, present)
            content = np.ascontiguousarray(values[present.reshape(-1)])
            nulls = count - len(content)
        else:
            repetition = _pack_runs([(1, 0), (self._length - 1, 1)]) * rows
            definition = _pack_runs([(rows * self._length, _VALUE)])
            content, count, nulls = values, rows * self._length, 0
        levels = b"".join(len(one).to_bytes(4, "little") + one for one in (repetition, definition))
        values_bytes = content.data.cast("B")
        size = len(levels) + len(values_bytes)
        checksum = zlib.crc32(values_bytes, zlib.crc32(levels))
        header: Struct = {
            1: (I32, 0),  # a data page
            2: (I32, size),
            3: (I32, size),
            4: (I32, checksum - (checksum >> 31 << 32)),
            5: (STRUCT, {1: (I32, count), 2: _PLAIN, 3: _RLE, 4: _RLE}),
        }
        head = write_struct(header)
        self._pages.append((self._end, len(head) + size, self._rows))
        for piece in (head + levels, values_bytes):
            self._put(piece)
        self._rows, self._levels, self._nulls = self._rows + rows, self._levels + count, self._nulls + nulls

    def _put(self, content: bytes | memoryview) -> None:
        view = memoryview(content)
        while view:
            written = os.pwrite(self._file, view, self._end)
            view, self._end = view[written:], self._end + written


def _levels_with_nulls(valid: npt.NDArray[np.bool_], present: npt.NDArray[np.bool_]) -> tuple[bytes, bytes, int]:
    """Return repetition levels, definition levels and their number; a row that is null has one of each."""
    definition = np.where(present, np.uint8(_VALUE), np.uint8(_NULL_ITEM))
    definition[~valid, 0] = _NULL_LIST
    repetition = np.ones(present.shape, np.uint8)
    repetition[:, 0] = 0
    kept = np.repeat(valid[:, None], present.shape[1], axis=1)
    kept[:, 0] = True
    return _pack_bits(repetition[kept], 1), _pack_bits(definition[kept], 2), int(kept.sum())


def _pack_runs(runs: list[tuple[int, int]]) -> bytes:
    """Return runs of one level each, of which there are as many as the first number says."""
    return b"".join(varint(count << 1) + bytes([level]) for count, level in runs if count)


def _pack_bits(levels: npt.NDArray[np.uint8], width: int) -> bytes:
    """Return levels of `width` bits, one after the other."""
    padded = np.zeros(-(-len(levels) // 8) * 8, np.uint8)
    padded[: len(levels)] = levels
    bits = (padded[:, None] >> np.arange(width, dtype=np.uint8)) & 1
    return varint(len(padded) // 8 << 1 | 1) + np.packbits(bits.reshape(-1), bitorder="little").tobytes()
