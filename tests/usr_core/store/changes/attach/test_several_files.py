"""Several files in one attachment: one part, one event, and errors that name the file and its row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.cli import Usr
from support.overlays import ids_of
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.store.changes.attach.errors import (
    AttachCell,
    AttachColumnMissing,
    DuplicateAttachKey,
    EmptyAttachKey,
    NothingToAttach,
    UnmatchedKeys,
    ValuesExist,
)

Write = Callable[[str, str], Path]


@pytest.fixture
def dataset(seeded: Usr) -> Dataset:
    """Six records without values."""
    return Dataset.open(seeded.root, "ns/base")


@pytest.fixture
def write(dataset: Dataset, tmp_path: Path) -> Write:
    """Write a table; a digit alone in its first column is the id of that record."""
    ids = ids_of(dataset.path)

    def to(name: str, text: str) -> Path:
        head, *rows = text.split()
        cells = [row.split(",") for row in rows]
        rows = [",".join([ids[int(cell[0])] if cell[0].isdigit() else cell[0], *cell[1:]]) for cell in cells]
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        return path

    return to


def column(dataset: Dataset, name: str) -> list[Any]:
    return dataset.to_arrow(columns=[name]).column(0).to_pylist()


def test_each_file_gives_the_columns_that_it_has(dataset: Dataset, write: Write):
    """In one part and one event, which has the paths; columns that nobody registers are named once."""
    files = [
        write("a.csv", "id,score,x 3,4, 0,1,"),
        write("empty.csv", "id,count"),
        write("b.csv", "id,mock__count,x,score 1,7,,"),
    ]
    done = dataset.attach(files, "mock", key="id")

    assert ([1.0, None, None, 4.0, None, None], [None, 7, None, None, None, None]) == (
        column(dataset, "mock__score"),
        column(dataset, "mock__count"),
    )
    assert ("mock__score", "mock__count") == done.columns and ("x",) == done.ignored_columns
    assert (3, 3) == (done.rows_read, done.rows_attached)
    assert done.event is not None and [str(file) for file in files] == done.event["args"]["paths"]


@pytest.mark.parametrize(
    ("second", "error", "facts"),
    [
        ("id,score 1,2 0,3", DuplicateAttachKey, {"row": 2, "same key as row": 1, "of file": "a.csv"}),
        ("id,score 1,2 1,3", DuplicateAttachKey, {"row": 2, "same key as row": 1}),
        ("id,score 1,2 f,3", UnmatchedKeys, {"row": 2, "value": "f"}),
        ("id,score 1,2 ,3", EmptyAttachKey, {"row": 2}),
        ("id,score 1,2 2,x", AttachCell, {"row": 2, "column": "mock__score", "value": "x"}),
        ("id,other 1,2", NothingToAttach, {}),
        ("score 2", AttachColumnMissing, {"column": "id"}),
    ],
)
def test_an_error_names_the_file_and_its_row(
    dataset: Dataset, write: Write, second: str, error: type[Any], facts: dict[str, Any]
):
    """And nothing of either file is written."""
    files = [write("a.csv", "id,score 0,1 5,2"), write("b.csv", second)]
    with assert_unchanged(dataset.path), pytest.raises(error) as caught:
        dataset.attach(files, "mock", key="id")

    assert {"file": "b.csv", **facts}.items() <= caught.value.facts.items()
    assert "of file" in facts or "of file" not in caught.value.facts


def test_a_count_of_rows_says_that_it_is_of_all_files(dataset: Dataset, write: Write):
    """The first of them is named."""
    files = [write("a.csv", "id,score 0,1 e,2"), write("b.csv", "id,score f,1")]
    with pytest.raises(UnmatchedKeys, match=r"^2 files: 2 rows match no record") as caught:
        dataset.attach(files, "mock", key="id")

    assert ("a.csv", 2) == (caught.value.facts["file"], caught.value.facts["row"])


def test_values_that_are_there_are_told_by_file_and_row(dataset: Dataset, write: Write):
    """Files of one name in two folders are told by their paths."""
    dataset.attach(write("old.csv", "id,score 0,9 1,9"), "mock", key="id")
    files = [write("one/p.csv", "id,score 5,1 1,2"), write("two/p.csv", "id,score 0,3")]
    with assert_unchanged(dataset.path), pytest.raises(ValuesExist) as caught:
        dataset.attach(files, "mock", key="id")

    assert [(str(files[0]), 2), (str(files[1]), 1)] == [(one.file, one.row) for one in caught.value.values]
    assert any(str(files[1]) in name for name in caught.value.facts)


def test_replicates_may_lie_in_several_files(dataset: Dataset, write: Write):
    """A file without the column gives none."""
    files = [write("a.csv", "id,score 0,1 1,5"), write("b.csv", "id,count 0,3"), write("c.csv", "id,score 0,2")]
    done = dataset.attach(files, "mock", key="id", repeats="max")

    assert ([2.0, 5.0], [3, None]) == (column(dataset, "mock__score")[:2], column(dataset, "mock__count")[:2])
    assert (4, 2, 2) == (done.rows_read, done.rows_attached, done.rows_repeated)


def test_the_command_takes_them_by_position(dataset: Dataset, seeded: Usr, write: Write):
    """With --columns each file needs all of them."""
    files = [write("a.csv", "id,score 0,1"), write("b.csv", "id,score,count 1,2,3")]
    way = ("attach", "ns/base", *files, "--namespace", "mock", "--key", "id")
    seeded.refuses(1, *way, "--columns", "score,count")

    assert "attached mock__score, mock__count to 2 records of ns/base\n" == seeded.ok(*way).out
