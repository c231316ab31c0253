"""Frames of pandas and Polars, and everything else that speaks Arrow's PyCapsule interface."""

from __future__ import annotations

import builtins
import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from support.reading import make_dataset, open_files
from usr_core import Dataset
from usr_core.store.questions.errors import PackageMissing
from usr_core.store.questions.frames import pandas_frame

HUGE = 2**62 + 1


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    columns = {
        "mock__i": pa.array([HUGE, None, 3]),
        "mock__b": pa.array([True, None, False]),
        "mock__f": pa.array([0.5, None, math.nan]),
        "mock__s": pa.array(["NA", None, ""]),
        "mock__v": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.float32(), 2)),
    }
    made, _ = make_dataset(tmp_path, 3, columns=columns)
    return made


def plain(cell: Any) -> Any:
    """Return a cell of a frame as Arrow gives it to Python."""
    if isinstance(cell, np.ndarray):
        return [plain(one) for one in cell]
    return {name: plain(one) for name, one in cell.items()} if isinstance(cell, dict) else cell


class TestPandas:
    def test_integers_with_gaps_keep_every_digit(self, dataset: Dataset) -> None:
        """They are nullable integers, and not floats."""
        frame = dataset.to_pandas()

        assert pd.Int64Dtype() == frame["mock__i"].dtype
        assert HUGE == frame["mock__i"][0]
        assert frame["mock__i"].isna().tolist() == [False, True, False]
        assert pd.BooleanDtype() == frame["mock__b"].dtype

    def test_types_do_not_depend_on_the_rows(self, dataset: Dataset) -> None:
        """Rows without a null have the same types as rows with one; base columns are plain."""
        whole, one = dataset.to_pandas(), dataset.to_pandas(where=[("mock__i", "==", HUGE)])

        assert whole.dtypes.to_dict() == one.dtypes.to_dict()
        assert "int32" == str(whole["length"].dtype)
        assert "datetime64[us, UTC]" == str(whole["created_at"].dtype)

    def test_integers_in_lists_and_structs_keep_every_digit(self) -> None:
        """Beside a null, at any depth; pandas by itself makes floats of the whole column."""
        struct = pa.struct([("a", pa.int64()), ("l", pa.list_(pa.uint64())), ("f", pa.float32())])
        rows = [{"a": HUGE, "l": [2**64 - 1, None], "f": 0.5}, {"a": None, "l": None, "f": None}, None]
        columns = {
            "l": pa.array([[HUGE, None], [HUGE], None, []], pa.list_(pa.int64())),
            "x": pa.array([[HUGE, None], None, [1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
            "s": pa.array([*rows, rows[0]], struct),
            "d": pa.array([rows, None, [], [None]], pa.list_(struct)),
        }
        table = pa.concat_tables([pa.table(columns).slice(1), pa.table(columns).slice(0, 1)])

        frame = pandas_frame(table)

        assert list(columns) == list(frame)
        for name in columns:
            assert table.column(name).to_pylist() == [plain(cell) for cell in frame[name]]

    def test_nanoseconds_in_structs_stay_times(self) -> None:
        """Digit by digit; pandas by itself makes integers of them."""
        column = pa.array([{"t": 1_577_836_800_000_000_001}, None], pa.struct([("t", pa.timestamp("ns"))]))

        (first, second) = pandas_frame(pa.table({"s": column}))["s"]

        assert {"t": pd.Timestamp("2020-01-01T00:00:00.000000001")} == first
        assert second is None

    def test_lists_without_a_null_are_arrays_of_their_type(self) -> None:
        """As pandas has them."""
        frame = pandas_frame(pa.table({"l": pa.array([[HUGE, 1], None], pa.list_(pa.int64()))}))

        assert np.dtype("int64") == frame["l"][0].dtype
        assert [HUGE, 1] == frame["l"][0].tolist()

    def test_text_stays_text(self, dataset: Dataset) -> None:
        """Neither the empty text nor NA is missing."""
        assert ["NA", ""] == dataset.to_pandas()["mock__s"].dropna().tolist()

    def test_head_is_a_frame(self, dataset: Dataset) -> None:
        """With the types of to_pandas."""
        head = dataset.head(2)

        assert isinstance(head, pd.DataFrame)
        assert (2, HUGE) == (len(head), head["mock__i"][0])

    def test_it_reads_the_stream(self, dataset: Dataset, tmp_path: Path) -> None:
        """pandas takes the dataset as it is from 3.0 on, and before that by way of a table."""
        read = getattr(pd.DataFrame, "from_arrow", None) or (lambda stream: pa.table(stream).to_pandas())
        frame = read(dataset)

        assert dataset.to_arrow()["id"].to_pylist() == frame["id"].tolist()
        assert [] == open_files(tmp_path)


class TestPolars:
    def test_values_and_types(self, dataset: Dataset) -> None:
        """Nulls stay nulls and vectors arrays."""
        frame = dataset.to_polars(columns=["mock__i", "mock__v", "mock__f"])

        assert [pl.Int64, pl.Array(pl.Float32, 2), pl.Float64] == frame.dtypes
        assert [HUGE, None, 3] == frame["mock__i"].to_list()
        assert [False, None, True] == frame["mock__f"].is_nan().to_list()

    def test_it_reads_the_stream(self, dataset: Dataset, tmp_path: Path) -> None:
        """Polars takes the dataset as it is."""
        frame = pl.DataFrame(dataset)

        assert dataset.to_arrow()["id"].to_pylist() == frame["id"].to_list()
        assert [] == open_files(tmp_path)


class TestOthers:
    def test_duckdb_reads_the_stream(self, dataset: Dataset, tmp_path: Path) -> None:
        """A connection of one's own finds the dataset under its variable's name."""
        with duckdb.connect() as connection:
            ds = dataset
            rows = connection.sql("select count(*), max(mock__i) from ds").fetchall()
            del ds

        assert [(3, HUGE)] == rows
        assert [] == open_files(tmp_path)

    def test_duckdb_reads_a_scan(self, dataset: Dataset) -> None:
        """A scan with a filter is a stream like any other."""
        with duckdb.connect() as connection:
            connection.register("found", dataset.scan(columns=["mock__s"], where=[("mock__s", "is not null")]))
            assert [("",), ("NA",)] == connection.sql("select * from found order by 1").fetchall()

    def test_arrow_reads_the_stream(self, dataset: Dataset) -> None:
        """With exactly the view's types, or those that are asked for."""
        read = pa.table(dataset)
        assert dataset.to_arrow().schema == read.schema
        assert dataset.to_arrow().drop(["mock__f"]) == read.drop(["mock__f"])  # NaN is equal to nothing
        wide = dataset.to_arrow().schema.set(4, pa.field("length", pa.int64()))
        reader = pa.RecordBatchReader.from_stream(dataset, schema=wide)
        assert pa.int64() == reader.read_all().schema.field("length").type


class TestMissingPackages:
    @pytest.mark.parametrize("package, method", [("pandas", "to_pandas"), ("polars", "to_polars"), ("pandas", "head")])
    def test_a_missing_package_is_named(
        self, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, package: str, method: str
    ) -> None:
        """The error says what to install."""
        _without(monkeypatch, package)

        with pytest.raises(PackageMissing) as caught:
            getattr(dataset, method)()

        assert f"pip install {package}" in caught.value.hint

    def test_head_arrow_needs_no_package(self, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is what the error about `head` offers."""
        _without(monkeypatch, "pandas")

        with pytest.raises(PackageMissing) as caught:
            dataset.head(1)

        assert "head_arrow()" in caught.value.hint
        assert isinstance(dataset.head_arrow(1), pa.Table)


def _without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    real = builtins.__import__

    def guarded(name: str, *rest: Any, **options: Any) -> Any:
        if name.split(".", maxsplit=1)[0] == package:
            raise ImportError(f"no {package} here")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", guarded)
