"""Motifs: what is one, what its letters mean, and which are refused."""

from __future__ import annotations

import pytest

from usr_core.store.questions.errors import MotifInvalid, MotifMismatches, MotifStrands
from usr_core.store.questions.motif import FOLD, parse_motif, spacings


class TestWhatIsOne:
    def test_gaps_of_several_lengths_are_tried_one_by_one(self) -> None:
        """N{15,19} is five spacings, each on both strands, the letters at the same distance from either end."""
        found = spacings("TTGN{1,2}A", "dna")

        assert [("+", 5, (0, 1, 2, 4)), ("+", 6, (0, 1, 2, 5)), ("-", 5, (0, 2, 3, 4)), ("-", 6, (0, 3, 4, 5))] == [
            (one.strand, one.width, one.places) for one in found
        ]
        assert ["TTGA", "TCAA"] == [found[0].letters, found[2].letters]

    def test_a_letter_may_be_repeated_by_number(self) -> None:
        """A{3} is AAA, in either case, and N{0} is nothing."""
        assert spacings("AAAT", "dna")[0].places == spacings("a{3}n{0}t", "dna")[0].places
        assert "AAAT" == spacings("a{3}n{0}t", "dna")[0].letters

    def test_a_letter_matches_what_stands_for_no_other_residue(self) -> None:
        """R matches A, G and R; T matches U and U matches T; B of a protein matches N and D."""

        def accepted(letter: str, bio_type: str) -> str:
            table = spacings(letter, bio_type)[0].accepted[0]
            return "".join(one for one in "ABCDEFGHIKLMNPQRSTUVWXYZ*" if table[ord(one) & FOLD])

        assert ["AGR", "TU", "TU", "BCGKSTUY"] == [accepted(letter, "rna") for letter in "RTUB"]
        assert ["BDN", "N", "EQZ", "*"] == [accepted(letter, "protein") for letter in "BNZ*"]

    def test_what_it_may_be_written_for_is_known_from_its_letters(self) -> None:
        """One of nucleic acids may be one of proteins too; one with an E is of proteins only."""
        assert ["dna", "rna", "protein"] == list(parse_motif("GATTACA"))
        assert ["protein"] == list(parse_motif("HEX{3}H"))


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "motif, told",
        [
            ("", "empty"),
            ("NNN", "no letter but N"),
            ("TT-GA", "'-' does not belong there (at letter 3)"),
            ("TTE", "'E' is not a letter for dna in IUPAC's code (at letter 3)"),
            ("A{2,3}T", "A{2,3} has two lengths"),
            ("TN{5,3}A", "N{5,3} has no such length"),
            ("A{0}T", "A{0} has no such length"),
            ("T{٣}A", "'{' does not belong there (at letter 2)"),
            ("TN{}A", "'{' does not belong there (at letter 3)"),
            ("T{3", "'{' does not belong there (at letter 2)"),
            ("A{1001}", "1,001 letters"),
            ("AN{100000}T", "wider than 100,000"),
            ("AN{0,200}T", "more than 200 combinations"),
            ("TÄ", "'Ä' is not a letter"),
            ("A\x1b", "'\\\\x1b' does not belong"),
        ],
    )
    def test_what_is_not_a_motif_is_told_by_letter(self, motif: str, told: str) -> None:
        """The reason names the first thing that is wrong."""
        with pytest.raises(MotifInvalid) as caught:
            spacings(motif, "dna")

        assert told in str(caught.value)

    @pytest.mark.parametrize("motif, mismatches", [("TTGACA", 4), ("TTGACA", -1), ("ANC", 2), ("A", 1)])
    def test_mismatches_leave_a_letter_that_matches(self, motif: str, mismatches: int) -> None:
        """Up to 3, and fewer than there are letters; gaps do not count."""
        with pytest.raises(MotifMismatches):
            spacings(motif, "dna", mismatches=mismatches)

    def test_a_protein_has_one_strand(self) -> None:
        """Both are refused where they are asked for, and not looked for where they are not."""
        with pytest.raises(MotifStrands):
            spacings("HE", "protein", both_strands=True)

        assert 1 == len(spacings("HE", "protein"))
