"""Rows that repeat a key: one value for each record, by the function that was asked for."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.overlays import ids_of
from support.tree import assert_unchanged
from usr_core import Dataset, UsrError
from usr_core.api.registry import register_namespace
from usr_core.store.changes.attach import repeats as attach_repeats
from usr_core.store.changes.attach.errors import (
    AttachCell,
    DuplicateAttachKey,
    RepeatsInvalid,
    RepeatsTypeDiffers,
    ValuesExist,
)

COLUMNS = {
    "x": "float64",
    "sd": "float64",
    "small": "float32",
    "n": "int64",
    "tiny": "int8",
    "word": "string",
    "all": "list<float64>",
    "words": "list<string>",
    "flag": "bool",
    "when": "timestamp[us]",
}


@pytest.fixture
def plate(seeded: Usr) -> Dataset:
    """A dataset of six records, and a namespace with a column of each kind."""
    register_namespace(seeded.root, "r", [(f"r__{name}", kind) for name, kind in COLUMNS.items()])
    return Dataset.open(seeded.root, "ns/base")


def attach(dataset: Dataset, folder: Path, rows: list[tuple[int, Any]], repeats: Any, **options: Any) -> Any:
    """Attach `rows` of record and value, from a Parquet file with the columns id and x."""
    ids = ids_of(dataset.path)
    file = folder / "rows.parquet"
    pq.write_table(pa.table({"id": [ids[at] for at, _ in rows], "x": [value for _, value in rows]}), file)
    return dataset.attach(file, "r", key="id", repeats=repeats, **options)


def values(dataset: Dataset, column: str, records: int = 2) -> list[Any]:
    return dataset.to_arrow(columns=[f"r__{column}"]).column(0).to_pylist()[:records]


REPLICATES = [(1, 4.0), (0, 1.0), (1, 8.0), (0, None), (1, 3.0), (0, 2.0)]


@pytest.mark.parametrize(
    ("target", "function", "expected"),
    [
        ("x", "mean", [1.5, 5.0]),
        ("small", "mean", [1.5, 5.0]),
        ("x", "median", [1.5, 4.0]),
        ("x", "min", [1.0, 3.0]),
        ("x", "max", [2.0, 8.0]),
        ("x", "first", [1.0, 4.0]),
        ("x", "last", [2.0, 3.0]),
        ("n", "count", [2, 3]),
        ("all", "list", [[1.0, 2.0], [4.0, 8.0, 3.0]]),
        ("sd", "std", [statistics.stdev([1, 2]), statistics.stdev([4, 8, 3])]),
    ],
)
def test_each_function_sees_the_values_of_one_record(
    plate: Dataset, tmp_path: Path, target: str, function: str, expected: list[Any]
):
    """In the file's order, wherever the rows stand; a null is not a value."""
    done = attach(plate, tmp_path, REPLICATES, {target: f"x:{function}"}, columns=[target])

    assert expected == values(plate, target)
    assert (6, 2, 4) == (done.rows_read, done.rows_attached, done.rows_repeated)
    assert {f"r__{target}"} == set(done.columns)
    assert {target: f"x:{function}"} == done.event["args"]["repeats"]
    assert (6, 2) == (done.event["metrics"]["rows_matched"], done.event["metrics"]["rows_written"])


def test_several_columns_of_one_source_and_one_function_for_the_others(plate: Dataset, tmp_path: Path):
    """Text, truth values and times have a first, a last, a least and a greatest value."""
    ids = ids_of(plate.path)
    file = tmp_path / "a.csv"
    file.write_text(
        "id,x,word,flag,when\n"
        f"{ids[0]},1,b,true,2026-01-02\n{ids[1]},5,z,false,2026-01-01\n{ids[0]},3,a,false,2026-01-03\n"
    )
    plate.attach(
        file, "r", key="id", repeats={"x": "mean", "sd": "x:std", "n": "x:count", "words": "word:list", "*": "max"}
    )

    assert ([2.0, 5.0], [math.sqrt(2), None], [2, 1]) == (values(plate, "x"), values(plate, "sd"), values(plate, "n"))
    assert (["b", "z"], [["b", "a"], ["z"]]) == (values(plate, "word"), values(plate, "words"))
    assert [True, False] == values(plate, "flag")
    assert [3, 1] == [when.day for when in values(plate, "when")]


def test_a_record_without_any_value_gets_none(plate: Dataset, tmp_path: Path):
    """Its rows are counted as empty; a count of none is 0."""
    rows = [(0, None), (0, None), (1, 1.0)]
    done = attach(plate, tmp_path, rows, {"x": "mean", "all": "x:list", "small": "x:median"})
    assert ("r__all", "r__small", "r__x") == tuple(sorted(done.columns))
    attach(plate, tmp_path, rows, {"n": "x:count"}, columns=["n"])

    assert ([None, 1.0], [None, [1.0]], [None, 1.0]) == tuple(values(plate, name) for name in ("x", "all", "small"))
    assert (1, 2) == (done.rows_attached, done.rows_empty)
    assert [0, 1] == values(plate, "n")


@pytest.mark.parametrize("function", ["mean", "median", "min", "max", "std"])
def test_nan_is_a_value(plate: Dataset, tmp_path: Path, function: str):
    """What is computed with it is NaN."""
    attach(plate, tmp_path, [(0, math.nan), (0, 1.0), (1, 2.0), (0, 3.0), (1, 2.0)], {"x": function})

    assert math.isnan(values(plate, "x")[0])
    assert values(plate, "x")[1] in (0.0, 2.0)


