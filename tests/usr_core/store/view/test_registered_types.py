"""Times in seconds, which Parquet keeps as milliseconds, are shown as what was registered."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow as pa
import pytest

from usr_core import Dataset
from usr_core.registry.store import register_namespace

NOON = dt.datetime(2026, 1, 1, 12)
TYPES = {
    "lab__s": "timestamp[s]",
    "lab__z": "timestamp[s, UTC]",
    "lab__l": "list<struct<t:timestamp[s],n:int8>>",
    "lab__ms": "timestamp[ms]",
}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    register_namespace(tmp_path, "lab", list(TYPES.items()))
    dataset = Dataset.open(tmp_path, "d").init()
    dataset.add_sequences([{"sequence": "ACGT"}, {"sequence": "ACGA"}])
    ids = dataset.to_arrow(columns=["id"]).column("id")[:1]
    values = {
        "lab__s": pa.array([NOON], pa.timestamp("s")),
        "lab__z": pa.array([NOON], pa.timestamp("s", "UTC")),
        "lab__l": pa.array([[{"t": NOON, "n": 1}]], pa.list_(pa.struct([("t", pa.timestamp("s")), ("n", pa.int8())]))),
        "lab__ms": pa.array([NOON], pa.timestamp("ms")),
    }
    dataset.write_overlay("lab", pa.table({"id": ids, **values}))
    return dataset


def shown(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.type for column in dataset.columns() if column.name in TYPES}


class TestSeconds:
    def test_overlay_base_and_a_base_that_was_appended_to(self, dataset: Dataset) -> None:
        """The registered type is told at each stage, and the values with it."""
        for change in ("attached", "materialized", "appended"):
            with dataset.maintenance("test"):
                if change == "materialized":
                    dataset.materialize(drop_overlays=True)
            if change == "appended":
                dataset.add_sequences([{"sequence": "TTTT"}])
            assert TYPES == shown(dataset)
            row = dataset.to_arrow(columns=list(TYPES)).slice(0, 1)
            assert pa.timestamp("s") == row.schema.field("lab__s").type == row.column("lab__l").type.value_type[0].type
            assert [NOON] == row.column("lab__s").to_pylist()
            assert [[{"t": NOON, "n": 1}]] == row.column("lab__l").to_pylist()
            assert row.equals(dataset.head_arrow(1, columns=list(TYPES)))

    def test_exports_have_no_digits_behind_the_second(self, dataset: Dataset, tmp_path: Path) -> None:
        """As the registered type has none."""
        text = dataset.export(tmp_path / "o.csv", fmt="csv", columns=["lab__s", "lab__z", "lab__ms"]).path.read_text()
        lines = dataset.export(tmp_path / "o.jsonl", fmt="jsonl", columns=["lab__l"]).path.read_text().splitlines()

        assert "2026-01-01T12:00:00,2026-01-01T12:00:00Z,2026-01-01T12:00:00.000" == text.splitlines()[1]
        assert {"lab__l": [{"t": "2026-01-01T12:00:00", "n": 1}]} == json.loads(lines[0])

    def test_without_the_frozen_registry_the_file_s_type_is_told(self, dataset: Dataset) -> None:
        """Nothing fails for it."""
        for file in (dataset.path / "_registry").iterdir():
            file.unlink()

        assert "timestamp[ms]" == shown(dataset)["lab__s"]
        assert [NOON, None] == dataset.to_arrow(columns=["lab__s"]).column(0).to_pylist()
