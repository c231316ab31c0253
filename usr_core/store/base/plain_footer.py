"""The columns and notes of a small Parquet file without a Parquet library, where everything in it is plain.

pyarrow notes a file's Arrow schema in its footer, as a flatbuffer in base64: only this tells a list of fixed size from
any other, or a duration from an integer. Its types are held against Parquet's own; where the two differ, or something
is not known here, there is no answer, and the library has to be asked.
"""

from __future__ import annotations

import struct
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from usr_core.events.event import BaseCounts
from usr_core.registry.types import (
    FIELD_NAME,
    MAX_DEPTH,
    UNITS,
    ColumnType,
    FixedSizeListType,
    ListType,
    PrimitiveType,
    StructField,
    StructType,
    TimestampType,
    is_time_zone,
)
from usr_core.store.base.thrift import SchemaNode, read_footer

__all__ = ["PlainFooter", "read_plain_footer"]

_MOST_BYTES = 32 << 10
"""A longer footer is walked over faster by the library, imports included."""

_ARROW_SCHEMA = "ARROW:schema"
_EXTENSION = "ARROW:extension"
_REPEATED = 2

# Numbers of Arrow's types, and of Parquet's physical and converted types.
_INT, _FLOAT, _BINARY, _UTF8, _BOOL, _DATE, _TIMESTAMP, _LIST, _STRUCT, _FIXED_LIST = 2, 3, 4, 5, 6, 8, 10, 12, 13, 16
_LARGE_BINARY, _LARGE_UTF8, _LARGE_LIST = 19, 20, 21
_BOOLEAN, _INT32, _INT64, _SINGLE, _DOUBLE, _BYTES, _FIXED_BYTES = 0, 1, 2, 4, 5, 6, 7
_LISTED = 3


class PlainFooter(NamedTuple):
    """One file.

    Attributes:
        columns: Types by name, in the file's order; list children are ``item``, encodings are gone.
        metadata: The ``usr:…`` keys and values of its Arrow schema.
    """

    rows: int
    columns: Mapping[str, ColumnType]
    metadata: Mapping[str, str]
    size_bytes: int

    @property
    def counts(self) -> BaseCounts:
        """Its rows, columns and bytes."""
        return BaseCounts(self.rows, len(self.columns), self.size_bytes)


class _NotPlain(ValueError):
    pass


def read_plain_footer(path: Path) -> PlainFooter | None:
    """Return what a footer says, or None where the library has to be asked: for what is not plain, or for the error."""
    try:
        footer = read_footer(path, most_bytes=_MOST_BYTES)
        if footer is None:
            return None
        fields, notes = _arrow_schema(a2b_base64(footer.notes[_ARROW_SCHEMA]))
        if len(fields) != len(footer.columns):
            return None
        columns = {node.name: _column_type(field, node, 1) for field, node in zip(fields, footer.columns, strict=True)}
    except (OSError, ValueError, KeyError, IndexError, struct.error, RecursionError):
        return None
    if len(columns) != len(fields):
        return None
    ours = {name: value for name, value in notes.items() if name.startswith("usr:")}
    return PlainFooter(footer.rows, columns, ours, footer.size_bytes)


class _Table:
    """A table of a flatbuffer: its fields are found by their slot, and one that is not there has a default."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at
        self._slots = at - self._number("<i", at)

    def number(self, slot: int, form: str = "<i", default: int = 0) -> int:
        place = self._place(slot)
        return default if place is None else self._number(form, place)

    def text(self, slot: int) -> str | None:
        place = self._place(slot)
        if place is None:
            return None
        start = place + self._number("<I", place)
        length = self._number("<I", start)
        return self._content[start + 4 : start + 4 + length].decode("utf-8")

    def table(self, slot: int) -> _Table:
        place = self._place(slot)
        if place is None:
            raise _NotPlain
        return _Table(self._content, place + self._number("<I", place))

    def tables(self, slot: int) -> list[_Table]:
        place = self._place(slot)
        if place is None:
            return []
        start = place + self._number("<I", place)
        places = range(start + 4, start + 4 + 4 * self._number("<I", start), 4)
        return [_Table(self._content, one + self._number("<I", one)) for one in places]

    def has(self, slot: int) -> bool:
        return self._place(slot) is not None

    def _place(self, slot: int) -> int | None:
        if 4 + 2 * slot >= self._number("<H", self._slots):
            return None
        inside = self._number("<H", self._slots + 4 + 2 * slot)
        return self._at + inside if inside else None

    def _number(self, form: str, at: int) -> int:
        if at < 0:
            raise _NotPlain
        return int(struct.unpack_from(form, self._content, at)[0])


def _arrow_schema(message: bytes) -> tuple[list[_Table], dict[str, str]]:
    """Return the fields of a schema in Arrow's message format, and its metadata."""
    start = 8 if message[:4] == b"\xff\xff\xff\xff" else 4
    root = _Table(message, start + struct.unpack_from("<I", message, start)[0])
    if root.number(1, "<B") != 1:
        raise _NotPlain  # another message than a schema
    schema = root.table(2)
    return schema.tables(1), {pair.text(0) or "": pair.text(1) or "" for pair in schema.tables(2)}


