"""What a page knows of a dataset: its flat columns, and of which kind each is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.explore import ROWS
from support.reading import make_dataset
from usr_core import Dataset
from usr_explore.bins import cloud, count_words, histogram
from usr_explore.load import load
from usr_explore.vectors import axes, vector_map


class TestLoad:
    def test_columns_are_of_kinds(self, explore_root: Path) -> None:
        """Numbers, few words, names; vectors stay in their files, and constants are known."""
        loaded = load(Dataset.open(explore_root, "demo/first"))

        assert ROWS == loaded.rows
        assert ("lab__vec",) == loaded.vectors
        assert ["lab__strength", "lab__reads", "length"] == loaded.numbers
        assert "lab__plate" in loaded.words
        assert ["lab__name"] == loaded.titles
        assert "constant" == loaded.kind("alphabet")
        assert np.isnan(loaded.values("lab__strength")[7])

    def test_an_empty_dataset_has_no_columns_to_draw(self, explore_root: Path) -> None:
        """Nothing fails."""
        loaded = load(Dataset.open(explore_root, "demo/empty"))

        assert (0, [], []) == (loaded.rows, loaded.numbers, loaded.words)

    def test_vectors_are_lists_of_one_length_of_any_numbers(self, tmp_path: Path) -> None:
        """Counts of k-mers have a map as embeddings have."""
        counts = pa.array([[row, row % 3, 0] for row in range(9)], pa.list_(pa.int32(), 3))
        dataset, ids = make_dataset(tmp_path, 9, columns={"mock__counts": counts})

        assert ("mock__counts",) == load(dataset).vectors
        assert tuple(ids) == vector_map(dataset, "mock__counts", list(ids)).ids

    def test_deleted_records_are_not_there(self, tmp_path: Path) -> None:
        """The page shows live ones."""
        dataset, ids = make_dataset(tmp_path, 5, deleted=[1])

        assert [one for one in ids if one != ids[1]] == load(dataset).column("id").to_pylist()

    def test_odd_values_are_drawn_without_a_failure(self, tmp_path: Path) -> None:
        """Infinite and missing numbers, columns of nulls, booleans, dates."""
        columns = {
            "mock__x": pa.array([float("inf"), float("nan"), None, 1.0, 2.0]),
            "mock__none": pa.nulls(5, pa.float64()),
            "mock__void": pa.nulls(5, pa.string()),
            "mock__flag": pa.array([True, None, False, True, True]),
            "mock__half": pa.array(np.array([1, 2, 3, 4, 5], np.float16)),
            "mock__big": pa.array([2**63 - 1, 0, -5, 7, None], pa.int64()),
        }
        dataset, _ = make_dataset(tmp_path, 5, columns=columns)
        loaded = load(dataset)
        everything = np.ones(5, np.bool_)

        assert {"mock__x", "mock__half", "mock__big"} == set(loaded.numbers)
        assert {"constant"} == {loaded.kind("mock__none"), loaded.kind("mock__void")}
        assert 2 == int(histogram(loaded, "mock__x", everything).everything.sum())
        assert 3 == histogram(loaded, "mock__x", everything).missing
        assert (("true", "(none)", "false"), (3, 1, 1)) == (
            count_words(loaded, "mock__flag", everything).labels,
            count_words(loaded, "mock__flag", everything).everything,
        )
        assert 2 == cloud(loaded, "mock__x", "mock__half", everything).total


class TestBins:
    @pytest.mark.parametrize("rows", [100, 6_000])
    def test_every_record_is_counted_once(self, tmp_path: Path, rows: int) -> None:
        """In histograms, and as points or squares; a subset is counted in the same bins."""
        rng = np.random.default_rng(1)
        columns = {"mock__x": pa.array(rng.normal(size=rows)), "mock__n": pa.array(rng.integers(0, 9, rows))}
        dataset, _ = make_dataset(tmp_path, rows, columns=columns)
        loaded = load(dataset)
        mask = loaded.values("mock__x") > 0
        found = histogram(loaded, "mock__x", mask)

        assert (rows, int(mask.sum())) == (int(found.everything.sum()), int(found.chosen.sum()))
        assert bool((found.chosen <= found.everything).all())
        whole = histogram(loaded, "mock__n", mask)
        assert np.bincount(columns["mock__n"].to_numpy()).tolist() == whole.everything.tolist()
        squares = cloud(loaded, "mock__x", "mock__n", np.ones(rows, np.bool_))
        assert rows == (len(squares.x) if squares.counts is None else int(squares.counts.sum()))
        assert (rows <= 5_000) == (squares.counts is None)


class TestVectors:
    def test_axes_are_those_of_the_greatest_variance(self) -> None:
        """The first one holds most of it; distances along both are those of the vectors."""
        rng = np.random.default_rng(2)
        vectors = np.column_stack([rng.normal(scale=9, size=400), rng.normal(scale=2, size=400), np.zeros(400)])
        x, y, shares = axes(vectors)

        centred = vectors - vectors.mean(axis=0)
        assert np.allclose(np.abs(x), np.abs(centred @ np.linalg.svd(centred)[2][0]))
        assert shares[0] > 0.9 > shares[1] > 0
        assert np.isclose(y.std(), 2, rtol=0.2)

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_few_vectors_have_a_map_too(self, count: int) -> None:
        """None is no failure."""
        assert count == len(axes(np.ones((count, 3)))[0])

    def test_a_sample_is_the_same_each_time(self, explore_root: Path) -> None:
        """Of the records that are asked for, in their order."""
        dataset = Dataset.open(explore_root, "demo/first")
        ids = load(dataset).column("id").to_pylist()
        first, second = (vector_map(dataset, "lab__vec", ids, sample=50) for _ in range(2))

        assert (50, ROWS, first.ids) == (len(first.ids), first.total, second.ids)
        assert [one for one in ids if one in set(first.ids)] == list(first.ids)
