"""Which values of an Arrow array are there, and which are true, as NumPy arrays; ``to_numpy`` would import pandas."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["true_rows", "valid_mask", "valid_rows"]


def valid_mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    """Return which values are not null.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import valid_mask
        >>> valid_mask(pa.array([0.4, None])).tolist()
        [True, False]
    """
    valid = valid_rows(values)
    return np.ones(len(values), np.bool_) if valid is None else valid


def valid_rows(values: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Return which values are not null, or None where all are."""
    if values.null_count == 0:
        return None
    bitmap = values.buffers()[0]
    if bitmap is None:  # a type that is null throughout
        return np.zeros(len(values), np.bool_)
    return _bits(bitmap, values)


def true_rows(mask: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    """Return which values are true; a null is not.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import true_rows
        >>> true_rows(pa.array([True, None, False])).tolist()
        [True, False, False]
    """
    if not mask.true_count:
        return np.zeros(len(mask), np.bool_)
    found, valid = _bits(mask.buffers()[1], mask), valid_rows(mask)
    return found if valid is None else found & valid


def _bits(bitmap: pa.Buffer, values: pa.Array) -> npt.NDArray[np.bool_]:
    """Return the bits of a bitmap that belong to these values, one for each."""
    first, skipped = divmod(values.offset, 8)
    count = (skipped + len(values) + 7) // 8
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8, count, first), bitorder="little")
    return bits[skipped : skipped + len(values)].view(np.bool_)
