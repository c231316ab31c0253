"""A dataset and a Parquet file answer the same calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.dataset import Dataset
from usr_core.dataset.parquet_table import ParquetTable
from usr_core.dataset.readable import Readable
from usr_core.registry.store import register_namespace


@pytest.fixture(params=["dataset", "file"])
def readable(request: pytest.FixtureRequest, tmp_path: Path) -> Readable:
    """Two records: as a dataset, and as its base taken for a file."""
    register_namespace(tmp_path, "mock", [("mock__x", "float64")])
    dataset = Dataset.open(tmp_path, "two").init()
    dataset.add_sequences([{"sequence": "ACGT"}, {"sequence": "GG"}])
    return dataset if request.param == "dataset" else ParquetTable(dataset.layout.records)


class TestReadable:
    def test_is_read_without_asking_what_it_is(self, readable: Readable) -> None:
        """Rows, columns, first rows and cells come by the same calls, with the options of a view too."""
        head = readable.head_arrow(1, columns=["sequence"], include_deleted=True, namespaces=[])

        assert (2, "id") == (readable.base_rows(), readable.columns()[0].name)
        assert (["ACGT"], "GG") == (head["sequence"].to_pylist(), readable.cell(1, "sequence").as_py())

    def test_is_exported_without_asking_what_it_is(self, readable: Readable, tmp_path: Path) -> None:
        """An export writes every row, and says so."""
        written = readable.export(tmp_path / "out.csv", fmt="csv", columns=["sequence"], namespaces=[])

        assert (2, "sequence\nACGT\nGG\n") == (written.rows, (tmp_path / "out.csv").read_text())
