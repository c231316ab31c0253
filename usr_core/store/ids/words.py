"""Record ids as integers: the 160 bits of each id in three arrays, exactly; and back to the ids of given rows.

Everything that compares many ids compares these words; text is only looked at where an id is not
what it should be.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.ids.row_numbers import valid_mask

__all__ = [
    "DIGEST",
    "IdWords",
    "IdWordsBuilder",
    "ids_at_rows",
    "words_of_digests",
    "words_of_ids",
]

_HEX_LENGTH = 40
DIGEST = np.dtype([("k", "<u8"), ("h", "<u8"), ("l", "<u4")])
"""The 20 bytes of an id, as words."""
_IS_HEX = np.zeros(256, dtype=bool)
_IS_HEX[list(b"0123456789abcdef")] = True
# Set in every lower-case hex digit and in no upper-case one, which unhexlify would take as well.
_LOWER = np.uint64(0x2020202020202020)
_SLOW_ROWS = 65_536

_MIX_H = np.uint64(0x9E3779B97F4A7C15)
_MIX_L = np.uint32(0x27D4EB4F)  # odd


@dataclass(frozen=True, slots=True)
class IdWords:
    """Ids as words, in row order.

    Attributes:
        k: Bytes 0-7 of each id, little-endian.
        h: Bytes 8-15.
        l: Bytes 16-19.
        bad: Ascending row numbers of what is not an id (null, not 40 lower-case hex digits); their words are zero.
    """

    k: npt.NDArray[np.uint64]
    h: npt.NDArray[np.uint64]
    l: npt.NDArray[np.uint32]  # noqa: E741 - the low word
    bad: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.k)

    def at(self, rows: npt.NDArray[np.integer] | slice) -> IdWords:
        """Return the ids in these rows, none of them bad."""
        return IdWords(self.k[rows], self.h[rows], self.l[rows], _no_rows())

    def prefixes(self) -> npt.NDArray[np.uint32]:
        """Return 32 mixed bits of each id; ids made by hand, that differ in few digits, are spread as well.

        Ids with the same `k`, `h` and prefix are the same: multiplying by an odd number loses nothing of `l`.
        """
        mixed = self.h * _MIX_H
        mixed ^= self.k
        # SHA-1 bits would do as they are; the second product carries low differences into the upper half.
        mixed *= _MIX_H
        mixed >>= np.uint64(32)
        prefixes = mixed.astype(np.uint32)
        prefixes ^= self.l * _MIX_L
        return prefixes

    def digests(self) -> npt.NDArray[np.void]:
        """Return the 20 bytes of each id, as `DIGEST`."""
        found = np.empty(len(self), DIGEST)
        found["k"], found["h"], found["l"] = self.k, self.h, self.l
        return found

    def equal(self, other: IdWords) -> npt.NDArray[np.bool_]:
        """Return, for each row, whether it has the id that the same row of `other` has; none of them is bad."""
        same = self.k == other.k
        same &= self.h == other.h
        same &= self.l == other.l
        return np.asarray(same)

    def equal_at(self, rows: npt.NDArray[np.int32], other: IdWords) -> npt.NDArray[np.bool_]:
        """Return, for each row of `other`, whether it equals the id at the row of the same place in `rows`.

        The prefixes of both must be known to be equal; then two words decide.
        """
        places = rows.astype(np.intp)  # once, instead of in each of the lookups
        same = self.k.take(places) == other.k
        same &= self.h.take(places) == other.h
        return np.asarray(same)

    def is_run(self, start: int, other: IdWords) -> bool:
        """Tell whether all of `other` equals the rows from `start` on."""
        stop = start + len(other)
        if start < 0 or stop > len(self):
            return False
        return bool(
            np.array_equal(self.h[start:stop], other.h)
            and np.array_equal(self.k[start:stop], other.k)
            and np.array_equal(self.l[start:stop], other.l)
        )

    @staticmethod
    def join(pieces: Sequence[IdWords]) -> IdWords:
        """Return `pieces` one after the other."""
        if len(pieces) == 1:
            return pieces[0]
        if not pieces:
            return IdWords(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.uint32), _no_rows())
        starts = np.cumsum([0, *(len(piece) for piece in pieces[:-1])])
        return IdWords(
            np.concatenate([piece.k for piece in pieces]),
            np.concatenate([piece.h for piece in pieces]),
            np.concatenate([piece.l for piece in pieces]),
            np.concatenate([piece.bad + start for piece, start in zip(pieces, starts, strict=True)]),
        )


class IdWordsBuilder:
    """Words of a known number of ids, put in piece by piece, in any order and from any thread.

    The arrays are made once at their final size: a million ids cost 20 MB, not a second copy to join pieces.
    """

    def __init__(self, rows: int) -> None:
        self._k, self._h = np.zeros(rows, np.uint64), np.zeros(rows, np.uint64)
        self._l = np.zeros(rows, np.uint32)
        self._bad: list[npt.NDArray[np.int64]] = []

    def put(self, start: int, piece: IdWords) -> None:
        """Put the words of the rows from `start` on; pieces must not overlap."""
        stop = start + len(piece)
        self._k[start:stop], self._h[start:stop], self._l[start:stop] = piece.k, piece.h, piece.l
        if len(piece.bad):
            self._bad.append(piece.bad + start)

    def finish(self) -> IdWords:
        """Return the words, once every row was put."""
        bad = np.sort(np.concatenate(self._bad)) if self._bad else _no_rows()
        return IdWords(self._k, self._h, self._l, bad)


def words_of_ids(ids: pa.Array | pa.ChunkedArray) -> IdWords:
    """Return the words of a column of ids; what is not an id is listed as bad."""
    chunks = ids.chunks if isinstance(ids, pa.ChunkedArray) else [ids]
    return IdWords.join([_chunk_words(chunk) for chunk in chunks])


def words_of_digests(digests: npt.NDArray[np.uint8]) -> IdWords:
    """Return the words of raw digests: an array of shape (rows, 20), or of rows * 20 bytes."""
    content = np.ascontiguousarray(digests, dtype=np.uint8).reshape(-1)
    return _split(content.view(DIGEST), _no_rows())


def _chunk_words(chunk: pa.Array) -> IdWords:
    if not pa.types.is_string(chunk.type):
        chunk = chunk.cast(pa.string())
    rows = len(chunk)
    if rows == 0:
        return IdWords.join([])
    _, bounds, values = chunk.buffers()
    offsets = np.frombuffer(bounds, np.int32, count=rows + 1, offset=4 * chunk.offset)
    first, last = int(offsets[0]), int(offsets[-1])
    if (
        chunk.null_count == 0
        and last - first == _HEX_LENGTH * rows
        and bool((offsets[1:] - offsets[:-1] == _HEX_LENGTH).all())
    ):
        text = memoryview(values)[first:last]
        if int(np.bitwise_and.reduce(np.frombuffer(text, np.uint64)) & _LOWER) == int(_LOWER):
            try:
                return _split(np.frombuffer(binascii.unhexlify(text), DIGEST), _no_rows())
            except (binascii.Error, ValueError):
                pass
    return IdWords.join([_careful(chunk.slice(at, _SLOW_ROWS)) for at in range(0, rows, _SLOW_ROWS)])


def _careful(chunk: pa.Array) -> IdWords:
    """Return the words of a chunk in which something is not an id."""
    rows = len(chunk)
    _, bounds, values = chunk.buffers()
    offsets = np.frombuffer(bounds, np.int32, count=rows + 1, offset=4 * chunk.offset)
    good = (offsets[1:] - offsets[:-1] == _HEX_LENGTH) & valid_mask(chunk)
    digits = np.full((rows, _HEX_LENGTH), ord("0"), np.uint8)
    long_enough = np.flatnonzero(good)
    if len(long_enough):
        content = np.frombuffer(values, np.uint8)
        found = content[offsets[:-1][long_enough].astype(np.int64)[:, None] + np.arange(_HEX_LENGTH)]
        is_hex = _IS_HEX[found].all(axis=1)
        digits[long_enough[is_hex]] = found[is_hex]
        good[long_enough[~is_hex]] = False
    return _split(np.frombuffer(binascii.unhexlify(digits.tobytes()), DIGEST), np.flatnonzero(~good))


def _split(records: npt.NDArray[np.void], bad: npt.NDArray[np.int64]) -> IdWords:
    return IdWords(
        np.ascontiguousarray(records["k"]),
        np.ascontiguousarray(records["h"]),
        np.ascontiguousarray(records["l"]),
        bad,
    )


def _no_rows() -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64)


def ids_at_rows(words: IdWords, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Return the ids in these rows, in this order; rows that hold no proper id must not be asked for."""
    text = words.at(rows).digests().tobytes().hex().encode("ascii")
    ends = np.arange(len(rows) + 1, dtype=np.int32) * np.int32(_HEX_LENGTH)
    return pa.Array.from_buffers(pa.string(), len(rows), [None, pa.py_buffer(ends), pa.py_buffer(text)])
