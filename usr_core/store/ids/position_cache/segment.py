"""One file of the position cache: the ids of a run of base rows, and which row each stands in (ADR 0025).

It holds 32 mixed bits of every id, sorted, in pages of 512 with a checksum each; the row of each of these, in the same
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
_PAGE = 512
"""Prefixes of a page."""
_NUMBER, _BYTE = np.dtype("<u4"), np.dtype("u1")
_HALF = np.uint64(32)
_SINGLY = 512
"""Values that are wanted are read one by one where there are at most one in so many."""
_DENSE = 8
"""Pages that are wanted are read together with the others where there are at least one in so many."""


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
    sums: Prefixes


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
        self._prefixes[:] = order
        del order
        self._write(self._prefixes, self._columns.prefixes)
        sums = [zlib.crc32(self._prefixes[at : at + _PAGE].data) for at in range(0, len(self._prefixes), _PAGE)]
        directory = self._prefixes[::_PAGE].tobytes() + np.array(sums, _NUMBER).tobytes()
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
        # Of equal prefixes the first ones may end the page before the one that begins with them.
        low = np.maximum(np.searchsorted(firsts, prefixes, "left") - 1, 0)
        high = np.searchsorted(firsts, prefixes, "right")
        opened = np.bincount(low, minlength=len(firsts) + 1) - np.bincount(high, minlength=len(firsts) + 1)
        return np.flatnonzero(np.cumsum(opened) > 0)

    def _read_directory(self, descriptor: int) -> _Directory:
        if self._directory is None:
            head = self._read(descriptor, _BYTE, _HEADER_BYTES, 0).tobytes()
            header = np.frombuffer(head, _HEADER, count=1)[0]
            directory = self._read(descriptor, _NUMBER, 2 * _pages(self.rows), _HEADER_BYTES)
            if (
                zlib.crc32(head[:-4]).to_bytes(4, "little") != head[-4:]
                or (header["magic"], header["token"], header["rows"]) != (_MAGIC, self.token.encode(), self.rows)
                or zlib.crc32(directory.data) != header["directory"]
                or os.fstat(descriptor).st_size != self._columns.end
            ):
                raise NotBelieved(self._path)
            self._directory = _Directory(*np.split(directory, 2))
        return self._directory

    def _read_pages(self, descriptor: int, pages: Rows) -> Prefixes:
        """Return the prefixes of these pages, one page after the other, once each has the checksum that it should."""
        starts = (pages * _PAGE).tolist()
        if len(pages) * _DENSE > _pages(self.rows):
            whole = self._read(descriptor, _NUMBER, self.rows, self._columns.prefixes)
            found = [whole[at : at + _PAGE] for at in starts]
        else:
            whole, first, size = None, self._columns.prefixes, _NUMBER.itemsize
            found = [self._read(descriptor, _NUMBER, min(_PAGE, self.rows - at), first + size * at) for at in starts]
        if [zlib.crc32(page.data) for page in found] != self._read_directory(descriptor).sums[pages].tolist():
            raise NotBelieved(self._path)
        if whole is not None and len(pages) == _pages(self.rows):
            return whole
        return np.concatenate([np.empty(0, _NUMBER), *found])

    def _read_entries(self, descriptor: int, entries: Rows, prefixes: Prefixes) -> tuple[Rows, IdWords]:
        """Return the rows of some of the sorted prefixes, and the ids there, each of which has its prefix."""
        rows = self._read_some(descriptor, _NUMBER, entries, self._columns.rows).astype(np.int64)
        if int(rows.max(initial=0)) >= self.rows:
            raise NotBelieved(self._path)
        words = words_of_digests(self._read_some(descriptor, DIGEST, rows, self._columns.ids).view(np.uint8))
        if not np.array_equal(words.prefixes(), prefixes):
            raise NotBelieved(self._path)
        return rows, words

    def _read_some(self, descriptor: int, kind: np.dtype[Any], places: Rows, offset: int) -> npt.NDArray[Any]:
        """Return the values at these places of a column that begins at `offset`."""
        if len(places) * _SINGLY > self.rows:
            return self._read(descriptor, kind, self.rows, offset)[places]
        size = kind.itemsize
        pieces = [os.pread(descriptor, size, at) for at in (places * size + offset).tolist()]
        if set(map(len, pieces)) - {size}:
            raise NotBelieved(self._path)
        return np.frombuffer(b"".join(pieces), kind)

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
    prefixes = _HEADER_BYTES + 2 * _NUMBER.itemsize * _pages(rows)
    numbers = prefixes + _NUMBER.itemsize * rows
    ids = numbers + _NUMBER.itemsize * rows
    return _Columns(prefixes, numbers, ids, ids + DIGEST.itemsize * rows)


def _pages(rows: int) -> int:
    return -(-rows // _PAGE)