def test_many_records_are_done_in_runs(plate: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The answers are the same as of one run."""
    monkeypatch.setattr(attach_repeats, "_RECORDS", 2)
    generator = np.random.default_rng(7)
    rows = [
        (int(at), float(value)) for at, value in zip(generator.integers(0, 6, 200), generator.random(200), strict=True)
    ]
    attach(plate, tmp_path, rows, {"x": "median", "sd": "x:std", "all": "x:list"})

    groups = [[value for at, value in rows if at == record] for record in range(6)]
    assert groups == values(plate, "all", 6)
    assert [statistics.median(group) for group in groups] == values(plate, "x", 6)
    assert values(plate, "sd", 6) == pytest.approx([statistics.stdev(group) for group in groups], rel=1e-14)


@pytest.mark.parametrize(
    ("repeats", "error", "words"),
    [
        ({"n": "x:mean"}, RepeatsTypeDiffers, ["mean of 'x'", "r__n", "int64", "float column"]),
        ({"n": "x:median"}, RepeatsTypeDiffers, ["r__n"]),
        ({"x": "list"}, RepeatsTypeDiffers, ["list column"]),
        ({"x": "count"}, RepeatsTypeDiffers, ["integer column"]),
        ({"all": "x:max"}, RepeatsTypeDiffers, ["order"]),
        ({"x": "average"}, RepeatsInvalid, ["average"]),
        ({"x": "mean", "r__x": "min"}, RepeatsInvalid, ["two functions"]),
        ({"sd": "y:std"}, RepeatsInvalid, ["r__x", "no function"]),
        ({"x": ":mean"}, RepeatsInvalid, ["no name"]),
        ({"nope": "x:mean", "*": "mean"}, UsrError, ["nope"]),
        ({"sd": "y:mean", "*": "mean"}, UsrError, ["'y'"]),
        (None, DuplicateAttachKey, ["repeat"]),
    ],
)
def test_what_can_not_be_is_refused(
    plate: Dataset, tmp_path: Path, repeats: Any, error: type[UsrError], words: list[str]
):
    """The error names the function, its source and the column; nothing is written."""
    with assert_unchanged(plate.path), pytest.raises(error) as caught:
        attach(plate, tmp_path, REPLICATES, repeats)

    assert all(word in str(caught.value) for word in words)
    assert "--repeats" in (caught.value.hint or "") or error is UsrError


def test_a_result_beyond_its_columns_range_is_refused(plate: Dataset, tmp_path: Path):
    """The first row of its key is named."""
    with pytest.raises(AttachCell) as large:
        attach(plate, tmp_path, [(1, 1.0), (0, 1e300), (0, 1e300)], {"small": "x:mean"}, columns=["small"])
    with pytest.raises(AttachCell) as many:
        attach(plate, tmp_path, [(0, 1.0)] * 128, {"tiny": "x:count"}, columns=["tiny"])

    assert (2, 1) == (large.value.row, many.value.row)


def test_values_that_are_there_are_told_by_the_first_row_of_the_key(plate: Dataset, tmp_path: Path):
    """As where keys do not repeat."""
    attach(plate, tmp_path, [(1, 1.0)], "mean")
    with pytest.raises(ValuesExist) as caught:
        attach(plate, tmp_path, REPLICATES[1:], "mean")

    assert (2, "5.5") == (caught.value.values[0].row, caught.value.values[0].new)


def test_the_command_takes_one_for_all_and_one_a_column(plate: Dataset, seeded: Usr, tmp_path: Path):
    """It says how many rows gave how many values, and refuses two functions of one column."""
    ids = ids_of(plate.path)
    file = tmp_path / "a.csv"
    file.write_text(f"id,x,word\n{ids[0]},1,a\n{ids[0]},2,b\n{'f' * 40},1,\n{'f' * 40},1,\n")
    way = ("attach", "ns/base", file, "--namespace", "r", "--key", "id", "--allow-missing")
    seeded.refuses(2, *way, "--repeats", "mean", "--repeats", "first")
    seeded.refuses(1, *way)
    said = seeded.ok(*way, "--repeats", "x=mean", "--repeats", "sd=x:std", "--repeats", "last").out

    assert "attached r__x, r__word, r__sd to 1 record of ns/base (from 2 rows, 2 rows matched no record)\n" == said
    assert [1.5, None] == values(plate, "x")


def test_a_column_that_others_are_made_of_is_not_attached_itself(plate: Dataset, tmp_path: Path):
    """Unless it has a function of its own, or there is one for all others."""
    done = attach(plate, tmp_path, REPLICATES, {"sd": "x:std", "small": "x:mean"})

    assert ("r__sd", "r__small") == done.columns


def test_json_lines_give_numbers_to_a_column_of_another_name(plate: Dataset, tmp_path: Path):
    """The source needs not be registered."""
    ids = ids_of(plate.path)
    file = tmp_path / "a.jsonl"
    file.write_text("".join(f'{{"id": "{ids[0]}", "raw": {value}}}\n' for value in (1, 2.5)))
    plate.attach(file, "r", key="id", repeats={"x": "raw:mean", "all": "raw:list"})

    assert ([1.75, None], [[1.0, 2.5], None]) == (values(plate, "x"), values(plate, "all"))
