"""Filters: which rows meet a condition, and which conditions are refused."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from usr_core.store.questions.errors import FilterInvalid, PatternInvalid
from usr_core.store.questions.row_filter import filter_columns, parse_filter

BATCH = pa.record_batch(
    {
        "i": pa.array([1, None, 3, 2**62 + 1]),
        "f": pa.array([0.5, math.nan, None, -0.0]),
        "h": pa.array([0.5, 2.0, None, 1.0], pa.float32()).cast(pa.float16()),
        "s": pa.array(["a", "", None, "NA"]),
        "b": pa.array([True, False, None, True]),
        "t": pa.array([0, 1, None, 10**6], pa.int64()).cast(pa.timestamp("us", "UTC")),
        "d": pa.array([date(2026, 1, 1), None, date(1969, 12, 31), date(2026, 1, 2)]),
        "l": pa.array([[1], None, [], [2]]),
        "g": pa.array([0.1, math.inf, None, 1.0], pa.float32()),
        "u": pa.array([0, 1, None, 2], pa.int64()).cast(pa.timestamp("s")),
        "y": pa.array([b"x", b"", None, b"\xff"]),
    }
)
KINDS = {field.name: field.type for field in BATCH.schema}


def kept(where: Any) -> list[int]:
    mask = parse_filter(where, KINDS).mask(BATCH)
    assert 0 == mask.null_count
    return [row for row, keep in enumerate(mask.to_pylist()) if keep]


class TestConditions:
    @pytest.mark.parametrize(
        "condition, rows",
        [
            (("i", "==", 1), [0]),
            (("i", "=", 2**62 + 1), [3]),
            (("i", "!=", 1), [2, 3]),
            (("i", ">", 1), [2, 3]),
            (("i", "<=", 3), [0, 2]),
            (("i", ">=", 3.0), [2, 3]),
            (("i", "in", {1, 3}), [0, 2]),
            (("i", "not in", [1]), [2, 3]),
            (("i", "in", []), []),
            (("i", "not in", []), [0, 2, 3]),
            (("i", "is null"), [1]),
            (("i", "IS  NOT NULL", None), [0, 2, 3]),
            (("f", "==", 0), [3]),
            (("f", "<", 1), [0, 3]),
            (("f", "==", math.nan), []),
            (("f", "!=", 0.5), [1, 3]),
            (("f", "in", [0, math.nan]), [3]),
            (("f", "in", [math.nan]), []),
            (("f", "not in", [0.0, math.nan]), [0, 1]),
            (("g", "==", 0.1), [0]),
            (("g", "in", [0.1, math.inf]), [0, 1]),
            (("d", "==", datetime(2026, 1, 2, tzinfo=UTC)), [3]),
            (("u", "==", datetime(1970, 1, 1, 0, 0, 1)), [1]),
            (("h", ">=", 1), [1, 3]),
            (("h", "in", [0.5]), [0]),
            (("s", "==", "NA"), [3]),
            (("s", "==", ""), [1]),
            (("s", ">", "A"), [0, 3]),
            (("s", "matches", "^[A-Z]"), [3]),
            (("b", "==", True), [0, 3]),
            (("t", ">=", "1970-01-01T00:00:01Z"), [3]),
            (("t", "<", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)), [0, 1]),
            (("d", ">=", "2026-01-02"), [3]),
            (("d", "==", date(1969, 12, 31)), [2]),
            (("y", "==", b"\xff"), [3]),
            (("l", "is null"), [1]),
        ],
    )
    def test_rows_that_meet_a_condition(self, condition: tuple[object, ...], rows: list[int]) -> None:
        """A null meets no condition but `is null`; values are compared in the column's own type."""
        assert rows == kept([condition])

    def test_conditions_of_a_list_are_all_met(self) -> None:
        """They are joined by and."""
        assert [2] == kept([("i", ">", 1), ("i", "<", 10)])

    def test_one_of_several_lists_is_met(self) -> None:
        """They are joined by or."""
        assert [0, 1, 2] == kept([[("i", "is null")], [("i", ">=", 1), ("i", "<", 10)]])

    def test_the_columns_looked_at(self) -> None:
        """Each is named once, in the order of the conditions."""
        assert ("s", "i") == filter_columns([[("s", "==", "a"), ("i", ">", 1)], [("s", "==", "b")]])


class TestRefusals:
    @pytest.mark.parametrize(
        "where",
        [
            "i > 1",
            [],
            [[]],
            ("i", ">", 1),
            [("i", ">")],
            [("i", "~", 1)],
            [("i", ">", 1, 2)],
            [("i", ">", 1), [("i", ">", 1)]],
            [("i", "==", None)],
            [("i", "is null", 3)],
            [("i", "==", 1.5)],
            [("i", "==", 2**64)],
            [("i", "==", "1")],
            [("i", "==", True)],
            [("i", "in", 3)],
            [("s", "in", "abc")],
            [("s", "in", ["a", None])],
            [("s", "==", 1)],
            [("i", "matches", "1")],
            [("s", "matches", 1)],
            [("t", "==", "yesterday")],
            [("t", "==", "2026-01-01T00:00:00")],
            [("l", "==", [1])],
            [("d", "==", datetime(2026, 1, 1, 12))],
            [("d", "in", [pa.scalar(datetime(2026, 1, 1, 12))])],
            [("u", "==", datetime(1970, 1, 1, 0, 0, 1, 5))],
            [("u", "in", [datetime(1970, 1, 1, 0, 0, 1, 5)])],
            [("g", "<", 1e300)],
            [("g", "<", pa.scalar(1e300))],
            [("h", "in", [1e6])],
            [("i", "==", pa.scalar(None, pa.int64()))],
        ],
    )
    def test_what_is_no_filter(self, where: Any) -> None:
        """Nothing is guessed: a form, operator or value that does not suit is refused."""
        with pytest.raises(FilterInvalid):
            kept(where)

    def test_a_pattern_is_checked(self) -> None:
        """A pattern that RE2 does not know is refused as one."""
        with pytest.raises(PatternInvalid):
            kept([("s", "matches", "(")])
