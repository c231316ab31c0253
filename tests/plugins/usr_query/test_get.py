"""``usr get`` as it is typed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from support.cli import Usr
from support.overlays import ids_of, write_overlay, write_tombstones
from support.tree import assert_unchanged
from usr_core.cli.output import Format
from usr_query.record_output import emit_records

DS = "ns/base"


def attach(usr: Usr) -> list[str]:
    ids = ids_of(usr.path(DS))
    columns = {
        "id": pa.array(ids[:3]),
        "mock__tag": pa.array(["a\x1b[2Jb", "", None]),
        "mock__count": pa.array([2**62 + 1, None, 3]),
        "mock__vec": pa.array([[1.5, None], [], None], pa.list_(pa.float64())),
    }
    write_overlay(usr.path(DS) / "_derived" / "mock" / "part-1.parquet", "mock", columns)
    return ids


class TestGet:
    def test_a_line_a_column(self, seeded: Usr) -> None:
        """Values are whole, control characters visible, an empty text is quoted and a null is nothing."""
        ids = attach(seeded)

        out = seeded.ok("get", DS, "--id", ids[0], "--id", ids[1], "--columns", "id,mock__tag,mock__vec").out

        first, second = out.rstrip("\n").split("\n\n")
        assert [f"id         {ids[0]}", "mock__tag  a\\x1b[2Jb", "mock__vec  [1.5, null]"] == first.splitlines()
        assert [f"id         {ids[1]}", 'mock__tag  ""', "mock__vec  []"] == second.splitlines()

    def test_json_is_exact(self, seeded: Usr) -> None:
        """A list of objects in the order of the ids."""
        ids = attach(seeded)

        data = seeded.ok(
            "get", DS, "--id", ids[2], "--id", ids[0], "--columns", "id,mock__count,mock__tag", "--format", "json"
        ).data

        assert [
            {"id": ids[2], "mock__count": 3, "mock__tag": None},
            {"id": ids[0], "mock__count": 2**62 + 1, "mock__tag": "a\x1b[2Jb"},
        ] == data

    def test_an_unknown_id_is_missing(self, seeded: Usr) -> None:
        """Exit code 3, the id named, nothing on stdout, nothing changed."""
        with assert_unchanged(seeded.root):
            result = seeded.refuses(3, "get", DS, "--id", ids_of(seeded.path(DS))[0], "--id", "f" * 40)

        assert "f" * 40 in result.err
        assert "" == result.out

    def test_a_deleted_record(self, seeded: Usr) -> None:
        """Exit code 3 without --include-deleted."""
        ids = ids_of(seeded.path(DS))
        write_tombstones(seeded.path(DS), [ids[1]])

        assert "is deleted" in seeded.refuses(3, "get", DS, "--id", ids[1]).err
        assert "a test" in seeded.ok("get", DS, "--id", ids[1], "--include-deleted").out

    def test_an_id_is_needed(self, seeded: Usr) -> None:
        """Wrong usage without one."""
        seeded.refuses(2, "get", DS)

    def test_inside_a_dataset_it_is_the_default(self, seeded: Usr) -> None:
        """No dataset has to be named there."""
        ids = ids_of(seeded.path(DS))

        assert ids[0] in seeded.ok("get", "--id", ids[0], cwd=seeded.path(DS) / "_registry").out


def test_on_a_terminal_a_long_text_goes_on_below_its_beginning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It wraps between words; a sequence is one word and stays whole."""
    monkeypatch.setenv("COLUMNS", "30")
    emit_records(pa.table({"sequence": ["ACGT" * 10], "note": ["one two three four five"]}), Format.RICH)

    expected = f"sequence  {'ACGT' * 10}\nnote      one two three four\n          five\n"
    assert expected == capsys.readouterr().out
