"""Parquet's Bloom filters, read: whether a column chunk may hold one of a few ids.

pyarrow writes these filters and does not read them. Only the form that all writers use is known here
(split blocks, xxHash64, not compressed); any other counts as no filter at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["BloomFilter", "any_held", "hash_ids"]

_U64 = np.uint64
_P1, _P2, _P3, _P4 = (
    _U64(0x9E3779B185EBCA87),
    _U64(0xC2B2AE3D27D4EB4F),
    _U64(0x165667B19E3779F9),
    _U64(0x85EBCA77C2B2AE63),
)
_SALT = np.array(
    [0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31], np.uint32
)
_BLOCK = 32
# After the size: the unions for block, xxHash and uncompressed, each a struct in a struct, and the end.
_HEADER_TAIL = bytes.fromhex("1c1c0000" * 3 + "00")
_HEADER_MOST = 1 + 5 + len(_HEADER_TAIL)
_FEW = 64
"""Up to so many ids their blocks are read one by one; for more the filter is read whole."""
_ASKED_AT_ONCE = 1 << 17


def hash_ids(ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return the xxHash64 (seed 0) of each row of `ids`, which has shape (rows, 40): hex digits."""
    lanes = np.ascontiguousarray(ids).view("<u8")
    with np.errstate(over="ignore"):
        sums = [_P1 + _P2, _P2, _U64(0), _U64(0) - _P1]
        parts = [_round(np.full(len(lanes), start), lanes[:, at]) for at, start in enumerate(sums)]
        mixed = _turn(parts[0], 1) + _turn(parts[1], 7) + _turn(parts[2], 12) + _turn(parts[3], 18)
        for part in parts:
            mixed = (mixed ^ _round(np.zeros_like(part), part)) * _P1 + _P4
        mixed += _U64(40)
        mixed ^= _round(np.zeros_like(mixed), lanes[:, 4])
        mixed = _turn(mixed, 27) * _P1 + _P4
        mixed = (mixed ^ (mixed >> _U64(33))) * _P2
        mixed = (mixed ^ (mixed >> _U64(29))) * _P3
        return np.asarray(mixed ^ (mixed >> _U64(32)))


@dataclass(frozen=True, slots=True)
class BloomFilter:
    """The filter of one column chunk."""

    handle: pa.NativeFile
    offset: int  # of the first block
    blocks: int

    @classmethod
    def of(cls, handle: pa.NativeFile, chunk: pq.ColumnChunkMetaData) -> BloomFilter | None:
        """Return the filter of `chunk`, or None where it has none, or one of a form not known here."""
        start = chunk.bloom_filter_offset
        if start is None:
            return None
        head = handle.read_at(_HEADER_MOST, start)
        if not head or head[0] != 0x15:  # field 1, an int32
            return None
        value, used = 0, 1
        for shift in range(0, 35, 7):
            if used >= len(head):
                return None
            byte = head[used]
            value |= (byte & 0x7F) << shift
            used += 1
            if byte < 0x80:
                break
        size = value >> 1  # zigzag; sizes are positive
        if size < _BLOCK or size % _BLOCK or head[used : used + len(_HEADER_TAIL)] != _HEADER_TAIL:
            return None
        return cls(handle, start + used + len(_HEADER_TAIL), size // _BLOCK)

    def may_hold(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return, for each hash, False where its value is certainly not in the chunk."""
        numbers = ((hashes >> _U64(32)) * _U64(self.blocks)) >> _U64(32)
        if len(hashes) <= _FEW:
            content = b"".join(self.handle.read_at(_BLOCK, self.offset + _BLOCK * int(at)) for at in numbers)
            found = np.frombuffer(content, "<u4").reshape(len(hashes), 8)
        else:
            found = self.content()[numbers]
        masks = _masks(hashes)
        return np.asarray(((found & masks) == masks).all(axis=1))

    def content(self) -> npt.NDArray[np.uint32]:
        """Return all blocks, eight numbers each."""
        whole = np.frombuffer(self.handle.read_at(_BLOCK * self.blocks, self.offset), "<u4")
        return whole.reshape(self.blocks, 8)


def any_held(
    blocks: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    hashes: npt.NDArray[np.uint64],
) -> npt.NDArray[np.bool_]:
    """Return, for each of many filters in one array of blocks, False where it certainly has none of the values.

    Args:
        blocks: Of all filters.
        starts: The first block of each filter.
        counts: The number of its blocks.
        hashes: Of the values.
    """
    held = np.zeros(len(starts), np.bool_)
    step = max(1, _ASKED_AT_ONCE // max(1, len(starts)))
    for first in range(0, len(hashes), step):
        some = hashes[first : first + step]
        numbers = ((some >> _U64(32)) * counts.astype(np.uint64)[:, None]) >> _U64(32)
        found = blocks[numbers.astype(np.int64) + starts[:, None]]
        masks = _masks(some)
        held |= ((found & masks) == masks).all(axis=2).any(axis=1)
    return held


def _masks(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """Return the eight bits of each value, one in each number of its block."""
    keys = hashes.astype(np.uint32)
    return np.asarray(np.left_shift(np.uint32(1), (keys[:, None] * _SALT) >> np.uint32(27)))


def _turn(value: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.uint64]:
    return (value << _U64(bits)) | (value >> _U64(64 - bits))


def _round(start: npt.NDArray[np.uint64], lane: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    return _turn(start + lane * _P2, 31) * _P1
