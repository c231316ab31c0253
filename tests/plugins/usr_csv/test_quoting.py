"""Quotes in the wrong place: text behind a closing quote, blanks before an opening one, cells that are not closed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import SourceFileError, SourceTruncated, SourceUnreadable
from usr_csv.quoting import CheckedStream, MisplacedQuote
from usr_csv.reader import CsvImporter

ODD = st.text(st.sampled_from('"",\n\rx \\é'), max_size=24)


def read(path: Path, columns: tuple[str, ...] | None = None) -> list[tuple[str | None, ...]]:
    batches = CsvImporter().open(ImportRequest(path=path, columns=columns)).batches
    return [row for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


class TestTextBehindAQuote:
    def test_records_that_would_melt_into_one_are_refused(self, file: Path) -> None:
        """Two cells that begin with a stray quote make no single record; row, lines, column and text are told."""
        file.write_text('sequence,source\nACGT,a\nACGA,"5 prime end\nACGC,b\nACGG,"x\nACTT,c\n')

        with pytest.raises(SourceUnreadable, match=r"begins on line 3 .* ends on line 5.*'x'") as caught:
            read(file)

        assert (2, 5, "source") == (caught.value.row, caught.value.line, caught.value.column)
        assert '""' in caught.value.hint

    @pytest.mark.parametrize("columns", [("sequence",), ("note",), None])
    def test_it_is_refused_whichever_columns_are_wanted(self, file: Path, columns: tuple[str, ...] | None) -> None:
        """A quote in a column that nobody asked for moves the others as well."""
        file.write_text('note,sequence\n"a"b,ACGT\n')

        with pytest.raises(SourceUnreadable) as caught:
            read(file, columns)

        assert (1, 2, "note", "a") == (caught.value.row, caught.value.line, caught.value.column, caught.value.value)

    @pytest.mark.parametrize("cell", ['"say \\"hi\\""', '"\\"x\\""', '"a\\"b"'])
    def test_backslash_quotes_are_named_as_the_convention_that_they_are(self, file: Path, cell: str) -> None:
        """``\\"`` inside quotes is refused, with the spelling that is read."""
        file.write_text(f"sequence,x\nACGT,{cell}\nACGA,b\n")

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert (1, "x") == (caught.value.row, caught.value.column)
        assert "backslash" in caught.value.hint
        assert "RFC 4180" in caught.value.hint

    def test_a_backslash_quote_that_leaves_the_cell_open_is_named_as_well(self, file: Path) -> None:
        """``"a\\""`` at a line's end is an open cell by RFC 4180."""
        file.write_text('sequence,x\nACGT,"a\\""\nACGA,b\n')

        with pytest.raises(SourceTruncated, match="not closed") as caught:
            read(file)

        assert (1, "x") == (caught.value.facts["row"], caught.value.facts["column"])
        assert "backslash" in caught.value.hint

    def test_a_backslash_alone_is_text(self, file: Path) -> None:
        """A path that ends in a backslash is an ordinary cell, quoted or not."""
        file.write_text('sequence,x\nACGT,"C:\\dir\\"\nACGA,a\\nb\\\n')

        assert [("ACGT", "C:\\dir\\"), ("ACGA", "a\\nb\\")] == read(file)

    def test_in_the_header_it_is_refused_too(self, file: Path) -> None:
        """A name with text behind its quote is not a name."""
        file.write_text('"seq"uence,x\nACGT,1\n')

        with pytest.raises(SourceUnreadable, match="header"):
            CsvImporter().open(ImportRequest(path=file))

    def test_the_row_is_right_far_into_a_file(self, file: Path) -> None:
        """Rows are counted over blocks, with quoted line ends and blank lines among them."""
        file.write_text("sequence,x\n" + 'AC,"1\n2"\n\n' * 60_000 + 'AC,"1"2\n')

        with pytest.raises(SourceUnreadable) as caught:
            read(file)

        assert (60_001, 180_002) == (caught.value.row, caught.value.line)


