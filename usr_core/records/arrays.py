"""Arrow arrays made straight from buffers, and the one type that a column has, whatever spelling of it each file uses.

``pa.array`` and ``pa.scalar`` import pandas wherever it is installed (0.2-0.7 s), to ask whether their
argument is a pandas object. Bulk work and short commands alike build their arrays here instead.

Writers differ in the names of list children, in nullability inside nested types, and in wide or
encoded variants of text. None of that is a different type here; everything else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.masks import valid_mask

__all__ = [
    "boolean_array",
    "conform",
    "constant_text",
    "duckdb_schema",
    "fixed_array",
    "fixed_values",
    "is_any_list",
    "plain_type",
    "row_width",
    "text_array",
    "text_scalar",
]


def text_array(values: Sequence[str | None]) -> pa.Array:
    """Return a string array of `values`; None is null.

    The text takes less than 2 GiB in all; this is not checked.

    Example:
        >>> from usr_core.api.arrow import text_array
        >>> text_array(["sigma70", None, ""]).to_pylist()
        ['sigma70', None, '']
    """
    validity, texts = None, values
    if None in values:
        present = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
        texts = ["" if value is None else value for value in values]
    joined = "".join(texts)  # type: ignore[arg-type]
    content = joined.encode("utf-8")
    ends = np.zeros(len(values) + 1, dtype=np.int32)
    if len(content) == len(joined):  # a byte a letter
        lengths = np.fromiter(map(len, texts), np.int32, len(values))  # type: ignore[arg-type]
    else:
        lengths = np.fromiter((len(text.encode("utf-8")) for text in texts), np.int32, len(values))  # type: ignore[union-attr]
    np.cumsum(lengths, out=ends[1:])
    return pa.Array.from_buffers(pa.string(), len(values), [validity, pa.py_buffer(ends), pa.py_buffer(content)])


def constant_text(value: str, rows: int) -> pa.Array:
    """Return a string array that holds `value` in each of `rows` rows.

    All rows together take less than 2 GiB; this is not checked.

    Example:
        >>> from usr_core.api.arrow import constant_text
        >>> constant_text("dna", 3).to_pylist()
        ['dna', 'dna', 'dna']
    """
    content = value.encode("utf-8")
    ends = np.arange(rows + 1, dtype=np.int32) * np.int32(len(content))
    return pa.Array.from_buffers(pa.string(), rows, [None, pa.py_buffer(ends), pa.py_buffer(content * rows)])


_FLOATS = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""Arrow's names of what NumPy calls otherwise; its ``float`` is another one."""


def fixed_array(values: npt.NDArray[Any], type_: pa.DataType) -> pa.Array:
    """Return an array without nulls of a fixed-width `type_`, sharing the memory of `values`.

    The items of `values` are as wide as those of `type_`; this is not checked.

    Example:
        >>> import numpy as np
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import fixed_array
        >>> fixed_array(np.array([0.4, 0.55]), pa.float64()).to_pylist()
        [0.4, 0.55]
    """
    return pa.Array.from_buffers(type_, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def fixed_values(array: pa.Array) -> npt.NDArray[Any]:
    """Return the values of an integer or float array as they lie in memory; what stands at a null is undefined.

    ``to_numpy`` imports pandas wherever it is installed.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import fixed_values
        >>> fixed_values(pa.array([20, 35, 14], pa.int64())[1:]).tolist()
        [35, 14]
    """
    name = _FLOATS.get(str(array.type), str(array.type))
    values = np.frombuffer(array.buffers()[1] or b"", dtype=np.dtype(name))
    return values[array.offset : array.offset + len(array)]


def boolean_array(values: npt.NDArray[np.bool_]) -> pa.Array:
    """Return a boolean array without nulls.

    The values are copied, eight to a byte.

    Example:
        >>> import numpy as np
        >>> from usr_core.api.arrow import boolean_array
        >>> boolean_array(np.array([20, 35, 14]) >= 20).to_pylist()
        [True, True, False]
    """
    bits = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, pa.py_buffer(bits)])


def text_scalar(value: str) -> pa.Scalar:
    """Return a string scalar, as Arrow's compute functions take it.

    Example:
        >>> import pyarrow.compute as pc
        >>> from usr_core.api.arrow import text_array, text_scalar
        >>> pc.equal(text_array(["sigma70", "sigma32"]), text_scalar("sigma70")).to_pylist()
        [True, False]
    """
    return text_array([value])[0]


