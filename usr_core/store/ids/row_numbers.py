"""Row numbers as Arrow takes them. `pa.array` would import pandas wherever it is installed (see `records.arrays`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.masks import true_rows, valid_mask, valid_rows

__all__ = [
    "all_distinct",
    "any_valid",
    "ascending_order",
    "cut_at",
    "distinct",
    "only_where",
    "row_numbers",
    "true_rows",
    "valid_mask",
    "valid_rows",
]

_SPARSE = 8


def row_numbers(rows: npt.NDArray[Any], *, hidden: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return `rows` as an int64 array for ``take``; null, and so taken as null, where `hidden` is true."""
    numbers = pa.py_buffer(np.ascontiguousarray(rows, dtype=np.int64))
    validity = None if hidden is None else pa.py_buffer(np.packbits(~hidden, bitorder="little"))
    return pa.Array.from_buffers(pa.int64(), len(rows), [validity, numbers])


def ascending_order(positions: npt.NDArray[Any]) -> npt.NDArray[np.int64] | None:
    """Return the places of `positions`, each of which comes once, in ascending order of these; None where one repeats.

    Where they fill a good part of what they span, by one array of its size, filled and read: a tenth of a sort's time.
    """
    span = int(positions.max(initial=-1)) + 1
    if span > _SPARSE * len(positions):
        order = np.argsort(positions, kind="stable")
        ordered = positions[order]
        return None if (ordered[1:] == ordered[:-1]).any() else order
    places = np.full(span, -1, np.int32)
    places[positions] = np.arange(len(positions), dtype=np.int32)
    order = places[places >= 0].astype(np.int64)
    return order if len(order) == len(positions) else None


def all_distinct(positions: npt.NDArray[Any]) -> bool:
    """Tell whether each of these positions comes once; none is negative."""
    span = int(positions.max(initial=-1)) + 1
    if span > _SPARSE * _SPARSE * len(positions):
        return len(distinct(positions)) == len(positions)
    seen = np.zeros(span, np.bool_)
    seen[positions] = True
    return int(np.count_nonzero(seen)) == len(positions)


def distinct(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return each of some numbers once, ascending. `numpy.unique` imports masked arrays for it (0.03 s)."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return np.asarray(ordered[first])


def any_valid(columns: Iterable[pa.Array]) -> npt.NDArray[np.bool_]:
    """Return which rows have a value in one of the columns, of which there is at least one; all are of one length."""
    found: npt.NDArray[np.bool_] = np.logical_or.reduce([valid_mask(column) for column in columns])
    return found


def only_where(values: pa.Array, chosen: npt.NDArray[np.bool_]) -> pa.Array:
    """Return `values` with null wherever they are not `chosen`.

    `chosen` has one truth value a row; the array keeps its type and length.

    Example:
        >>> import numpy as np
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import only_where
        >>> only_where(pa.array([0.4, 0.3, 0.55]), np.array([True, False, True])).to_pylist()
        [0.4, None, 0.55]
    """
    return values if chosen.all() else values.take(row_numbers(np.arange(len(values)), hidden=~chosen))


def cut_at(boundaries: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, bool]]:
    """Yield the pieces of rows at ascending positions, as first row and the one behind the last, cut at boundaries.

    With each comes whether it ends at a boundary, which it does as well where its last row is the one before it.
    """
    start = 0
    for boundary in boundaries[int(np.searchsorted(boundaries, positions[0], side="right")) :]:
        stop = int(np.searchsorted(positions, boundary))
        if stop >= len(positions) and positions[-1] < boundary - 1:
            break
        yield start, stop, True
        start = stop
        if start >= len(positions):
            return
    yield start, len(positions), False
