"""The commands of the plugin `records`, run as a user runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.overlays import ids_of
from support.tree import assert_unchanged

DS = "ns/base"
UNKNOWN = "f" * 40
STATE_COLUMNS = [f"usr_state__{name}" for name in ("masked", "qc_status", "split", "supersedes", "lineage")]


@pytest.fixture
def ids(seeded: Usr) -> list[str]:
    return ids_of(seeded.path(DS))


def live_rows(usr: Usr) -> int:
    rows: int = usr.ok("info", DS, "--format", "json").data["rows"]
    return rows


class TestDeleteAndRestore:
    def test_ids_come_from_options_and_from_a_file(self, seeded: Usr, ids: list[str], tmp_path: Path) -> None:
        """Both together; what is named twice counts once, and the rest is told in one line."""
        file = tmp_path / "ids.txt"
        file.write_text(f"{ids[1]}\r\n\r\n{ids[2]}\r\n{ids[1]}\r\n")
        seeded.ok("delete", DS, "--id", ids[2])

        told = seeded.ok("delete", DS, "--id", ids[0], "--id", ids[2], "--id-file", file, "--reason", "bad").out

        assert "deleted 2 records of ns/base (1 already deleted)\n" == told
        assert 3 == live_rows(seeded)
        assert (
            "restored 3 records of ns/base (1 not deleted)\n"
            == seeded.ok("restore", DS, *[word for one in ids[:4] for word in ("--id", one)]).out
        )

    def test_ids_may_be_piped_in(self, seeded: Usr, ids: list[str]) -> None:
        """A dash is standard input."""
        seeded.ok("delete", DS, "--id-file", "-", stdin="\n".join(ids[:4]))

        assert 2 == live_rows(seeded)

    def test_what_changes_nothing_says_so(self, seeded: Usr, ids: list[str]) -> None:
        """No event is written for it."""
        seeded.ok("delete", DS, "--id", ids[0])
        count = len(seeded.events(DS))

        told = seeded.ok("delete", DS, "--id", ids[0], "--id", UNKNOWN, "--allow-missing").out

        assert "nothing deleted in ns/base (1 already deleted, 1 id matched no record); nothing was changed\n" == told
        assert count == len(seeded.events(DS))

    @pytest.mark.parametrize("command", [("delete",), ("restore",), ("state", "clear"), ("state", "get")], ids=" ".join)
    def test_refusals(self, seeded: Usr, ids: list[str], tmp_path: Path, command: tuple[str, ...]) -> None:
        """No ids 2, no id's form 2, a bad line 1, no such file 3, no such record 3; nothing changes."""
        bad, empty = tmp_path / "bad.txt", tmp_path / "empty.txt"
        bad.write_text(f"{ids[0]}\nsample-7\n")
        empty.write_text("\n")
        with assert_unchanged(seeded.root):
            seeded.refuses(2, *command, DS)
            seeded.refuses(2, *command, DS, "--id-file", empty)
            seeded.refuses(2, *command, DS, "--id", "sample-7")
            line = seeded.refuses(1, *command, DS, "--id-file", bad)
            seeded.refuses(3, *command, DS, "--id-file", tmp_path / "none.txt")
            missing = seeded.refuses(3, *command, DS, "--id", ids[0], "--id", UNKNOWN)

        assert f"{bad}, line 2" in line.err
        assert UNKNOWN in missing.err

    def test_commands_work_inside_the_datasets_folder(self, seeded: Usr, ids: list[str]) -> None:
        """There the dataset need not be named."""
        seeded.ok("delete", "--id", ids[0], cwd=seeded.path(DS))

        assert 5 == live_rows(seeded)


