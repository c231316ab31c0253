"""Dates and timestamps as text."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.values.temporal import format_dates, format_timestamps, parse_dates, parse_timestamps


class TestRange:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.dates(), max_size=3))
    def test_the_calendar_agrees_with_python_in_its_years(self, dates):
        """With a date outside four-digit years in the column, the others are written and read as Python does."""
        far = 2**31 - 1
        column = pa.array([*((day - dt.date(1970, 1, 1)).days for day in dates), far], pa.int32()).cast(pa.date32())

        texts = format_dates(column)

        assert [day.isoformat() for day in dates] == texts[:-1]
        assert parse_dates(pa.array(texts)).equals(column)

    def test_the_ends_of_a_timestamp_in_seconds_are_written_and_read(self):
        """The whole range of int64 seconds has a text, with a sign before the year."""
        column = pa.array([-(2**63), 2**63 - 1, None], pa.int64()).cast(pa.timestamp("s", "UTC"))

        texts = format_timestamps(column)

        assert ["-292277022657-01-27T08:29:52Z", "+292277026596-12-04T15:30:07Z", None] == texts
        assert parse_timestamps(pa.array(texts), column.type).equals(column)

    def test_years_before_one_are_written(self):
        """Year 0 has four digits, the one before it a sign."""
        column = pa.array([-719_528, -719_529], pa.int32()).cast(pa.date32())

        assert ["0000-01-01", "-0001-12-31"] == format_dates(column)

    @pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
    @pytest.mark.parametrize("zone", [None, "UTC", "Europe/Zurich"])
    def test_few_and_many_are_written_alike(self, unit, zone):
        """However many there are, a timestamp has one text: inside and outside the years of four digits."""
        numbers = [-1, 0, 1, None, 1_700_000_000_123_456_789, -(2**62), 253_402_300_799_999]
        few = pa.array(numbers, pa.int64()).cast(pa.timestamp(unit, zone))

        assert format_timestamps(few) * 20 == format_timestamps(pa.concat_arrays([few] * 20))
        early = few.slice(0, 4)
        assert format_timestamps(early) * 30 == format_timestamps(pa.concat_arrays([early] * 30))

    def test_few_and_many_dates_are_written_alike(self):
        """As for timestamps."""
        few = pa.array([0, -1, None, 19_000, -719_528], pa.int32()).cast(pa.date32())

        assert format_dates(few) * 20 == format_dates(pa.concat_arrays([few] * 20))
