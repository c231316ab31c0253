"""``usr head`` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, run_usr
from support.overlays import ids_of, write_overlay, write_tombstones
from support.tree import assert_unchanged

DS = "ns/base"


def shown(usr: Usr, *options: str) -> list[dict[str, object]]:
    data: list[dict[str, object]] = usr.ok("head", DS, "--format", "json", *options).data
    return data


class TestRecords:
    def test_the_first_n_in_the_bases_order(self, seeded: Usr):
        """-n 0 shows none."""
        ids = ids_of(seeded.path(DS))

        assert ids[:2] == [row["id"] for row in shown(seeded, "-n", "2")]
        assert [] == shown(seeded, "-n", "0")

    def test_columns_in_the_order_asked_for(self, seeded: Usr):
        """Only these."""
        assert ["length", "id"] == list(shown(seeded, "--columns", "length,id")[0])

    def test_deleted_records_on_request(self, seeded: Usr):
        """With the three columns that tell about it."""
        write_tombstones(seeded.path(DS), ids_of(seeded.path(DS))[:1])

        assert 5 == len(shown(seeded))
        rows = shown(seeded, "--include-deleted")
        assert (6, True, "a test") == (len(rows), rows[0]["usr__deleted"], rows[0]["usr__deleted_reason"])

    def test_namespaces_chooses_overlays(self, seeded: Usr):
        """Columns of others are not there."""
        for name in ("mock", "other"):
            content = {"id": pa.array(ids_of(seeded.path(DS))), f"{name}__x": pa.array([1.5] * 6)}
            write_overlay(seeded.path(DS) / "_derived" / f"{name}.parquet", name, content)

        assert "other__x" in shown(seeded)[0]
        assert "other__x" not in shown(seeded, "--namespaces", "mock")[0]

    def test_where_keeps_the_records_that_meet_a_condition(self, seeded: Usr):
        """Over any column, also one that is not shown; of a Parquet file too."""
        ids = ids_of(seeded.path(DS))

        for target in (DS, str(seeded.path(DS) / "records.parquet")):
            rows = seeded.ok("head", target, "--where", f"id in ('{ids[4]}', '{ids[2]}')", "--columns", "id").out
            assert [ids[2], ids[4]] == rows.split()[1:]

    def test_a_condition_that_can_not_be_used_is_refused(self, seeded: Usr):
        """With its place."""
        said = seeded.refuses(2, "head", DS, "--where", "length > 1 and getenv('HOME') = 'x'").err

        assert "the function getenv is not allowed in it (at letter 16)" in said

    def test_a_namespace_without_overlay_is_refused(self, seeded: Usr):
        """A name that is typed wrong is not an empty selection."""
        seeded.refuses(3, "head", DS, "--namespaces", "nope")

    def test_json_is_exact(self, seeded: Usr):
        """Whatever the options for people say."""
        content = {
            "id": pa.array(ids_of(seeded.path(DS))[:3]),
            "mock__f": pa.array([0.1 + 0.2, float("nan"), None]),
            "mock__i": pa.array([2**63 - 1, None, 9007199254740993]),
            "mock__t": pa.array(["x" * 200, "", "a\nb"]),
            "mock__l": pa.array([list(range(20)), [], None], pa.list_(pa.int64())),
        }
        write_overlay(seeded.path(DS) / "_derived" / "mock.parquet", "mock", content)
        rows = shown(seeded, "-n", "3", "--max-colwidth", "5", "--max-list-items", "1", "--precision", "2")

        assert [0.30000000000000004, "NaN", None] == [row["mock__f"] for row in rows]
        assert [2**63 - 1, None, 9007199254740993] == [row["mock__i"] for row in rows]
        assert ["x" * 200, "", "a\nb"] == [row["mock__t"] for row in rows]
        assert [list(range(20)), [], None] == [row["mock__l"] for row in rows]

    def test_plain_cells_are_cut_and_ids_are_not(self, seeded: Usr):
        """--raw cuts nothing; control characters are visible in both."""
        content = {"id": pa.array(ids_of(seeded.path(DS))[:1]), "mock__t": pa.array(["\x1b[31m" + "x" * 100])}
        write_overlay(seeded.path(DS) / "_derived" / "mock.parquet", "mock", content)
        cut = seeded.ok("head", DS, "-n", "1", "--max-colwidth", "10", "--columns", "id,mock__t").out
        raw = seeded.ok("head", DS, "-n", "1", "--max-colwidth", "10", "--columns", "id,mock__t", "--raw").out

        identity = ids_of(seeded.path(DS))[0]
        assert f"{identity}  \\x1b[31mx…" == cut.splitlines()[1]
        assert f"{identity}  \\x1b[31m{'x' * 100}" == raw.splitlines()[1]

    def test_an_empty_dataset(self, registered: Usr):
        """An empty list in JSON."""
        registered.ok("init", "ns/new")

        assert [] == registered.ok("head", "ns/new", "--format", "json").data

    def test_an_unknown_column(self, seeded: Usr):
        """Exit 1, with a near name."""
        assert "sequence" in seeded.refuses(1, "head", DS, "--columns", "id,sequenc").err

    @pytest.mark.parametrize(
        "options", [["-n", "-1"], ["--precision", "0"], ["--columns", "id,,length"], ["--max-colwidth", "x"]]
    )
    def test_wrong_usage(self, seeded: Usr, options: list[str]):
        """Exit 2."""
        seeded.refuses(2, "head", DS, *options)


class TestTargets:
    def test_a_datasets_folder(self, seeded: Usr):
        """As a path, and as the current folder with or without a dot."""
        folder = seeded.path(DS)

        for words in ([str(folder)], ["."], []):
            assert 6 == len(run_usr("head", *words, "--format", "json", cwd=folder).data)

    def test_a_parquet_file_is_shown_as_it_is(self, seeded: Usr, tmp_path: Path):
        """Overlays of the dataset around it are not merged in; types that no registry knows are shown too."""
        content = {"id": pa.array(ids_of(seeded.path(DS))), "mock__x": pa.array([1.5] * 6)}
        write_overlay(seeded.path(DS) / "_derived" / "mock.parquet", "mock", content)
        foreign = tmp_path / "foreign.parquet"
        pq.write_table(pa.table({"d": pa.array(["a", None]).dictionary_encode(), "n": [1, 2]}), foreign)

        base = run_usr("head", seeded.path(DS) / "records.parquet", "--format", "json").data
        assert (6, False) == (len(base), "mock__x" in base[0])
        assert [{"n": 1, "d": "a"}] == run_usr("head", foreign, "-n", "1", "--columns", "n,d", "--format", "json").data

    def test_a_file_that_is_no_parquet(self, tmp_path: Path):
        """Named, with exit 1; a missing one with exit 3; one column that it lacks with exit 1."""
        text, whole = tmp_path / "a.parquet", tmp_path / "b.parquet"
        text.write_text("sequence\nACGT\n", encoding="utf-8")
        pq.write_table(pa.table({"n": [1]}), whole)
        with assert_unchanged(tmp_path):
            assert "a.parquet" in Usr(root=tmp_path).refuses(1, "head", text).err
            Usr(root=tmp_path).refuses(3, "head", tmp_path / "absent.parquet")
            Usr(root=tmp_path).refuses(1, "head", whole, "--columns", "m")
            Usr(root=tmp_path).refuses(2, "head", whole, "--namespaces", "mock")
