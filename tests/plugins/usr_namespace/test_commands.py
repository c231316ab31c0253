"""``usr namespace`` as it is typed."""

from __future__ import annotations

import json

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
            (2, ["mock", "--columns", "a:bool"]),
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
