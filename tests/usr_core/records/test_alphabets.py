"""Alphabets and the bio_types they fit."""

from __future__ import annotations

import pytest

from usr_core.records.alphabets import ALPHABETS, BIO_TYPES, alphabets_for


class TestAlphabets:
    @pytest.mark.parametrize(
        ("name", "letters"),
        [
            ("dna_4", "ACGT"),
            ("dna_5", "ACGTN"),
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
