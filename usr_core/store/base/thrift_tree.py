"""A Thrift compact struct as a tree of values, to be changed and written back.

Every field keeps its number and type, so that what is not known here is written as it was read. Where only a few
places matter, `usr_core.store.base.thrift.Cursor` walks over the bytes without making a tree.
"""

from __future__ import annotations

from typing import Any

from usr_core.store.base.thrift import BINARY, INTEGERS, LIST, STRUCT, Cursor

__all__ = ["I32", "I64", "Struct", "integer", "read_struct", "struct_list", "structs", "varint", "write_struct"]

Struct = dict[int, tuple[int, Any]]
"""Fields by number: each is a type and a value. A list is the type of its elements and these."""

_TRUE, _FALSE, _SET = 1, 2, 10
_FIXED = {3: 1, 7: 8}
I32, I64 = 5, 6
_MOST_SHORT, _NIBBLE = 14, 15


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