_NAMED = frozenset({"arrow.json", "arrow.uuid"})


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return `kind` spelled as the registry spells it: list children are ``item``, all that is inside is nullable.

    Dictionary, run-end, large and view encodings become the plain type, at any depth, and so do JSON and UUID, which
    are text and bytes under another name; field metadata is dropped.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import plain_type
        >>> print(plain_type(pa.large_list(pa.dictionary(pa.int8(), pa.large_string()))))
        list<item: string>
    """
    types = pa.types
    plain = kind
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name in _NAMED:
        plain = plain_type(kind.storage_type)
    elif types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        plain = plain_type(kind.value_type)
    elif types.is_large_string(kind) or types.is_string_view(kind):
        plain = pa.string()
    elif types.is_large_binary(kind) or types.is_binary_view(kind):
        plain = pa.binary()
    elif types.is_fixed_size_list(kind):
        plain = pa.list_(pa.field("item", plain_type(kind.value_type)), kind.list_size)
    elif is_any_list(kind):
        plain = pa.list_(pa.field("item", plain_type(kind.value_type)))
    elif types.is_struct(kind):
        plain = pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])
    return plain


def conform(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return `values` with the plain type `kind`, of which their type is a spelling.

    The fields of structs are found by their names, and the type null becomes any other. Where only names and
    nullability inside differ, as they do in lists that come from Parquet, nothing is copied.

    Raises:
        pa.ArrowInvalid: The values need more than the 2 GiB, or 2^31 items, that an array of a plain type has.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import conform
        >>> sigma = pa.array(["sigma70", "sigma70", "sigma32"]).dictionary_encode()
        >>> conform(sigma, pa.string()).type
        DataType(string)
    """
    if values.type.equals(kind, check_metadata=True):
        return values
    return pa.array(_Respelled(values, kind)) if _same_layout(values.type, kind) else _decoded(values, kind)


def is_any_list(kind: pa.DataType) -> bool:
    """Tell whether a type is that of lists of any length: plain, large, or a view."""
    types = pa.types
    return any(
        test(kind) for test in (types.is_list, types.is_large_list, types.is_list_view, types.is_large_list_view)
    )


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


def _decoded(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return `values` as `kind`, part by part: Arrow's cast can't do some encodings, and loses items of list views."""
    types, given = pa.types, values.type
    if types.is_run_end_encoded(given):
        import pyarrow.compute as pc

        return conform(pc.run_end_decode(values), kind)
    if types.is_nested(given):
        return _plain_parts(values, kind)
    if isinstance(given, pa.BaseExtensionType):
        return conform(values.storage, kind)
    if types.is_dictionary(given):
        return conform(values.dictionary, kind).take(values.indices)
    return pa.nulls(len(values), kind) if types.is_null(given) else values.cast(kind)


def _plain_parts(values: pa.Array, kind: pa.DataType) -> pa.Array:
    types, given = pa.types, values.type
    if types.is_struct(given) and types.is_struct(kind):
        parts = [conform(values.field(field.name), field.type) for field in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=_gaps(values))
    if types.is_fixed_size_list(given) and types.is_fixed_size_list(kind):
        size = given.list_size
        items = conform(values.values.slice(values.offset * size, len(values) * size), kind.value_type)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=_gaps(values))
    return _plain_lists(values, kind) if is_any_list(given) and types.is_list(kind) else values.cast(kind)


def _plain_lists(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if pa.types.is_list_view(values.type) or pa.types.is_large_list_view(values.type):
        import pyarrow.compute as pc

        # Views may overlap and stand in any order; flattened, the items of null rows are gone.
        lengths = pc.list_value_length(values)
        lengths = np.where(valid_mask(lengths), fixed_values(lengths), 0)
        items, offsets = values.flatten(), np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    else:
        offsets = values.offsets.to_numpy()
        items, offsets = values.values.slice(offsets[0], offsets[-1] - offsets[0]), offsets - offsets[0]
    starts = fixed_array(offsets.astype(np.int64), pa.int64()).cast(pa.int32())
    return pa.ListArray.from_arrays(starts, conform(items, kind.value_type), type=kind, mask=_gaps(values))


def _gaps(values: pa.Array) -> pa.Array | None:
    return values.is_null() if values.null_count else None


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


def duckdb_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with the types that DuckDB can scan."""
    return pa.schema([pa.field(field.name, _without_float16(field.type)) for field in schema])


def _without_float16(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(pa.field("item", _without_float16(kind.value_type)), kind.list_size)
    if pa.types.is_list(kind):
        return pa.list_(pa.field("item", _without_float16(kind.value_type)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _without_float16(field.type)) for field in kind])
    return kind
