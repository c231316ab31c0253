"""Row numbers as Arrow takes them. `pa.array` would import pandas wherever it is installed (see `records.arrays`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["only", "row_numbers", "valid_mask"]


def row_numbers(rows: npt.NDArray[Any], *, hidden: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    """Return `rows` as an int64 array for ``take``; null, and so taken as null, where `hidden` is true."""
    numbers = pa.py_buffer(np.ascontiguousarray(rows, dtype=np.int64))
    validity = None if hidden is None else pa.py_buffer(np.packbits(~hidden, bitorder="little"))
    return pa.Array.from_buffers(pa.int64(), len(rows), [validity, numbers])


def valid_mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which values are not null."""
    if values.null_count == 0:
        return np.ones(len(values), np.bool_)
    return np.asarray(values.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def only(values: pa.Array, chosen: npt.NDArray[np.bool_]) -> pa.Array:
    """Return `values` with null wherever they are not `chosen`."""
    return values if chosen.all() else values.take(row_numbers(np.arange(len(values)), hidden=~chosen))
