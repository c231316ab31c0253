"""Numbers that a float column would hold as zero are refused, whichever way they are read."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core.values.bad_cell import BadCell
from usr_core.values.json_reading import from_json, loads
from usr_core.values.text import parse_text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (pa.float64(), "1e-400"),
        (pa.float64(), "-0.0000001e-320"),
        (pa.float32(), "1e-50"),
        (pa.float16(), "1e-9"),
        (pa.list_(pa.float32()), "[1.0, 1e-50]"),
        (pa.list_(pa.float64()), "[1.0, 1e-400]"),
        (pa.struct([("p", pa.float32())]), '{"p": 1e-50}'),
        (pa.struct([("p", pa.float64())]), '{"p": 1e-400}'),
    ],
)
def test_a_number_that_would_become_zero_is_refused(kind: pa.DataType, text: str) -> None:
    """A p-value of 1e-400 is not 0, neither in a cell of text nor in JSON."""
    with pytest.raises(BadCell, match="too small"):
        parse_text(pa.array([None, text]), kind, parse_json=True)
    with pytest.raises(BadCell, match="too small"):
        from_json([None, loads(text)], kind)


@pytest.mark.parametrize("text", ["0", "-0.0", "0e-400", "0.000", "5e-324"])
def test_zero_and_the_smallest_number_are_kept(text: str) -> None:
    """Every way to write zero is zero, and what the type can hold is held."""
    wanted = [float(text)]

    assert wanted == parse_text(pa.array([text]), pa.float64(), parse_json=True).to_pylist()
    assert wanted == from_json([loads(text)], pa.float64()).to_pylist()
