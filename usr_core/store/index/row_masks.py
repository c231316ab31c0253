"""Row numbers and boolean columns between Arrow and numpy, without the copy that Arrow makes by way of pandas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import fixed_array
from usr_core.store.merge.columns import valid_rows

__all__ = ["row_numbers", "true_rows"]


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


def row_numbers(rows: npt.NDArray[np.int64]) -> pa.Array:
    """Return row numbers as what Arrow's `take` wants."""
    return fixed_array(rows.astype(np.int64, copy=False), pa.int64())
