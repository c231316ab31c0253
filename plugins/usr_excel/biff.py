"""Workbooks of Excel before 2007: a compound file with a stream of records, of which few matter here."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

__all__ = ["CompoundFile", "biff_faults", "workbook_stream"]

_LAST_SECTOR = 0xFFFFFFFA
_BOF, _EOF, _SHEET, _PASSWORD, _FORMULA, _BOOLEAN_OR_ERROR = 0x0809, 0x0A, 0x85, 0x2F, 0x06, 0x0205
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}


class CompoundFile:
    """The streams of a compound file by their names.

    Raises:
        ValueError, struct.error, IndexError: The file is damaged.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        shift, self._mini_shift = struct.unpack_from("<HH", content, 30)
        if not 7 <= shift <= 12 or self._mini_shift > shift:
            raise ValueError("the sizes of sectors make no sense")
        self._size = 1 << shift
        directory, self._cutoff, mini_table = (struct.unpack_from("<I", content, at)[0] for at in (48, 56, 60))
        places = list(struct.unpack_from("<109I", content, 76))
        more = struct.unpack_from("<I", content, 68)[0]
        while more < _LAST_SECTOR and len(places) <= len(content) // 4:
            entries = struct.unpack(f"<{self._size // 4}I", self._sector(more))
            places += entries[:-1]
            more = entries[-1]
        table = b"".join(self._sector(place) for place in places if place < _LAST_SECTOR)
        self._table = struct.unpack(f"<{len(table) // 4}I", table)
        mini = b"".join(map(self._sector, self._chain(mini_table, self._table)))
        self._mini_table = struct.unpack(f"<{len(mini) // 4}I", mini)
        entries_ = b"".join(map(self._sector, self._chain(directory, self._table)))
        self._entries = dict[str, tuple[int, int]]()
        for at in range(0, len(entries_), 128):
            length = struct.unpack_from("<H", entries_, at + 64)[0]
            name = entries_[at : at + max(0, length - 2)].decode("utf-16-le", "replace")
            self._entries.setdefault(name, struct.unpack_from("<II", entries_, at + 116))

    def has(self, name: str) -> bool:
        """Return whether there is a stream of this name."""
        return name in self._entries

    def stream(self, name: str) -> bytes:
        """Return a stream's content."""
        start, size = self._entries[name]
        if size >= self._cutoff:
            return b"".join(map(self._sector, self._chain(start, self._table)))[:size]
        minis = b"".join(map(self._sector, self._chain(self._entries["Root Entry"][0], self._table)))
        step = 1 << self._mini_shift
        return b"".join(minis[at * step : (at + 1) * step] for at in self._chain(start, self._mini_table))[:size]

    def _sector(self, number: int) -> bytes:
        start = (number + 1) * self._size
        if start >= len(self._content):
            raise ValueError("it is cut off")
        return self._content[start : start + self._size].ljust(self._size, b"\0")

    def _chain(self, start: int, table: tuple[int, ...]) -> Iterator[int]:
        seen = 0
        while start < _LAST_SECTOR:
            seen += 1
            if seen > len(table):
                raise ValueError("a chain of sectors has no end")
            yield start
            start = table[start]


def workbook_stream(file: CompoundFile) -> bytes:
    """Return the stream of a workbook's records.

    Raises:
        KeyError: There is none.
        ValueError: The file is damaged.
    """
    stream = file.stream("Workbook" if file.has("Workbook") else "Book")
    if stream[1:2] != b"\x08":
        raise ValueError("its first record is not that of a workbook")
    return stream


def biff_faults(file: CompoundFile, number: int) -> Mapping[tuple[int, int], str] | None:
    """Return the errors of the sheet `number`, from 0, by row and column; None where the workbook is encrypted."""
    stream = workbook_stream(file)
    sheets = list[int]()
    for kind, content in _records(stream, 0):
        if kind == _PASSWORD:
            return None
        if kind == _SHEET:
            sheets.append(struct.unpack_from("<I", content)[0])
    found = dict[tuple[int, int], str]()
    for kind, content in _records(stream, sheets[number]):
        if kind == _BOOLEAN_OR_ERROR and content[7]:
            code = content[6]
        elif kind == _FORMULA and content[6] == 2 and content[12:14] == b"\xff\xff":
            code = content[8]
        else:
            continue
        row, column = struct.unpack_from("<HH", content)
        found[row, column] = _ERRORS.get(code, f"error {code}")
    return found


def _records(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield kind and content of each record of the part that begins at `start`; parts inside it are passed over."""
    at, depth = start, 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 1:
            yield kind, stream[at + 4 : at + 4 + size]
        if depth <= 0:
            return
        at += 4 + size
