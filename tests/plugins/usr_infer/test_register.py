"""``usr infer register``: columns for models side by side, added and never changed."""

from __future__ import annotations

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core.registry.store import read_registry


def columns(usr: Usr) -> dict[str, str]:
    entry = read_registry(usr.root).namespace("infer")
    return {column.name: column.type.canonical() for column in entry.columns}


class TestRegister:
    def test_the_plugin_declares_what_every_model_has(self, usr: Usr) -> None:
        """Without a vector, whose length nobody knows."""
        usr.ok("namespace", "register", "--from-plugin", "infer")

        assert {
            "infer__llr": "float64",
            "infer__log_likelihood": "float64",
            "infer__model": "string",
            "infer__run_id": "string",
        } == columns(usr)

    def test_dim_adds_a_vector_of_that_length(self, usr: Usr) -> None:
        """To the columns that every model has, and with them where they are not there yet."""
        usr.ok("infer", "register", "--dim", "4")

        assert "fixed_size_list<float32>[4]" == columns(usr)["infer__embedding"]
        assert "float64" == columns(usr)["infer__llr"]

    def test_models_stand_side_by_side(self, usr: Usr) -> None:
        """Each with its own length and outputs; what was there stays in front."""
        usr.ok("infer", "register", "--dim", "4")
        before = list(columns(usr))
        out = usr.ok("infer", "register", "--dim", "8", "--model", "evo2_7b", "--job", "ll").out
        usr.ok(
            "infer", "register", "--model", "esm2", "--job", "j1",
            "--output", "logits:fixed_size_list<float16>[20]", "--output", "llr",
        )  # fmt: skip

        found = columns(usr)
        assert before == list(found)[: len(before)]
        assert "  + infer__evo2_7b__ll__embedding: fixed_size_list<float32>[8]\n" in out
        assert "fixed_size_list<float16>[20]" == found["infer__esm2__j1__logits"]
        assert ["infer__esm2__j1__logits", "infer__esm2__j1__llr"] == list(found)[-2:]

    def test_the_same_again_changes_nothing(self, usr: Usr) -> None:
        """Not one byte of the registry."""
        usr.ok("infer", "register", "--dim", "4")
        with assert_unchanged(usr.root):
            out = usr.ok("infer", "register", "--dim", "4").out

        assert "nothing was changed" in out

    def test_columns_registered_by_hand_are_kept(self, usr: Usr) -> None:
        """Also those that this plugin knows nothing of."""
        usr.ok("namespace", "register", "infer", "--columns", "infer__odd:list<int8>", "--owner", "me")
        usr.ok("infer", "register")

        assert ["infer__odd", "infer__llr"] == list(columns(usr))[:2]
        assert "me" == read_registry(usr.root).namespace("infer").owner


class TestRefusals:
    def test_another_length_of_a_registered_vector(self, usr: Usr) -> None:
        """Both types and a way out are told."""
        usr.ok("infer", "register", "--dim", "4")
        with assert_unchanged(usr.root):
            err = usr.refuses(1, "infer", "register", "--dim", "8").err

        assert "USR-INFER-102" in err
        assert all(text in err for text in ("infer__embedding", "[4]", "[8]", "--model"))

    @pytest.mark.parametrize(
        ("name", "safe"),
        [
            ("evo2-7b", "evo2_7b"),
            ("nvidia/evo2", "nvidia_evo2"),
            ("a__b", "a_b"),
            ("7b", "m7b"),
            ("_x_", "x"),
            ("é", ""),
        ],
    )
    def test_a_name_that_is_not_safe(self, usr: Usr, name: str, safe: str) -> None:
        """It is never changed silently; a spelling that would do is shown."""
        with assert_unchanged(usr.root):
            err = usr.refuses(2, "infer", "register", "--model", name, "--job", "j").err

        assert "USR-INFER-101" in err
        assert (f"as in {safe!r}" in err) == bool(safe)

    @pytest.mark.parametrize(
        ("code", "options"),
        [
            ("USR-INFER-103", ["--model", "m"]),
            ("USR-INFER-103", ["--job", "j"]),
            ("USR-INFER-103", ["--output", "logits"]),
            ("USR-INFER-103", ["--output", "embedding"]),
            ("USR-INFER-103", ["--output", "x:int8", "--output", "x:int16"]),
            ("USR-INFER-101", ["--output", ":int8"]),
            ("USR-INFER-101", ["--output", "a__b:int8"]),
            ("USR-INFER-101", ["--model", "", "--job", "j"]),
            ("USR-REGISTRY-001", ["--output", "x:float65"]),
        ],
    )
    def test_options_that_make_no_sense(self, usr: Usr, code: str, options: list[str]) -> None:
        """Exit 2, and no registry appears."""
        with assert_unchanged(usr.root):
            assert code in usr.refuses(2, "infer", "register", *options).err
