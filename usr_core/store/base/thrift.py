"""The Thrift compact encoding of a Parquet footer, and the names in it; no Parquet library is imported for either.

A footer is walked over field by field, and what the reader does not ask for is skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from usr_core.fs.files import open_regular

__all__ = ["BINARY", "INTEGERS", "LIST", "STRUCT", "Cursor", "footer_names"]

_TRUE, _FALSE, BINARY, LIST, _SET, STRUCT = 1, 2, 8, 9, 10, 12
INTEGERS = frozenset({4, 5, 6})
_FIXED = {_TRUE: 0, _FALSE: 0, 3: 1, 7: 8}
_SCHEMA_FIELD, _NAME_FIELD, _CHILDREN_FIELD = 2, 4, 5


def footer_names(path: Path) -> list[str]:
    """Return the names of the top-level columns of a Parquet file, in its order.

    Raises:
        SpecialFile: The path is not a regular file.
        OSError: It can't be read.
        ValueError: It does not end like a Parquet file, or its footer can't be read.
    """
    with open(open_regular(path), "rb") as file:  # noqa: PTH123 - a descriptor
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != b"PAR1" or length > size - 12:
            raise ValueError(f"{path} does not end like a Parquet file")
        file.seek(size - 8 - length)
        content = file.read(length)
    cursor = Cursor(content)
    try:
        for field, kind in cursor.fields():
            if (field, kind) == (_SCHEMA_FIELD, LIST):
                return _top_level([_element(cursor) for _ in range(cursor.list_length())])
    except IndexError as error:
        raise ValueError(f"the footer of {path} ends too early") from error
    return []


def _element(cursor: Cursor) -> tuple[str, int]:
    """Return the name of an element of a schema, and how many of the following ones are its children."""
    name, children = "", 0
    for field, kind in cursor.fields():
        if (field, kind) == (_NAME_FIELD, BINARY):
            name = cursor.text()
        elif field == _CHILDREN_FIELD and kind in INTEGERS:
            children = cursor.integer()
    return name, children


def _top_level(elements: list[tuple[str, int]]) -> list[str]:
    """Return the names of the children of the first element; elements stand depth first."""
    names: list[str] = []
    at = 1
    while at < len(elements):
        names.append(elements[at][0])
        waiting = 1
        while waiting and at < len(elements):
            waiting += elements[at][1] - 1
            at += 1
    return names


class Cursor:
    """A position in Thrift compact bytes."""

    __slots__ = ("at", "content")

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield (field id, type) of a struct; a value that the caller does not consume is skipped."""
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self.integer()
            start = self.at
            yield field, head & 15
            if self.at == start:
                self.skip(head & 15)

    def list_length(self) -> int:
        head = self._byte()
        return head >> 4 if head >> 4 < 15 else self.unsigned()

    def text(self) -> str:
        length = self.unsigned()
        start = self.at
        self.at += length
        return self.content[start : self.at].decode()

    def integer(self) -> int:
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def unsigned(self) -> int:
        value = shift = 0
        while (byte := self._byte()) > 0x7F:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def skip(self, kind: int) -> None:
        """Move behind a value of type `kind`."""
        if kind in INTEGERS:
            while self._byte() > 0x7F:
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

    def _byte(self) -> int:
        byte = self.content[self.at]
        self.at += 1
        return byte
