"""Records from Python: what is not a list of mappings is told as the value that it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.rules.errors import MissingColumn, RecordsExpected


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    register_namespace(tmp_path, "lab", [("lab__n", "int64")])
    return Dataset.open(tmp_path, "d").init()


@pytest.mark.parametrize(
    ("rows", "row", "told"),
    [
        (["ACGT"], 1, "record 1 is a str"),
        ([{"sequence": "ACGT"}, None], 2, "record 2 is a NoneType"),
        ([("ACGT",)], 1, "record 1 is a tuple"),
        ([{1: "ACGT"}], 1, "a key that is not text"),
        ("ACGT", None, "this is a str"),
        ({"sequence": "ACGT"}, None, "this is a dict"),
        (5, None, "this is a int"),
        (None, None, "this is a NoneType"),
    ],
    ids=str,
)
def test_other_values_are_told_with_what_to_give(dataset: Dataset, rows: object, row: int | None, told: str) -> None:
    """Nothing is said of a file, and nothing is written."""
    with assert_unchanged(dataset.path), pytest.raises(RecordsExpected, match=told) as caught:
        dataset.add_sequences(rows)  # type: ignore[arg-type]

    assert row == caught.value.row
    assert "file" not in caught.value.facts
    assert "add_sequences([{'sequence': 'ACGT'}])" in caught.value.hint


@pytest.mark.parametrize(
    ("table", "method"),
    [
        (pa.table({"sequence": ["ACGT"]}), "to_pylist()"),
        (pd.DataFrame({"sequence": ["ACGT"]}), "to_dict('records')"),
        (pl.DataFrame({"sequence": ["ACGT"]}), "to_dicts()"),
    ],
    ids=["arrow", "pandas", "polars"],
)
def test_a_table_is_told_with_the_way_to_its_rows(dataset: Dataset, table: object, method: str) -> None:
    """Each kind of table has a method of its own for that."""
    with pytest.raises(RecordsExpected) as caught:
        dataset.add_sequences(table)  # type: ignore[arg-type]

    assert method in caught.value.hint
    assert 1 == dataset.add_sequences(eval(f"table.{method}", {"table": table})).added


def test_a_missing_sequence_is_told_without_a_file(dataset: Dataset) -> None:
    """The names that there are help to see the slip."""
    with pytest.raises(MissingColumn, match="among the records") as caught:
        dataset.add_sequences([{"seq": "ACGT"}])

    assert "seq" in caught.value.hint
