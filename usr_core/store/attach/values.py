"""Bringing a column of an attachment to its registered type, without losing a digit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.registry.types import same_type
from usr_core.store.attach.columns import AttachedColumn
from usr_core.store.attach.errors import AttachCell, AttachColumnType
from usr_core.store.attach.type_difference import type_difference
from usr_core.store.merge.types import conform, plain_type
from usr_core.values.bad_cell import BadCell
from usr_core.values.text import parse_text

__all__ = ["cast_exactly", "may_cast", "to_registered"]


def to_registered(
    column: pa.Array, target: AttachedColumn, *, label: str, first_row: int, parse_json: bool
) -> pa.Array:
    """Return `column` with the registered type.

    Text becomes a typed value by the strict rules of `usr_core.values.text`. Typed values are cast only
    where every one of them survives: ``int32`` to ``int64``, a ``float64`` that is exactly a ``float32``,
    ``list`` to ``fixed_size_list`` of the right length. Each Arrow spelling of a type is that type, at any depth
    (large, view and dictionary encodings), and the fields of a struct are found by their names.

    Args:
        column: Values of one batch.
        target: The registered column.
        label: The file, for errors.
        first_row: Number of the batch's first row in the file (1 is the first record).
        parse_json: Whether text in a nested column is read as JSON.

    Raises:
        AttachColumnType: The column holds another kind of value.
        AttachCell: A cell has no such value; its row is named.
    """
    if column.type.equals(target.type):
        return column
    plain = plain_type(column.type)
    try:
        if plain == pa.string():
            return parse_text(conform(column, plain), target.type, parse_json=parse_json)
        difference = type_difference(plain, target.type)
        if difference is not None:
            raise AttachColumnType(
                label,
                column=target.name,
                found=str(plain),
                type_text=target.type_text,
                reason=difference.reason,
                hint=difference.hint(target.type, target.in_file),
            )
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


def cast_exactly(column: pa.Array, target: pa.DataType) -> pa.Array:
    """Return `column` as `target`, every value the same; text becomes nothing else, and nothing else text.

    Raises:
        BadCell: The kinds differ (at index 0), or a value has no equal one; its index is that in `column`.
    """
    plain = plain_type(column.type)
    if not may_cast(plain, target):
        raise BadCell(0, column.type, f"the file holds {column.type}")
    column = conform(column, _arranged(plain, target))
    if same_type(column.type, target):
        return conform(column, target)
    try:
        return _checked(column, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Lossy):
        for index in range(len(column)):
            try:
                _checked(column.slice(index, 1), target)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Lossy) as error:
                raise BadCell(index, column[index].as_py(), str(error).splitlines()[0].rstrip(".")) from error
        raise


def _arranged(source: pa.DataType, target: pa.DataType) -> pa.DataType:
    """Return `source` with the fields of its structs in the order of `target`, and with no type null."""
    kinds = pa.types
    if kinds.is_null(source):
        return target
    if kinds.is_struct(source):
        return pa.struct(
            [pa.field(field.name, _arranged(source.field(field.name).type, field.type)) for field in target]
        )
    if kinds.is_fixed_size_list(source):
        return pa.list_(pa.field("item", _arranged(source.value_type, target.value_type)), source.list_size)
    if kinds.is_list(source):
        return pa.list_(pa.field("item", _arranged(source.value_type, target.value_type)))
    return source


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
    if pa.types.is_list(one.type) or pa.types.is_fixed_size_list(one.type):
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
    return type_difference(source, target) is None
