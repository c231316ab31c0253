"""The tracked demo files are what their program writes, and are what the demo says about them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scripts.make_demo_material import FOLDER, PROMOTERS, demo_files, features


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("name", sorted(demo_files()))
def test_tracked_file_equals_what_the_program_writes(name: str) -> None:
    """Nobody has edited a file by hand, nor the program without running it."""
    assert demo_files()[name].encode() == (FOLDER / name).read_bytes()


def test_no_other_file_is_tracked() -> None:
    """Each file in the folder comes from the program, but for the page about them."""
    assert sorted([*demo_files(), "README.md"]) == sorted(path.name for path in FOLDER.iterdir())


def test_j23103_and_j23112_carry_the_same_sequence() -> None:
    """Twenty parts are nineteen sequences; the file of the twentieth shows what an import does about it."""
    by_part = {row["part"]: row["sequence"] for row in rows("demo_sequences.csv")}
    (repeated,) = rows("demo_sequence_repeated.csv")

    assert (19, 19) == (len(by_part), len(set(by_part.values())))
    assert ("J23112", by_part["J23103"]) == (repeated["part"], repeated["sequence"])


def test_attachment_one_has_each_sequence_once() -> None:
    """A valid attachment: unique keys that cover the dataset."""
    sequences = [row["sequence"] for row in rows("demo_attachment_one.csv")]

    assert len(sequences) == len(set(sequences))
    assert {promoter.sequence for promoter in PROMOTERS} == set(sequences)


def test_attachment_two_repeats_every_sequence() -> None:
    """A wrong attachment: a key stands there once for each tag."""
    sequences = [row["sequence"] for row in rows("demo_attachment_two.csv")]

    assert all(2 == sequences.count(sequence) for sequence in sequences)


def test_measurements_leave_out_what_was_not_published() -> None:
    """The sequence with two values and the one with none have no row."""
    missing = {p.part for p in PROMOTERS} - {
        p.part for p in PROMOTERS if p.sequence in {row["sequence"] for row in rows("demo_y_sfxi.csv")}
    }

    assert {"J23103", "J23112", "J23119"} == missing


def test_consensus_promoter_matches_both_boxes_whole() -> None:
    """J23119 is the consensus, which checks the positions of the boxes."""
    consensus = next(promoter for promoter in PROMOTERS if promoter.part == "J23119")

    assert [1.0, 1.0] == features(consensus.sequence)[:2]


def test_every_file_is_explained() -> None:
    """The README of the folder names each file."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert [] == [name for name in demo_files() if name not in text]


def test_folder_is_inside_the_checkout() -> None:
    """The program writes beside itself, wherever it is called from."""
    assert Path(__file__).resolve().parents[2] == FOLDER.parents[1]
