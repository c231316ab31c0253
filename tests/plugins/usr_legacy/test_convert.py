"""``usr legacy convert`` on exports like DenseGen's old ones."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.cli import Usr
from support.tree import assert_unchanged

DS = "ns/old"
COLUMNS = (
    "densegen__plan:string,densegen__tfbs_parts:list<string>,densegen__random_seed:int64,densegen__gc_total:float64,"
    "densegen__used_tfbs_detail:list<struct<tf:string,tfbs:string,orientation:string,offset:int64>>"
)
ROWS: list[dict[str, Any]] = [
    {
        "id": "5b1c",
        "sequence": "TTGACAGCTAGC",
        "meta_source": "densegen run 1",
        "meta_tfbs_parts": ["lexA:CTGT", "cpxR:GTAA"],
        "densegen__plan": "sigma70",
        "random_seed": 7,
        "gc_total": 0.5,
        "used_tfbs_detail": '[{"tf": "lexA", "tfbs": "CTGT", "orientation": "fwd", "offset": 3}]',
        "meta_sequence_visual": "--->",
    },
    {"id": "77aa", "sequence": "GGGACAGCTAGC", "meta_tfbs_parts": [], "gc_total": 1},
]


@pytest.fixture
def old(usr: Usr) -> Usr:
    """A root with DenseGen's namespace and an empty dataset."""
    usr.ok("namespace", "register", "densegen", "--columns", COLUMNS)
    usr.ok("init", DS)
    return usr


def pt(path: Path, rows: object) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(rows, 2))
    return path


def csv(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def records(usr: Usr) -> list[dict[str, Any]]:
    return list(usr.ok("head", DS, "-n", "99", "--format", "json", "--raw").data)


class TestConvert:
    def test_a_list_of_dicts(self, old: Usr, tmp_path: Path) -> None:
        """Records and values in one event; old ids and unknown names are left out and told."""
        result = old.ok("legacy", "convert", DS, pt(tmp_path / "a.pt", ROWS))
        first, second = records(old)

        assert ["init", "convert_legacy"] == [event["action"] for event in old.events(DS)]
        assert ("TTGACAGCTAGC", "densegen run 1", "sigma70", 7) == (
            first["sequence"],
            first["source"],
            first["densegen__plan"],
            first["densegen__random_seed"],
        )
        assert ["lexA:CTGT", "cpxR:GTAA"] == first["densegen__tfbs_parts"]
        assert [{"tf": "lexA", "tfbs": "CTGT", "orientation": "fwd", "offset": 3}] == first[
            "densegen__used_tfbs_detail"
        ]
        assert ("a.pt", [], 1.0, None) == (
            second["source"],
            second["densegen__tfbs_parts"],
            second["densegen__gc_total"],
            second["densegen__plan"],
        )
        assert "left out columns: id, meta_sequence_visual" in result.err
        old.ok("validate", DS, "--strict")

    def test_a_csv_as_pandas_writes_it(self, old: Usr, tmp_path: Path) -> None:
        """Lists as Python prints them or as JSON, numbers as text, empty cells as nothing."""
        text = (
            "sequence,meta_tfbs_parts,random_seed,gc_total,plan\n"
            "TTGACAGCTAGC,\"['lexA:CTGT', 'cpxR:GTAA']\",7,0.5,sigma70\n"
            'GGGACAGCTAGC,"[""lexA:CTGT""]",,,\n'
        )
        old.ok("legacy", "convert", DS, csv(tmp_path / "a.csv", text))
        first, second = records(old)

        assert (["lexA:CTGT", "cpxR:GTAA"], 7, 0.5) == (
            first["densegen__tfbs_parts"],
            first["densegen__random_seed"],
            first["densegen__gc_total"],
        )
        assert (["lexA:CTGT"], None, None) == (
            second["densegen__tfbs_parts"],
            second["densegen__random_seed"],
            second["densegen__plan"],
        )

    def test_several_files_and_renames(self, old: Usr, tmp_path: Path) -> None:
        """One change for all of them."""
        files = [pt(tmp_path / "a.pt", ROWS[:1]), csv(tmp_path / "b.csv", "seq,seed\nGGGACAGCTAGC,9\n")]
        old.ok("legacy", "convert", DS, *files, "--map", "seq=sequence", "--map", "seed=random_seed")

        assert [7, 9] == [record["densegen__random_seed"] for record in records(old)]
        assert 2 == len(old.events(DS))

    def test_without_the_namespace_records_only(self, usr: Usr, tmp_path: Path) -> None:
        """It says how to get the rest."""
        usr.ok("namespace", "register", "lab", "--columns", "lab__x:bool")
        usr.ok("init", DS)
        result = usr.ok("legacy", "convert", DS, pt(tmp_path / "a.pt", ROWS))

        assert 2 == len(records(usr))
        assert "densegen is not registered" in result.err

    def test_known_records_are_skipped_on_request(self, old: Usr, tmp_path: Path) -> None:
        """Those of the dataset and those of an earlier row; a second run changes nothing at all."""
        path = pt(tmp_path / "a.pt", [*ROWS, ROWS[0]])
        result = old.ok("legacy", "convert", DS, path, "--on-duplicate", "skip")
        with assert_unchanged(old.path(DS)):
            again = old.ok("legacy", "convert", DS, path, "--on-duplicate", "skip")

        assert "added 2 of 3" in result.out and "added 0 of 3" in again.out

    def test_dry_run(self, old: Usr, tmp_path: Path) -> None:
        """It counts."""
        with assert_unchanged(old.root):
            result = old.ok("legacy", "convert", DS, pt(tmp_path / "a.pt", ROWS), "--dry-run")

        assert "would add 2 of 2" in result.out


class TestRefusals:
    @pytest.mark.parametrize(
        ("rows", "row", "told"),
        [
            ([*ROWS, ROWS[0]], 3, "USR-LEGACY-105"),
            ([*ROWS, {"plan": "x"}], 3, "USR-LEGACY-104"),
            ([*ROWS, {"sequence": 7}], 3, "USR-LEGACY-104"),
            ([*ROWS, "ACGT"], 3, "USR-LEGACY-104"),
            ([*ROWS, {7: "ACGT"}], 3, "USR-LEGACY-104"),
            ([*ROWS, {"sequence": ""}], 3, "USR-IMPORT-021"),
            ([*ROWS, {"sequence": "ACGU"}], 3, "USR-IMPORT-022"),
            ([*ROWS, {"sequence": "ACGT", "bio_type": "dnx"}], 3, "USR-IMPORT-027"),
            ([*ROWS, {"sequence": "ACGT", "random_seed": "x"}], 3, "USR-SESSION-003"),
            ([*ROWS, {"sequence": "ACGT", "random_seed": 1.5}], 3, "USR-SESSION-003"),
            ([*ROWS, {"sequence": "ACGT", "tfbs_parts": "not a list"}], 3, "USR-LEGACY-104"),
            ([*ROWS, {"sequence": "ACGT", "plan": "a", "meta_plan": "b"}], 3, "USR-LEGACY-104"),
        ],
    )
    def test_a_bad_row(self, old: Usr, tmp_path: Path, rows: list[object], row: int, told: str) -> None:
        """One error with file and row; nothing is converted."""
        path = pt(tmp_path / "a.pt", rows)
        other = pt(tmp_path / "b.pt", [{"sequence": "CCCC"}])
        with assert_unchanged(old.root):
            result = old.refuses(1, "legacy", "convert", DS, other, path)

        assert told in result.err
        assert str(path) in result.err and f"row: {row}" in result.err

    def test_a_row_that_holds_itself(self, old: Usr, tmp_path: Path) -> None:
        """It is told, not followed without end."""
        row: dict[str, object] = {"sequence": "ACGT"}
        row["plan"] = [row]
        with assert_unchanged(old.root):
            old.refuses(1, "legacy", "convert", DS, pt(tmp_path / "a.pt", [row]))

    @pytest.mark.parametrize(
        "text",
        [
            "sequence,random_seed\nACGT,x\n",
            "sequence,tfbs_parts\nACGT,__import__('os').system('x')\n",
            "sequence,gc_total\nACGT,1,2\n",
            "plan\nx\n",
        ],
    )
    def test_a_bad_csv(self, old: Usr, tmp_path: Path, text: str) -> None:
        """With file and row."""
        path = csv(tmp_path / "a.csv", text)
        with assert_unchanged(old.root):
            result = old.refuses(1, "legacy", "convert", DS, path)

        assert str(path) in result.err and "row: 1" in result.err

    def test_a_record_of_the_dataset(self, old: Usr, tmp_path: Path) -> None:
        """Also one that was deleted there."""
        path = pt(tmp_path / "a.pt", ROWS)
        old.ok("legacy", "convert", DS, path)
        old.ok("delete", DS, "--id", str(records(old)[0]["id"]), "--reason", "x")
        with assert_unchanged(old.root):
            result = old.refuses(1, "legacy", "convert", DS, path)

        assert "USR-LEGACY-105" in result.err and "There are 2 such rows" in result.err

    @pytest.mark.parametrize(
        ("content", "name"), [({"sequence": "ACGT"}, "a.pt"), ("ACGT", "a.pt"), ([], "a.txt"), ([], "a.pth")]
    )
    def test_a_file_that_is_none(self, old: Usr, tmp_path: Path, content: object, name: str) -> None:
        """No list, or another ending."""
        with assert_unchanged(old.root):
            result = old.refuses(1, "legacy", "convert", DS, pt(tmp_path / name, content))

        assert "USR-LEGACY-101" in result.err

    def test_wrong_usage(self, old: Usr, tmp_path: Path) -> None:
        """No file, a map of another form, no such dataset."""
        path = pt(tmp_path / "a.pt", ROWS)
        with assert_unchanged(old.root):
            old.refuses(2, "legacy", "convert", DS)
            old.refuses(2, "legacy", "convert", DS, path, "--map", "x")
            old.refuses(2, "legacy", "convert", DS, path, "--on-duplicate", "x")
            old.refuses(2, "legacy", "convert", DS, path, "--bio-type", "x")
            old.refuses(3, "legacy", "convert", "ns/none", path)
            old.refuses(3, "legacy", "convert", DS, tmp_path / "none.csv")
