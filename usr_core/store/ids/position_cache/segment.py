"""One file of the position cache: the ids of a run of base rows, and which row each stands in (ADR 0025).

It holds 32 mixed bits of every id, sorted, in pages of 128 with a checksum each; the row of each of these, in the same
order; and the 20 bytes of every id, in the order of the rows. A search reads the pages that may hold its ids, and of
the rest only what these point to: an id whose mixed bits are not those that led to it shows a wrong row or a damaged
id. So what is answered is proven, whatever else of the file is damaged, and a hundred thousand ids cost a sixth of
what checking the whole would.

Files are read, not mapped: a mapped file that is cut off by somebody else ends the process that reads it.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from usr_core.store.ids.words import DIGEST, IdWords, words_of_digests

__all__ = ["NotBelieved", "Segment", "SegmentWriter"]

Rows = npt.NDArray[np.int64]
Prefixes = npt.NDArray[np.uint32]

_MAGIC = b"USRPOS02"
_HEADER = np.dtype([("magic", "S8"), ("token", "S16"), ("rows", "<u4"), ("directory", "<u4")])
_HEADER_BYTES = _HEADER.itemsize + 4  # and its own checksum
_NUMBER, _SUM, _BYTE = np.dtype("<u4"), np.dtype("<u8"), np.dtype("u1")
_PAGE = 128
"""Prefixes of a page; the last one is filled up."""
_PREFIXES = np.dtype((_NUMBER, (_PAGE,)))
_DIRECTORY_BYTES = _NUMBER.itemsize + _SUM.itemsize
_HALF = np.uint64(32)
_PIECE_BYTES, _SINGLY = 1 << 20, 64
"""What is wanted of a column is read one by one where it is not more than so many for each piece of the column."""
_MANY = 4
"""With so many ids a page, or more, all pages are wanted."""
_SUMMED = 512
"""Pages whose sums are made at once: what that takes stays in the processor's cache."""
_FACTORS = np.arange(1, _PAGE // 2 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
_FOLD = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where each of the three begins, and the file ends."""

    prefixes: int
    rows: int
    ids: int
    end: int


class NotBelieved(Exception):
    """A file of the cache is not what it should be; it is never used, and answers come from the base."""


@dataclass(frozen=True, slots=True)
class _Directory:
    """The first prefix of each page, and the checksum of each."""

    firsts: Prefixes
    sums: npt.NDArray[np.uint64]


class SegmentWriter:
    """Makes a segment from the ids of a run of rows, none of them bad, which come in any order and from any thread.

    A ``with`` block that ends before `finish` leaves no file.

    Args:
        path: The file to make.
        rows: How many there will be, at most 2^31.
        token: 16 letters that no other segment has.

    Raises:
        OSError: The file can't be written.

    Memory: 20 bytes a row.
    """

    def __init__(self, path: Path, rows: int, *, token: str) -> None:
        self._path, self._token, self._finished = path, token, False
        self._prefixes = np.zeros(rows, _NUMBER)
        self._columns = _columns(rows)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self._finished:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def put(self, start: int, words: IdWords) -> None:
        """Put the ids of the rows from `start` on; runs must not overlap."""
        self._prefixes[start : start + len(words)] = words.prefixes()
        self._write(words.digests(), self._columns.ids + start * DIGEST.itemsize)

    def finish(self) -> None:
        """Write what makes it a segment, once every row was put."""
        order = self._prefixes.astype(np.uint64)
        order <<= _HALF
        order |= np.arange(len(order), dtype=np.uint64)
        order.sort()
        self._write(order.astype(_NUMBER), self._columns.rows)
        order >>= _HALF
        pages = np.zeros((_pages(len(order)), _PAGE), _NUMBER)
        pages.reshape(-1)[: len(order)] = order
        del order
        self._write(pages.reshape(-1), self._columns.prefixes)
        directory = pages[:, 0].tobytes() + _sums(pages).tobytes()
        facts = (_MAGIC, self._token.encode(), len(self._prefixes), zlib.crc32(directory))
        header = np.array(facts, _HEADER).tobytes()
        self._write(header + zlib.crc32(header).to_bytes(4, "little") + directory, 0)
        self._finished = True

    def _write(self, content: npt.NDArray[Any] | bytes, offset: int) -> None:
        rest = memoryview(content) if isinstance(content, bytes) else content.view(np.uint8).data
        while rest:
            written = os.pwrite(self._descriptor, rest, offset)
            rest, offset = rest[written:], offset + written


class Segment:
    """One file, opened for each search: it may be removed by others at any time, and is not needed."""

    def __init__(self, path: Path, *, token: str, rows: int) -> None:
        self._path, self.token, self.rows = path, token, rows
        self._directory: _Directory | None = None
        self._columns = _columns(rows)

    def find(self, words: IdWords, prefixes: Prefixes) -> tuple[Rows, bool]:
        """Return a row of each id, from 0 in this segment, -1 where it has none, and whether one has several.

        Args:
            words: The ids, none of them bad, in ascending order of their prefixes.
            prefixes: Their mixed bits.

        Raises:
            NotBelieved: The file is missing, or not what it should be.
        """
        found, repeated = np.full(len(words), -1, np.int64), False
        with self._opened() as descriptor:
            pages = self._pages_that_may_hold(descriptor, prefixes)
            known = self._read_pages(descriptor, pages)
            at = np.searchsorted(known, prefixes)
            left = np.arange(len(words))
            while True:
                left = left[at[left] < len(known)]
                left = left[known[at[left]] == prefixes[left]]
                if not len(left):
                    return found, repeated
                entries = pages[at[left] // _PAGE] * _PAGE + at[left] % _PAGE
                rows, there = self._read_entries(descriptor, entries, prefixes[left])
                same = there.equal(words.at(left))
                repeated |= bool((found[left[same]] >= 0).any())
                found[left[same]] = rows[same]
                at[left] += 1

    def words(self) -> IdWords:
        """Return all ids in row order.

        Raises:
            NotBelieved: The file is missing, or not what it should be.
        """
        with self._opened() as descriptor:
            self._read_directory(descriptor)
            known = self._read_pages(descriptor, np.arange(_pages(self.rows)))
            words = words_of_digests(self._read(descriptor, DIGEST, self.rows, self._columns.ids).view(np.uint8))
        if not np.array_equal(np.sort(words.prefixes()), known):
            raise NotBelieved(self._path)
        return words

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            raise NotBelieved(self._path) from error

    def _pages_that_may_hold(self, descriptor: int, prefixes: Prefixes) -> Rows:
        """Return the numbers of the pages in which ids with these bits, ascending, are if they are anywhere."""
        firsts = self._read_directory(descriptor).firsts
        if len(prefixes) > _MANY * len(firsts):
            return np.arange(len(firsts))
        pages = np.searchsorted(firsts, prefixes, "right") - 1
        wanted = np.zeros(len(firsts), np.bool_)
        wanted[pages[pages >= 0]] = True
        # Of equal prefixes the first ones may end the page before the one that begins with them.
        again = pages[(pages > 0) & (firsts[pages] == prefixes)]
        while len(again):
            wanted[again - 1] = True
            again = again[(again > 1) & (firsts[again - 1] == firsts[again])] - 1
        return np.flatnonzero(wanted)

    def _read_directory(self, descriptor: int) -> _Directory:
        if self._directory is None:
            head = self._read(descriptor, _BYTE, _HEADER_BYTES, 0).tobytes()
            header = np.frombuffer(head, _HEADER, count=1)[0]
            pages = _pages(self.rows)
            directory = self._read(descriptor, _BYTE, _DIRECTORY_BYTES * pages, _HEADER_BYTES)
            if (
                zlib.crc32(head[:-4]).to_bytes(4, "little") != head[-4:]
                or (header["magic"], header["token"], header["rows"]) != (_MAGIC, self.token.encode(), self.rows)
                or zlib.crc32(directory.data) != header["directory"]
                or os.fstat(descriptor).st_size != self._columns.end
            ):
                raise NotBelieved(self._path)
            firsts, sums = np.split(directory, [pages * _NUMBER.itemsize])
            self._directory = _Directory(firsts.view(_NUMBER), np.frombuffer(sums.tobytes(), _SUM))
        return self._directory

    def _read_pages(self, descriptor: int, pages: Rows) -> Prefixes:
        """Return the prefixes of these pages, one page after the other, once each has the sum that it should."""
        found = self._read_some(descriptor, _PREFIXES, pages, self._columns.prefixes, count=_pages(self.rows))
        if not np.array_equal(_sums(found), self._read_directory(descriptor).sums[pages]):
            raise NotBelieved(self._path)
        filled = _pages(self.rows) * _PAGE - self.rows if len(pages) and pages[-1] == _pages(self.rows) - 1 else 0
        return found.reshape(-1)[: found.size - filled]

    def _read_entries(self, descriptor: int, entries: Rows, prefixes: Prefixes) -> tuple[Rows, IdWords]:
        """Return the rows of some of the sorted prefixes, and the ids there, each of which has its prefix."""
        rows = self._read_some(descriptor, _NUMBER, entries, self._columns.rows, count=self.rows).astype(np.int64)
        if int(rows.max(initial=0)) >= self.rows:
            raise NotBelieved(self._path)
        ids = self._read_some(descriptor, DIGEST, rows, self._columns.ids, count=self.rows)
        words = words_of_digests(ids.view(np.uint8))
        if not np.array_equal(words.prefixes(), prefixes):
            raise NotBelieved(self._path)
        return rows, words

    def _read_some(
        self, descriptor: int, kind: np.dtype[Any], places: Rows, offset: int, *, count: int
    ) -> npt.NDArray[Any]:
        """Return the values at these places of a column of `count` that begins at `offset`."""
        size = kind.itemsize
        if len(places) <= _SINGLY * -(-count * size // _PIECE_BYTES):
            pieces = [os.pread(descriptor, size, at) for at in (places * size + offset).tolist()]
            if set(map(len, pieces)) - {size}:
                raise NotBelieved(self._path)
            return np.frombuffer(b"".join(pieces), kind)
        # A piece at a time: fresh memory for the whole column costs more than reading it.
        order = np.argsort(places)
        ascending = places[order]
        found, piece = np.empty(len(places), kind), np.empty(_PIECE_BYTES // size, kind)
        starts = np.arange(0, count, len(piece))
        bounds = [*np.searchsorted(ascending, starts).tolist(), len(places)]
        for start, (low, high) in zip(starts.tolist(), pairwise(bounds), strict=True):
            if low < high:
                wanted = piece[: count - start]
                if os.preadv(descriptor, [wanted.view(np.uint8).data], offset + start * size) < wanted.nbytes:
                    raise NotBelieved(self._path)
                found[order[low:high]] = piece[ascending[low:high] - start]
        return found

    def _read(self, descriptor: int, kind: np.dtype[Any], count: int, offset: int) -> npt.NDArray[Any]:
        size = count * kind.itemsize
        content = os.pread(descriptor, size, offset)
        while len(content) < size:
            more = os.pread(descriptor, size - len(content), offset + len(content))
            if not more:
                raise NotBelieved(self._path)
            content += more
        return np.frombuffer(content, kind)


def _columns(rows: int) -> _Columns:
    prefixes = _HEADER_BYTES + _DIRECTORY_BYTES * _pages(rows)
    numbers = prefixes + _PREFIXES.itemsize * _pages(rows)
    ids = numbers + _NUMBER.itemsize * rows
    return _Columns(prefixes, numbers, ids, ids + DIGEST.itemsize * rows)


def _pages(rows: int) -> int:
    return -(-rows // _PAGE)


def _sums(pages: Prefixes) -> npt.NDArray[np.uint64]:
    """Return what each page adds up to; one changed bit always shows, and more but for once in 2^64."""
    lanes = np.ascontiguousarray(pages).view(_SUM)
    found = np.empty(len(lanes), _SUM)
    for at in range(0, len(lanes), _SUMMED):
        mixed = lanes[at : at + _SUMMED] * _FACTORS
        mixed ^= mixed >> _HALF
        mixed *= _FOLD
        mixed.sum(axis=1, out=found[at : at + _SUMMED])
    return found
