"""Row numbers as Arrow takes them. `pa.array` would import pandas wherever it is installed (see `records.arrays`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = [
    "only_where",
    "row_numbers",
    "true_rows",
    "valid_mask",
    "valid_rows",
]


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


def only_where(values: pa.Array, chosen: npt.NDArray[np.bool_]) -> pa.Array:
    """Return `values` with null wherever they are not `chosen`."""
    return values if chosen.all() else values.take(row_numbers(np.arange(len(values)), hidden=~chosen))


def valid_rows(values: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Return which values are not null, or None where all are."""
    if values.null_count == 0:
        return None
    bitmap = values.buffers()[0]
    if bitmap is None:  # a type that is null throughout
        return np.zeros(len(values), np.bool_)
    first = values.offset // 8
    count = (values.offset + len(values) + 7) // 8 - first
    skipped = values.offset % 8
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8, count=count, offset=first), bitorder="little")
    return bits[skipped : skipped + len(values)].view(np.bool_)


def true_rows(mask: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    """Return which values are true; a null is not."""
    if not mask.true_count:
        return np.zeros(len(mask), np.bool_)
    first, skipped = divmod(mask.offset, 8)
    count = (skipped + len(mask) + 7) // 8
    bits = np.unpackbits(np.frombuffer(mask.buffers()[1], np.uint8, count, first), bitorder="little")
    found = bits[skipped : skipped + len(mask)].view(np.bool_)
    valid = valid_rows(mask)
    return found if valid is None else found & valid
