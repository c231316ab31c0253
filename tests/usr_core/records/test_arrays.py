"""Arrays made from buffers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.records.arrays import boolean_array, constant_text, fixed_array, text_array


class TestArrays:
    @settings(deadline=None)
    @given(st.lists(st.one_of(st.none(), st.text())))
    def test_text_equals_pyarrow_s_own(self, values: list[str | None]) -> None:
        """A text array is what pa.array makes."""
        array = text_array(values)
        array.validate(full=True)

        assert pa.array(values, pa.string()).equals(array)

    @settings(deadline=None)
    @given(st.text(max_size=5), st.integers(0, 20))
    def test_constant_text_repeats(self, value: str, rows: int) -> None:
        """Each row holds the value."""
        array = constant_text(value, rows)
        array.validate(full=True)

        assert [value] * rows == array.to_pylist()

    @settings(deadline=None)
    @given(st.lists(st.booleans(), max_size=20))
    def test_booleans_are_packed(self, values: list[bool]) -> None:
        """Bits stand in Arrow's order."""
        assert values == boolean_array(np.array(values, dtype=np.bool_)).to_pylist()

    def test_fixed_width_values_keep_their_type(self) -> None:
        """Microseconds become timestamps."""
        array = fixed_array(np.array([0, 1], dtype=np.int64), pa.timestamp("us", "UTC"))

        assert pa.array([0, 1]).cast(pa.timestamp("us", "UTC")).equals(array)

    def test_pandas_is_not_imported(self) -> None:
        """Making arrays here does not import pandas, even where it is installed."""
        code = (
            "import sys; from usr_core.records.arrays import *; text_array(['a', None]); constant_text('x', 3);"
            "text_scalar('a'); sys.exit('pandas' in sys.modules)"
        )

        assert 0 == subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode
