"""``usr namespace`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr

SPEC = "mock__s:struct<a:int64,b:string>,mock__t:timestamp[us, UTC],mock__f:fixed_size_list<float32>[4]"


class TestRegister:
    def test_nested_and_zoned_types_are_taken_from_one_list(self, usr: Usr):
        """Commas inside brackets do not split, and each new column is told."""
        out = usr.ok("namespace", "register", "mock", "--columns", SPEC, "--owner", "me").out

        assert "registered mock" in out
        assert "+ mock__t: timestamp[us, UTC]" in out
        shown = usr.ok("namespace", "show", "mock", "--format", "json").data
        assert ["struct<a:int64,b:string>", "timestamp[us, UTC]", "fixed_size_list<float32>[4]"] == [
            column["type"] for column in shown["columns"]
        ]

    def test_the_same_again_says_that_nothing_changed(self, usr: Usr):
        """And exits 0."""
        usr.ok("namespace", "register", "mock", "--columns", "mock__a:bool")

        assert "nothing was changed" in usr.ok("namespace", "register", "mock", "--columns", "mock__a:bool").out

    def test_a_change_needs_overwrite_and_is_told(self, usr: Usr):
        """Refused with exit 1 first, then done with the old and the new type."""
        usr.ok("namespace", "register", "mock", "--columns", "mock__a:bool")
        usr.refuses(1, "namespace", "register", "mock", "--columns", "mock__a:int8")
        out = usr.ok("namespace", "register", "mock", "--columns", "mock__a:int8", "--overwrite").out

        assert "! mock__a: bool -> int8" in out

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (2, ["mock"]),
            (2, ["--columns", "mock__a:bool"]),
            (2, ["mock", "--columns", "mock__a:bool", "--from-plugin", "mock"]),
            (2, ["mock", "--columns", "other__a:bool"]),
            (2, ["mock", "--columns", "mock__a:boolean"]),
            (2, ["usr", "--columns", "usr__a:bool"]),
            (4, ["--from-plugin", "nobody"]),
        ],
    )
    def test_what_makes_no_sense_writes_nothing(self, usr: Usr, code, words):
        """Wrong usage is exit 2, a plugin that is not there exit 4."""
        usr.refuses(code, "namespace", "register", *words)

        assert [] == list(usr.root.iterdir())


class TestLook:
    def test_the_list_names_every_namespace(self, registered: Usr):
        """The reserved one is marked; JSON has a row for each."""
        rows = registered.ok("namespace", "list", "--format", "json").data

        assert [("mock", 5, False), ("usr_state", 5, True)] == [
            (row["namespace"], row["columns"], row["reserved"]) for row in rows
        ]
        assert "usr_state" in registered.ok("namespace", "list").out

    def test_show_prints_columns_with_their_types(self, registered: Usr):
        """In plain text one line a column."""
        assert "mock__vec    list<float64>" in registered.ok("namespace", "show", "mock").out

    def test_an_unknown_namespace_and_a_root_without_registry_are_missing(self, usr: Usr, registered: Usr):
        """Exit 3."""
        registered.refuses(3, "namespace", "show", "nope")
        usr.refuses(3, "namespace", "list")

    def test_control_characters_in_a_description_are_made_visible(self, usr: Usr):
        """They do not reach the terminal; JSON keeps them."""
        usr.ok("namespace", "register", "mock", "--columns", "mock__a:bool", "--description", "a\x1b[31mb")

        assert "\x1b" not in usr.ok("namespace", "show", "mock").out
        assert (
            "a\x1b[31mb"
            == json.loads(usr.ok("namespace", "show", "mock", "--format", "json").out)["data"]["description"]
        )


class TestAdd:
    def test_names_need_no_prefix(self, usr: Usr):
        """They get it; one that has it keeps it."""
        usr.ok("namespace", "register", "mock", "--columns", "mock__a:bool")
        usr.ok("namespace", "register", "mock", "--add", "mock__b:list<int64>,c:struct<x:int8,y:int8>")
        shown = usr.ok("namespace", "show", "mock", "--format", "json").data

        assert ["mock__a", "mock__b", "mock__c"] == [column["name"] for column in shown["columns"]]

    def test_columns_are_added_and_the_others_stay(self, registered: Usr):
        """Registered so already, one changes nothing; it can be given again and with others."""
        out = registered.ok("namespace", "register", "mock", "--add", "depth:int64", "--add", "mock__score:float64").out

        assert "changed mock\n  + mock__depth: int64\n" == out
        assert 6 == len(registered.ok("namespace", "show", "mock", "--format", "json").data["columns"])
        assert "nothing was changed" in registered.ok("namespace", "register", "mock", "--add", "depth:int64").out

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            (1, ["mock", "--add", "score:int64"]),
            (3, ["other", "--add", "score:int64"]),
            (2, ["mock", "--add", "x:int64", "--columns", "y:bool"]),
            (2, ["mock", "--add", "x:int64", "--overwrite"]),
            (2, ["mock", "--add", "other__x:int64"]),
            (2, ["mock", "--add", "x"]),
        ],
    )
    def test_another_type_and_an_unknown_namespace_are_refused(self, registered: Usr, code: int, words: list[str]):
        """Nothing is written."""
        before = (registered.root / "registry.yaml").read_bytes()
        registered.refuses(code, "namespace", "register", *words)

        assert before == (registered.root / "registry.yaml").read_bytes()


CSV = (
    "sequence,n,share,flag,at,day,plate,hits,words,empty,GFP (AU)\n"
    'ACGT,1,0.5,true,2026-01-02T03:04:05Z,2026-01-02,001,[1],"[""a""]",,7\n'
    "ACGA,,2,FALSE,2026-01-02T03:04:05+01:00,2026-01-03 04:05,2,[],[],,8\n"
)
TYPES = (
    "lab__n:int64,lab__share:float64,lab__flag:bool,lab__at:timestamp[us, UTC],lab__day:timestamp[us],"
    "lab__plate:string,lab__hits:list<int64>,lab__words:list<string>"
)


class TestFromFile:
    def test_types_are_proposed_and_registered_on_yes(self, usr: Usr, tmp_path: Path):
        """Without --yes the spelling is all; what is left out is said on stderr."""
        (tmp_path / "a.csv").write_text(CSV, encoding="utf-8")
        said = usr.ok("namespace", "register", "lab", "--from-file", tmp_path / "a.csv", "--owner", "the lab")

        assert f"usr namespace register lab --columns '{TYPES}' --owner 'the lab'\n" == said.out
        assert "'empty'" in said.err and "'GFP (AU)'" in said.err
        assert "register gfp_au, and `usr attach` fills it with --map 'gfp_au=GFP (AU)'" in said.err
        assert [] == list(usr.root.iterdir())
        assert (
            "+ lab__plate: string"
            in usr.ok("namespace", "register", "lab", "--from-file", tmp_path / "a.csv", "--yes").out
        )

    def test_a_value_far_behind_decides(self, usr: Usr, tmp_path: Path):
        """A type holds for the whole file, not for its first batch."""
        rows = "\n".join([f"1,1,[1],{'ACGT' * 4000}"] * 1_500)
        (tmp_path / "a.csv").write_text(f"a,b,c,sequence\n{rows}\n2.5,x,[0.5],A\n", encoding="utf-8")

        assert (
            "'lab__a:float64,lab__b:string,lab__c:list<float64>'"
            in usr.ok("namespace", "register", "lab", "--from-file", tmp_path / "a.csv").out
        )

    def test_json_lines_and_parquet_have_types_of_their_own(self, usr: Usr, tmp_path: Path):
        """Texts of digits stay texts there."""
        (tmp_path / "a.jsonl").write_text(
            '{"a": 1, "b": "7", "c": [0.5], "d": true}\n{"a": 2.5, "b": "x", "c": null}\n'
        )
        pq.write_table(
            pa.table({"a": pa.array([1], pa.int16()), "b": pa.array([[1.0]], pa.list_(pa.float32(), 1))}),
            tmp_path / "a.parquet",
        )

        assert (
            "'lab__a:float64,lab__b:string,lab__c:list<float64>,lab__d:bool'"
            in usr.ok("namespace", "register", "lab", "--from-file", tmp_path / "a.jsonl").out
        )
        assert (
            "'lab__a:int16,lab__b:fixed_size_list<float32>[1]'"
            in usr.ok("namespace", "register", "lab", "--from-file", tmp_path / "a.parquet").out
        )

    def test_what_is_registered_stays(self, registered: Usr, tmp_path: Path):
        """Other columns are added to it."""
        (tmp_path / "a.csv").write_text("mock__score,depth\n1,2\n", encoding="utf-8")
        said = registered.ok("namespace", "register", "mock", "--from-file", tmp_path / "a.csv", "--yes")

        assert "usr namespace register mock --add depth:int64\nchanged mock\n  + mock__depth: int64\n" == said.out

    @pytest.mark.parametrize(("code", "name"), [(3, "missing.csv"), (4, "a.xyz")])
    def test_a_file_that_cannot_be_read_is_refused(self, usr: Usr, tmp_path: Path, code: int, name: str):
        """One that is not there is exit 3; one that nobody reads, exit 4."""
        (tmp_path / "a.xyz").write_text("a\n1\n", encoding="utf-8")
        usr.refuses(code, "namespace", "register", "lab", "--from-file", tmp_path / name, "--yes")

        assert [] == list(usr.root.iterdir())
