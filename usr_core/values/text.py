"""A column of cells as text, such as a CSV file has them, to a column of its registered type."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.types as kinds

from usr_core.values.bad_cell import BadCell
from usr_core.values.json_reading import from_json, loads
from usr_core.values.number_lists import parse_number_lists
from usr_core.values.scalars import parse_scalars

__all__ = ["parse_text"]


def parse_text(column: pa.Array, kind: pa.DataType, *, parse_json: bool) -> pa.Array:
    """Return `column` as values of the type `kind`, row by row; null stays null.

    Text for a string column is kept to the letter, ``NA``, ``007`` and the empty string included; elsewhere
    the empty string is refused, except for binary (no bytes). See `parse_scalars` for the other spellings.
    Lists and structs are read as JSON (see `from_json`); the JSON ``null`` is null.

    Args:
        column: Text, of type string (large_string and string_view are taken too).
        kind: An Arrow type that the registry knows.
        parse_json: Read nested values from JSON; without it they are refused.

    Raises:
        BadCell: The first row at fault, in row order for one-part values; nested ones are first checked to be
            JSON, then part by part.

    Memory: nested values, except for lists of plain numbers, become Python objects, some 60 bytes each; give batches.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import parse_text, text_array
        >>> parse_text(text_array(["20", None, "35"]), pa.int64(), parse_json=True).to_pylist()
        [20, None, 35]
        >>> parse_text(text_array(["[7, 13]"]), pa.list_(pa.int64()), parse_json=True).to_pylist()
        [[7, 13]]
        >>> parse_text(text_array(["20", "2O"]), pa.int64(), parse_json=True)
        Traceback (most recent call last):
            ...
        usr_core.values.bad_cell.BadCell: row 1: '2O': it is not a whole number
    """
    if not kinds.is_string(column.type):
        column = column.cast(pa.string())
    if not kinds.is_nested(kind):
        return parse_scalars(column, kind)
    if not parse_json:
        return _all_null(column, kind)
    numbers = parse_number_lists(column, kind)
    return from_json(_loaded(column), kind) if numbers is None else numbers


def _loaded(column: pa.StringArray) -> list[object]:
    values: list[object] = []
    for index, text in enumerate(column.to_pylist()):
        try:
            values.append(None if text is None else loads(text))
        except ValueError as error:
            raise BadCell(index, text, f"it is not JSON: {error}") from None
    return values


def _all_null(column: pa.StringArray, kind: pa.DataType) -> pa.Array:
    if column.null_count < len(column):
        index = column.is_valid().to_pylist().index(True)
        raise BadCell(index, column[index].as_py(), f"text is read as {kind} only with --parse-json")
    return pa.nulls(len(column), kind)
