"""``usr cols`` and ``usr cell`` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, run_usr
from support.overlays import ids_of, write_overlay
from support.tree import assert_unchanged

DS = "ns/base"


@pytest.fixture
def attached(seeded: Usr) -> Usr:
    """With a part that has text and vectors for two of the records."""
    columns = {
        "id": pa.array(ids_of(seeded.path(DS))[:2]),
        "mock__tag": pa.array(["a\nb\x1b[0m", "plain"]),
        "mock__vec": pa.array([[0.1, None, float("nan")], []], pa.list_(pa.float64())),
    }
    write_overlay(seeded.path(DS) / "_derived" / "mock" / "part-1.parquet", "mock", columns)
    return seeded


class TestCols:
    def test_a_dataset_is_merged_and_a_file_is_not(self, attached: Usr) -> None:
        """The base file has the base's columns alone."""
        merged = attached.ok("cols", DS, "--format", "json").data
        alone = attached.ok("cols", attached.path(DS) / "records.parquet", "--format", "json").data

        assert {"name": "mock__vec", "type": "list<float64>", "nullable": True, "origin": "overlay"} == merged[-1]
        assert 7 == len(alone)
        assert {"name": "id", "type": "string", "nullable": False, "origin": "file"} == alone[0]

    def test_inside_a_dataset(self, attached: Usr) -> None:
        """The dataset is the default; a file in it is read as it is."""
        inside = attached.path(DS)

        assert "mock__vec" in attached.ok("cols", cwd=inside / "_derived").out
        assert "mock__vec" not in attached.ok("cols", "records.parquet", cwd=inside).out
        assert "mock__vec" in attached.ok("cols", "--glob", "part-*", cwd=inside / "_derived" / "mock").out

    def test_without_a_root(self, tmp_path: Path) -> None:
        """A Parquet file needs none."""
        pq.write_table(pa.table({"x": [1]}), tmp_path / "t.parquet")

        assert "int64" in run_usr("cols", cwd=tmp_path).out
        assert "int64" in run_usr("cols", "t.parquet", cwd=tmp_path).out


class TestCell:
    @pytest.mark.parametrize(
        "row, column, shown",
        [
            (1, "sequence", "TTGACAGGCTAACTGGATAT\n"),
            (5, "length", "20\n"),
            (1, "mock__tag", "plain\n"),
            (0, "mock__tag", "a\\nb\\x1b[0m\n"),
            (2, "mock__tag", "\n"),
            (0, "mock__vec", '[0.1, null, "NaN"]\n'),
        ],
    )
    def test_the_value_alone(self, attached: Usr, row: int, column: str, shown: str) -> None:
        """Text as it is with control characters visible, nested values as JSON, a null as an empty line."""
        assert shown == attached.ok("cell", DS, "--row", str(row), "--col", column).out

    def test_json_is_exact(self, attached: Usr) -> None:
        """The text as it is stored."""
        data = attached.ok("cell", DS, "--row", "0", "--col", "mock__tag", "--format", "json").data

        assert {"row": 0, "column": "mock__tag", "type": "string", "value": "a\nb\x1b[0m"} == data

    @pytest.mark.parametrize("row", ["6", "-1"])
    def test_a_row_outside(self, attached: Usr, row: str) -> None:
        """It is missing, in a dataset and in a file."""
        with assert_unchanged(attached.root):
            attached.refuses(3, "cell", DS, f"--row={row}", "--col", "id")
            attached.refuses(3, "cell", attached.path(DS) / "records.parquet", f"--row={row}", "--col", "id")

    def test_an_unknown_column(self, attached: Usr) -> None:
        """It is named."""
        assert "nope" in attached.refuses(1, "cell", DS, "--row", "0", "--col", "nope").err

    def test_types_that_the_registry_does_not_know(self, tmp_path: Path) -> None:
        """Files may have them; they are shown all the same."""
        table = pa.table(
            {
                "d": pa.array(["x"]).dictionary_encode(),
                "e": pa.array([12_345], pa.int64()).cast(pa.duration("us")),
                "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())),
            }
        )
        pq.write_table(table, tmp_path / "t.parquet")

        shown = [run_usr("cell", "--row", "0", "--col", name, cwd=tmp_path).out for name in "dem"]

        assert ["x\n", "0.012345\n", '[["k", 1]]\n'] == shown