class TestQuotesInPlainCells:
    def test_inside_a_plain_cell_they_are_text(self, file: Path) -> None:
        """A length in inches or JSON without quotes around it is kept to the letter."""
        file.write_text('sequence,x\nACGT,5" end\nACGA,{"a":1}\nACGG,["b"]\n')

        assert [("ACGT", '5" end'), ("ACGA", '{"a":1}'), ("ACGG", '["b"]')] == read(file)

    @pytest.mark.parametrize("blank", [" ", "\t", "  "])
    def test_behind_a_blank_they_are_refused(self, file: Path, blank: str) -> None:
        """Half of all programs take ``, "a,b"`` for one cell and half for two."""
        file.write_text(f'sequence,x,y\nACGT,1,2\nACGA,{blank}"a,b"\n')

        with pytest.raises(SourceUnreadable, match="blank") as caught:
            read(file)

        assert (2, 3, "x") == (caught.value.row, caught.value.line, caught.value.column)

    def test_behind_a_blank_at_the_beginning_of_a_line(self, file: Path) -> None:
        """The first column is named as any other."""
        file.write_text('sequence,x\n "ACGT",1\n')

        with pytest.raises(SourceUnreadable, match="blank") as caught:
            read(file)

        assert (1, "sequence") == (caught.value.row, caught.value.column)


class TestBytes:
    def test_bare_cr_and_mixed_line_ends_divide_records(self, file: Path) -> None:
        """CR, LF and CRLF end a record, in one file too; inside quotes they are kept as they are."""
        file.write_bytes(b'sequence,x\rA,1\nC,2\r\nG,"3\r4"\rT,"5\r\n6"\n')

        assert [("A", "1"), ("C", "2"), ("G", "3\r4"), ("T", "5\r\n6")] == read(file)

    def test_nul_bytes_are_kept(self, file: Path) -> None:
        """A NUL is a letter of the cell, and ends nothing."""
        file.write_bytes(b'sequence,x\nA,a\x00b\nC,"\x00"\n')

        assert [("A", "a\x00b"), ("C", "\x00")] == read(file)

    def test_a_header_that_is_repeated_is_a_record(self, file: Path) -> None:
        """Files that were joined carry their headers along; nothing drops a line."""
        file.write_text("sequence,x\nA,1\nsequence,x\nC,2\n")

        assert [("A", "1"), ("sequence", "x"), ("C", "2")] == read(file)


class TestAgainstOtherReaders:
    @settings(deadline=None, max_examples=300)
    @given(ODD)
    def test_what_is_read_is_what_python_s_strict_csv_reads(
        self, tmp_path_factory: pytest.TempPathFactory, text: str
    ) -> None:
        """Any text is read as a strict reader reads it, or refused; what that one refuses is refused here."""
        file = tmp_path_factory.mktemp("csv") / "in.csv"
        file.write_text("a,b\n" + text, newline="")

        try:
            expected = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except csv.Error:
            with pytest.raises(SourceFileError):
                read(file)
            return
        try:
            found = read(file)
        except SourceFileError as error:
            assert any(len(row) != 2 for row in expected) or "blank" in str(error)
            return
        assert expected == [tuple(cell or "" for cell in row) for row in found]

    @settings(deadline=None, max_examples=300)
    @given(ODD, st.integers(1, 5))
    def test_pieces_are_judged_as_the_whole(self, text: str, size: int) -> None:
        """Where a file is cut into pieces makes no difference to what is refused."""

        def judge(step: int) -> tuple[object, ...]:
            stream = CheckedStream(io.BytesIO(text.encode()))  # type: ignore[arg-type]
            try:
                while stream.read(step):
                    pass
            except MisplacedQuote as fault:
                return fault.kind, fault.offset
            return ()

        assert judge(1 << 20) == judge(size)
