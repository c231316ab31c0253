"""Arrow arrays of Python values; ``pa.array`` of a list imports pandas wherever it is installed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from usr_core.records.arrays import text_array

__all__ = ["flat_array"]

_NUMPY = {"halffloat": "float16", "float": "float32", "double": "float64"}
"""Arrow's names of what NumPy calls otherwise."""


def flat_array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return `values` as an array of `kind`; None is null.

    Args:
        values: Of the one type that suits `kind`: truth values, integers, floats, texts or bytes.
        kind: A type of booleans, integers, floats, text or bytes.

    Raises:
        OverflowError: An integer is beyond the range of `kind`. A float beyond it becomes infinity.
        UnicodeEncodeError: A text is not Unicode.
    """
    if pa.types.is_string(kind):
        return text_array(values)
    present = np.fromiter((value is not None for value in values), np.bool_, len(values))
    validity = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    if pa.types.is_binary(kind):
        ends = np.fromiter(accumulate((len(value or b"") for value in values), initial=0), np.int32, len(values) + 1)
        content = b"".join(value for value in values if value is not None)
        return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(ends), pa.py_buffer(content)])
    filled = values if validity is None else [0 if value is None else value for value in values]
    if pa.types.is_boolean(kind):
        bits = np.packbits(np.array(filled, np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(bits)])
    with np.errstate(over="ignore"):
        numbers = np.array(filled, np.dtype(_NUMPY.get(str(kind), str(kind))))
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(numbers)])
