"""The columns of the namespace `opal`, and the spellings of a label vector in a table."""

from __future__ import annotations

__all__ = ["COLUMNS", "NAMESPACE", "OFFSET", "SIZE", "SPELLINGS", "VECTOR"]

NAMESPACE = "opal"
SIZE = 8
VECTOR = "opal__y_sfxi"
OFFSET = "opal__intensity_log2_offset_delta"
COLUMNS = ((VECTOR, f"fixed_size_list<float64>[{SIZE}]"), (OFFSET, "float64"))
SPELLINGS = (
    ("v00", "v10", "v01", "v11", "y00_star", "y10_star", "y01_star", "y11_star"),
    tuple(f"y_sfxi_{number}" for number in range(SIZE)),
)
"""Names of eight columns that are one vector, in its order: states 00, 10, 01, 11, first logic, then intensity."""
