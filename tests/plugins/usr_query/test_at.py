"""``--at`` as it is typed, on every command that reads records."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core import Dataset

DS = "ns/base"


@pytest.fixture
def grown(seeded: Usr) -> Usr:
    """The seeded dataset, whose last version here is `first`, with one more record of another length behind it."""
    Dataset.open(seeded.root, DS).add_sequences([{"sequence": "CCCCC"}])
    return seeded


def last(usr: Usr) -> int:
    """Return the number of the last event."""
    return Dataset.open(usr.root, DS).overview().events


def test_the_commands_show_the_records_of_then(grown: Usr) -> None:
    """By number, and the present ones by `now` and without it."""
    before, now = str(last(grown) - 1), str(last(grown))
    with assert_unchanged(grown.root):
        for at, rows in ((before, 6), (now, 7), ("now", 7), (None, 7)):
            words = ["--at", at] if at else []
            assert len(grown.ok("head", DS, *words, "--format", "json").data) == rows
            assert len(grown.ok("get", DS, "--where", "length > 0", *words, "--format", "json").data) == rows
            assert len(grown.ok("grep", DS, "--pattern", ".", *words, "--format", "json").data) == rows
            assert len(grown.ok("grep", DS, "--motif", "CCCCC", *words, "--format", "json").data) == rows - 6
            (length,) = grown.ok("describe", DS, "--columns", "length", *words, "--format", "json").data["columns"]
            assert length["rows"] == rows
            text = grown.ok("export", DS, "--format", "csv", "--out", "-", *words).out
            assert len(text.splitlines()) == rows + 1
            count = grown.ok("query", "select count(*) as n from d", "-d", DS, *words, "--format", "json").data
            assert count == [{"n": rows}]


def test_in_sql_the_version_stands_behind_the_id(grown: Usr) -> None:
    """Two versions of a dataset in one statement, also of the current one."""
    before = last(grown) - 1
    for name in (DS, "base", "d"):
        asked = f'select sequence from "{DS}" except select sequence from "{name}@{before}"'
        assert grown.ok("query", asked, "-d", DS, "--format", "json").data == [{"sequence": "CCCCC"}]


@pytest.mark.parametrize(
    ("words", "code", "exit_code"),
    [
        (("head", DS, "--at", "99"), "USR-HISTORY-002", 3),
        (("get", DS, "--where", "length > 0", "--at", "1999-01-01"), "USR-HISTORY-002", 3),
        (("grep", DS, "--pattern", "A", "--at", "v1.0"), "USR-HISTORY-002", 3),
        (("describe", DS, "--at", "two or three"), "USR-HISTORY-001", 2),
        (("export", DS, "--format", "csv", "--out", "-", "--at", "2026-99-01"), "USR-HISTORY-001", 2),
        (("query", f'select * from "{DS}@99"'), "USR-HISTORY-002", 3),
        (("query", f'select * from "{DS}@"'), "USR-HISTORY-001", 2),
        (("query", "select * from d", "-d", DS, "--at", "0"), "USR-HISTORY-002", 3),
        (("head", "ns/nothing", "--at", "1"), "USR-ROOTS-003", 3),
    ],
)
def test_a_version_that_is_not_there_is_an_error(grown: Usr, words: tuple[str, ...], code: str, exit_code: int) -> None:
    """One message with its code; nothing is shown."""
    failed = grown.refuses(exit_code, *words)
    assert f"error[{code}" in failed.err
    assert failed.out == ""


def test_a_tag_names_a_version(grown: Usr) -> None:
    """With or without an @ before it; a name near it is offered."""
    dataset = Dataset.open(grown.root, DS)
    dataset.at(last(grown) - 1).overview()
    dataset.tag("v1.0")
    dataset.add_sequences([{"sequence": "GGGGG"}])
    for text in ("v1.0", "@v1.0"):
        assert len(grown.ok("head", DS, "--at", text, "--format", "json").data) == 7
    assert "its tags are v1.0" in grown.refuses(3, "head", DS, "--at", "v1.1").err


def test_a_file_has_no_versions(grown: Usr, tmp_path: Path) -> None:
    """Of whatever format it is."""
    csv = tmp_path / "more.csv"
    csv.write_text("sequence\nACGT\n")
    for path in (csv, grown.path(DS) / "records.parquet"):
        assert "no versions" in grown.refuses(2, "head", path, "--at", "1").err
