"""What an import refuses, cell by cell."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core.errors import UsrError
from usr_core.records.alphabets import ALPHABETS
from usr_core.records.bulk_ids import IdHasher
from usr_core.store.rules import record as rules
from usr_core.store.rules.errors import (
    AlphabetMismatch,
    BlankSequence,
    ColumnEmpty,
    ForgedId,
    InvalidCreatedAt,
    LetterOutsideAlphabet,
    MissingColumn,
    SequenceTooLong,
    UnknownAlphabet,
    UnknownBioType,
    WrongColumnType,
)
from usr_core.store.rules.record import LetterCase, check_option_kinds
from usr_core.store.rules.rows import ImportDefaults, RowReader

DEFAULTS = ImportDefaults(bio_type="dna", alphabet="dna_4", source="x", created_at_us=0)


def read(**columns: object) -> pa.RecordBatch:
    """Read one chunk that follows ten rows."""
    with IdHasher() as hasher:
        reader = RowReader(label="in.csv", defaults=DEFAULTS, hasher=hasher)
        reader.rows = 10
        return reader.read(pa.record_batch(columns))


class TestSequences:
    @pytest.mark.parametrize("cell", ["", "  ", "\u2028", None])
    def test_blank_ones_are_refused(self, cell: str | None) -> None:
        """Empty, blank and null are not sequences; the row counts from the file's first record."""
        with pytest.raises(BlankSequence) as caught:
            read(sequence=pa.array(["ACGT", cell]))

        assert {"file": "in.csv", "row": 12, "column": "sequence"}.items() <= caught.value.facts.items()

    @pytest.mark.parametrize("letter", ["N", "U", "-", " ", "1", "\u0422", "\x00", "*"])
    def test_strangers_are_named_with_their_place(self, letter: str) -> None:
        """The letter and its position (1 is the first) are told."""
        with pytest.raises(LetterOutsideAlphabet) as caught:
            read(sequence=["ACGT", f"AC{letter}GT"])

        assert (12, 3, letter) == (caught.value.row, caught.value.position, caught.value.letter)

    @pytest.mark.parametrize(
        ("sequence", "hint"),
        [
            ("MKVLAAGW", "its letters: --bio-type protein --alphabet protein_20"),
            ("ACGU", "its letters: --bio-type rna --alphabet rna_4"),
            ("ACGTN", "its letters: --alphabet dna_5"),
            ("AC-GT", "no alphabet has all of its letters"),
        ],
    )
    def test_the_hint_names_the_alphabet_that_fits(self, sequence: str, hint: str) -> None:
        """The narrowest one that has all letters of the sequence, with its bio_type where that is another."""
        with pytest.raises(LetterOutsideAlphabet) as caught:
            read(sequence=[sequence])

        assert hint in caught.value.hint

    def test_too_long_ones_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A sequence above the limit is refused by its row."""
        monkeypatch.setattr(rules, "SEQUENCE_LIMIT", 5)

        with pytest.raises(SequenceTooLong) as caught:
            read(sequence=["ACGTA", "ACGTAC"])

        assert 12 == caught.value.row

    def test_the_column_is_needed(self) -> None:
        """Without it the columns that there are get listed."""
        with pytest.raises(MissingColumn) as caught:
            read(seq=["ACGT"])

        assert "seq" in caught.value.hint

    @pytest.mark.parametrize(
        ("needed", "there", "advice"),
        [
            ("sequence", "Sequence", "Give --sequence-column Sequence, or rename 'Sequence' to 'sequence'."),
            ("alphabet", " Alphabet", "Give --map alphabet=' Alphabet', or rename ' Alphabet' to 'alphabet'."),
            ("sequence", "dna", "Name the column that holds it with --sequence-column, or rename it to 'sequence'."),
            ("Sequenz", "Sequence", "Did you mean Sequence?"),
            ("Sequenz", "well", "Name a column that is there."),
        ],
    )
    def test_the_option_that_names_a_column_is_given(self, needed: str, there: str, advice: str) -> None:
        """The file need not be changed: import takes its columns by other names; a named one may be misspelled."""
        error = MissingColumn("in.csv", column=needed, present=[there])

        assert f"{advice} Columns found: {there}." == error.hint

    def test_numbers_are_no_text(self) -> None:
        """A column of numbers is refused as such."""
        with pytest.raises(WrongColumnType):
            read(sequence=[1, 2])


class TestKinds:
    @pytest.mark.parametrize("column", ["bio_type", "alphabet"])
    @pytest.mark.parametrize("cell", ["", None])
    def test_a_present_column_is_filled_in_every_row(self, column: str, cell: str | None) -> None:
        """A half-filled column is refused, and the option does not stand in."""
        value = {"bio_type": "dna", "alphabet": "dna_4"}[column]

        with pytest.raises(ColumnEmpty) as caught:
            read(sequence=["A", "C", "G"], **{column: pa.array([value, cell, value])})

        assert (12, column) == (caught.value.row, caught.value.column)

    @pytest.mark.parametrize("value", ["lipid", "DNA", "dna|dna", " dna"])
    def test_unknown_bio_types_are_refused(self, value: str) -> None:
        """Only the known ones, in lower case, are taken."""
        with pytest.raises(UnknownBioType) as caught:
            read(sequence=["A", "C"], bio_type=["dna", value])

        assert (12, value) == (caught.value.row, caught.value.value)

    def test_unknown_alphabets_are_refused(self) -> None:
        """The row of the first one is told."""
        with pytest.raises(UnknownAlphabet) as caught:
            read(sequence=["A", "C"], alphabet=["dna_4", "dna_6"])

        assert 12 == caught.value.row

    def test_an_alphabet_has_to_fit(self) -> None:
        """Pairs are checked row by row, the option's half included."""
        with pytest.raises(AlphabetMismatch) as caught:
            read(sequence=["A", "C", "G"], bio_type=["dna", "dna", "rna"])

        assert 13 == caught.value.row

    def test_each_alphabet_checks_its_own_rows(self) -> None:
        """A letter is judged by the alphabet of its row."""
        kinds = {"bio_type": ["dna", "protein", "dna"], "alphabet": ["dna_4", "protein_20", "dna_4"]}
        assert 3 == read(sequence=["A", "M", "C"], **kinds).num_rows

        with pytest.raises(LetterOutsideAlphabet) as caught:
            read(sequence=["A", "M", "M"], **kinds)

        assert 13 == caught.value.row

    @pytest.mark.parametrize(
        ("bio_type", "alphabet", "kind"),
        [
            ("lipid", "dna_4", UnknownBioType),
            ("dna", "dna_6", UnknownAlphabet),
            ("dna", "rna_4", AlphabetMismatch),
            ("dna|x", "dna_4", UnknownBioType),
        ],
    )
    def test_options_are_checked_before_anything_is_read(
        self, bio_type: str, alphabet: str, kind: type[UsrError]
    ) -> None:
        """Options that can't be are errors without a row."""
        with pytest.raises(kind) as caught:
            check_option_kinds("in.csv", bio_type=bio_type, alphabet=alphabet)

        assert "row" not in caught.value.facts


