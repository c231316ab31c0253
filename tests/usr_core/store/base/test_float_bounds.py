"""Columns of floats carry no minimum and maximum, whatever wrote them, so that other readers find the rows with NaN."""

from __future__ import annotations

import math
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core import Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.base.append import BaseWriter

COLUMNS = [
    ("lab__d", "float64"), ("lab__f", "float32"), ("lab__h", "float16"), ("lab__n", "int64"),
    ("lab__l", "list<float64>"), ("lab__s", "struct<x:float32,y:int64>"),
]  # fmt: skip
NAN = math.nan
STRUCT = pa.struct([("x", pa.float32()), ("y", pa.int64())])
SEQUENCES = ["ACGT", "ACGA", "ACGC", "ACGG", "ACTT", "ACTA"]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    register_namespace(tmp_path, "lab", COLUMNS)
    dataset = Dataset.open(tmp_path, "d").init()
    dataset.add_sequences([{"sequence": sequence} for sequence in SEQUENCES])
    return dataset


def values(numbers: list[float]) -> dict[str, object]:
    return {
        "lab__d": pa.array(numbers, pa.float64()),
        "lab__f": pa.array(numbers, pa.float32()),
        "lab__h": pa.array(numbers, pa.float16()),
        "lab__n": pa.array(range(len(numbers)), pa.int64()),
        "lab__l": pa.array([[number] for number in numbers], pa.list_(pa.float64())),
        "lab__s": pa.array(
            [{"x": number, "y": 1} for number in numbers], pa.struct([("x", pa.float32()), ("y", pa.int64())])
        ),
    }


def write_values(dataset: Dataset, numbers: list[float]) -> None:
    ids = dataset.to_arrow(columns=["id"]).column("id").combine_chunks()
    dataset.write_overlay("lab", pa.table({"id": ids[: len(numbers)], **values(numbers)}))


def float_bounds(path: Path) -> list[str]:
    """Return the columns of floats that have a minimum or maximum, in the footer or in an index of pages."""
    metadata = pq.read_metadata(path)
    found = []
    for group in range(metadata.num_row_groups):
        for index in range(metadata.num_columns):
            column = metadata.row_group(group).column(index)
            name = column.path_in_schema
            if name.startswith(("lab__d", "lab__f", "lab__h", "lab__l", "lab__s.x")):
                bounds = column.statistics is not None and column.statistics.has_min_max
                found += [name] if bounds or column.has_column_index else []
    return found


def nan_rows(path: Path, name: str = "lab__d") -> int:
    ((found,),) = duckdb.sql(f"select count(*) from '{path}' where isnan({name})").fetchall()
    return int(found)


def parquet_files(dataset: Dataset) -> list[Path]:
    return sorted(dataset.path.rglob("*.parquet"))


class TestWriters:
    def test_parts_compaction_base_and_export(self, dataset: Dataset, tmp_path: Path) -> None:
        """Each of them is found by DuckDB, and the whole numbers beside them keep their bounds."""
        write_values(dataset, [1.0, NAN, 2.0])
        (part,) = (dataset.path / "_derived/lab").glob("*.parquet")
        assert (1, 1, [], 2) == (nan_rows(part), nan_rows(part, "lab__f"), float_bounds(part), whole_maximum(part))

        write_values(dataset, [NAN, 3.0])
        with dataset.maintenance("test"):
            dataset.compact_overlay("lab")
            dataset.materialize()
        out = dataset.export(tmp_path / "out.parquet", fmt="parquet").path

        files = [*parquet_files(dataset), out]
        assert len(files) >= 3
        assert [[]] * len(files) == [float_bounds(file) for file in files]
        assert [1, 1] == [nan_rows(dataset.path / "records.parquet"), nan_rows(out)]

    def test_an_append_to_a_materialized_base(self, dataset: Dataset) -> None:
        """The groups that are copied and those that are new have none."""
        write_values(dataset, [1.0, NAN, 2.0])
        with dataset.maintenance("test"):
            dataset.materialize()
        dataset.add_sequences([{"sequence": "TTTT"}])

        assert ([], 1) == (float_bounds(dataset.path / "records.parquet"), nan_rows(dataset.path / "records.parquet"))

    def test_sessions(self, dataset: Dataset) -> None:
        """Values that come with records."""
        with dataset.writer(namespaces=["lab"]) as writer:
            writer.add([{"sequence": "GGGG"}, {"sequence": "GGGC"}], {"lab": [{"d": NAN}, {"d": 1.0}]})

        files = parquet_files(dataset)
        (part,) = (file for file in files if "_derived" in file.parts)
        assert 1 == nan_rows(part)
        assert [[]] * len(files) == [float_bounds(file) for file in files]


class TestOlderBases:
    def test_an_older_base_with_bounds_is_encoded_anew(self, dataset: Dataset, tmp_path: Path) -> None:
        """An append does not carry its bounds along; its values stay as they are."""
        write_values(dataset, [1.0, NAN, 2.0])
        with dataset.maintenance("test"):
            dataset.materialize()
        table = pq.read_table(dataset.path / "records.parquet")
        older = tmp_path / "older.parquet"
        pq.write_table(table, older, write_statistics=True)
        assert float_bounds(older)

        with BaseWriter(tmp_path / "new.parquet", existing=older, metadata={}, join_small_groups=False) as writer:
            writer.finish()

        assert 0 == writer.copied_groups
        assert ([], 1) == (float_bounds(tmp_path / "new.parquet"), nan_rows(tmp_path / "new.parquet"))
        assert str(table.to_pydict()) == str(pq.read_table(tmp_path / "new.parquet").to_pydict())


def whole_maximum(path: Path) -> object:
    metadata = pq.read_metadata(path)
    index = pq.ParquetFile(path).schema_arrow.names.index("lab__n")
    return metadata.row_group(0).column(index).statistics.max
