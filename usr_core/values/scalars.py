"""One-part values from text: numbers, truth values, dates, timestamps and base64, a whole column at a time.

Arrow's casts do the work; what they let pass that a careful reader would not (hexadecimal integers, numbers
that overflow to infinity) is caught here. The row at fault is looked for only when there is one.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from usr_core.records.arrays import fixed_values
from usr_core.records.arrow_calls import taken
from usr_core.records.masks import true_rows, valid_mask
from usr_core.records.python_arrays import flat_array
from usr_core.values.bad_cell import BadCell
from usr_core.values.forms import Form, form_of
from usr_core.values.temporal import parse_dates, parse_timestamps

__all__ = [
    "INTEGER_BOUNDS",
    "first_refused",
    "infinite_rows",
    "parse_base64",
    "parse_scalars",
    "refuse_inexact",
    "refuse_vanished",
]

INTEGER_BOUNDS = {
    **{f"int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
_EXACT_BITS = {16: 11, 32: 24, 64: 53}
"""Every integer of so many bits is a float of that width; of the larger ones only some are."""
_INFINITIES = frozenset({"inf", "infinity"})


def parse_scalars(column: pa.StringArray, kind: pa.DataType) -> pa.Array:
    """Return `column` as values of the type `kind`, which is not nested; null stays null.

    Text stays as it is. Integers are decimal digits with ``-``; floats are decimal, ``nan`` or ``inf``; truth
    values are ``true``, ``false``, ``1``, ``0`` in any case; binary is base64. Blanks around are refused, and so is
    an integer that a float column can't hold exactly.

    Raises:
        BadCell: A text has none of these forms, or beyond the type's range.
    """
    return _PARSERS[form_of(kind)](column, kind)


def infinite_rows(numbers: pa.Array) -> list[int]:
    """Return the rows of a float array that hold infinity."""
    rows: list[int] = np.flatnonzero(np.isinf(fixed_values(numbers)) & valid_mask(numbers)).tolist()
    return rows


def refuse_inexact(numbers: pa.Array, literals: Sequence[object]) -> None:
    """Refuse integers that became another number in a float array; a number with a point or an exponent may be rounded.

    Args:
        numbers: The floats.
        literals: What stood in each row: Python integers, or text; everything else is passed over.

    Raises:
        BadCell: An integer has no equal float of this width; the nearest one is told.
    """
    bits = _EXACT_BITS[numbers.type.bit_width]
    magnitudes = np.abs(fixed_values(numbers))
    large = (magnitudes >= 2.0**bits) & np.isfinite(magnitudes) & valid_mask(numbers)
    for index in np.flatnonzero(large).tolist():
        literal, number = literals[index], numbers[index].as_py()
        written = _integer(literal)
        if written is not None and written != int(number):
            raise BadCell(
                index, literal, f"float{numbers.type.bit_width} can't hold it exactly; near it is {number:.0f}"
            )


def refuse_vanished(numbers: pa.Array, literals: Sequence[object]) -> None:
    """Refuse numbers that are too small for a float array, which then holds 0, such as ``1e-50`` in a float32 column.

    Args:
        numbers: The floats.
        literals: What stood in each row: Python numbers, or text in an Arrow array.

    Raises:
        BadCell: A literal that is not zero became zero.
    """
    import pyarrow.compute as pc

    zeros = np.flatnonzero((fixed_values(numbers) == 0) & valid_mask(numbers))
    if isinstance(literals, pa.Array):
        written = pc.match_substring_regex(taken(literals, zeros), "^[^eE]*[1-9]")
        vanished = zeros[true_rows(written)].tolist()
    else:
        vanished = [index for index in zeros.tolist() if literals[index]]
    for index in vanished[:1]:
        literal = literals[int(index)]
        text = literal.as_py() if isinstance(literal, pa.Scalar) else literal
        raise BadCell(int(index), text, f"it is too small for float{numbers.type.bit_width}, which would hold 0")


def _integer(literal: object) -> int | None:
    """Return the integer that a literal stands for, or None where it is not an integer literal."""
    if isinstance(literal, int):
        return literal
    text = str(literal) if isinstance(literal, str | pa.StringScalar) else ""
    digits = text.lstrip("+-")
    if not (digits.isascii() and digits.isdigit()):
        return None
    magnitude = int(digits.lstrip("0") or "0")
    return -magnitude if text.startswith("-") else magnitude


def parse_base64(texts: list[str | None]) -> pa.Array:
    """Return binary values from base64 texts with padding; None is null.

    Raises:
        BadCell: A text is not base64.
    """
    values: list[bytes | None] = []
    for index, text in enumerate(texts):
        try:
            values.append(None if text is None else binascii.a2b_base64(text, strict_mode=True))
        except ValueError:  # binascii.Error, and letters outside ASCII
            raise BadCell(index, text, "it is not base64") from None
    return flat_array(values, pa.binary())


def _parse_integers(column: pa.StringArray, kind: pa.DataType) -> pa.Array:
    import pyarrow.compute as pc

    numbers = _cast(column, kind, "")
    hexadecimal = pc.match_substring(column, "x", ignore_case=True)
    if pc.any(hexadecimal).as_py():
        index = hexadecimal.to_pylist().index(True)
        raise BadCell(index, column[index].as_py(), "it is not a whole number in decimal digits")
    return numbers


def _parse_floats(column: pa.StringArray, kind: pa.DataType) -> pa.Array:
    numbers = _cast(column, kind, "it is not a number")
    for index in infinite_rows(numbers):
        text = column[index].as_py()
        if text.lstrip("+-").lower() not in _INFINITIES:
            raise BadCell(index, text, f"it is beyond the range of float{kind.bit_width}")
    refuse_inexact(numbers, column)
    refuse_vanished(numbers, column)
    return numbers


def _cast(column: pa.StringArray, kind: pa.DataType, reason: str) -> pa.Array:
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        index = first_refused(column, kind)
        text = column[index].as_py()
        raise BadCell(index, text, _blank_fault(text) or reason or _integer_fault(text, kind)) from None


def first_refused(column: pa.Array, kind: pa.DataType) -> int:
    """Return the first row that can't be cast, given that there is one: by halves, in time linear in rows."""
    first, end = 0, len(column)
    while end - first > 1:
        middle = (first + end) // 2
        try:
            column.slice(first, middle - first).cast(kind)
            first = middle
        except pa.ArrowInvalid:
            end = middle
    return first


def _blank_fault(text: str) -> str:
    if text.strip() == "":
        return "it is blank"
    return "it has blanks around it" if text != text.strip() else ""


def _integer_fault(text: str, kind: pa.DataType) -> str:
    low, high = INTEGER_BOUNDS[str(kind)]
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        return f"it is beyond the range of {kind}, {low} to {high}"
    return "it is not a whole number"


_PARSERS: dict[Form, Callable[[pa.StringArray, pa.DataType], pa.Array]] = {
    "text": lambda column, _kind: column,
    "integer": _parse_integers,
    "float": _parse_floats,
    "boolean": lambda column, kind: _cast(column, kind, "it is not true or false"),
    "binary": lambda column, _kind: parse_base64(column.to_pylist()),
    "date": lambda column, _kind: parse_dates(column),
    "timestamp": parse_timestamps,
}
