"""Descriptions of columns: shares, ranges, lengths, histograms, and which rows they are about."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from support.reading import make_dataset
from usr_core.store.questions.describe import Description
from usr_core.store.questions.describe_tally import ColumnTally, Histogram
from usr_core.store.questions.describe_text import bars, description_row, description_value


def tally(*arrays: pa.Array) -> Any:
    made = ColumnTally(arrays[0].type)
    for array in arrays:
        made.add(array)
    return made.summary()


def column(found: Description, name: str) -> Any:
    return next(one for one in found.columns if one.name == name)


class TestTally:
    def test_numbers(self) -> None:
        """Nulls and NaN are counted apart and count in nothing else."""
        found = tally(pa.array([1.0, None, math.nan]), pa.array([4.0, -2.0, None]))

        assert (6, 2, 1) == (found.rows, found.nulls, found.nans)
        assert (-2.0, 4.0, 1.0) == (found.minimum.as_py(), found.maximum.as_py(), found.mean)
        assert pytest.approx(33.333, abs=0.01) == found.null_share

    def test_integers_keep_every_digit(self) -> None:
        """Minimum and maximum are of the column's type."""
        found = tally(pa.array([2**62 + 1]), pa.array([2**62 + 3, None]))

        assert (2**62 + 1, 2**62 + 3) == (found.minimum.as_py(), found.maximum.as_py())

    @pytest.mark.parametrize(
        "values, measure, lengths",
        [
            (pa.array(["", "äö", None]), "letters", (0, 2, 1.0)),
            (pa.array([b"\x00", b"abc"]), "bytes", (1, 3, 2.0)),
            (pa.array([[1], None, [1, 2, 3]]), "items", (1, 3, 2.0)),
            (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), "items", (2, 2, 2.0)),
            (pa.array([True, None, True, False]), "true", (0, 1, pytest.approx(2 / 3))),
            (pa.array([1.5, 2.5], pa.float32()).cast(pa.float16()), "value", (1.5, 2.5, 2.0)),
        ],
    )
    def test_what_is_measured(self, values: pa.Array, measure: str, lengths: tuple[object, ...]) -> None:
        """Texts, bytes and lists by their lengths; booleans as ones and zeros."""
        found = tally(values)

        assert measure == found.measure
        assert lengths == (found.minimum.as_py(), found.maximum.as_py(), found.mean)

    def test_times(self) -> None:
        """They have a range and neither mean nor histogram."""
        found = tally(pa.array([2, 1], pa.int64()).cast(pa.timestamp("ns", "UTC")))

        assert (None, None) == (found.mean, found.histogram)
        assert (1, 2) == (found.minimum.value, found.maximum.value)

    @pytest.mark.parametrize("kind", [pa.float64(), pa.string(), pa.list_(pa.int8()), pa.struct([("x", pa.int8())])])
    @pytest.mark.parametrize("rows", [0, 3])
    def test_columns_without_a_value(self, kind: pa.DataType, rows: int) -> None:
        """Nothing but nulls, and nothing at all, have no range."""
        found = tally(pa.nulls(rows, kind))

        assert (rows, rows, None, None) == (found.rows, found.nulls, found.minimum, found.histogram)
        assert (100.0 if rows else 0.0) == found.null_share

    def test_distinct_texts_are_counted_up_to_a_limit(self) -> None:
        """Past ten thousand it is only known that there are more."""
        few = tally(pa.array(["a", "b", "a"]), pa.array(["b", None]))
        many = tally(*(pa.array([f"{batch}-{row}" for row in range(6_000)]) for batch in range(3)))

        assert (2, False) == (few.distinct, few.distinct_capped)
        assert (10_000, True) == (many.distinct, many.distinct_capped)

    def test_whole_numbers_of_a_small_range_have_a_bin_each(self) -> None:
        """So that lengths 3 and 5 are not blurred."""
        assert (2, 0, 1) == tally(pa.array([3, 5, 3])).histogram.counts

    def test_infinities_are_in_no_bin(self) -> None:
        """They show as minimum and maximum."""
        found = tally(pa.array([-math.inf, 0.0, 1.0, math.inf]))

        assert (math.inf, 2) == (found.maximum.as_py(), sum(found.histogram.counts))

    def test_numbers_of_the_widest_range_have_a_histogram(self) -> None:
        """Their difference is more than a float can hold."""
        assert 2 == sum(tally(pa.array([-1.7e308, 1.7e308])).histogram.counts)

    def test_two_of_the_smallest_numbers_have_a_histogram(self) -> None:
        """Half of the range between them is zero; they are in the first and the last bin all the same."""
        found = tally(pa.array([0.0, 5e-324, 5e-324]))

        assert (1, 2) == (found.histogram.counts[0], found.histogram.counts[-1])

    def test_memory_is_bounded(self) -> None:
        """A histogram of many numbers is one of a thinned sample, over the whole range."""
        made = ColumnTally(pa.int64())
        for batch in range(5):
            made.add(pa.array(range(batch * 50_000, (batch + 1) * 50_000)))

        assert sum(map(len, made._kept)) <= 65_536
        counts = made.summary().histogram.counts
        assert max(counts) < 2 * min(counts)


