"""Arrow arrays made straight from buffers.

``pa.array`` and ``pa.scalar`` import pandas wherever it is installed (0.2-0.7 s), to ask whether their
argument is a pandas object. Bulk work and short commands alike build their arrays here instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["boolean_array", "constant_text", "fixed_array", "fixed_values", "text_array", "text_scalar"]


def text_array(values: Sequence[str | None]) -> pa.Array:
    """Return a string array of `values`; None is null.

    The text takes less than 2 GiB in all; this is not checked.

    Example:
        >>> from usr_core.api.arrow import text_array
        >>> text_array(["sigma70", None, ""]).to_pylist()
        ['sigma70', None, '']
    """
    encoded = [b"" if value is None else value.encode("utf-8") for value in values]
    ends = np.zeros(len(encoded) + 1, dtype=np.int32)
    if encoded:
        np.cumsum([len(value) for value in encoded], out=ends[1:])
    validity = None
    if None in values:
        present = np.fromiter((value is not None for value in values), dtype=np.bool_, count=len(values))
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(encoded), [validity, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    )


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
    values = np.frombuffer(array.buffers()[1] or b"", dtype=np.dtype(str(array.type).replace("double", "float64")))
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
