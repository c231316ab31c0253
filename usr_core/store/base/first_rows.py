"""A Parquet file's footer that ends after some of its rows: the same bytes are then a file of these rows only.

An append leaves the rows before it where they are, so the first rows of a base are the base of an earlier version. With
such a footer every reader of pyarrow gives just these, also where they end inside a row group: it reads as many rows of
a row group as the footer says. What reads the file without this footer does not know of it (`OpenParquet.cut_from`).
The reasons are in docs/adr/0033.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.base.thrift import LIST, STRUCT, Cursor
from usr_core.store.base.thrift_tree import I64, read_struct, varint, write_struct

__all__ = ["footer_of_first_rows"]

_MAGIC = b"PAR1"
_ROWS, _GROUPS = 3, 4
_GROUP_ROWS = 3
_NIBBLE, _MOST_SHORT = 15, 14


def footer_of_first_rows(footer: bytes, rows: int) -> pq.FileMetaData:
    """Return a file's footer as if its first `rows` rows were all of them.

    Row groups before the last one that counts go on as they are written.

    Raises:
        ValueError: It ends too early, or the file has fewer rows.
    """
    try:
        ended = _ended(footer, rows)
    except IndexError as error:
        raise ValueError("its footer ends too early") from error
    return pq.read_metadata(pa.BufferReader(_MAGIC + ended + len(ended).to_bytes(4, "little") + _MAGIC))


def _ended(footer: bytes, rows: int) -> bytes:
    """Return a footer with its row groups up to that many rows."""
    cursor = Cursor(footer)
    out = bytearray()
    copied = field = 0
    while head := cursor.byte():
        field = field + (head >> 4) if head >> 4 else cursor.integer()
        kind, value = head & _NIBBLE, cursor.at
        if (field, kind) == (_ROWS, I64):
            cursor.integer()
            new = varint(rows << 1)
        elif (field, kind) == (_GROUPS, LIST):
            new = _groups(cursor, rows)
        else:
            cursor.skip(kind)
            continue
        out += footer[copied:value] + new
        copied = cursor.at
    return bytes(out + footer[copied:])


def _groups(cursor: Cursor, rows: int) -> bytes:
    """Return the list of row groups up to that many rows; the cursor stands behind the whole list then."""
    count, left = cursor.list_length(), rows
    groups: list[bytes] = []
    for _ in range(count):
        start = cursor.at
        if left <= 0:
            cursor.skip(STRUCT)
            continue
        held = _rows_of_group(cursor)
        raw = cursor.content[start : cursor.at]
        if held > left:
            inner = Cursor(raw)
            group = read_struct(inner)
            group[_GROUP_ROWS] = I64, left
            raw = write_struct(group)
        groups.append(raw)
        left -= held
    if left > 0:
        raise ValueError(f"it has {rows - left:,} rows, and {rows:,} are wanted")
    kept = len(groups)
    head = bytes([kept << 4 | STRUCT]) if kept <= _MOST_SHORT else bytes([0xF0 | STRUCT]) + varint(kept)
    return head + b"".join(groups)


def _rows_of_group(cursor: Cursor) -> int:
    rows = 0
    for field, kind in cursor.fields():
        if (field, kind) == (_GROUP_ROWS, I64):
            rows = cursor.integer()
    return rows
