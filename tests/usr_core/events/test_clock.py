"""The hybrid clock and the spellings of time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.events.event import file_stamp, next_clock, parse_rfc3339, rfc3339

TWO_DAYS_US = 2 * 86_400 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW_US = 1_795_000_000_000_000


def _of_stamp(text: str) -> int:
    return (datetime.strptime(f"{text}+0000", "%Y%m%dT%H%M%S%f%z") - EPOCH) // timedelta(microseconds=1)


class TestNextClock:
    def test_lets_the_later_commit_win(self) -> None:
        """1,000 histories of writers whose clocks differ by up to two days: each commit is later than all before it."""
        chance = random.Random(5)
        for _ in range(1_000):
            skews = [chance.randint(-TWO_DAYS_US, TWO_DAYS_US) for _ in range(4)]
            true_time, last, clocks = NOW_US, None, list[int]()
            for _ in range(chance.randint(2, 12)):
                true_time += chance.choice([0, 1, chance.randint(0, 10**9)])
                last = next_clock(true_time + chance.choice(skews), last, max(clocks, default=None))
                clocks.append(last)

            assert sorted(set(clocks)) == clocks
            # The name orders parts too, as text.
            assert sorted(map(file_stamp, clocks)) == [file_stamp(clock) for clock in clocks]

    def test_is_the_wall_clock_where_that_is_latest(self) -> None:
        """Floors in the past leave it alone; unknown ones count for nothing."""
        assert 100 == next_clock(100, 98, None)
        assert 100 == next_clock(100, 99)
        assert 101 == next_clock(100, 100)


class TestSpelling:
    @settings(max_examples=300, deadline=None)
    @given(us=st.integers(-(10**15), 4 * 10**15))
    def test_goes_both_ways(self, us: int) -> None:
        """No microsecond is lost in an event nor in a file name."""
        assert us == parse_rfc3339(rfc3339(us))
        assert us == _of_stamp(file_stamp(us))

    @pytest.mark.parametrize("text", ["2026-01-31T09:00:00", "yesterday", ""])
    def test_without_zone_or_sense_is_refused(self, text: str) -> None:
        """A time that could be any is none."""
        with pytest.raises(ValueError):
            parse_rfc3339(text)


class TestStamps:
    def test_a_stamp_and_its_text_hold_the_same_microsecond(self):
        """Both spellings of a time parse to the microseconds they were made of."""
        moment = 1_767_323_045_678_901

        assert "20260102T030405678901" == file_stamp(moment)
        assert "2026-01-02T03:04:05.678901Z" == rfc3339(moment)
        assert moment == _of_stamp(file_stamp(moment)) == parse_rfc3339(rfc3339(moment))

    @pytest.mark.parametrize(
        "text", ["2026-01-02T03:04:05Z", "2026-01-02t03:04:05.000000z", "2026-01-02T05:04:05+02:00"]
    )
    def test_any_rfc3339_spelling_is_read(self, text):
        """Zones, missing fractions and lower-case letters, as older writers have them, mean the same time."""
        assert 1_767_323_045_000_000 == parse_rfc3339(text)

    def test_an_older_writers_time_without_zone_is_utc_on_request(self):
        """Strict by default; UTC where the caller says so."""
        assert 1_767_323_045_000_000 == parse_rfc3339("2026-01-02T03:04:05", naive_is_utc=True)

    def test_stamps_sort_like_their_times(self):
        """The order of stamps as text is the order of time, also before the year 1000."""
        moments = [-40_000_000_000_000_000, -1, 0, 1, 999_999, 1_000_000, 1_767_323_045_678_901]

        assert sorted(map(file_stamp, moments)) == [file_stamp(moment) for moment in moments]
