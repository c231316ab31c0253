"""Alphabets and the bio_types they fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from usr_core.records.alphabets import ALPHABETS, BIO_TYPES, OWN_ALPHABETS, alphabets_for


class TestAlphabets:
    @pytest.mark.parametrize(
        ("name", "letters"),
        [
            ("dna_4", "ACGT"),
            ("dna_5", "ACGTN"),
            ("dna_15", "ACGTRYSWKMBDHVN"),
            ("rna_15", "ACGURYSWKMBDHVN"),
            ("protein_26", "ACDEFGHIKLMNPQRSTVWYBJOUXZ"),
            ("protein_27", "ACDEFGHIKLMNPQRSTVWYBJOUXZ*"),
            ("rna_4", "ACGU"),
            ("rna_5", "ACGUN"),
            ("protein_20", "ACDEFGHIKLMNPQRSTVWY"),
            ("protein_21", "ACDEFGHIKLMNPQRSTVWYX"),
        ],
    )
    def test_letters_are_those_of_the_format(self, name: str, letters: str) -> None:
        """Each alphabet has the letters that the format gives it."""
        assert letters == ALPHABETS[name].letters

    def test_every_alphabet_fits_exactly_one_bio_type(self) -> None:
        """The alphabets of all bio_types together are all alphabets, each once."""
        assert sorted(ALPHABETS) == sorted(name for bio_type in BIO_TYPES for name in alphabets_for(bio_type))

    def test_letters_count_in_either_case(self) -> None:
        """Lower-case letters belong to the alphabet."""
        assert ALPHABETS["dna_5"].first_stranger("ACGTNacgtn") is None

    def test_a_stranger_is_found_at_its_place(self) -> None:
        """The first letter outside the alphabet is found, a Cyrillic look-alike too."""
        assert 3 == ALPHABETS["dna_4"].first_stranger("ACG\u0422N")


class TestNarrowest:
    @pytest.mark.parametrize(
        ("letters", "bio_type", "name"),
        [
            ("ACGT", None, "dna_4"),
            ("ACGR", "dna", "dna_15"),
            ("acgur", "rna", "rna_15"),
            ("MKB", "protein", "protein_26"),
            ("MKB", None, "dna_15"),
            ("MKL*", "dna", "protein_27"),
            ("", "rna", "rna_4"),
        ],
    )
    def test_the_fewest_letters_of_the_type_win(self, letters: str, bio_type: str | None, name: str) -> None:
        """Among alphabets of the bio_type the smallest is taken, and another type's only where none of it fits."""
        found = OWN_ALPHABETS.narrowest(letters, bio_type)

        assert found is not None
        assert name == found.name

    def test_no_alphabet_has_a_hyphen(self) -> None:
        """A letter that no alphabet has gives none."""
        assert OWN_ALPHABETS.narrowest("AC-GT") is None


def test_the_page_lists_every_alphabet_with_its_letters() -> None:
    """The table of the documentation is the table of the code, in its order."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "alphabets.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| `([^`]+)` \|", page, re.M)

    assert [(each.name, each.bio_type, each.letters) for each in ALPHABETS.values()] == rows
