"""``usr query`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.overlays import ids_of, write_overlay, write_tombstones
from support.tree import assert_unchanged

DS = "ns/base"


@pytest.fixture
def scored(seeded: Usr) -> Usr:
    ids = ids_of(seeded.path(DS))
    content = {"id": pa.array(ids), "mock__n": pa.array([5, 4, None, 2, 1, 0])}
    write_overlay(seeded.path(DS) / "_derived" / "mock" / "part-a.parquet", "mock", content)
    return seeded


class TestTables:
    def test_a_dataset_is_a_table_under_its_id(self, scored: Usr) -> None:
        """With attached values; d is the dataset of -d, and nothing is changed."""
        with assert_unchanged(scored.root):
            for name in ('"ns/base"', "base", "d"):
                found = scored.ok(
                    "query", f"select count(*) as n, sum(mock__n) as s from {name}", "-d", DS, "--format", "json"
                ).data
                assert [{"n": 6, "s": 12}] == found

    def test_deleted_records_are_left_out(self, scored: Usr) -> None:
        """Unless they are asked for."""
        write_tombstones(scored.path(DS), ids_of(scored.path(DS))[:1])

        assert ["n", "5"] == scored.ok("query", "select count(*) as n from base").out.split()
        assert ["n", "6"] == scored.ok("query", "select count(*) as n from base", "--include-deleted").out.split()

    def test_a_dataset_that_is_not_named_is_not_opened(self, scored: Usr) -> None:
        """One that can't be read is in nobody's way."""
        broken = scored.root / "ns" / "broken"
        broken.mkdir()
        (broken / "records.parquet").write_bytes(b"PAR1 no")
        (broken / ".events.log").write_text("")

        scored.ok("query", "select count(*) as n from base")


class TestOutput:
    def test_files_by_their_ending(self, scored: Usr, tmp_path: Path) -> None:
        """Sums of integers are integers again."""
        statement = "select count(*) as n, sum(mock__n) as s, null as e from base"

        for name in ("o.csv", "o.jsonl", "o.parquet"):
            scored.ok("query", statement, "--out", tmp_path / name)

        assert ["n,s,e", "6,12,"] == (tmp_path / "o.csv").read_text().splitlines()
        assert {"n": 6, "s": 12, "e": None} == json.loads((tmp_path / "o.jsonl").read_text())
        assert [{"n": 6, "s": 12, "e": None}] == pq.ParquetFile(tmp_path / "o.parquet").read().to_pylist()

    def test_two_columns_of_one_name_are_refused(self, scored: Usr) -> None:
        """One of them would hide the other."""
        scored.refuses(2, "query", "select 1 as x, 2 as x from base")


class TestRefusals:
    @pytest.mark.parametrize(
        "statement",
        [
            "drop table base",
            "delete from base",
            "copy base to 'out.csv'",
            "attach 'x.db'",
            "set threads = 1",
            "install httpfs",
            "pragma version",
            "select 1; select 2",
            "select 1 +",
            "select * from d",
            "select * from 'registry.yaml'",
            "select * from nothing",
            "select * from read_csv('registry.yaml')",
            "select * from read_text('registry.yaml')",
            "select * from glob('*')",
            "select * from sniff_csv('registry.yaml')",
            "",
        ],
    )
    def test_what_does_more_than_read_the_root_is_refused(self, scored: Usr, statement: str) -> None:
        """Exit code 2, and nothing is changed or made."""
        with assert_unchanged(scored.root):
            scored.refuses(2, "query", statement, cwd=scored.root)

    def test_files_are_read_where_they_are_allowed(self, scored: Usr, tmp_path: Path) -> None:
        """The network is not."""
        file = tmp_path / "x.csv"
        file.write_text("a\n1\n2\n")

        assert ["s", "3"] == scored.ok("query", f"select sum(a) as s from '{file}'", "--allow-files").out.split()
        scored.refuses(1, "query", "select * from 'http://localhost:9/x.csv'", "--allow-files")
