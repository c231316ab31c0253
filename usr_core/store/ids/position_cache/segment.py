"""One file of the position cache: the ids of a run of base rows with their rows, in blocks that prove themselves.

The entries, 24 bytes each, are sorted by 32 mixed bits of the id; the first of these bits number the blocks, of about
64 entries. A directory says where each block begins and what its entries add up to, so that a few ids cost a few
small reads, and a flipped bit, a cut file or another file's content is noticed in what is read of it.

Files are read, not mapped: a mapped file that is cut off by somebody else ends the process that reads it.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from usr_core.store.ids.row_numbers import distinct
from usr_core.store.ids.words import IdWords

__all__ = ["NotBelieved", "Segment", "write_segment"]

Rows = npt.NDArray[np.int64]

_MAGIC = b"USRPOS01"
_HEADER = np.dtype([("magic", "S8"), ("token", "S16"), ("rows", "<u4"), ("bits", "<u4"), ("directory", "<u4")])
_HEADER_BYTES = _HEADER.itemsize + 4  # and its own checksum
_ENTRY = np.dtype([("k", "<u8"), ("h", "<u8"), ("l", "<u4"), ("row", "<u4")])
_BLOCK_BITS = 6
"""Entries of a block: 2 to this power on average."""
_DENSE = 4
"""Where more than one block in so many is wanted, all are read at once."""

_FACTORS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_FOLD = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


class NotBelieved(Exception):
    """A file of the cache is not what it should be; it is never used, and answers come from the base."""


@dataclass(frozen=True, slots=True)
class _Directory:
    bits: int
    starts: npt.NDArray[np.uint32]  # of each block among the entries, and the number of entries
    sums: npt.NDArray[np.uint64]


def write_segment(path: Path, words: IdWords, *, token: str) -> None:
    """Write the ids of a run of rows, none of them bad.

    Args:
        path: The file to make.
        words: The ids in row order, at most 2^31.
        token: 16 letters that no other segment has.

    Raises:
        OSError: The file can't be written; a part of it may stand there.

    Memory: 56 bytes a row.
    """
    order = words.prefixes().astype(np.uint64)
    order <<= _HALF
    order |= np.arange(len(words), dtype=np.uint64)
    order.sort()
    rows = order.astype(np.uint32)
    order >>= _HALF
    entries = np.empty(len(words), _ENTRY)
    entries["k"], entries["h"], entries["l"], entries["row"] = words.k[rows], words.h[rows], words.l[rows], rows
    bits = max(0, len(words).bit_length() - _BLOCK_BITS)
    numbers = order >> np.uint64(32 - bits)
    starts = np.searchsorted(numbers, np.arange((1 << bits) + 1, dtype=np.uint64)).astype("<u4")
    directory = starts.tobytes() + _sums(entries, starts).astype("<u8").tobytes()
    header = np.array((_MAGIC, token.encode(), len(words), bits, zlib.crc32(directory)), _HEADER).tobytes()
    head = header + zlib.crc32(header).to_bytes(4, "little") + directory
    with path.open("wb", buffering=0) as file:
        for content in (memoryview(head), entries.view(np.uint8).data):
            rest = content
            while rest:
                rest = rest[file.write(rest) :]


class Segment:
    """One file, opened for each search: it may be removed by others at any time, and is not needed."""

    def __init__(self, path: Path, *, token: str, rows: int) -> None:
        self._path, self.token, self.rows = path, token, rows
        self._directory: _Directory | None = None

    def find(self, words: IdWords, prefixes: npt.NDArray[np.uint32]) -> tuple[Rows, bool]:
        """Return the row of each id, from 0 in this segment, -1 where it has none, and whether one has several.

        Args:
            words: The ids, none of them bad.
            prefixes: Their mixed bits.

        Raises:
            NotBelieved: The file is missing, or not what it should be.
        """
        entries = self._read(prefixes)
        known = _words(entries)
        sorted_prefixes = known.prefixes()
        found = np.full(len(words), -1, np.int64)
        repeated = False
        at = np.searchsorted(sorted_prefixes, prefixes)
        open_ = np.arange(len(words))
        while True:
            open_ = open_[at[open_] < len(entries)]
            open_ = open_[sorted_prefixes[at[open_]] == prefixes[open_]]
            if not len(open_):
                return found, repeated
            places = at[open_]
            same = (known.k[places] == words.k[open_]) & (known.h[places] == words.h[open_])
            same &= known.l[places] == words.l[open_]
            hit = open_[same]
            repeated |= bool((found[hit] >= 0).any())
            # Rows ascend within one id, and the first one counts.
            found[hit] = np.where(found[hit] < 0, entries["row"][places[same]], found[hit])
            at[open_] += 1

    def words(self) -> IdWords:
        """Return all ids in row order.

        Raises:
            NotBelieved: The file is missing, or not what it should be.
        """
        entries = self._read(None)
        rows = entries["row"]
        if len(rows) != self.rows or len(distinct(rows)) != self.rows or int(rows.max(initial=0)) >= max(1, self.rows):
            raise NotBelieved(self._path)
        arranged = np.empty(self.rows, _ENTRY)
        arranged[rows] = entries
        return _words(arranged)

    def _read(self, prefixes: npt.NDArray[np.uint32] | None) -> npt.NDArray[np.void]:
        """Return the entries of the blocks that may hold ids with these bits (None: all), in order."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise NotBelieved(self._path) from error
        try:
            directory = self._directory = self._directory or self._read_directory(descriptor)
            blocks = np.arange(len(directory.sums))
            if prefixes is not None:
                blocks = distinct(prefixes.astype(np.uint64) >> np.uint64(32 - directory.bits)).astype(np.int64)
            first = _HEADER_BYTES + directory.starts.nbytes + directory.sums.nbytes
            starts, stops = directory.starts[blocks].astype(np.int64), directory.starts[blocks + 1].astype(np.int64)
            if len(blocks) * _DENSE > len(directory.sums):
                whole = np.frombuffer(self._bytes(descriptor, self.rows * _ENTRY.itemsize, first), _ENTRY)
                if not np.array_equal(_sums(whole, directory.starts), directory.sums):
                    raise NotBelieved(self._path)
                return whole
            pieces = [
                self._bytes(descriptor, (stop - start) * _ENTRY.itemsize, first + start * _ENTRY.itemsize)
                for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
            ]
        except OSError as error:
            raise NotBelieved(self._path) from error
        finally:
            os.close(descriptor)
        entries = np.frombuffer(b"".join(pieces), _ENTRY)
        bounds = np.concatenate([[0], np.cumsum(stops - starts)]).astype(np.uint32)
        if not np.array_equal(_sums(entries, bounds), directory.sums[blocks]):
            raise NotBelieved(self._path)
        return entries

    def _read_directory(self, descriptor: int) -> _Directory:
        head = self._bytes(descriptor, _HEADER_BYTES, 0)
        header = np.frombuffer(head, _HEADER, count=1)[0]
        bits = int(header["bits"])
        if (
            zlib.crc32(head[:-4]).to_bytes(4, "little") != head[-4:]
            or (header["magic"], header["token"], header["rows"]) != (_MAGIC, self.token.encode(), self.rows)
            or bits > 32 - _BLOCK_BITS
        ):
            raise NotBelieved(self._path)
        content = self._bytes(descriptor, 4 * ((1 << bits) + 1) + 8 * (1 << bits), _HEADER_BYTES)
        starts = np.frombuffer(content, "<u4", count=(1 << bits) + 1)
        if zlib.crc32(content) != header["directory"] or int(starts[-1]) != self.rows:
            raise NotBelieved(self._path)
        return _Directory(bits, starts, np.frombuffer(content, "<u8", offset=starts.nbytes))

    def _bytes(self, descriptor: int, count: int, offset: int) -> bytes:
        content = os.pread(descriptor, count, offset)
        while len(content) < count:
            more = os.pread(descriptor, count - len(content), offset + len(content))
            if not more:
                raise NotBelieved(self._path)
            content += more
        return content


def _words(entries: npt.NDArray[np.void]) -> IdWords:
    return IdWords(entries["k"], entries["h"], entries["l"], np.empty(0, np.int64))


def _sums(entries: npt.NDArray[np.void], starts: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
    """Return what the entries of each block add up to; `starts` has the end of the last block too.

    One changed bit always shows; more, but for once in 2^64.
    """
    lanes = entries.view("<u8").reshape(-1, 3)
    mixed = lanes[:, 0] * _FACTORS[0]
    mixed += lanes[:, 1] * _FACTORS[1]
    mixed += lanes[:, 2] * _FACTORS[2]
    mixed ^= mixed >> _HALF
    mixed *= _FOLD
    ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    total: npt.NDArray[np.uint64] = ends[starts[1:]] - ends[starts[:-1]]
    return total
