"""Reading FASTA text."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.api.formats import BadRecord, HeaderOptions
from usr_fasta.parser import COLUMNS, parse_fasta

NOTES: list[str] = []


def read(text: str | bytes, size: int = 1 << 20, **options: str) -> list[tuple[str | None, ...]]:
    """Return name, description and letters of each record."""
    content = text.encode() if isinstance(text, str) else text
    batches = parse_fasta(io.BytesIO(content), HeaderOptions(**options), batch_bytes=size, say=NOTES.append)  # type: ignore[arg-type]
    return [
        (row["fasta__name"], row["fasta__description"], row["sequence"])
        for batch in batches
        for row in batch.to_pylist()
    ]


def refused(text: str | bytes, size: int = 1 << 20, **options: str) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        read(text, size, **options)
    return caught.value


SIZES = pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])


class TestHeaders:
    @pytest.mark.parametrize(
        ("header", "name", "description"),
        [
            ("part1", "part1", None),
            ("  part1", "part1", None),
            ("\tpart1 \t", "part1", None),
            ("part1 a  b\tc ", "part1", "a  b\tc"),
            ("part1\tpromoter", "part1", "promoter"),
            ("", None, None),
            ("   ", None, None),
            ("BBa_J23100 | é70, 日本", "BBa_J23100", "| é70, 日本"),
            (f"a{' ' * 40}b{' ' * 40}", "a", "b"),
            (f"{' ' * 40}a", "a", None),
            (">twice", ">twice", None),
        ],
    )
    def test_the_first_word_is_the_name(self, header: str, name: str | None, description: str | None) -> None:
        """Behind any blanks; the rest is the description, blanks around it left out, and what is not there is null."""
        assert [(name, description, "ACGT"), ("next", None, "TT")] == read(f">{header}\nACGT\n>next\nTT\n")

    def test_the_whole_header_may_be_the_name(self) -> None:
        """With the option name=whole."""
        assert [("part 1  of 2", None, "AC")] == read("> part 1  of 2 \nAC\n", name="whole")


class TestLines:
    @SIZES
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends_of_any_kind(self, end: str, size: int) -> None:
        """Also at the very end of the file, or none there, wherever a chunk ends."""
        text = end.join([">a x", "ACGT", "AC", "", ">b", "TT"])

        assert [("a", "x", "ACGTAC"), ("b", None, "TT")] == read(text, size) == read(text + end, size)

    @SIZES
    def test_comments_and_blank_lines_are_skipped(self, size: int) -> None:
        """Before the first record, between records, and between lines of one."""
        text = "\n; made by hand\n\n>a\nAC\n; > in it\n\nGT\n;\n>b\nTT\n\n\n"

        assert [("a", None, "ACGT"), ("b", None, "TT")] == read(text, size)

    def test_blanks_in_sequence_lines_are_left_out_and_said_once(self) -> None:
        """As in blocks of ten letters; the note says where the first is."""
        NOTES.clear()

        assert "ACGTACGTAC" == read(">z\nAC\n>a\nACG TAC\t\n GTAC\n>b\nT T\n")[1][2]
        assert ["Blanks inside sequence lines are left out (first in record 2, below line 3)."] == NOTES

    def test_letter_case_is_kept(self) -> None:
        """Lower case stands for masked letters."""
        assert "acgtACGT" == read(">a\nacgtACGT\n")[0][2]

    def test_an_empty_file_has_no_record(self) -> None:
        """Nor has one of blank lines and comments."""
        assert [] == read("") == read("\n\n") == read("; nothing\n")

    def test_a_sequence_longer_than_a_chunk_is_one_record(self) -> None:
        """However many chunks it takes, on one line or many."""
        letters = "ACGT" * 5_000

        assert [letters] * 2 == [
            row[2] for row in read(f">a\n{letters}\n>b\n{'ACGT' * 10 + chr(10)}" * 1 + "ACGT\n" * 4_990, 100)
        ]


class TestEncodings:
    def test_a_byte_order_mark_is_skipped(self) -> None:
        """It is not a part of the file's text."""
        assert [("a", None, "AC")] == read("\ufeff>a\nAC\n", 1)

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
    def test_other_encodings_are_read_by_option(self, encoding: str) -> None:
        """Chunks may end inside a letter."""
        assert [("é", "ü", "AC")] == read(">é ü\nAC\n".encode(encoding), 3, encoding=encoding)

    @SIZES
    def test_wrong_bytes_name_the_option(self, size: int) -> None:
        """With record, name, line and the line as Latin-1 shows it."""
        bad = refused(">a\nAC\n>b\nAC\nGT\n>café x\nTT\n".encode("latin-1"), size)

        assert (3, "caf\ufffd", 6, ">café x") == (bad.row, bad.name, bad.line, bad.value)
        assert "encoding=latin-1" in bad.hint

    def test_utf_16_names_the_option(self) -> None:
        """Its byte order mark is known."""
        assert "encoding=utf-16" in refused(">a\nAC\n".encode("utf-16")).hint

    def test_an_unknown_encoding_is_said(self) -> None:
        """Before anything is read."""
        assert "no encoding 'klingon'" in refused(">a\nAC\n", encoding="klingon").reason

    def test_bytes_that_the_given_encoding_lacks(self) -> None:
        """The line is told."""
        assert 2 == refused(b">a\nA\x81\n", encoding="cp1252").line

    def test_a_compressed_file_without_its_ending(self) -> None:
        """The hint gives the ending that unpacks it."""
        assert ".gz" in refused(b"\x1f\x8b\x08\x00\x00").hint