class TestState:
    def test_what_is_set_can_be_got(self, seeded: Usr, ids: list[str]) -> None:
        """JSON has one object a record with the five columns; what is not set is null."""
        words = (
            "--unmasked",
            "--qc-status",
            "warn",
            "--split",
            "val",
            "--supersedes",
            ids[1],
            "--lineage",
            f"{ids[2]},{ids[3]}",
        )

        told = seeded.ok("state", "set", DS, "--id", ids[0], *words).out

        assert "set the state of 1 record of ns/base\n" == told
        data = seeded.ok("state", "get", DS, "--id", ids[0], "--id", ids[4], "--format", "json").data
        values = [False, "warn", "val", ids[1], [ids[2], ids[3]]]
        assert [
            {"id": ids[0], **dict(zip(STATE_COLUMNS, values, strict=True))},
            {"id": ids[4], **dict.fromkeys(STATE_COLUMNS)},
        ] == data

    def test_get_prints_a_table(self, seeded: Usr, ids: list[str]) -> None:
        """A line for each record, in the order that was asked for."""
        seeded.ok("state", "set", DS, "--id", ids[0], "--split", "test")

        lines = seeded.ok("state", "get", DS, "--id", ids[1], "--id", ids[0]).out.splitlines()

        assert ["id", *STATE_COLUMNS] == lines[0].split()
        assert [[ids[1]], [ids[0], "test"]] == [line.split() for line in lines[1:]]

    def test_clear_tells_how_many_had_one(self, seeded: Usr, ids: list[str]) -> None:
        """And that nothing was changed, where none had."""
        seeded.ok("state", "set", DS, "--id", ids[0], "--masked")
        words = ("state", "clear", DS, "--id", ids[0], "--id", ids[1])

        assert "cleared the state of 1 record of ns/base (1 had none)\n" == seeded.ok(*words).out
        assert "no state cleared in ns/base (2 had none); nothing was changed\n" == seeded.ok(*words).out

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("--split", "dev"),
            ("--qc-status", "PASS"),
            ("--supersedes", "x"),
            ("--lineage", "a,b"),
            ("--lineage", ""),
        ],
        ids=" ".join,
    )
    def test_wrong_values_are_wrong_usage(self, seeded: Usr, ids: list[str], words: tuple[str, ...]) -> None:
        """Exit 2, and nothing changes."""
        with assert_unchanged(seeded.root):
            seeded.refuses(2, "state", "set", DS, "--id", ids[0], *words)

    def test_allowed_values_are_listed(self, seeded: Usr, ids: list[str]) -> None:
        """In the hint."""
        assert (
            "train, val, test, holdout" in seeded.refuses(2, "state", "set", DS, "--id", ids[0], "--split", "dev").err
        )


class TestArchive:
    def test_there_and_back(self, seeded: Usr) -> None:
        """Away it is listed by `ls --archived` and read by its path; back, it is as before."""
        before = seeded.ok("head", DS, "--format", "json").data
        seeded.ok("archive", DS)
        place = seeded.root / "_archive" / DS

        seeded.refuses(3, "info", DS)
        assert before == seeded.ok("head", place, "--format", "json").data
        assert f"{DS}" in seeded.ok("ls", "--archived").out

        assert "brought back ns/base" in seeded.ok("unarchive", DS).out
        assert before == seeded.ok("head", DS, "--format", "json").data

    def test_what_is_archived_is_not_changed(self, seeded: Usr, ids: list[str]) -> None:
        """The hint tells the way."""
        seeded.ok("archive", DS)
        place = seeded.root / "_archive" / DS

        with assert_unchanged(seeded.root):
            assert "usr unarchive ns/base" in seeded.refuses(1, "delete", place, "--id", ids[0]).err
            seeded.refuses(1, "archive", place)

    def test_unarchive_refusals(self, seeded: Usr) -> None:
        """Not archived 3, no id 2."""
        with assert_unchanged(seeded.root):
            seeded.refuses(3, "unarchive", DS)
            seeded.refuses(2, "unarchive", "archived/ns/base")
            seeded.refuses(2, "unarchive", "a/b/c")

    def test_unarchive_by_path_and_from_inside(self, seeded: Usr) -> None:
        """The folder in the archive names it too."""
        seeded.ok("archive", DS)
        seeded.ok("unarchive", seeded.root / "_archive" / DS)
        seeded.ok("archive", DS)
        seeded.ok("unarchive", cwd=seeded.root / "_archive" / DS)

        assert 6 == live_rows(seeded)


class TestWhere:
    """``--where`` in place of ids."""

    def test_the_records_that_meet_it_are_deleted_and_restored(self, seeded: Usr) -> None:
        """A restore looks for deleted records only."""
        ids = ids_of(seeded.path(DS))
        condition = f"id in ('{ids[1]}', '{ids[4]}')"

        assert "deleted 2 records" in seeded.ok("delete", DS, "--where", condition, "--reason", "x").out
        assert "restored 2 records" in seeded.ok("restore", DS, "--where", "usr__deleted_reason = 'x'").out

    def test_the_state_of_the_records_that_meet_it_is_set(self, seeded: Usr) -> None:
        """And of no other."""
        ids = ids_of(seeded.path(DS))

        seeded.ok("state", "set", DS, "--where", f"id = '{ids[2]}'", "--qc-status", "fail")

        found = seeded.ok("get", DS, "--where", "usr_state__qc_status = 'fail'", "--columns", "id").out
        assert ["id", ids[2]] == found.split()

    def test_a_condition_that_no_record_meets_changes_nothing(self, seeded: Usr) -> None:
        """There is nothing to do, and nothing is wrong."""
        with assert_unchanged(seeded.root):
            seeded.ok("delete", DS, "--where", "length < 0")

    def test_ids_and_a_condition_do_not_go_together(self, seeded: Usr) -> None:
        """Nobody could say whether both or either are meant."""
        with assert_unchanged(seeded.root):
            seeded.refuses(2, "delete", DS, "--where", "length > 0", "--id", ids_of(seeded.path(DS))[0])
