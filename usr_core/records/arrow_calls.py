"""Functions of Arrow on arrays, called without `pyarrow.compute`.

That module makes a Python function of each of Arrow's when it is imported, for 0.1 to 0.2 s of CPU, and methods such as
``take``, ``filter`` and ``cast`` import it; short commands call Arrow here instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array, fixed_array

__all__ = ["call_arrow", "kept_where", "taken"]


def call_arrow(name: str, *arguments: Any) -> Any:
    """Return what a function of Arrow gives, called with its default options."""
    from pyarrow._compute import call_function

    return call_function(name, list(arguments))


def taken(values: Any, rows: npt.NDArray[np.integer]) -> Any:
    """Return these rows of an array, batch or table, in this order."""
    return call_arrow("take", values, fixed_array(rows.astype(np.int64, copy=False), pa.int64()))


def kept_where(values: Any, mask: npt.NDArray[np.bool_]) -> Any:
    """Return the rows of an array, batch or table for which `mask` is true."""
    return values if mask.all() else call_arrow("filter", values, boolean_array(mask))
