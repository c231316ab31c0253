"""A Thrift compact struct as a tree of values, to be changed and written back.

Every field keeps its number and type, so that what is not known here is written as it was read. Where only a few
places matter, `usr_core.store.base.thrift.Cursor` walks over the bytes without making a tree. Of a footer, the schema
and the chunks of one row group can be had alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usr_core.store.base.thrift import BINARY, INTEGERS, LIST, STRUCT, Cursor

__all__ = [
    "I32",
    "I64",
    "ColumnElements",
    "Struct",
    "columns_of",
    "integer",
    "read_struct",
    "row_group_of",
    "schema_elements",
    "struct_list",
    "structs",
    "varint",
    "write_struct",
]

Struct = dict[int, tuple[int, Any]]
"""Fields by number: each is a type and a value. A list is the type of its elements and these."""

_TRUE, _FALSE, _SET = 1, 2, 10
_FIXED = {3: 1, 7: 8}
I32, I64 = 5, 6
_MOST_SHORT, _NIBBLE = 14, 15

# The numbers of fields in the structs of parquet.thrift.
_SCHEMA, _GROUPS, _GROUP_CHUNKS = 2, 4, 1
_ELEMENT_NAME, _ELEMENT_CHILDREN, _ELEMENT_FIELD_ID = 4, 5, 9


def integer(value: int) -> tuple[int, int]:
    """Return a field that holds a 64-bit integer."""
    return I64, value


def struct_list(structs: list[Struct]) -> tuple[int, tuple[int, list[Struct]]]:
    """Return a field that holds a list of structs."""
    return LIST, (STRUCT, structs)


def structs(field: tuple[int, Any]) -> list[Struct]:
    """Return the structs of a field that holds a list of them.

    Raises:
        ValueError: It holds something else.
    """
    if field[0] != LIST or (field[1][1] and field[1][0] != STRUCT):
        raise ValueError("a list of structs is wanted")
    found: list[Struct] = field[1][1]
    return found


def read_struct(cursor: Cursor) -> Struct:
    """Read one struct; the cursor stands behind it then.

    Raises:
        ValueError, IndexError: The bytes are not a struct.
    """
    found: Struct = {}
    number = 0
    while head := cursor.byte():
        kind = head & _NIBBLE
        number = number + (head >> 4) if head >> 4 else cursor.integer()
        found[number] = kind, kind == _TRUE if kind in (_TRUE, _FALSE) else _read_value(cursor, kind)
    return found


def write_struct(tree: Struct) -> bytes:
    """Return the bytes of a struct."""
    out = bytearray()
    _write_struct(out, tree)
    return bytes(out)


def varint(value: int) -> bytes:
    """Return an unsigned number in as few bytes as it takes, seven bits in each."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


@dataclass(frozen=True, slots=True)
class ColumnElements:
    """A top-level column: its first leaf, how many it has, and what the schema says of it."""

    first: int
    leaves: int
    elements: list[Struct]


def columns_of(elements: list[Struct]) -> dict[str, ColumnElements]:
    """Return the top-level columns of a schema by name; of a name that comes twice none."""
    elements = [{key: value for key, value in one.items() if key != _ELEMENT_FIELD_ID} for one in elements]
    found: dict[str, ColumnElements] = {}
    repeated: set[str] = set()
    at, leaf = 1, 0
    while at < len(elements):
        start, first, waiting = at, leaf, 1
        while waiting:
            children = elements[at].get(_ELEMENT_CHILDREN, (I32, 0))[1]
            leaf += not children
            waiting += children - 1
            at += 1
        name = elements[start][_ELEMENT_NAME][1].decode()
        if name in found:
            repeated.add(name)
        found[name] = ColumnElements(first, leaf - first, elements[start:at])
    return {name: column for name, column in found.items() if name not in repeated}


def schema_elements(footer: bytes) -> list[Struct]:
    """Return the elements of the schema; nothing else of the footer is looked at.

    Raises:
        ValueError, IndexError: It is no footer.
    """
    cursor = Cursor(footer)
    for field, kind in cursor.fields():
        if (field, kind) == (_SCHEMA, LIST):
            return [read_struct(cursor) for _ in range(cursor.list_length())]
    raise ValueError("the footer has no schema")


def row_group_of(footer: bytes, number: int) -> list[Struct]:
    """Return the column chunks of one row group, counted from 0; those before it are passed over.

    Raises:
        ValueError, IndexError, KeyError: It is no footer, or it has fewer row groups.
    """
    cursor = Cursor(footer)
    for field, kind in cursor.fields():
        if (field, kind) == (_GROUPS, LIST):
            if number >= cursor.list_length():
                break
            for _ in range(number):
                cursor.skip(STRUCT)
            return structs(read_struct(cursor)[_GROUP_CHUNKS])
    raise ValueError(f"the footer has no row group {number}")


def _read_value(cursor: Cursor, kind: int) -> Any:
    if kind in INTEGERS:
        return cursor.integer()
    if kind == BINARY:
        return cursor.raw(cursor.unsigned())
    if kind == STRUCT:
        return read_struct(cursor)
    if kind in (LIST, _SET):
        return _read_list(cursor)
    if kind in _FIXED:
        return cursor.raw(_FIXED[kind])
    raise ValueError(f"no Parquet footer has a Thrift type {kind}")


def _read_list(cursor: Cursor) -> tuple[int, list[Any]]:
    head = cursor.byte()
    length = head >> 4 if head >> 4 <= _MOST_SHORT else cursor.unsigned()
    element = head & _NIBBLE
    if element in (_TRUE, _FALSE):
        return element, [cursor.byte() == _TRUE for _ in range(length)]
    return element, [_read_value(cursor, element) for _ in range(length)]


def _write_struct(out: bytearray, tree: Struct) -> None:
    last = 0
    for number in sorted(tree):
        kind, value = tree[number]
        if kind in (_TRUE, _FALSE):
            kind = _TRUE if value else _FALSE
        if 0 < number - last <= _NIBBLE:
            out.append(number - last << 4 | kind)
        else:
            out.append(kind)
            out += varint(_zigzag(number))
        last = number
        if kind not in (_TRUE, _FALSE):
            _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in INTEGERS:
        out += varint(_zigzag(value))
    elif kind == BINARY:
        out += varint(len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind in (LIST, _SET):
        element, values = value
        if len(values) <= _MOST_SHORT:
            out.append(len(values) << 4 | element)
        else:
            out.append(0xF0 | element)
            out += varint(len(values))
        for one in values:
            if element in (_TRUE, _FALSE):
                out.append(_TRUE if one else _FALSE)
            else:
                _write_value(out, element, one)
    else:
        out += value


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1
