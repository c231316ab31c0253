"""``usr attach`` as it is typed: values that survive, keys that do not, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.overlays import ids_of, write_overlay
from support.tables import read_csv, write_csv
from support.tree import assert_unchanged

DS = "ns/base"


@pytest.fixture
def ids(seeded: Usr) -> list[str]:
    """The ids of the six records, in order."""
    return ids_of(seeded.path(DS))


def attach(usr: Usr, file: Path, *options: str, key: str = "id", namespace: str = "mock") -> str:
    return usr.ok("attach", DS, "--path", file, "--namespace", namespace, "--key", key, *options).out


def refused(usr: Usr, code: int, file: Path, *options: str, key: str = "id", namespace: str = "mock") -> str:
    """Attach `file`, expect exit code `code` and an unchanged root, and return what was said."""
    with assert_unchanged(usr.root):
        return usr.refuses(code, "attach", DS, "--path", file, "--namespace", namespace, "--key", key, *options).err


def column(usr: Usr, name: str) -> list[object]:
    """Return a column of the merged view, exact."""
    return [row[name] for row in usr.ok("head", DS, "--format", "json", "--columns", name).data]


class TestWhatIsSaid:
    def test_columns_records_and_rows_left_out(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """The event's metrics are the same numbers."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1], [ids[3], 2], ["f" * 40, 3]])
        out = attach(seeded, file, "--allow-missing")

        assert "attached mock__score to 2 records of ns/base (1 row matched no record)\n" == out
        event = seeded.events(DS)[-1]
        assert (3, 2, 1, 2) == tuple(
            event["metrics"][name] for name in ("rows_read", "rows_matched", "rows_missing", "rows_written")
        )
        (part,) = event["artifacts"]["added"]
        assert part["size_bytes"] == event["metrics"]["bytes"] == (seeded.path(DS) / part["path"]).stat().st_size

    def test_rows_without_a_value_are_no_attachment(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """They are counted apart; where no row has a value there is no part and no event, however often it is tried."""
        empty = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], ""], [ids[3], ""]])
        mixed = write_csv(tmp_path / "b.csv", ["id", "score"], [[ids[0], ""], [ids[3], "nan"], ["f" * 40, 1]])
        with assert_unchanged(seeded.root):
            said = attach(seeded, empty), attach(seeded, empty, "--allow-overwrite")

        assert ("nothing attached to ns/base: 2 rows have no value\n",) * 2 == said
        assert "attached mock__score to 1 record of ns/base (1 row matched no record, 1 row has no value)\n" == attach(
            seeded, mixed, "--allow-missing"
        )

    def test_deleted_records_that_get_values_are_told(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """A warning counts those with a value, and so does the event; nothing is said of live ones."""
        seeded.ok("delete", DS, "--id", ids[0], "--id", ids[1])
        rows = [[ids[0], 1], [ids[1], ""], [ids[2], 2]]
        way = ("--namespace", "mock", "--key", "id")
        file = write_csv(tmp_path / "a.csv", ["id", "score"], rows)
        said = seeded.ok("attach", DS, "--path", file, *way)

        assert "1 record of them is deleted; `usr restore` brings it back" in said.err
        assert 1 == seeded.events(DS)[-1]["metrics"]["rows_deleted"]
        live = write_csv(tmp_path / "b.csv", ["id", "score"], [[ids[3], 1]])
        assert "" == seeded.ok("attach", DS, "--path", live, *way).err

    def test_nothing_that_matches_is_no_change(self, seeded: Usr, tmp_path: Path):
        """With --allow-missing, but without a match, there is no part and no event."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [["f" * 40, 3]])
        with assert_unchanged(seeded.root):
            out = attach(seeded, file, "--allow-missing")

        assert "nothing attached to ns/base: 1 row matched no record\n" == out

    def test_a_note_goes_into_meta_md(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """In the same change."""
        attach(seeded, write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]]), "--note", "from the plate reader")

        assert "from the plate reader" in (seeded.path(DS) / "meta.md").read_text(encoding="utf-8")


class TestAgain:
    def test_attach_again_once_parts_exist(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Three attachments are three parts; a newer value wins and a missing one hides nothing."""
        for number, rows in enumerate([[(0, 1), (1, 2)], [(1, 20), (2, 30)], [(2, None), (3, 4)]]):
            file = write_csv(tmp_path / f"{number}.csv", ["id", "score"], [[ids[row], value] for row, value in rows])
            attach(seeded, file, "--allow-overwrite")

        assert [1.0, 20.0, 30.0, 4.0, None, None] == column(seeded, "mock__score")
        assert 3 == seeded.ok("info", DS, "--format", "json").data["namespaces"][0]["files"]

    def test_an_older_writers_single_file_becomes_the_first_part(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """In the same change; its values stay, and file beside folder never arises."""
        single = seeded.path(DS) / "_derived" / "mock.parquet"
        write_overlay(single, "mock", {"id": pa.array(ids[:2]), "mock__score": pa.array([1.0, 2.0])})
        attach(seeded, write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[1], 20]]), "--allow-overwrite")

        assert not single.exists()
        assert 2 == len(list((seeded.path(DS) / "_derived" / "mock").glob("part-*.parquet")))
        assert [1.0, 20.0] == column(seeded, "mock__score")[:2]

    def test_a_value_that_is_there_needs_allow_overwrite(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """In an overlay, and materialized; a file for other records needs nothing."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]])
        attach(seeded, file)
        attach(seeded, write_csv(tmp_path / "b.csv", ["id", "score"], [[ids[0], None], [ids[1], 2]]))
        both = write_csv(tmp_path / "c.csv", ["id", "score"], [[ids[2], 3], [ids[1], 20], [ids[0], 10]])

        for prepare in ((), ("materialize", DS, "--drop-overlays")):
            if prepare:
                seeded.ok(*prepare)
            err = refused(seeded, 1, both)
            assert "c.csv: 2 values can't be attached" in err
            assert f"row 2, mock__score: {ids[1]} has 2.0, the file 20.0\n" in err
            assert f"row 3, mock__score: {ids[0]} has 1.0, the file 10.0\n" in err
        attach(seeded, both, "--allow-overwrite")
        assert [10.0, 20.0, 3.0] == column(seeded, "mock__score")[:3]


class TestValues:
    def test_digits_and_texts_survive(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Large integers beside gaps keep each digit; '007', 'NA' and 'nan' stay texts."""
        rows = [[ids[0], 9007199254740993, "007"], [ids[1], None, "NA"], [ids[2], -(2**63), "nan"], [ids[3], 1, "INF"]]
        attach(seeded, write_csv(tmp_path / "a.csv", ["id", "count", "tag"], rows))

        assert [9007199254740993, None, -(2**63), 1] == column(seeded, "mock__count")[:4]
        assert ["007", "NA", "nan", "INF"] == column(seeded, "mock__tag")[:4]

    def test_keys_may_be_called_nan_and_none(self, registered: Usr, tmp_path: Path):
        """The peptides NAN and NNNE, and a key column of that name, are keys as any other."""
        registered.ok("init", DS)
        peptides = write_csv(tmp_path / "p.csv", ["sequence"], [["NAN"], ["nan"], ["NA"]])
        registered.ok("import", DS, "--path", peptides, "--bio-type", "protein", "--alphabet", "protein_20")
        file = write_csv(tmp_path / "a.csv", ["none", "score"], [["nan", 1], ["NA", 2], ["NAN", 3]])
        attach(registered, file, "--key-col", "none", key="sequence")

        assert [3.0, 1.0, 2.0] == column(registered, "mock__score")

    @pytest.mark.parametrize("backend", ["pyarrow", "duckdb"])
    def test_a_fixed_size_list_with_nulls(self, seeded: Usr, tmp_path: Path, ids: list[str], backend: str):
        """Rows that are null, and items that are, keep their place and their type by either backend."""
        seeded.ok("namespace", "register", "vec", "--columns", "vec__v:fixed_size_list<float32>[2]")
        kind = pa.list_(pa.float32(), 2)
        file = tmp_path / "v.parquet"
        pq.write_table(pa.table({"id": ids[:3], "v": pa.array([[1, 2], None, [None, 0.1]], kind)}), file)
        attach(seeded, file, "--backend", backend, namespace="vec")

        assert [[1.0, 2.0], None, [None, 0.1]] == column(seeded, "vec__v")[:3]
        (part,) = (seeded.path(DS) / "_derived" / "vec").iterdir()
        assert pq.ParquetFile(part).schema_arrow.field("vec__v").type.list_size == 2

    def test_no_parse_json_refuses_text_for_a_nested_column(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Text stays text, and a list is none."""
        file = write_csv(tmp_path / "a.csv", ["id", "vec"], [[ids[0], "[1, 2]"]])

        assert "mock__vec" in refused(seeded, 1, file, "--no-parse-json")

    def test_a_list_exported_to_csv_can_be_attached_again(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Export to CSV, attach that, and every item is the same."""
        attach(seeded, write_csv(tmp_path / "a.csv", ["id", "vec"], [[ids[0], "[0.1, 1e-300, null]"], [ids[1], "[]"]]))
        out = tmp_path / "o.csv"
        seeded.ok("export", DS, "--fmt", "csv", "--columns", "id,mock__vec", "--out", out)
        attach(seeded, out, "--allow-overwrite")

        assert [[0.1, 1e-300, None], []] == column(seeded, "mock__vec")[:2]
        assert 6 == len(read_csv(out))

    def test_the_part_is_in_the_bases_order(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Whatever order the file has, and keyed by id whatever its key was."""
        sequences = [row["sequence"] for row in seeded.ok("head", DS, "--format", "json").data]
        rows = [[sequences[row], row] for row in (5, 0, 3)]
        attach(seeded, write_csv(tmp_path / "a.csv", ["sequence", "score"], rows), key="sequence")

        (part,) = (seeded.path(DS) / "_derived" / "mock").iterdir()
        assert [ids[0], ids[3], ids[5]] == pq.ParquetFile(part).read().column("id").to_pylist()


class TestBadInput:
    def test_an_unknown_key_kind(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Exit 2, with the four that there are, before the file's columns are looked at."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]])

        assert "sequence_ci" in refused(seeded, 2, file, key="length")

    def test_an_unknown_backend(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Exit 2."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]])

        assert "--backend sqlite" in refused(seeded, 2, file, "--backend", "sqlite")

    def test_the_duckdb_backend_on_a_csv(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Exit 2: it is for Parquet files."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]])

        assert "Parquet" in refused(seeded, 2, file, "--backend", "duckdb")

    def test_no_key(self, seeded: Usr, tmp_path: Path):
        """Exit 2: it has to be said."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [])
        result = seeded.refuses(2, "attach", DS, "--path", file, "--namespace", "mock")

        assert "--key" in result.err

    def test_a_key_that_matches_nothing(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Row, column and value are told, and the base's bytes are as before."""
        err = refused(seeded, 1, write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1], ["f" * 40, 2]]))

        assert all(fact in err for fact in ("a.csv", "row: 2", "column: id", "f" * 40, "--allow-missing"))

    def test_a_repeated_key(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Both rows are told."""
        err = refused(
            seeded, 1, write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1], [ids[1], 2], [ids[0], 3]])
        )

        assert "row: 3" in err
        assert "same key as row: 1" in err

    def test_an_empty_key(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """Its row is told, with --allow-missing too."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1], ["  ", 2]])

        assert "row: 2" in refused(seeded, 1, file, "--allow-missing")

    @pytest.mark.parametrize(
        ("name", "value"), [("score", "1,5"), ("count", "1.5"), ("count", "9223372036854775808"), ("flag", "perhaps")]
    )
    def test_a_value_of_another_type(self, seeded: Usr, tmp_path: Path, ids: list[str], name: str, value: str):
        """File, row, column and value are told."""
        err = refused(seeded, 1, write_csv(tmp_path / "a.csv", ["id", name], [[ids[0], None], [ids[1], value]]))

        assert all(fact in err for fact in ("a.csv", "row: 2", f"column: mock__{name}", value, "hint: "))

    def test_a_list_of_the_wrong_length(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """A fixed_size_list takes no other length."""
        seeded.ok("namespace", "register", "vec", "--columns", "vec__v:fixed_size_list<float32>[2]")
        file = write_csv(tmp_path / "a.csv", ["id", "v"], [[ids[0], "[1, 2]"], [ids[1], "[1, 2, 3]"]])

        assert "row: 2" in refused(seeded, 1, file, namespace="vec")

    def test_an_unregistered_namespace(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """And one whose columns are others."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]])

        assert "ghost" in refused(seeded, 3, file, namespace="ghost")

    @pytest.mark.parametrize("namespace", ["usr", "usr_state"])
    def test_a_reserved_namespace(self, seeded: Usr, tmp_path: Path, ids: list[str], namespace: str):
        """Both are refused."""
        file = write_csv(tmp_path / "a.csv", ["id", "masked"], [[ids[0], "true"]])

        assert namespace in refused(seeded, 1, file, namespace=namespace)

    def test_a_file_beside_a_folder(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """One namespace in two places stops every command that would read it."""
        file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[0], 1]])
        attach(seeded, file)
        content = {"id": pa.array(ids), "mock__score": pa.array([9.0] * 6)}
        write_overlay(seeded.path(DS) / "_derived" / "mock.parquet", "mock", content)

        assert "_derived/mock.parquet" in refused(seeded, 1, file, "--allow-overwrite")
        for command in (
            ["info"],
            ["head"],
            ["schema"],
            ["materialize"],
            ["export", "--fmt", "csv", "--out", str(tmp_path / "o")],
        ):
            with assert_unchanged(seeded.root):
                assert "USR-OVERLAY-001" in seeded.refuses(1, command[0], DS, *command[1:]).err

    def test_json_of_a_bad_shape(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """What is not JSON is told with its row."""
        file = write_csv(tmp_path / "a.csv", ["id", "vec"], [[ids[0], json.dumps([1])], [ids[1], "[1, 2"]])

        assert "row: 2" in refused(seeded, 1, file)

    @pytest.mark.parametrize(
        "keys",
        [
            pa.array([b"\xff\xfe"]),
            pa.array([["a"]]),
            pa.array([{"a": "b"}]),
        ],
        ids=["binary", "list", "struct"],
    )
    def test_a_key_column_that_is_no_text(self, seeded: Usr, tmp_path: Path, keys: pa.Array):
        """It is named."""
        pq.write_table(pa.table({"id": keys, "score": [1.0]}), tmp_path / "a.parquet")

        assert "USR-ATTACH-010" in refused(seeded, 1, tmp_path / "a.parquet")


class TestImporter:
    def test_is_named_where_the_ending_says_nothing(self, seeded: Usr, tmp_path: Path) -> None:
        """``--from csv`` reads a file of any name, as for import."""
        first = ids_of(seeded.path(DS))[0]
        (tmp_path / "scores.txt").write_text(f"id,score\n{first},1.5\n")
        words = ["attach", DS, "--path", tmp_path / "scores.txt", "--namespace", "mock", "--key", "id"]
        seeded.refuses(4, *words)
        seeded.ok(*words, "--from", "csv")

        assert "1.5" in seeded.ok("head", DS, "--columns", "mock__score").out

    def test_beside_a_writer_is_refused(self, seeded: Usr, tmp_path: Path) -> None:
        """One of them reads the file."""
        with assert_unchanged(seeded.root):
            result = seeded.refuses(2, "attach", DS, "--path", tmp_path / "x", "--writer", "opal", "--from", "csv")

        assert "--from or --writer" in result.err


class TestMap:
    """``--map COLUMN=NAME``: columns whose names in the file are others."""

    @pytest.fixture
    def plate(self, tmp_path: Path, ids: list[str]) -> Path:
        """A column that can't be registered under its name, and two that are, with values of the other's kind."""
        rows = [[ids[0], 0.5, "a", 7], [ids[3], 0.7, "b", 8]]
        return write_csv(tmp_path / "plate.csv", ["id", "OD 600", "tag", "count"], rows)

    def test_a_column_of_another_name(self, seeded: Usr, plate: Path):
        """It comes beside those that have their own names, and the event says so."""
        attach(seeded, plate, "--map", "score=OD 600")

        assert [0.5, None, None, 0.7, None, None] == column(seeded, "mock__score")
        assert ["a", "b"] == [tag for tag in column(seeded, "mock__tag") if tag]
        assert {"score": "OD 600"} == seeded.events(DS)[-1]["args"]["map"]

    def test_what_fills_another_column_does_not_fill_its_own(self, seeded: Usr, plate: Path):
        """The prefix may stand before the column; columns may change places."""
        attach(seeded, plate, "--map", "mock__score=count", "--map", "tag=OD 600")

        assert [7.0, 8.0] == [score for score in column(seeded, "mock__score") if score]
        assert ["0.5", "0.7"] == [tag for tag in column(seeded, "mock__tag") if tag]
        assert "mock__count" not in seeded.ok("head", DS).out

    def test_beside_columns_and_repeats(self, seeded: Usr, tmp_path: Path, ids: list[str]):
        """A function of repeated rows sees the mapped values; other columns are left out."""
        rows = [[ids[0], 1, "a"], [ids[0], 2, "b"]]
        file = write_csv(tmp_path / "a.csv", ["id", "Signal", "tag"], rows)
        attach(seeded, file, "--map", "score=Signal", "--columns", "score", "--repeats", "mean")

        assert 1.5 == column(seeded, "mock__score")[0]
        assert "mock__tag" not in seeded.ok("head", DS).out

    @pytest.mark.parametrize(
        "code, options, said",
        [
            (1, ["--map", "score=OD600"], "Did you mean 'OD 600'?"),
            (1, ["--map", "sore=OD 600"], "not registered"),
            (1, ["--map", "count=OD 600"], "0.5"),
            (1, ["--map", "tag=id"], "is the key column"),
            (2, ["--map", "score"], "--map"),
            (2, ["--map", "score=OD 600", "--map", "score=tag"], "twice"),
            (2, ["--map", "score=OD 600", "--map", "mock__score=tag"], "twice"),
            (2, ["--map", "score=OD 600", "--writer", "infer"], "--writer"),
        ],
    )
    def test_what_can_not_be_meant(self, seeded: Usr, plate: Path, code: int, options: list[str], said: str):
        """It is refused, and nothing changes."""
        assert said in refused(seeded, code, plate, *options)
