"""SQL over the merged view: results, types, what is read, errors."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from support.reading import damage_column, make_dataset, open_files
from support.view_datasets import WHEN
from usr_core.store.questions.errors import SqlFailed
from usr_core.store.questions.sql import run_sql


class TestResults:
    def test_merged_values_of_live_records(self, tmp_path: Path) -> None:
        """The table `records` is the merged view, without what is deleted."""
        dataset, _ = make_dataset(tmp_path, 5, columns={"mock__n": pa.array([1, 2, None, 4, 5])}, deleted=[4])

        result = dataset.sql("select count(*), sum(mock__n), count(mock__n) from records")

        assert [(4, 7, 3)] == result.fetchall()

    def test_every_form_of_a_result(self, tmp_path: Path) -> None:
        """Arrow, tuples, pandas, Polars and a stream have the same rows, as often as they are asked for."""
        dataset, ids = make_dataset(tmp_path, 3)

        result = dataset.sql("select id, length from records order by id")

        assert sorted(ids) == [row[0] for row in result.fetchall()] == [row[0] for row in result.fetchall()]
        assert sorted(ids) == result.to_arrow()["id"].to_pylist()
        assert sorted(ids) == result.df()["id"].tolist() == result.to_pandas()["id"].tolist()
        assert sorted(ids) == result.pl()["id"].to_list()
        assert sorted(ids) == pa.table(result)["id"].to_pylist()
        assert (["id", "length"], 3, sorted(ids)[0]) == (result.columns, len(result), (result.fetchone() or ("",))[0])

    def test_a_column_that_is_misspelled_is_offered(self, tmp_path: Path) -> None:
        """The column that is meant stands before where to look for all of them."""
        dataset, _ = make_dataset(tmp_path, 3)
        with pytest.raises(SqlFailed) as caught:
            dataset.sql("select lenght from records")

        assert (caught.value.hint or "").startswith("Did you mean length? Select from `records`")

    def test_parameters(self, tmp_path: Path) -> None:
        """By position and by name; values are never part of the text."""
        dataset, ids = make_dataset(tmp_path, 3)

        assert [(ids[1],)] == dataset.sql("select id from records where id = ?", [ids[1]]).fetchall()
        assert [(ids[2],)] == dataset.sql("select id from records where id = $one", {"one": ids[2]}).fetchall()

    @pytest.mark.parametrize(
        "statement, expected",
        [
            ("select count(*) from records", 40),
            ("select count(*) from records a join records b using (id) where a.mock__n = b.mock__n", 40),
            ("with x as (select * from records) select sum(mock__n) from x", 780),
            ("select sum(n) from (select * exclude (sequence), mock__n + 0 as n from records)", 780),
            ("select count(*) from (select id from records union all select sequence from records)", 80),
            ("select max(mock__n) from records where id in (select id from records where mock__n < 7)", 6),
            ("select count(columns('mock__.*')) from records", 40),
            ("select count(*) from records where exists (select 1 from records r where r.mock__n = 39)", 40),
            ("select 7", 7),
        ],
    )
    def test_statements_that_scan_in_several_ways(self, tmp_path: Path, statement: str, expected: int) -> None:
        """Joins, subqueries and stars see all columns and all rows."""
        dataset, _ = make_dataset(tmp_path, 40, columns={"mock__n": pa.array(range(40))}, row_group_size=7)

        assert [(expected,)] == dataset.sql(statement).fetchall()

    def test_a_statement_without_rows(self, tmp_path: Path) -> None:
        """A setting gives an empty result, not an error."""
        dataset, _ = make_dataset(tmp_path, 2)

        assert [] == dataset.sql("set threads = 1").fetchall()

    def test_an_empty_dataset(self, tmp_path: Path) -> None:
        """It has a table of no rows with all columns."""
        dataset, _ = make_dataset(tmp_path, 0)

        assert [(0,)] == dataset.sql("select count(*) from records").fetchall()
        assert 7 == len(dataset.sql("select * from records").columns)


class TestTypes:
    def test_what_is_kept_and_what_is_not(self, tmp_path: Path) -> None:
        """float16 is float32, and a zone is UTC; nested types, vectors and wide integers keep theirs."""
        columns = {
            "mock__h": pa.array([1.5, None], pa.float32()).cast(pa.float16()),
            "mock__v": pa.array([[1, 2], None], pa.list_(pa.float32(), 2)),
            "mock__l": pa.array([[{"x": 1}], None], pa.list_(pa.struct([("x", pa.int8())]))),
            "mock__u": pa.array([2**64 - 1, None], pa.uint64()),
            "mock__y": pa.array([b"\xff", None]),
            "mock__z": pa.array([1, None], pa.int64()).cast(pa.timestamp("us", "Europe/Zurich")),
            "mock__t": pa.array([1, None], pa.int64()).cast(pa.timestamp("ns")),
        }
        dataset, _ = make_dataset(tmp_path, 2, columns=columns)

        result = dataset.sql("select * from records").to_arrow()

        changed = {"mock__h": pa.float32(), "mock__z": pa.timestamp("us", "UTC")}
        for name, values in columns.items():
            assert changed.get(name, values.type) == result.schema.field(name).type, name
            assert result[name].cast(values.type).combine_chunks() == values, name

    def test_times_are_in_utc_whatever_the_machine_s_zone_is(self, tmp_path: Path) -> None:
        """Also as Python values."""
        dataset, _ = make_dataset(tmp_path, 1)

        result = dataset.sql("select created_at, created_at::date from records")

        assert pa.timestamp("us", "UTC") == result.to_arrow().schema.field(0).type
        assert [(WHEN, datetime(2026, 1, 2, tzinfo=UTC).date())] == result.fetchall()


class TestReading:
    def test_only_the_columns_of_the_plan_are_read(self, tmp_path: Path) -> None:
        """Damage in a column that the statement does not need is not noticed."""
        dataset, _ = make_dataset(tmp_path, 100)
        damage_column(dataset.path / "records.parquet", "sequence")

        result = dataset.sql("select count(id), max(length) from (select *, lower(sequence) from records)")

        assert [(100, 12)] == result.fetchall()

    def test_a_damaged_page_is_our_error(self, tmp_path: Path) -> None:
        """What the stream raised is raised, and not DuckDB's account of it."""
        dataset, _ = make_dataset(tmp_path, 100)
        damage_column(dataset.path / "records.parquet", "sequence")

        with pytest.raises(ValueError, match=r"records\.parquet can't be read"):
            dataset.sql("select max(sequence) from records")

    def test_nothing_stays_open_or_behind(self, tmp_path: Path) -> None:
        """Neither files of the dataset nor spilled ones, also after a limit or an error."""
        root, spill = tmp_path / "root", tmp_path / "spill"
        root.mkdir()
        spill.mkdir()
        dataset, _ = make_dataset(root, 5_000, row_group_size=100)
        code = (
            "import os, sys; from usr_core import Dataset\n"
            f"ds = Dataset.open({str(dataset.ref.root)!r}, 'd')\n"
            "ds.sql('select * from records limit 1')\n"
            "try: ds.sql('select nope from records')\n"
            "except ValueError: pass\n"
            "print(sum(os.readlink(f'/proc/self/fd/{n}').endswith('.parquet') for n in (3, 4, 5, 6, 7, 8, 9)"
            " if os.path.lexists(f'/proc/self/fd/{n}')), 'pyarrow.dataset' in sys.modules)"
        )

        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "TMPDIR": str(spill)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

        assert ("0 False\n", "") == (done.stdout, done.stderr)
        assert [] == list(spill.iterdir())
        assert {"root", "spill"} == {entry.name for entry in tmp_path.iterdir()}

    def test_a_sort_larger_than_its_memory_spills(self, tmp_path: Path) -> None:
        """A small limit makes it slower, not wrong."""
        rows = 60_000
        dataset, ids = make_dataset(tmp_path, rows, row_group_size=20_000)

        with dataset.view() as view:
            table = run_sql(view, "select id, sequence from records order by id", memory_limit="40MB")

        assert sorted(ids) == table["id"].to_pylist()


class TestErrors:
    @pytest.mark.parametrize(
        "statement",
        [
            "selec 1",
            "select nope from records",
            "select 1; select 2",
            "",
            "select * from nothing",
            "select * from statement",
            "select * from table",
            "select 1/'x'",
        ],
    )
    def test_what_duckdb_refuses(self, tmp_path: Path, statement: str) -> None:
        """It is one typed error, and no file stays open."""
        dataset, _ = make_dataset(tmp_path, 2)

        with pytest.raises(SqlFailed):
            dataset.sql(statement)
        assert [] == open_files(tmp_path)
