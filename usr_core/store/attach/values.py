"""Bringing a column of an attachment to its registered type, without losing a digit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.registry.types import same_type
from usr_core.store.attach.columns import AttachedColumn
from usr_core.store.attach.errors import AttachCell
from usr_core.values.bad_cell import BadCell
from usr_core.values.text import parse_text

__all__ = ["cast_exactly", "may_cast", "to_registered"]


def to_registered(
    column: pa.Array, target: AttachedColumn, *, label: str, first_row: int, parse_json: bool
) -> pa.Array:
    """Return `column` with the registered type.

    Text becomes a typed value by the strict rules of `usr_core.values.text`. Typed values are cast only
    where every one of them survives: ``int32`` to ``int64``, a ``float64`` that is exactly a ``float32``,
    ``list`` to ``fixed_size_list`` of the right length.

    Args:
        column: Values of one batch.
        target: The registered column.
        label: The file, for errors.
        first_row: Number of the batch's first row in the file (1 is the first record).
        parse_json: Whether text in a nested column is read as JSON.

    Raises:
        AttachCell: A cell has no such value; its row is named.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.type.equals(target.type):
        return column
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), target.type)
    try:
        if _is_text(column.type):
            return parse_text(column.cast(pa.string()), target.type, parse_json=parse_json)
        if same_type(column.type, target.type):
            return column.cast(target.type)
        return cast_exactly(column, target.type)
    except BadCell as bad:
        raise AttachCell(
            label,
            row=first_row + bad.index,
            column=target.name,
            value=bad.value,
            type_text=target.type_text,
            reason=bad.reason,
        ) from bad


def _is_text(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view))


def cast_exactly(column: pa.Array, target: pa.DataType) -> pa.Array:
    """Return `column` as `target`, every value the same; text becomes nothing else, and nothing else text.

    Raises:
        BadCell: The kinds differ (at index 0), or a value has no equal one; its index is that in `column`.
    """
    if not may_cast(column.type, target):
        raise BadCell(0, column.type, f"the file holds {column.type}")
    try:
        return _checked(column, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Lossy):
        for index in range(len(column)):
            try:
                _checked(column.slice(index, 1), target)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Lossy) as error:
                raise BadCell(index, column[index].as_py(), str(error).splitlines()[0]) from error
        raise


class _Lossy(ValueError):
    """A cast that gives another value."""


def _checked(column: pa.Array, target: pa.DataType) -> pa.Array:
    cast = column.cast(target)
    back = cast.cast(column.type)
    if not _same_values(back, column):
        raise _Lossy("it would lose digits")
    return cast


def _same_values(one: pa.Array, other: pa.Array) -> bool:
    if one.equals(other):
        return True
    if pa.types.is_list(one.type) or pa.types.is_large_list(one.type) or pa.types.is_fixed_size_list(one.type):
        same_shape = one.null_count == other.null_count and pc.list_value_length(one).equals(
            pc.list_value_length(other)
        )
        return bool(same_shape) and _same_values(one.flatten(), other.flatten())
    if not pc.is_null(one).equals(pc.is_null(other)):
        return False
    if pa.types.is_struct(one.type):
        # Flattened, a field is null where its struct is.
        return all(_same_values(mine, theirs) for mine, theirs in zip(one.flatten(), other.flatten(), strict=True))
    if pa.types.is_floating(one.type):
        # NaN is a value here, and NaN is not equal to itself.
        left, right = (side.fill_null(0).to_numpy(zero_copy_only=False) for side in (one, other))
        return bool(np.array_equal(left, right, equal_nan=True))
    return False


def may_cast(source: pa.DataType, target: pa.DataType) -> bool:
    """Tell whether a cast keeps the kind of value: numbers stay numbers, lists lists, times times."""
    kinds = pa.types
    number = (kinds.is_integer, kinds.is_floating)
    if any(test(source) for test in number) and any(test(target) for test in number):
        return True
    lists = (kinds.is_list, kinds.is_large_list, kinds.is_fixed_size_list)
    if any(test(source) for test in lists) and any(test(target) for test in lists):
        return same_type(source.value_type, target.value_type) or may_cast(source.value_type, target.value_type)
    if kinds.is_timestamp(source) and kinds.is_timestamp(target):
        return (source.tz is None) == (target.tz is None)
    if kinds.is_struct(source) and kinds.is_struct(target):
        return [field.name for field in source] == [field.name for field in target] and all(
            same_type(left.type, right.type) or may_cast(left.type, right.type)
            for left, right in zip(source, target, strict=True)
        )
    binary = (kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary)
    return any(test(source) for test in binary) and any(test(target) for test in binary)
