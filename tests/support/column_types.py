"""Hypothesis strategies: every registry type, and arrays of a type with nulls at every level."""

from __future__ import annotations

import math
import struct

import pyarrow as pa
from hypothesis import strategies as st

from usr_core.registry.types import (
    ColumnType,
    FixedSizeListType,
    ListType,
    PrimitiveType,
    StructField,
    StructType,
    TimestampType,
)

__all__ = ["arrays", "bits", "column_types"]

_ZONES = [None, "UTC", "+02:00", "-11:30", "Europe/Zurich"]
_FLOAT_FORMATS = {16: "<e", 32: "<f", 64: "<d"}


def _names() -> st.SearchStrategy[str]:
    return st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,4}", fullmatch=True)


def _leaves() -> st.SearchStrategy[ColumnType]:
    return st.one_of(
        st.sampled_from(sorted(PrimitiveType.NAMES)).map(PrimitiveType),
        st.builds(TimestampType, st.sampled_from(["s", "ms", "us", "ns"]), st.sampled_from(_ZONES)),
    )


def _structs(inner: st.SearchStrategy[ColumnType]) -> st.SearchStrategy[ColumnType]:
    fields = st.lists(st.builds(StructField, _names(), inner), min_size=1, max_size=3, unique_by=lambda f: f.name)
    return fields.map(tuple).map(StructType)


def column_types() -> st.SearchStrategy[ColumnType]:
    """Types of every form, nested a few levels."""
    return st.recursive(
        _leaves(),
        lambda inner: st.one_of(
            inner.map(ListType), st.builds(FixedSizeListType, inner, st.integers(1, 3)), _structs(inner)
        ),
        max_leaves=5,
    )


def _storage(kind: pa.DataType) -> tuple[pa.DataType, st.SearchStrategy[object]]:
    """Return a type that pyarrow builds from plain Python values, and such values."""
    if pa.types.is_floating(kind):
        return kind, st.floats(width=kind.bit_width)
    if pa.types.is_integer(kind):
        low = -(2 ** (kind.bit_width - 1)) if pa.types.is_signed_integer(kind) else 0
        return kind, st.integers(low, low + 2**kind.bit_width - 1)
    if pa.types.is_timestamp(kind):
        return pa.int64(), st.integers(-(2**63), 2**63 - 1)
    if pa.types.is_date32(kind):
        return pa.int32(), st.integers(-(2**31), 2**31 - 1)
    others = {pa.string(): st.text(max_size=5), pa.binary(): st.binary(max_size=5), pa.bool_(): st.booleans()}
    return kind, others[kind]


@st.composite
def arrays(draw: st.DrawFn, kind: pa.DataType, size: int | None = None) -> pa.Array:
    """An array of `kind`, with nulls anywhere, cut out of a longer one."""
    if size is None:
        whole = draw(arrays(kind, draw(st.integers(0, 6))))
        start = draw(st.integers(0, len(whole)))
        return whole.slice(start, draw(st.integers(0, len(whole) - start)))
    mask = pa.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), type=pa.bool_())
    if pa.types.is_list(kind):
        lengths = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
        offsets = pa.array([sum(lengths[:end]) for end in range(size + 1)], pa.int32())
        return pa.ListArray.from_arrays(offsets, draw(arrays(kind.value_type, sum(lengths))), type=kind, mask=mask)
    if pa.types.is_fixed_size_list(kind):
        items = draw(arrays(kind.value_type, size * kind.list_size))
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=mask)
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        parts = [draw(arrays(field.type, size)) for field in fields]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=mask)
    storage, values = _storage(kind)
    return pa.array(draw(st.lists(st.none() | values, min_size=size, max_size=size)), type=storage).cast(kind)


def bits(array: pa.Array) -> list[object]:
    """Return the logical values with floats as their bits (any NaN as one), so that equality means identity."""
    kind = array.type
    valid = array.is_valid().to_pylist()
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        rows: list[object] = [bits(array[row].values) if ok else None for row, ok in enumerate(valid)]
        return rows
    if pa.types.is_struct(kind):
        parts = [bits(array.field(index)) for index in range(kind.num_fields)]
        return [tuple(part[row] for part in parts) if ok else None for row, ok in enumerate(valid)]
    if pa.types.is_floating(kind):
        packed = _FLOAT_FORMATS[kind.bit_width]
        return [v if v is None else "nan" if math.isnan(v) else struct.pack(packed, v) for v in array.to_pylist()]
    if pa.types.is_timestamp(kind):
        array = array.cast(pa.int64())
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    return array.to_pylist()