def _column_type(field: _Table, node: SchemaNode, depth: int) -> ColumnType:
    if depth > MAX_DEPTH or any((pair.text(0) or "").startswith(_EXTENSION) for pair in field.tables(6)):
        raise _NotPlain
    kind, told = field.number(2, "<B"), field.table(3)
    if kind in (_LIST, _LARGE_LIST, _FIXED_LIST):
        return _list_type(kind, told, field, node, depth)
    if kind == _STRUCT:
        return _struct_type(field, node, depth)
    if kind not in _LEAVES or node.children:
        raise _NotPlain
    return _LEAVES[kind](told, node)


def _list_type(kind: int, told: _Table, field: _Table, node: SchemaNode, depth: int) -> ColumnType:
    (child,) = field.tables(5)
    (middle,) = node.children
    (element,) = middle.children
    if node.converted != _LISTED or node.repetition == _REPEATED or middle.repetition != _REPEATED:
        raise _NotPlain
    if middle.name == "array" or middle.name.endswith("_tuple") or element.repetition == _REPEATED:
        raise _NotPlain
    item = _column_type(child, element, depth + 1)
    if kind != _FIXED_LIST:
        return ListType(item)
    size = told.number(0)
    if size < 1:
        raise _NotPlain
    return FixedSizeListType(item, size)


def _struct_type(field: _Table, node: SchemaNode, depth: int) -> ColumnType:
    parts = field.tables(5)
    names = [part.text(0) or "" for part in parts]
    if node.converted is not None or names != [child.name for child in node.children]:
        raise _NotPlain
    if not names or len(set(names)) != len(names) or not all(map(FIELD_NAME.fullmatch, names)):
        raise _NotPlain
    types = [_column_type(part, child, depth + 1) for part, child in zip(parts, node.children, strict=True)]
    return StructType(tuple(map(StructField, names, types)))


def _stored(node: SchemaNode, physical: int, converted: int | None = None, logical: int | None = None) -> bool:
    told = None if node.logical is None else node.logical[0]
    return (node.physical, node.converted, told) == (physical, converted, logical) and node.repetition != _REPEATED


def _integer(told: _Table, node: SchemaNode) -> ColumnType:
    bits, signed = told.number(0), told.number(1, "<B")
    name = f"{'' if signed else 'u'}int{bits}"
    if name not in PrimitiveType.NAMES:
        raise _NotPlain
    converted = {8: 11, 16: 12, 32: 13, 64: 14}[bits] + (4 if signed else 0)
    bare = signed and bits >= 32
    if not _stored(node, _INT64 if bits == 64 else _INT32, None if bare else converted, None if bare else 10):
        raise _NotPlain
    return PrimitiveType(name)


def _float(told: _Table, node: SchemaNode) -> ColumnType:
    precision = told.number(0, "<h")
    physical, logical = ((_FIXED_BYTES, 15), (_SINGLE, None), (_DOUBLE, None))[precision]
    if precision < 0 or not _stored(node, physical, None, logical):
        raise _NotPlain
    return PrimitiveType(("float16", "float32", "float64")[precision])


def _timestamp(told: _Table, node: SchemaNode) -> ColumnType:
    unit, zone = told.number(0, "<h"), told.text(1) or None
    # Parquet numbers milliseconds, microseconds and nanoseconds from 1, Arrow from 1 as well: seconds are its 0.
    if not 1 <= unit < len(UNITS) or node.logical != (8, int(zone is not None), unit) or node.physical != _INT64:
        raise _NotPlain
    if node.repetition == _REPEATED or (zone is not None and not is_time_zone(zone)):
        raise _NotPlain
    return TimestampType(UNITS[unit], zone)


def _primitive(name: str, physical: int, converted: int | None = None, logical: int | None = None) -> _Leaf:
    def leaf(told: _Table, node: SchemaNode) -> ColumnType:
        if not _stored(node, physical, converted, logical) or (name == "date32" and told.number(0, "<h", 1) != 0):
            raise _NotPlain
        return PrimitiveType(name)

    return leaf


_Leaf = Callable[[_Table, SchemaNode], ColumnType]
_LEAVES: Mapping[int, _Leaf] = {
    _INT: _integer,
    _FLOAT: _float,
    _BINARY: _primitive("binary", _BYTES),
    _LARGE_BINARY: _primitive("binary", _BYTES),
    _UTF8: _primitive("string", _BYTES, 0, 1),
    _LARGE_UTF8: _primitive("string", _BYTES, 0, 1),
    _BOOL: _primitive("bool", _BOOLEAN),
    _DATE: _primitive("date32", _INT32, 6, 6),
    _TIMESTAMP: _timestamp,
}