class TestSample:
    def test_a_small_dataset_is_looked_at_whole(self, tmp_path: Path) -> None:
        """Half of the values missing is a share of 50 percent."""
        dataset, _ = make_dataset(tmp_path, 6, columns={"mock__n": pa.array([1, 2, 3, None, None, None])})

        found = dataset.describe()

        assert (6, 6, True) == (found.rows, found.sampled, found.complete)
        assert 50.0 == column(found, "mock__n").summary.null_share

    @pytest.mark.parametrize("groups", [50, 10_000])
    def test_a_sample_is_spread_over_the_dataset(self, tmp_path: Path, groups: int) -> None:
        """It reaches from the first to nearly the last row, whatever the row groups are."""
        rows = 10_000
        dataset, _ = make_dataset(tmp_path, rows, columns={"mock__n": pa.array(range(rows))}, row_group_size=groups)

        found = dataset.describe(["mock__n"], sample=640)

        summary = column(found, "mock__n").summary
        assert (640, False) == (found.sampled, found.complete)
        assert (0, True) == (summary.minimum.as_py(), summary.maximum.as_py() > 9_900)
        assert min(summary.histogram.counts) > 0

    @pytest.mark.parametrize("sample", [0, 4_097, 5_000])
    def test_large_samples(self, tmp_path: Path, sample: int) -> None:
        """All rows, and more than are looked up one by one."""
        dataset, _ = make_dataset(tmp_path, 5_000, columns={"mock__n": pa.array(range(5_000))}, row_group_size=500)

        found = dataset.describe(sample=sample)

        assert (sample or 5_000) == found.sampled == column(found, "mock__n").summary.rows

    @pytest.mark.parametrize("sample", [0, 100])
    def test_deleted_rows_are_left_out(self, tmp_path: Path, sample: int) -> None:
        """Unless they are asked for, with the tombstones' columns."""
        dataset, _ = make_dataset(tmp_path, 1_000, deleted=range(1, 1_000, 2), row_group_size=100)

        live, whole = dataset.describe(sample=sample), dataset.describe(sample=sample, include_deleted=True)

        assert (sample or 1_000) == whole.sampled == 2 * live.sampled
        assert "usr__deleted" not in [one.name for one in live.columns]
        assert 50.0 == column(whole, "usr__deleted").summary.null_share

    def test_an_empty_dataset(self, tmp_path: Path) -> None:
        """It has columns and no rows."""
        dataset, _ = make_dataset(tmp_path, 0)

        found = dataset.describe()

        assert (0, True, 7) == (found.sampled, found.complete, len(found.columns))

    def test_an_unknown_column_is_refused(self, tmp_path: Path) -> None:
        """Before anything is read."""
        dataset, _ = make_dataset(tmp_path, 1)

        with pytest.raises(KeyError, match="nope"):
            dataset.describe(["nope"])


class TestText:
    def test_bars(self) -> None:
        """The fullest bin is the highest, only an empty one is the lowest; a single bin says nothing."""
        assert "▁▂▅█" == bars(Histogram(low=0, high=1, counts=(0, 1, 50, 100)))
        assert "" == bars(Histogram(low=0, high=0, counts=(7,)))
        assert "" == bars(None)

    def test_a_line_has_share_lengths_and_histogram(self, tmp_path: Path) -> None:
        """What `usr describe` prints for a list."""
        lists = pa.array([[1.0] * 3, [1.0] * 7, None, None])
        dataset, _ = make_dataset(tmp_path, 4, columns={"mock__v": lists})

        row = description_row(column(dataset.describe(["mock__v"]), "mock__v"))

        assert ("list<float64>", "50.0%", "items", 3, "5", 7) == tuple(
            row[name] for name in ("type", "nulls", "of", "min", "mean", "max")
        )
        assert "█▁▁▁█" == row["histogram"]

    def test_a_value_is_plain(self, tmp_path: Path) -> None:
        """Times are text and histograms have their edges."""
        dataset, _ = make_dataset(tmp_path, 2, columns={"mock__n": pa.array([1, 3])})

        found = dataset.describe(["created_at", "mock__n"])

        assert "2026-01-02T03:04:05.678901Z" == description_value(found.columns[0])["min"]
        assert {"low": 1.0, "high": 3.0, "counts": [1, 0, 1]} == description_value(found.columns[1])["histogram"]
