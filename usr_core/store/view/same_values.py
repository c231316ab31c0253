"""Which rows of two arrays hold the same value: what a change of a value is judged by.

A null is the same as a null and as nothing else; NaN is the same as NaN; zero and minus zero are two values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.records.masks import true_rows
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.view.contributions import scalar_bits

__all__ = ["same_values"]

Mask = npt.NDArray[np.bool_]


def same_values(one: pa.Array, other: pa.Array) -> Mask:
    """Return for each row whether both arrays, of one plain type and length, hold the same value there."""
    if not one.null_count and not other.null_count:
        return _same(one, other)
    left, right = valid_mask(one), valid_mask(other)
    both = left & right
    if not both.any():
        return np.asarray(left == right)
    same = np.asarray(left == right)
    rows = np.flatnonzero(both)
    chosen = boolean_array(both)
    whole = len(rows) == len(one)
    same[rows] = _same(one if whole else one.filter(chosen), other if whole else other.filter(chosen))
    return same


def _same(one: pa.Array, other: pa.Array) -> Mask:
    """Compare arrays without nulls of their own."""
    kind = one.type
    if pa.types.is_struct(kind):
        fields = [same_values(left, right) for left, right in zip(one.flatten(), other.flatten(), strict=True)]
        return np.logical_and.reduce(fields) if fields else np.ones(len(one), np.bool_)
    if pa.types.is_fixed_size_list(kind):
        items = same_values(one.flatten(), other.flatten()).reshape(len(one), int(kind.list_size))
        return np.asarray(items.all(axis=1))
    if pa.types.is_list(kind):
        return _same_lists(one, other)
    if scalar_bits(kind) is None:
        import pyarrow.compute as pc

        return true_rows(pc.equal(one, other))
    left, right = (_bits(values) for values in (one, other))
    same = left == right
    if pa.types.is_floating(kind) and not same.all():
        dtype = np.dtype(f"f{int(kind.bit_width) // 8}")
        rows = np.flatnonzero(~same)
        same[rows] = np.isnan(left[rows].view(dtype)) & np.isnan(right[rows].view(dtype))
    return np.asarray(same)


def _same_lists(one: pa.ListArray, other: pa.ListArray) -> Mask:
    lengths = [np.diff(values.offsets.to_numpy()) for values in (one, other)]
    same = np.asarray(lengths[0] == lengths[1])
    rows = np.flatnonzero(same)
    if not len(rows):
        return same
    chosen = boolean_array(same)
    items = same_values(one.filter(chosen).flatten(), other.filter(chosen).flatten())
    ends = np.cumsum(lengths[0][rows])
    differences = np.concatenate([[0], np.cumsum(~items)])
    same[rows] = differences[ends] == differences[ends - lengths[0][rows]]
    return same


def _bits(values: pa.Array) -> npt.NDArray[np.unsignedinteger]:
    dtype = np.dtype(f"u{int(values.type.bit_width) // 8}")
    buffer = values.buffers()[1]
    return np.frombuffer(buffer, dtype, count=len(values), offset=values.offset * dtype.itemsize)
