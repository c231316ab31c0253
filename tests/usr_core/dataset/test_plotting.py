"""Pictures of columns: what is counted, and what is not drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.reading import make_dataset
from usr_core import Dataset
from usr_core.dataset.plotting import ColumnNotDrawn
from usr_core.store.errors import UnknownColumn


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(4)
    strength = rng.normal(size=6_000)
    strength[:3] = np.nan
    columns = {
        "mock__x": pa.array(strength, from_pandas=True),
        "mock__n": pa.array(rng.integers(0, 9, 6_000)),
        "mock__plate": pa.array([f"p{row % 3}" for row in range(6_000)]),
        "mock__list": pa.array([[1.0]] * 6_000, pa.list_(pa.float64())),
    }
    return make_dataset(tmp_path, 6_000, columns=columns)[0]


def values(chart: object) -> list[dict[str, float]]:
    return chart.to_dict()["data"]["values"]  # type: ignore[attr-defined, no-any-return]


class TestPlot:
    def test_one_column_is_counted(self, dataset: Dataset) -> None:
        """Numbers in bins, text by value; a missing number is in no bin."""
        assert 5_997 == sum(one["records"] for one in values(dataset.plot("mock__x")))
        assert {"p0": 2_000, "p1": 2_000, "p2": 2_000} == {
            one["value"]: one["records"] for one in values(dataset.plot("mock__plate"))
        }

    def test_two_columns_are_points_or_squares(self, dataset: Dataset) -> None:
        """Points up to 5,000 records, counts beyond."""
        few = values(dataset.plot("mock__x", "mock__n", where="mock__plate = 'p1'"))
        many = values(dataset.plot("mock__x", "mock__n"))

        assert (1_999, {"x", "y"}) == (len(few), set(few[0]))
        assert (5_997, True) == (sum(one["records"] for one in many), len(many) <= 3_600)

    def test_what_is_not_drawn_is_refused(self, dataset: Dataset) -> None:
        """Lists alone, text against a number, and a column that is not there."""
        for columns in (["mock__list"], ["mock__x", "mock__plate"], ["created_at"]):
            with pytest.raises(ColumnNotDrawn):
                dataset.plot(*columns)
        with pytest.raises(UnknownColumn):
            dataset.plot("nope")
