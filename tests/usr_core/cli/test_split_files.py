"""Which of the words of `usr import` and `usr attach` is the dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.small_datasets import make_dataset
from usr_core.cli.target import split_files


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["lab/a", "one.csv"], ("lab/a", ["one.csv"])),
        (["lab/a", "one.csv", "two.csv"], ("lab/a", ["one.csv", "two.csv"])),
        (["one.csv", "lab/a"], ("lab/a", ["one.csv"])),
        (["one.csv", "two.csv", "lab/a"], ("lab/a", ["one.csv", "two.csv"])),
        (["one.csv"], (None, ["one.csv"])),
        (["lab/a", "gone.csv"], ("lab/a", ["gone.csv"])),
        (["lab/a", "gone.csv", "one.csv"], ("lab/a", ["gone.csv", "one.csv"])),
    ],
)
def test_the_dataset_stands_first_or_last(
    words: list[str], expected: tuple[str | None, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the last word where all before it are files and it is none; a file that is missing changes nothing."""
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("sequence\nACGT\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    dataset, files = split_files(words, None)

    assert expected == (dataset, [str(file) for file in files])


def test_in_a_datasets_folder_every_word_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the dataset is the current one."""
    dataset = make_dataset(tmp_path / "root", sequences=())
    (dataset.path / "one.csv").write_text("sequence\nACGT\n", encoding="utf-8")
    monkeypatch.chdir(dataset.path)

    assert (None, [Path("one.csv"), Path("two.csv")]) == split_files(["one.csv", "two.csv"], None)


def test_standard_input_may_stand_before_the_dataset(seeded: Usr) -> None:
    """As in ``… | usr import - lab/promoters --from csv``."""
    result = seeded.ok("import", "-", "ns/base", "--from", "csv", stdin="sequence\nACGTTGCA\n")

    assert "imported 1 record into ns/base" in result.out
