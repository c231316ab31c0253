"""Reading CSV files."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import FileChanged, NotAFile, RepeatedColumn, SourceTruncated, SourceUnreadable
from usr_csv.reader import CsvImporter


def batches(
    path: Path, columns: tuple[str, ...] | None = ("sequence", "x"), batch_bytes: int = 8 << 20
) -> list[pa.RecordBatch]:
    return list(CsvImporter().open(ImportRequest(path=path, columns=columns, batch_bytes=batch_bytes)).batches)


def rows(path: Path, **options: object) -> list[tuple[str | None, ...]]:
    found = batches(path, **options)  # type: ignore[arg-type]
    return [row for batch in found for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


class TestCells:
    def test_text_stays_text(self, file: Path) -> None:
        """Nothing is taken for a number or for missing, but the unquoted empty cell."""
        file.write_text('sequence,x\nNA,007\nnan,INF\nnull,""\nnone,\n')

        assert [("NA", "007"), ("nan", "INF"), ("null", ""), ("none", None)] == rows(file)

    def test_bom_crlf_and_quoted_newlines(self, file: Path) -> None:
        """A BOM is not part of the first name; lines may end in CRLF; a quoted cell may hold line ends."""
        file.write_bytes(b'\xef\xbb\xbf"sequence",x\r\n"AC\nGT","a,""b"""\r\nC,d\r\n')

        assert [("AC\nGT", 'a,"b"'), ("C", "d")] == rows(file)

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
    def test_the_last_line_end_is_optional(self, file: Path, end: str) -> None:
        """The last record counts with and without a line end."""
        file.write_bytes(b"sequence,x\nA,1" + end.encode())

        assert [("A", "1")] == rows(file)

    def test_a_header_has_a_longest_length(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file without a line end is refused at its header, and not read into memory whole."""
        monkeypatch.setattr("usr_csv.header.LONGEST_HEADER", 1 << 20)
        file.write_bytes(b"x" * (3 << 20))

        with pytest.raises(SourceUnreadable, match="The header is longer than 1 MiB") as caught:
            rows(file)

        assert 1 == caught.value.facts["line"]

    def test_a_record_has_a_longest_length(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A record without an end is refused with its row."""
        monkeypatch.setattr("usr_csv.reader.LONGEST_RECORD", 1 << 20)
        file.write_bytes(b"sequence,x\nA,1\n" + b"x" * (3 << 20))

        with pytest.raises(SourceUnreadable, match="A record is longer than 1 MiB") as caught:
            rows(file)

        assert 2 == caught.value.facts["row"]

    def test_a_header_alone_yields_nothing(self, file: Path) -> None:
        """No records, no batches, with and without a line end."""
        for content in ("sequence,x\n", "sequence,x"):
            file.write_text(content)
            assert [] == rows(file)

    def test_blank_lines_are_skipped(self, file: Path) -> None:
        """A blank line is not a record where there are several columns."""
        file.write_text("sequence,x\nA,1\n\nC,2\n\n")

        assert [("A", "1"), ("C", "2")] == rows(file)

    def test_a_blank_line_is_a_cell_of_a_single_column(self, file: Path) -> None:
        """With one column a blank line is an empty cell, so that nulls survive."""
        file.write_text('sequence\nA\n\n""\nC')

        assert [("A",), (None,), ("",), ("C",)] == rows(file)

    @pytest.mark.parametrize("suffix", [".gz", ".zst"])
    def test_compressed_files(self, tmp_path: Path, suffix: str) -> None:
        """Files in gzip and zstd are read as they are without."""
        content = b"sequence,x\n" + b"ACGT,1\n" * 1000
        packed = gzip.compress(content) if suffix == ".gz" else pa.compress(content, "zstd", asbytes=True)
        (tmp_path / f"in.csv{suffix}").write_bytes(packed)

        assert [("ACGT", "1")] * 1000 == rows(tmp_path / f"in.csv{suffix}")

    @settings(deadline=None, max_examples=150)
    @given(
        st.lists(
            st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2, max_size=2),
            max_size=8,
        )
    )
    def test_what_python_s_csv_writes_is_read_back(
        self, tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
    ) -> None:
        """Any text in any cell comes back, whatever it looks like."""
        file = tmp_path_factory.mktemp("csv") / "in.csv"
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["sequence", "x"], *cells])
        file.write_bytes(text.getvalue().encode())

        assert [tuple(row) for row in cells] == rows(file)


class TestColumns:
    def test_wanted_ones_come_in_the_order_wanted(self, file: Path) -> None:
        """Names that the file lacks are left out."""
        file.write_text("x,y,sequence\n1,2,3\n")

        (batch,) = batches(file, columns=("sequence", "nope", "x"))

        assert {"sequence": ["3"], "x": ["1"]} == batch.to_pydict()

    def test_all_where_none_are_named(self, file: Path) -> None:
        """Without a wish all columns come, as text."""
        file.write_text("b,a\n1,2\n")

        assert ["b", "a"] == batches(file, columns=None)[0].schema.names

    def test_names_are_verbatim(self, file: Path) -> None:
        """Names keep their blanks and quoted commas."""
        file.write_text(' a ,"b,c"\n1,2\n')

        assert [" a ", "b,c"] == CsvImporter().open(ImportRequest(path=file)).columns

    def test_unwanted_columns_are_not_looked_at(self, file: Path) -> None:
        """Repeated names don't matter in columns that nobody wants."""
        file.write_bytes(b"sequence,y,y\nA,2,1\n")

        assert [("A",)] == rows(file)

    def test_a_wanted_name_that_is_repeated_is_refused(self, file: Path) -> None:
        """Two columns of one name are ambiguous."""
        file.write_text("sequence,x,x\nA,1,2\n")

        with pytest.raises(RepeatedColumn, match="'x'"):
            rows(file)


