"""The one type that a column has in a view, whatever spelling of it each file uses.

Writers differ in the names of list children, in nullability inside nested types, and in wide or
encoded variants of text. None of that is a different type here; everything else is.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["conform", "plain_type", "row_width"]


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return `kind` spelled as the registry spells it: list children are ``item``, all that is inside is nullable.

    Dictionary, run-end, large and view encodings become the plain type; field metadata is dropped.
    """
    types = pa.types
    plain = kind
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        plain = plain_type(kind.value_type)
    elif types.is_large_string(kind) or types.is_string_view(kind):
        plain = pa.string()
    elif types.is_large_binary(kind) or types.is_binary_view(kind):
        plain = pa.binary()
    elif types.is_fixed_size_list(kind):
        plain = pa.list_(pa.field("item", plain_type(kind.value_type)), kind.list_size)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_list_view(kind) or types.is_large_list_view(kind):
        plain = pa.list_(pa.field("item", plain_type(kind.value_type)))
    elif types.is_struct(kind):
        plain = pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])
    return plain


def conform(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return `values` with the plain type `kind`, of which their type is a spelling.

    Where only names and nullability inside differ, as they do in lists that come from Parquet, nothing is copied.
    """
    if values.type.equals(kind, check_metadata=True):
        return values
    return pa.array(_Respelled(values, kind)) if _same_layout(values.type, kind) else values.cast(kind)


def row_width(kind: pa.DataType) -> int:
    """Return the least bytes that a value takes in memory; text counts as its offsets and a few letters."""
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size) * row_width(kind.value_type)
    if pa.types.is_struct(kind):
        return sum(row_width(field.type) for field in kind)
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:
        return 16


class _Respelled:
    """An array under another spelling of its type, by Arrow's C interface: a cast would import pyarrow.compute."""

    def __init__(self, values: pa.Array, kind: pa.DataType) -> None:
        self._values, self._kind = values, kind

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self._kind.__arrow_c_schema__(), self._values.__arrow_c_array__()[1]


def _same_layout(one: pa.DataType, other: pa.DataType) -> bool:
    if pa.types.is_list(one) and pa.types.is_list(other):
        return _same_layout(one.value_type, other.value_type)
    if pa.types.is_fixed_size_list(one) and pa.types.is_fixed_size_list(other):
        return one.list_size == other.list_size and _same_layout(one.value_type, other.value_type)
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        return [field.name for field in one] == [field.name for field in other] and all(
            _same_layout(mine.type, theirs.type) for mine, theirs in zip(one, other, strict=True)
        )
    return bool(one.equals(other))
