"""Samples, sorted rows and the first ones, of the rows that meet a condition."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import make_dataset
from usr_core import Dataset
from usr_core.store.errors import UnknownColumn
from usr_core.store.questions.errors import SortInvalid

VALUES = [3.0, None, 1.0, 2.0, float("nan"), 1.0]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    lists = pa.array([[n] for n in range(6)])
    made, _ = make_dataset(
        tmp_path, 6, columns={"mock__v": pa.array(VALUES), "mock__n": pa.array(range(6)), "mock__l": lists}
    )
    return made


def numbers(table: pa.Table) -> list[int]:
    found: list[int] = table["mock__n"].to_pylist()
    return found


class TestSort:
    @pytest.mark.parametrize(
        ("sort", "order"),
        [
            ("mock__v", [2, 5, 3, 0, 4, 1]),
            ("mock__v:asc", [2, 5, 3, 0, 4, 1]),
            ("mock__v:desc", [0, 3, 2, 5, 4, 1]),
        ],
    )
    def test_equal_values_keep_their_order(self, dataset: Dataset, sort: str, order: list[int]) -> None:
        """NaN and nulls come last, in either direction; the column need not be shown."""
        assert order == numbers(dataset.head_arrow(None, columns=["mock__n"], sort=sort))
        assert order[:2] == numbers(dataset.head_arrow(2, columns=["mock__n"], sort=sort))

    def test_what_has_no_order_is_refused(self, dataset: Dataset) -> None:
        """As is a column that is not there."""
        with pytest.raises(SortInvalid):
            dataset.head_arrow(sort="mock__l")
        with pytest.raises(UnknownColumn):
            dataset.head_arrow(sort="nope:desc")


class TestSample:
    def test_the_same_seed_takes_the_same_records(self, dataset: Dataset) -> None:
        """In the dataset's order; seeds differ."""
        taken = [numbers(dataset.head_arrow(None, sample=3, seed=seed)) for seed in range(20)]

        assert taken == [numbers(dataset.head_arrow(None, sample=3, seed=seed)) for seed in range(20)]
        assert all(3 == len(set(one)) and one == sorted(one) for one in taken)
        assert set(range(6)) == {number for one in taken for number in one}

    def test_it_is_taken_of_what_meets_the_condition(self, dataset: Dataset, tmp_path: Path) -> None:
        """Then sorted, then cut; never more than there are."""
        found = dataset.head_arrow(2, where="mock__n > 2", sample=99, sort="mock__n:desc")
        done = dataset.export(tmp_path / "o.csv", columns=["mock__n"], where="mock__n > 2", sample=99, limit=2)

        assert [5, 4] == numbers(found)
        assert (2, "mock__n\n3\n4\n") == (done.rows, (tmp_path / "o.csv").read_text())
        assert [] == numbers(dataset.head_arrow(None, sample=0))