class TestFaults:
    @pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n"])
    def test_no_header_is_an_error(self, file: Path, content: bytes) -> None:
        """An empty file and a blank first line have no columns."""
        file.write_bytes(content)

        with pytest.raises(SourceUnreadable):
            CsvImporter().open(ImportRequest(path=file))

    @pytest.mark.parametrize("line", ["C", "C,1,2"])
    def test_ragged_records_are_named_by_row_and_line(self, file: Path, line: str) -> None:
        """Quoted line ends count as lines, not as rows."""
        file.write_text(f'sequence,x\n"A\nA",1\n{line}\nG,2\n')

        with pytest.raises(SourceUnreadable) as caught:
            rows(file)

        assert (2, 4, line) == (caught.value.row, caught.value.line, caught.value.value)

    def test_latin_1_is_named_by_row_and_column(self, file: Path) -> None:
        """A cell that is not UTF-8 is told with its place, and shown as Latin-1."""
        file.write_bytes(b"sequence,x\nA,1\nC,caf\xe9\n")

        with pytest.raises(SourceUnreadable) as caught:
            rows(file)

        assert {"file": str(file), "row": 2, "line": 3, "column": "x", "value": "café"} == caught.value.facts

    @pytest.mark.parametrize("content", [b"sequence,caf\xe9\nA,1\n", "sequence,x\nA,1\n".encode("utf-16")])
    def test_a_header_in_another_encoding_is_refused(self, file: Path, content: bytes) -> None:
        """Latin-1 and UTF-16 headers get a hint to UTF-8."""
        file.write_bytes(content)

        with pytest.raises(SourceUnreadable, match="UTF") as caught:
            rows(file)

        assert "UTF-8" in caught.value.hint

    @pytest.mark.parametrize("tail", ['C,"1\nG,3\n', 'C,"1', '"C,1\n', 'C,"1""\n'])
    @pytest.mark.parametrize("columns", [("sequence", "x"), ("x",), ("sequence",)])
    def test_a_quote_that_is_never_closed_is_an_error(self, file: Path, tail: str, columns: tuple[str, ...]) -> None:
        """A file that was cut off inside quotes is not taken for whole, whichever columns are wanted."""
        file.write_text("sequence,x\nA,1\n" + tail)

        with pytest.raises((SourceTruncated, SourceUnreadable)) as caught:
            rows(file, columns=columns)

        assert 2 == caught.value.facts["row"]

    def test_a_record_longer_than_a_block_is_read(self, file: Path) -> None:
        """A sequence of a megabyte among blocks of 64 KiB comes once, in its place."""
        file.write_text("sequence,x\n" + "AC,1\n" * 30_000 + "A" * 1_000_000 + ",2\nC,3\n")

        found = rows(file, batch_bytes=1000)

        assert (30_002, 1_000_000, ("C", "3")) == (len(found), len(found[30_000][0] or ""), found[-1])

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        """A folder is not a CSV file."""
        with pytest.raises(NotAFile):
            rows(tmp_path)

    def test_a_file_that_grows_while_it_is_read_is_refused(self, file: Path) -> None:
        """A change between two batches stops the reading."""
        file.write_text("sequence,x\n" + "ACGT,1\n" * 50_000)
        reading = CsvImporter().open(ImportRequest(path=file, columns=("sequence",), batch_bytes=1000)).batches
        next(reading)
        with file.open("a") as more:
            more.write("CCCC,1\n")

        with pytest.raises(FileChanged):
            list(reading)


class TestOtherEncodings:
    @pytest.mark.parametrize("rows_before", [0, 200_000], ids=["first block", "later block"])
    def test_a_cell_that_nobody_wants_has_to_be_utf8_as_well(self, tmp_path: Path, rows_before: int):
        """A file in another encoding is refused, whichever column shows it; row, line and column are told."""
        path = tmp_path / "latin.csv"
        path.write_bytes(b"note,sequence\n" + b"x,ACGT\n" * rows_before + b"caf\xe9,ACGG\nz,AC\n")

        with pytest.raises(SourceUnreadable) as caught:
            list(CsvImporter().open(ImportRequest(path=path, columns=("sequence",))).batches)
        assert (rows_before + 1, "note", "café") == (
            caught.value.facts["row"], caught.value.facts["column"], caught.value.facts["value"],
        )  # fmt: skip

    def test_a_letter_that_is_cut_off_at_the_end_is_refused(self, tmp_path: Path):
        """Half of a letter is not text."""
        path = tmp_path / "cut.csv"
        path.write_bytes(b"note,sequence\nx,ACGT\ncaf" + b"\xc3")

        with pytest.raises(SourceUnreadable):
            list(CsvImporter().open(ImportRequest(path=path, columns=("sequence",))).batches)

    def test_letters_beyond_ascii_are_fine_across_blocks(self, tmp_path: Path):
        """A letter of several bytes may lie across two blocks."""
        path = tmp_path / "utf8.csv"
        path.write_text("note,sequence\n" + "é✓,ACGT\n" * 50_000, encoding="utf-8")
        request = ImportRequest(path=path, columns=("sequence",), batch_bytes=64 << 10)

        assert 50_000 == sum(batch.num_rows for batch in CsvImporter().open(request).batches)
