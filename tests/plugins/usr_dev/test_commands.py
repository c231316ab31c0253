"""``usr dev make-mock`` and ``usr dev add-demo-cols``."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.tree import assert_unchanged

DS = "ns/mock"
ON = {"USR_SHOW_DEV_COMMANDS": "1"}


def rows(usr: Usr, dataset: str = DS) -> list[dict[str, object]]:
    shown = usr.ok("head", dataset, "-n", "999", "--format", "json", "--raw").data
    return [{name: value for name, value in row.items() if name != "created_at"} for row in shown]


class TestGate:
    @pytest.mark.parametrize("command", ["make-mock", "add-demo-cols"])
    @pytest.mark.parametrize("value", [None, "", "0", "true"])
    def test_hidden_and_refused_without_the_variable(self, usr: Usr, command: str, value: str | None) -> None:
        """Exit 2, and nothing is made."""
        env = {} if value is None else {"USR_SHOW_DEV_COMMANDS": value}
        with assert_unchanged(usr.root):
            result = usr.refuses(2, "dev", command, DS, env=env)
        shown = usr.run("--help", env=env).out

        assert "USR_SHOW_DEV_COMMANDS" in result.err
        assert "Make mock data" not in shown

    def test_shown_with_it(self, usr: Usr) -> None:
        """In the help of the group."""
        assert "make-mock" in usr.ok("dev", "--help", env=ON).out


class TestMakeMock:
    def test_the_same_seed_gives_the_same_data(self, registered: Usr, tmp_path: Path) -> None:
        """Another one other data."""
        words = ("--n", "50", "--length", "20", "--x-dim", "3", "--y-dim", "2", "--namespace", "demo")
        for name, seed in (("ns/a", "1"), ("ns/b", "1"), ("ns/c", "2")):
            registered.ok("dev", "make-mock", name, *words, "--seed", seed, env=ON)
        a, b, c = (rows(registered, name) for name in ("ns/a", "ns/b", "ns/c"))

        assert a == b
        assert not {row["sequence"] for row in a} & {row["sequence"] for row in c}
        assert (50, 50, {20}) == (len(a), len({row["id"] for row in a}), {row["length"] for row in a})
        assert {(3, 2)} == {(len(row["demo__x"]), len(row["demo__y"])) for row in a}  # type: ignore[arg-type]
        registered.ok("validate", "ns/a", "--strict")

    def test_what_seed_7_gives(self, registered: Usr) -> None:
        """On every machine and in every version."""
        registered.ok("dev", "make-mock", DS, "--n", "2", "--length", "12", "--namespace", "demo", env=ON)
        first = rows(registered)[0]

        assert ("GTTACTATTCCC", 0.9561) == (first["sequence"], round(first["demo__score"], 4))  # type: ignore[call-overload]

    def test_from_a_file(self, registered: Usr, tmp_path: Path) -> None:
        """Its records instead of random ones."""
        file = tmp_path / "a.csv"
        file.write_text("sequence\nACGT\nGGGG\n", encoding="utf-8")
        registered.ok("dev", "make-mock", DS, "--from-csv", file, "--namespace", "demo", env=ON)

        assert ["ACGT", "GGGG"] == [row["sequence"] for row in rows(registered)]

    def test_nothing_at_all(self, registered: Usr) -> None:
        """Zero records are a dataset too."""
        registered.ok("dev", "make-mock", DS, "--n", "0", "--namespace", "demo", env=ON)

        assert [] == rows(registered)

    def test_force_replaces_mock_data_only(self, seeded: Usr, tmp_path: Path) -> None:
        """A dataset that somebody made in earnest stays, whatever is said."""
        words = ("--n", "5", "--length", "20", "--namespace", "demo")
        seeded.ok("dev", "make-mock", DS, *words, env=ON)
        with assert_unchanged(seeded.root):
            seeded.refuses(1, "dev", "make-mock", DS, *words, env=ON)
            seeded.refuses(1, "dev", "make-mock", "ns/base", *words, "--force", env=ON)
        seeded.ok("dev", "make-mock", DS, *words, "--seed", "8", "--force", env=ON)

        assert 5 == len(rows(seeded))

    def test_a_refusal_changes_nothing(self, seeded: Usr, tmp_path: Path) -> None:
        """Not enough sequences, a bad file, a taken namespace; also where there is something to replace."""
        bad = tmp_path / "bad.csv"
        bad.write_text("sequence\nACGT\nXXXX\n", encoding="utf-8")
        seeded.ok("dev", "make-mock", DS, "--n", "5", "--namespace", "demo", env=ON)
        with assert_unchanged(seeded.root):
            seeded.refuses(1, "dev", "make-mock", DS, "--n", "9", "--length", "2", "--force", env=ON)
            seeded.refuses(1, "dev", "make-mock", DS, "--from-csv", bad, "--namespace", "demo", "--force", env=ON)
            seeded.refuses(
                3, "dev", "make-mock", DS, "--from-csv", tmp_path / "no.csv", "--namespace", "demo", "--force", env=ON
            )
            seeded.refuses(1, "dev", "make-mock", DS, "--namespace", "mock", "--force", env=ON)
            seeded.refuses(2, "dev", "make-mock", DS, "--x-dim", "0", "--force", env=ON)


class TestAddDemoCols:
    def test_every_record_gets_values(self, seeded: Usr) -> None:
        """Twice only on request; the same values for the same seed."""
        seeded.ok("dev", "add-demo-cols", "ns/base", "--namespace", "demo", "--x-dim", "2", env=ON)
        before = rows(seeded, "ns/base")
        with assert_unchanged(seeded.root):
            seeded.refuses(1, "dev", "add-demo-cols", "ns/base", "--namespace", "demo", "--x-dim", "2", env=ON)
        seeded.ok("dev", "add-demo-cols", "ns/base", "--namespace", "demo", "--x-dim", "2", "--force", env=ON)

        assert before == rows(seeded, "ns/base")
        assert all(row["demo__score"] is not None for row in before)

    def test_a_namespace_with_other_columns(self, seeded: Usr) -> None:
        """Is not changed."""
        with assert_unchanged(seeded.root):
            seeded.refuses(1, "dev", "add-demo-cols", "ns/base", "--namespace", "mock", env=ON)
