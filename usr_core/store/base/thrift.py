"""The Thrift compact encoding of a Parquet footer, its schema and its notes; no Parquet library is imported for them.

A footer is walked over field by field, and what the reader does not ask for is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from usr_core.fs.files import open_regular

__all__ = ["BINARY", "INTEGERS", "LIST", "STRUCT", "Cursor", "FooterTexts", "SchemaNode", "footer_names", "read_footer"]

_TRUE, _FALSE, _BYTE, BINARY, LIST, _SET, STRUCT = 1, 2, 3, 8, 9, 10, 12
INTEGERS = frozenset({4, 5, 6})
_FIXED = {_TRUE: 0, _FALSE: 0, _BYTE: 1, 7: 8}
_SCHEMA_FIELD, _ROWS_FIELD, _NOTES_FIELD = 2, 3, 5


class SchemaNode(NamedTuple):
    """A column of a Parquet schema, or a part of one; numbers as the format has them, None where it says nothing.

    Attributes:
        logical: The number of the logical type, then what it says: flags, units by their number.
    """

    name: str
    children: tuple[SchemaNode, ...]
    physical: int | None
    repetition: int | None
    converted: int | None
    logical: tuple[int, ...] | None


class FooterTexts(NamedTuple):
    """What a footer says without its row groups."""

    rows: int
    columns: tuple[SchemaNode, ...]
    notes: dict[str, str]
    size_bytes: int


def footer_names(path: Path) -> list[str]:
    """Return the names of the top-level columns of a Parquet file, in its order.

    Raises:
        SpecialFile: The path is not a regular file.
        OSError: It can't be read.
        ValueError: It does not end like a Parquet file, or its footer can't be read.
    """
    cursor = Cursor(_content(path, None)[0])
    try:
        for field, kind in cursor.fields():
            if (field, kind) == (_SCHEMA_FIELD, LIST):
                return [column.name for column in _columns(cursor)]
    except (IndexError, StopIteration, RecursionError) as error:
        raise ValueError(f"the footer of {path} ends too early") from error
    return []


def read_footer(path: Path, *, most_bytes: int) -> FooterTexts | None:
    """Return what the footer of a Parquet file says, or None where it has more than `most_bytes` bytes.

    Raises:
        SpecialFile: The path is not a regular file.
        OSError: It can't be read.
        ValueError: It does not end like a Parquet file, or its footer can't be read.
    """
    content, size = _content(path, most_bytes)
    if not content:
        return None
    cursor = Cursor(content)
    rows, notes = 0, {}
    columns: tuple[SchemaNode, ...] = ()
    try:
        for field, kind in cursor.fields():
            if (field, kind) == (_SCHEMA_FIELD, LIST):
                columns = _columns(cursor)
            elif field == _ROWS_FIELD and kind in INTEGERS:
                rows = cursor.integer()
            elif (field, kind) == (_NOTES_FIELD, LIST):
                notes = dict(_note(cursor) for _ in range(cursor.list_length()))
    except (IndexError, StopIteration, RecursionError) as error:
        raise ValueError(f"the footer of {path} ends too early") from error
    return FooterTexts(rows, columns, notes, size)


def _content(path: Path, most_bytes: int | None) -> tuple[bytes, int]:
    """Return the bytes of a footer, none where it has more than `most_bytes`, and the size of the file."""
    with open(open_regular(path), "rb") as file:  # noqa: PTH123 - a descriptor
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != b"PAR1" or length > size - 12:
            raise ValueError(f"{path} does not end like a Parquet file")
        if most_bytes is not None and length > most_bytes:
            return b"", size
        file.seek(size - 8 - length)
        return file.read(length), size


def _columns(cursor: Cursor) -> tuple[SchemaNode, ...]:
    """Return the columns of a schema, which are the children of its first element."""
    return _node(iter([_element(cursor) for _ in range(cursor.list_length())])).children


def _note(cursor: Cursor) -> tuple[str, str]:
    texts = {field: cursor.text() for field, kind in cursor.fields() if kind == BINARY}
    return texts.get(1, ""), texts.get(2, "")


def _element(cursor: Cursor) -> tuple[str, dict[int, int], tuple[int, ...] | None]:
    """Return the name of an element of a schema, its numbers by their field, and its logical type."""
    name, numbers, logical = "", {}, None
    for field, kind in cursor.fields():
        if (field, kind) == (4, BINARY):
            name = cursor.text()
        elif kind in INTEGERS:
            numbers[field] = cursor.integer()
        elif (field, kind) == (10, STRUCT):
            logical = _union(cursor)
    return name, numbers, logical


def _union(cursor: Cursor) -> tuple[int, ...]:
    """Return the number of the member that a union has, and what that says: flags, and the members of its unions."""
    found: list[int] = []
    for member, kind in cursor.fields():
        found.append(member)
        if kind == STRUCT:
            for _, inner in cursor.fields():
                if inner == STRUCT:
                    found.append(_union(cursor)[0])
                elif inner in (_TRUE, _FALSE):
                    found.append(int(inner == _TRUE))
    return tuple(found)


def _node(elements: Iterator[tuple[str, dict[int, int], tuple[int, ...] | None]]) -> SchemaNode:
    """Return the next element with those below it; elements stand depth first."""
    name, numbers, logical = next(elements)
    children = tuple([_node(elements) for _ in range(numbers.get(5, 0))])  # a generator must not see StopIteration
    return SchemaNode(name, children, numbers.get(1), numbers.get(3), numbers.get(6), logical)


class Cursor:
    """A position in Thrift compact bytes."""

    __slots__ = ("at", "content")

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield (field id, type) of a struct; a value that the caller does not consume is skipped."""
        field = 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.integer()
            start = self.at
            yield field, head & 15
            if self.at == start:
                self.skip(head & 15)

    def list_length(self) -> int:
        head = self.byte()
        return head >> 4 if head >> 4 < 15 else self.unsigned()

    def text(self) -> str:
        return self.raw(self.unsigned()).decode()

    def raw(self, length: int) -> bytes:
        start = self.at
        self.at += length
        if self.at > len(self.content):
            raise IndexError("the bytes end too early")
        return self.content[start : self.at]

    def integer(self) -> int:
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def unsigned(self) -> int:
        value = shift = 0
        while (byte := self.byte()) > 0x7F:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def skip(self, kind: int) -> None:
        """Move behind a value of type `kind`."""
        if kind in INTEGERS:
            while self.byte() > 0x7F:
                pass
        elif kind == BINARY:
            length = self.unsigned()
            self.at += length
        elif kind == STRUCT:
            for _ in self.fields():
                pass
        elif kind in (LIST, _SET):
            element = self.content[self.at] & 15
            length = self.list_length()
            if element in (_TRUE, _FALSE):
                self.at += length
            else:
                for _ in range(length):
                    self.skip(element)
        elif kind in _FIXED:
            self.at += _FIXED[kind]
        else:
            raise ValueError(f"no Parquet footer has a Thrift type {kind}")

    def byte(self) -> int:
        byte = self.content[self.at]
        self.at += 1
        return byte