class TestFaults:
    @SIZES
    @pytest.mark.parametrize(
        ("text", "reason", "row", "name", "line"),
        [
            ("x\n>a\nAC\n", "text before the first record", None, None, 1),
            ("\n;c\n\nACGT", "text before the first record", None, None, 4),
            (" >a\nAC\n", "text before the first record", None, None, 1),
            (">a\nAC\n>b\n>c\nAC\n", "no letters", 2, "b", 3),
            (">a\nAC\n\n> b c\n\n \n;\n", "no letters", 2, "b", 4),
            (">a\n", "no letters", 1, "a", 1),
            (">", "no letters", 1, "", 1),
            (">a\nAC\n>b\nAC\n >c\nAC\n", "> inside", 2, "b", 5),
            (">a\nAC>b\nAC\n", "> inside", 1, "a", 2),
        ],
    )
    def test_are_told_with_their_place(
        self, text: str, reason: str, row: int | None, name: str | None, line: int, size: int
    ) -> None:
        """Record, name and line are exact, whatever was read before, and there is a hint."""
        lead = "" if row is None else ">first of all\nAC\n\n" * 50
        bad = refused(lead + text, size)
        before = 0 if row is None else 50

        assert reason in bad.reason
        assert (row and row + before, name, line + 3 * before) == (bad.row, bad.name, bad.line)
        assert bad.hint

    def test_a_record_has_a_longest_length(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is not read into memory whole before that is said."""
        monkeypatch.setattr("usr_fasta.parser.LONGEST_RECORD", 1 << 20)
        bad = refused(">a\nAC\n>long one\n" + "ACGT\n" * (1 << 18), 1 << 16)

        assert (2, "long", 3) == (bad.row, bad.name, bad.line)

    def test_fastq_is_recognised(self) -> None:
        """The hint names its importer."""
        assert "--from fastq" in refused("@a\nAC\n+\nII\n").hint


LETTERS = st.text("ACGTNacgt-*", min_size=1, max_size=300)
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs")), min_size=1, max_size=12)


class TestAnyFile:
    @settings(max_examples=60, deadline=None)
    @given(
        records=st.lists(st.tuples(WORDS, st.none() | WORDS, LETTERS), max_size=12),
        width=st.integers(1, 80),
        end=st.sampled_from(["\n", "\r\n", "\r"]),
        size=st.integers(1, 200),
    )
    def test_is_read_as_it_was_written(
        self, records: list[tuple[str, str | None, str]], width: int, end: str, size: int
    ) -> None:
        """Names, descriptions and letters, for any line width, line end and size of a chunk."""
        lines = []
        for name, description, letters in records:
            lines.append(f">{name}{'' if description is None else f' {description}'}")
            lines += [letters[start : start + width] for start in range(0, len(letters), width)]

        assert records == read("".join(line + end for line in lines), size)

    def test_columns_are_chosen(self) -> None:
        """In the order asked for."""
        (batch,) = parse_fasta(io.BytesIO(b">a\nAC\n"), columns=("fasta__name", "nope", "sequence"))

        assert ["fasta__name", "sequence"] == batch.schema.names
        assert COLUMNS == ("sequence", "fasta__name", "fasta__description")
