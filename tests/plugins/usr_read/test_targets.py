"""``usr head`` and ``usr export`` on files and folders."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, run_usr
from support.overlays import ids_of, write_overlay
from support.tree import assert_unchanged

DS = "ns/base"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two Parquet files and nothing of a dataset."""
    place = tmp_path / "plain"
    place.mkdir()
    for name in ("events_a", "events_b"):
        table = pa.table({"name": pa.array([name, None]).dictionary_encode(), "n": pa.array([1, 2], pa.int16())})
        pq.write_table(table, place / f"{name}.parquet")
    return place


class TestHead:
    def test_the_only_file_of_the_current_folder(self, folder: Path):
        """No target and no root are needed."""
        (folder / "events_b.parquet").unlink()

        with assert_unchanged(folder):
            rows = run_usr("head", "--format", "json", cwd=folder).data

        assert [{"name": "events_a", "n": 1}, {"name": None, "n": 2}] == rows
        assert rows == run_usr("head", ".", "--format", "json", cwd=folder).data

    def test_several_files(self, folder: Path):
        """A glob selects one; without it they are listed."""
        assert "events_b" in run_usr("head", str(folder), "--glob", "*_b.parquet").out
        refused = run_usr("head", str(folder))
        assert (2, True) == (refused.rc, "--glob" in refused.err)

    def test_a_dataset_s_folder_is_the_merged_dataset(self, seeded: Usr):
        """And its base file is the file."""
        tags = {"id": pa.array(ids_of(seeded.path(DS))), "mock__tag": pa.array(["tagged"] * 6)}
        write_overlay(seeded.path(DS) / "_derived" / "mock.parquet", "mock", tags)

        assert "tagged" in seeded.ok("head", seeded.path(DS)).out
        assert "tagged" in seeded.ok("head", ".", cwd=seeded.path(DS) / "_derived").out
        assert "tagged" not in seeded.ok("head", "records.parquet", cwd=seeded.path(DS)).out

    @pytest.mark.parametrize("option", [["--include-deleted"], ["--namespaces", "mock"]])
    def test_a_file_has_neither_overlays_nor_deleted_rows(self, folder: Path, option: list[str]):
        """Asking for them is wrong usage."""
        assert 2 == run_usr("head", "events_a.parquet", *option, cwd=folder).rc


class TestExport:
    @pytest.mark.parametrize(
        "fmt, text",
        [("csv", "name,n\nevents_a,1\n,2\n"), ("jsonl", '{"name":"events_a","n":1}\n{"name":null,"n":2}\n')],
    )
    def test_a_file_becomes_another_format(self, folder: Path, tmp_path: Path, fmt: str, text: str):
        """Into a folder it goes under the file's name."""
        with assert_unchanged(folder):
            run_usr("export", "--glob", "*_a*", "--fmt", fmt, "--out", str(tmp_path), cwd=folder)

        assert text == (tmp_path / f"events_a.{fmt}").read_text()

    def test_columns_of_a_file(self, folder: Path, tmp_path: Path):
        """In the order asked for, with their types."""
        out = tmp_path / "out.parquet"

        run_usr("export", str(folder / "events_a.parquet"), "--columns", "n", "--fmt", "parquet", "--out", str(out))

        assert pa.schema([("n", pa.int16())]) == pq.read_schema(out).remove_metadata()

    def test_a_type_that_a_format_can_not_hold(self, tmp_path: Path):
        """It is named, and no file appears."""
        pq.write_table(pa.table({"d": [Decimal("1.5")]}), tmp_path / "t.parquet")

        refused = run_usr("export", "t.parquet", "--fmt", "csv", "--out", "o.csv", cwd=tmp_path)
        kept = run_usr("export", "t.parquet", "--fmt", "parquet", "--out", "o.parquet", cwd=tmp_path)

        assert (1, True, False) == (refused.rc, "decimal128" in refused.err, (tmp_path / "o.csv").exists())
        assert (0, [Decimal("1.5")]) == (kept.rc, pq.read_table(tmp_path / "o.parquet")["d"].to_pylist())

    def test_a_file_may_be_written_over_itself(self, folder: Path):
        """It is read whole before it is replaced."""
        file = folder / "events_a.parquet"

        assert 1 == run_usr("export", file.name, "--fmt", "parquet", "--out", file.name, cwd=folder).rc
        run_usr(
            "export", file.name, "--columns", "n", "--fmt", "parquet", "--out", file.name, "--overwrite", cwd=folder
        )

        assert [1, 2] == pq.read_table(file)["n"].to_pylist()