class TestOtherColumns:
    def test_forged_ids_are_refused(self) -> None:
        """An id that is not the computed one is named with its row."""
        with pytest.raises(ForgedId) as caught:
            read(sequence=["A", "C"], id=pa.array([None, "0" * 40]))

        assert (12, "0" * 40) == (caught.value.row, caught.value.value)

    @pytest.mark.parametrize(
        "cell",
        ["yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T00:00:00Z", "2026-01-31T12:00:00.1234567Z"],
    )
    def test_times_need_a_zone_and_microseconds_at_most(self, cell: str) -> None:
        """Anything but a point in time is refused with its row."""
        with pytest.raises(InvalidCreatedAt) as caught:
            read(sequence=["A", "C"], created_at=["2026-01-31T12:00:00Z", cell])

        assert (12, cell) == (caught.value.row, caught.value.value)

    def test_finer_typed_times_are_refused(self) -> None:
        """Nanoseconds that are not whole microseconds are not cut."""
        stamps = pa.array([1000, 1001]).cast(pa.timestamp("ns", "UTC"))

        with pytest.raises(InvalidCreatedAt) as caught:
            read(sequence=["A", "C"], created_at=stamps)

        assert 12 == caught.value.row

    @pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.date32(), pa.int64()], ids=str)
    def test_columns_that_are_no_times_are_refused(self, kind: pa.DataType) -> None:
        """A type without a zone can't be a created_at."""
        with pytest.raises(WrongColumnType):
            read(sequence=["A"], created_at=pa.nulls(1, kind))

    def test_typed_times_of_any_zone_become_utc(self) -> None:
        """The instant is kept, and nulls take the default."""
        stamps = pa.array([5_000_000, None]).cast(pa.timestamp("ms", "Europe/Zurich"))

        assert [5_000_000_000, 0] == read(sequence=["A", "C"], created_at=stamps).column("created_at").cast(
            pa.int64()
        ).to_pylist()


class TestLetters:
    @pytest.mark.parametrize(
        ("text", "upper", "lower"), [(b"ACG", True, False), (b"acg", False, True), (b"aC", True, True)]
    )
    def test_cases_are_noted(self, text: bytes, upper: bool, lower: bool) -> None:
        """Which cases occur is noted while letters are checked."""
        case = LetterCase()

        assert case.note_fitting(text, ALPHABETS["dna_4"])
        assert (upper, lower) == (case.upper, case.lower)

    def test_a_stranger_does_not_fit(self) -> None:
        """A letter outside the alphabet is told in either case."""
        assert not LetterCase().note_fitting(b"ACNacn", ALPHABETS["dna_4"])
