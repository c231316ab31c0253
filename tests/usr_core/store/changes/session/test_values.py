"""Python values in a registered type: taken whole where they fit, refused where they would become others."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from usr_core.store.changes.session.errors import SessionRowError
from usr_core.store.changes.session.values import column_of

SITE = pa.struct([("tf", pa.string()), ("offset", pa.int64())])


def column(values: list[object], kind: pa.DataType) -> list[object]:
    return column_of(values, pa.field("c", kind)).to_pylist()


class TestTaken:
    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (pa.string(), ["a", None, ""]),
            (pa.int8(), [1, None, -128]),
            (pa.bool_(), [True, None]),
            (pa.float64(), [0.5, None, float("inf")]),
            (pa.float32(), [0.5, 1.0]),
            (pa.list_(pa.string()), [["a", None], [], None]),
            (pa.list_(pa.float32(), 2), [[0.5, 1.0], None]),
            (pa.list_(SITE), [[{"tf": "a", "offset": 1}, None], None, [{"tf": None, "offset": None}]]),
        ],
    )
    def test_values_come_back_as_they_were(self, kind: pa.DataType, values: list[object]) -> None:
        """Nulls at every level."""
        assert values == column(values, kind)

    def test_a_tuple_is_a_list_and_a_missing_field_null(self) -> None:
        """And whole numbers are floats."""
        assert [[{"tf": "a", "offset": None}]] == column([({"tf": "a"},)], pa.list_(SITE))
        assert [1.0] == column([1], pa.float64())

    @pytest.mark.parametrize(
        ("kind", "value", "stored"),
        [
            (pa.float64(), 2**60, 2.0**60),
            (pa.float32(), -(2**24) - 2, -16777218.0),
            (pa.float16(), np.int64(2050), 2050.0),
            (pa.list_(pa.float64()), [2**60, 0.5, None], [2.0**60, 0.5, None]),
            (pa.list_(pa.float32()), np.array([2**30, 7]), [2.0**30, 7.0]),
            (pa.struct([("a", pa.float32())]), {"a": 2**30}, {"a": 2.0**30}),
        ],
    )
    def test_a_large_integer_that_is_a_float_is_taken(self, kind: pa.DataType, value: object, stored: object) -> None:
        """At any depth, though Arrow by itself refuses every integer beyond 2^53."""
        assert [stored] == column([value], kind)


class TestRefused:
    @pytest.mark.parametrize(
        ("kind", "bad"),
        [
            (pa.string(), 1),
            (pa.int64(), 1.5),
            (pa.int64(), True),
            (pa.int8(), 300),
            (pa.float64(), True),
            (pa.float32(), 1e300),
            (pa.bool_(), 1),
            (pa.list_(pa.int64()), [1, 1.5]),
            (pa.list_(pa.int64()), [True]),
            (pa.list_(pa.string()), "text"),
            (pa.list_(SITE), [{"tf": "a", "ofset": 1}]),
            (pa.list_(SITE), [{"tf": "a", "offset": True}]),
            (pa.list_(SITE), [{"tf": "a", "offset": "1"}]),
            (pa.list_(pa.float32(), 2), [0.5]),
            (pa.float64(), 2**53 + 1),
            (pa.float64(), np.int64(2**53 + 1)),
            (pa.float32(), 16777217),
            (pa.float16(), 2049),
            (pa.list_(pa.float16()), [2049]),
            (pa.list_(pa.float16()), [2049, 0.5]),
            (pa.list_(pa.float16()), np.array([2049])),
            (pa.list_(pa.float32()), np.array([16777217])),
            (pa.struct([("a", pa.list_(pa.float64()))]), {"a": [2**53 + 1]}),
        ],
    )
    def test_the_row_is_told(self, kind: pa.DataType, bad: object) -> None:
        """Also where good values stand before and behind."""
        good = column_of([None], pa.field("c", kind)).to_pylist()[0]
        with pytest.raises(SessionRowError) as caught:
            column([good, bad, good], kind)

        assert ("c", 2) == (caught.value.column, caught.value.row)
