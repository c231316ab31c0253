"""Lists of plain numbers from JSON text, without a Python object for each number.

Vectors are most of what is attached as text, and reading them with a JSON parser costs several times what
the numbers themselves cost. A column is taken here only if every cell is ``[number, …]`` as programs write
it; anything else, and anything that is wrong, is left to `json_reading`, which gives the same values.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from usr_core.records.arrays import fixed_values, text_scalar
from usr_core.records.masks import valid_mask
from usr_core.values.bad_cell import BadCell
from usr_core.values.scalars import infinite_rows, refuse_inexact, refuse_vanished

__all__ = ["parse_number_lists"]

_INTEGER = r"-?(?:0|[1-9][0-9]*)"
_FLOAT = rf"{_INTEGER}(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"


def parse_number_lists(column: pa.StringArray, kind: pa.DataType) -> pa.Array | None:
    """Return `column` as lists of type `kind`, or None where it can't be read this way.

    Memory: about 30 bytes a number beside the result.
    """
    if not (kinds.is_list(kind) or kinds.is_fixed_size_list(kind)) or not _is_number(kind.value_type):
        return None
    pieces = _pieces(column, _INTEGER if kinds.is_integer(kind.value_type) else _FLOAT)
    if pieces is None:
        return None
    numbers = _numbers(pieces.values, kind.value_type)
    if numbers is None:
        return None
    if kinds.is_fixed_size_list(kind):
        return _fixed(column, pieces, numbers, kind)
    mask = column.is_null() if column.null_count else None
    return pa.ListArray.from_arrays(pieces.offsets, numbers, type=kind, mask=mask)


def _is_number(kind: pa.DataType) -> bool:
    return bool(kinds.is_integer(kind) or kinds.is_floating(kind))


def _pieces(column: pa.StringArray, number: str) -> pa.ListArray | None:
    """Return the texts of the numbers; null and ``[]`` have none."""
    import pyarrow.compute as pc

    filled = pc.if_else(pc.equal(column, text_scalar("[]")), pa.nulls(1, pa.string())[0], column)
    for separator in (", ", ","):
        written_so = pc.match_substring_regex(filled, rf"\A\[{number}(?:{separator}{number})*\]\z")
        if pc.all(written_so, min_count=0).as_py():
            inner = pc.binary_slice(filled.cast(pa.binary()), 1, -1).cast(pa.string())
            return pc.split_pattern(inner, separator)
    return None


def _numbers(texts: pa.StringArray, kind: pa.DataType) -> pa.Array | None:
    try:
        if kinds.is_integer(kind):
            return texts.cast(kind)
        # By way of float64, as JSON is read: rounded twice, but the same whichever way a cell is read.
        numbers = texts.cast(pa.float64()).cast(kind)
        refuse_inexact(numbers, texts)
        refuse_vanished(numbers, texts)
    except (pa.ArrowInvalid, BadCell):
        return None
    return None if infinite_rows(numbers) else numbers


def _fixed(column: pa.StringArray, pieces: pa.ListArray, numbers: pa.Array, kind: pa.DataType) -> pa.Array | None:

    valid = valid_mask(column)
    if (np.diff(fixed_values(pieces.offsets))[valid] != kind.list_size).any():
        return None
    rows = pa.FixedSizeListArray.from_arrays(numbers, type=kind)
    if column.null_count == 0:
        return rows
    places = [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(np.cumsum(valid, dtype=np.int64) - 1)]
    return rows.take(pa.Array.from_buffers(pa.int64(), len(column), places))
