"""Python values in a registered type: taken whole where they fit, refused where they would become others."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core.store.session.errors import SessionRowError
from usr_core.store.session.values import column_of

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
        ],
    )
    def test_the_row_is_told(self, kind: pa.DataType, bad: object) -> None:
        """Also where good values stand before and behind."""
        good = column_of([None], pa.field("c", kind)).to_pylist()[0]
        with pytest.raises(SessionRowError) as caught:
            column([good, bad, good], kind)

        assert ("c", 2) == (caught.value.column, caught.value.row)
