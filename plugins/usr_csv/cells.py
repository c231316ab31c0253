"""Columns as CSV cells: text that reads back to the same values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds

from usr_core.api.arrow import (
    boolean_array,
    dumps,
    fixed_array,
    fixed_values,
    string_parts,
    text_array,
    text_scalar,
    to_json,
)

__all__ = ["CellFormat", "quoted"]

_WHOLE_FROM = 2.0**24
"""From here on every float32 is a whole number, and not every whole number is a float32."""
_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFormat:
    """How values become cells.

    Attributes:
        delimiter: One ASCII sign.
        spreadsheet_safe: Put an apostrophe before text that a spreadsheet would take for a formula: text that begins
            with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return, and is not a number.
    """

    delimiter: str = ","
    spreadsheet_safe: bool = False

    def cells(self, column: pa.Array) -> pa.Array:
        """Return the cells of a column, quoted where needed; null is an empty cell, empty text is ``""``.

        Numbers have the shortest digits that read back to the same bits (a whole number of float32 all of its digits,
        as an integer that no float32 equals is refused by `attach`), timestamps are RFC 3339 (``Z`` where
        their type has a zone), binary is base64, lists and structs are JSON.
        """
        import pyarrow.compute as pc

        return pc.fill_null(self._plain_or_quoted(column), text_scalar(""))

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of columns as they are written into the header."""
        return self._safe(text_array(list(names))).to_pylist()  # type: ignore[no-any-return]

    def _plain_or_quoted(self, column: pa.Array) -> pa.Array:
        type_ = column.type
        if kinds.is_string(type_):
            return quoted(self._safe(column), self.delimiter)
        if kinds.is_float32(type_):
            return _float32(column)
        if kinds.is_boolean(type_) or kinds.is_integer(type_) or kinds.is_float64(type_):
            return column.cast(pa.string())
        if kinds.is_float16(type_):
            return column.cast(pa.float32()).cast(pa.string())
        if kinds.is_timestamp(type_) or kinds.is_date32(type_):
            return quoted(_few(column), self.delimiter)
        spelled = str if kinds.is_binary(type_) else dumps
        texts = text_array([None if value is None else spelled(value) for value in to_json(column)])
        return quoted(self._safe(texts), self.delimiter)

    def _safe(self, texts: pa.Array) -> pa.Array:
        import pyarrow.compute as pc

        if not self.spreadsheet_safe:
            return texts
        formulas = pc.and_not(pc.match_substring_regex(texts, _FORMULA), pc.match_substring_regex(texts, _NUMBER))
        marked = pc.binary_join_element_wise(text_scalar("'"), texts, text_scalar(""))
        return pc.if_else(formulas, marked, texts)


def quoted(column: pa.Array, delimiter: str) -> pa.Array:
    """Return text with quotes around each value that is empty or holds the delimiter, a quote or a line end."""
    offsets, values = string_parts(column)
    content = bytes(values)
    empty = np.diff(offsets) == 0
    special = any(letter in content for letter in (b'"', b"\n", b"\r", delimiter.encode()))
    if not special and not empty.any():
        return column
    import pyarrow.compute as pc

    wrapped = column
    needed = boolean_array(empty)
    if special:
        if b'"' in content:
            wrapped = pc.replace_substring(column, '"', '""')
        needed = pc.or_(
            needed,
            pc.match_substring_regex(column, f'["\r\n{re.escape(delimiter)}]').fill_null(
                boolean_array(np.zeros(1, bool))[0]
            ),
        )
    quote = text_scalar('"')
    wrapped = pc.binary_join_element_wise(quote, wrapped, quote, text_scalar(""))
    # A null's quotes are null as well, so it stays an empty cell.
    return pc.if_else(needed, wrapped, column)


def _float32(column: pa.Array) -> pa.Array:
    """Return the shortest digits; a large whole number has all its digits (123456792, where 12345679e1 would do)."""
    import pyarrow.compute as pc

    texts = column.cast(pa.string())
    # From 1e10 on Arrow writes an exponent.
    magnitudes = np.abs(fixed_values(column))
    large = (magnitudes >= _WHOLE_FROM) & (magnitudes < 1e10)  # at a null too, which stays null below
    if not large.any():
        return texts
    whole = fixed_array(np.where(large, fixed_values(column), 0).astype(np.int64), pa.int64())
    digits = pc.if_else(column.is_valid(), whole.cast(pa.string()), pa.nulls(1, pa.string())[0])
    return pc.if_else(boolean_array(large), digits, texts)


def _few(column: pa.Array) -> pa.Array:
    """Return dates and timestamps as text; each distinct one is formatted once."""
    encoded = column.dictionary_encode()
    texts = text_array([None if value is None else str(value) for value in to_json(encoded.dictionary)])
    return texts.take(encoded.indices)
