"""Tables of text in other dialects: delimiters, decimal commas, encodings, nulls, comments, skipped lines."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from usr_core.plugin.errors import OptionInvalid
from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import SourceTruncated, SourceUnreadable
from usr_csv.reader import CsvImporter

Rows = list[tuple[str | None, ...]]


def read(
    path: Path, *, types: dict[str, pa.DataType] | None = None, batch_bytes: int = 8 << 20, **options: object
) -> Rows:
    request = ImportRequest(path=path, types=types or {}, options=options, batch_bytes=batch_bytes)
    batches = CsvImporter().open(request).batches
    return [row for batch in batches for row in zip(*(c.to_pylist() for c in batch.columns), strict=True)]


def refusal(path: Path, **options: object) -> SourceUnreadable:
    with pytest.raises(SourceUnreadable) as caught:
        read(path, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "in.csv"


class TestDelimiters:
    @pytest.mark.parametrize("name", ["in.tsv", "in.tab", "in.TSV", "in.tsv.gz"])
    def test_the_ending_says_tabs(self, tmp_path: Path, name: str) -> None:
        """Commas, and quotes inside a cell, are text there."""
        content = b'sequence\tx\nACGT\ta,b\nAC\t"t\tab"\n'
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)

        assert [("ACGT", "a,b"), ("AC", "t\tab")] == read(tmp_path / name)

    @pytest.mark.parametrize("given, sign", [(";", ";"), ("|", "|"), ("\t", "\t"), ("tab", "\t"), ("\\t", "\t")])
    def test_the_option_says_it(self, file: Path, given: str, sign: str) -> None:
        """A tab has names, as it can't be typed in most shells."""
        file.write_text(f'sequence{sign}x\nACGT{sign}"a{sign}b"\n{sign}1,5\n')

        assert [("ACGT", f"a{sign}b"), (None, "1,5")] == read(file, delimiter=given)

    @pytest.mark.parametrize("given", ["", ";;", "a", "1", '"', "\n", "é", " ", "."])
    def test_what_can_t_divide_cells_is_refused(self, file: Path, given: str) -> None:
        """The error is about the option, not the file."""
        file.write_text("sequence\nA\n")

        with pytest.raises(OptionInvalid, match="delimiter"):
            read(file, delimiter=given)

    @pytest.mark.parametrize(
        "name, content, hint",
        [
            ("in.csv", "sequence;x\nACGT;1\n", '--option "delimiter=;"'),
            ("in.csv", "sequence;x\n", '--option "delimiter=;"'),
            ("in.csv", "sequence;x\nACGT;1,5\n", '--option "delimiter=;" --option "decimal=,"'),
            ("in.csv", "sequence;x, y\nACGT;1\n", '--option "delimiter=;"'),
            ("in.csv", "sequence\tx\nACGT\t1\n", "--option delimiter=tab"),
            ("in.tsv", "sequence,x\nACGT,1\n", '--option "delimiter=,"'),
        ],
    )
    def test_a_file_with_another_delimiter_is_refused_with_its_options(
        self, tmp_path: Path, name: str, content: str, hint: str
    ) -> None:
        """The hint is filled in from the file, and it is read so."""
        (tmp_path / name).write_text(content)

        error = refusal(tmp_path / name)

        assert f"Read the file with {hint}" == error.hint
        assert 1 == error.line
        sign = "\t" if "tab" in hint else hint[len('--option "delimiter=')]
        read(tmp_path / name, delimiter=sign)

    def test_an_encoding_is_in_the_hint_as_well(self, file: Path) -> None:
        """A file of a German Excel has all three."""
        file.write_bytes("sequence;Stärke\nACGT;1,5\n".encode("latin-1"))

        assert refusal(file).hint.endswith('"delimiter=;" --option "decimal=," --option encoding=latin-1')

    @pytest.mark.parametrize(
        "content", ["x;y\nACGT\n", '"x;y"\nACGT\n', "sequence,note;x\nACGT,a;b\n", "sequence\nAC;GT\n", "a,b;c\n"]
    )
    def test_other_signs_in_a_proper_file_are_text(self, file: Path, content: str) -> None:
        """A file that is read with commas is not guessed about."""
        file.write_text(content)

        read(file)

    @pytest.mark.parametrize("cell, column", [('"a"b', "x"), (' "a"', "x"), ('"a\\"b"', "x")])
    def test_quotes_are_as_strict_in_every_dialect(self, file: Path, cell: str, column: str) -> None:
        """Behind a closing quote only a delimiter or the line's end may follow, and a comma is none."""
        file.write_text(f'# c\nx;y\n"1\n2";3\n{cell};4\n')

        error = refusal(file, delimiter=";", comment="#")

        assert (2, 5, column) == (error.row, error.line, error.column)

    def test_a_comma_behind_a_quote_is_text_behind_a_quote(self, file: Path) -> None:
        """Where the delimiter is another one."""
        file.write_text('x;y\n"1",2;3\n')

        assert "follows its closing quote" in str(refusal(file, delimiter=";"))

    def test_ragged_records_are_shown_with_their_delimiter(self, file: Path) -> None:
        """Row, line and value are those of the file."""
        file.write_text("x;y\n1;2\n1;2;3\n")

        error = refusal(file, delimiter=";")

        assert (2, 3, "1;2;3") == (error.row, error.line, error.value)
        assert "semicolons" in error.hint


class TestDecimalCommas:
    def test_numbers_have_points_in_columns_of_numbers(self, file: Path) -> None:
        """Where the core asks for numbers; text stays as it is written."""
        file.write_text("n;i;t\n1,5;7;1,5\n-,5e-3;-8;a,b\n;;\n+2,e2;1,0;x\nn.d.;1,2,3;1.5\n")

        found = read(file, delimiter=";", decimal=",", types={"n": pa.float64(), "i": pa.int64(), "t": pa.string()})

        assert [
            ("1.5", "7", "1,5"),
            ("-.5e-3", "-8", "a,b"),
            (None, None, None),
            ("+2.e2", "1.0", "x"),
            ("n.d.", "1,2,3", "1.5"),
        ] == found

    @pytest.mark.parametrize("cell", ["1.500", "1.234,5", "1.5"])
    def test_a_point_in_such_a_column_is_refused(self, file: Path, cell: str) -> None:
        """1.500 is 1500 to one reader and 1.5 to another; row and line are told, also far into a file."""
        file.write_text("n;t\n" + '1,5;"a\nb"\n' * 20_000 + f"{cell};c\n")

        error = refusal(file, delimiter=";", decimal=",", types={"n": pa.float32()}, batch_bytes=1000)

        assert (20_001, 40_002, "n", cell) == (error.row, error.line, error.column, error.value)

    def test_quoted_numbers_of_a_file_with_commas(self, file: Path) -> None:
        """The decimal sign may be the delimiter, where the cells are quoted."""
        file.write_text('n,t\n"1,5",a\n')

        assert [("1.5", "a")] == read(file, decimal=",", types={"n": pa.float64()})


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-8-sig", "shift_jis"])
    def test_text_is_read_by_its_encoding(self, file: Path, encoding: str) -> None:
        """Across blocks too; a byte order mark is no part of the first name."""
        letter = "日" if encoding == "shift_jis" else "é"
        file.write_bytes(("name,sequence\n" + f"{letter},ACGT\n" * 20_000).encode(encoding))

        assert [(letter, "ACGT")] * 20_000 == read(file, encoding=encoding, batch_bytes=1000)

    def test_an_unknown_encoding_is_refused(self, file: Path) -> None:
        """Codecs that are not of text too."""
        file.write_text("sequence\nA\n")
        for name in ("latin-99", "hex"):
            with pytest.raises(OptionInvalid, match="encoding"):
                read(file, encoding=name)

    @pytest.mark.parametrize(
        "encoding, content", [("cp1252", b"ca\x81e"), ("utf-16-le", "ca".encode("utf-16-le") + b"\x00\xd8x\x00")]
    )
    def test_bytes_that_the_encoding_does_not_have_are_refused(self, file: Path, encoding: str, content: bytes) -> None:
        """With row, line and column."""
        file.write_bytes("x,y\n1,2\n3,".encode(encoding) + content + "\n".encode(encoding))

        error = refusal(file, encoding=encoding)

        assert (2, 3, "y") == (error.row, error.line, error.column)
        assert encoding in str(error)

    def test_a_file_that_is_not_utf_8_names_the_option(self, file: Path) -> None:
        """In header and cells."""
        for content in (b"caf\xe9,y\n1,2\n", b"x,y\n1,caf\xe9\n"):
            file.write_bytes(content)
            assert "--option encoding=latin-1" in refusal(file).hint


class TestNulls:
    def test_spellings_are_null_where_they_are_not_quoted(self, file: Path) -> None:
        """To the letter; the empty cell is null besides, and the quoted one the empty string."""
        file.write_text('x,y\nNA,n.d.\n"NA","n.d."\nna, NA\n,""\n')

        assert [(None, None), ("NA", "n.d."), ("na", " NA"), (None, "")] == read(file, null="NA,n.d.")

    def test_they_are_of_the_file_s_encoding(self, file: Path) -> None:
        """As are its cells."""
        file.write_bytes("x,y\nfehlt é,1\n".encode("latin-1"))

        assert [(None, "1")] == read(file, null="fehlt é", encoding="latin-1")


class TestComments:
    def test_lines_that_begin_with_the_sign_are_left_out(self, file: Path) -> None:
        """Before the header and between records; quotes in them mean nothing, a sign elsewhere is text."""
        file.write_bytes(b'\xef\xbb\xbf# made by "X\nx,y\r\n#\r\n1,#2\n# a,b,c\n# "\n #3,4\n5,6\n#end')

        assert [("1", "#2"), (" #3", "4"), ("5", "6")] == read(file, comment="#")

    def test_inside_quotes_a_line_is_no_comment(self, file: Path) -> None:
        """A cell may hold lines that begin with the sign; a cell that begins with it may be quoted."""
        file.write_text('x,y\n"a\n#b\n#c",1\n"#d",2\n5" #,"\n#e"\n')

        assert [("a\n#b\n#c", "1"), ("#d", "2"), ('5" #', "\n#e")] == read(file, comment="#")

    def test_a_single_column_keeps_its_blank_lines(self, file: Path) -> None:
        """A comment is not a record, a blank line there is."""
        file.write_text("x\n#a\nA\n\n#b\n#c\nC\n")

        assert [("A",), (None,), ("C",)] == read(file, comment="#")

    @pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
    def test_they_count_as_lines(self, file: Path, ends: str) -> None:
        """Not as rows; in errors far into a file."""
        lines = ["# a", "x,y", *(["# c" * 9, '"1', '# no comment",2', "# d", ""] * 5_000), "3,4,5"]
        file.write_bytes(ends.join(lines).encode())

        error = refusal(file, comment="#")

        assert (5_001, len(lines)) == (error.row, error.line)

    def test_a_file_of_comments_alone_has_no_header(self, file: Path) -> None:
        """Which is said."""
        file.write_text("# a\n# b")

        assert "comment" in str(refusal(file, comment="#"))

    @pytest.mark.parametrize("given", ["//", '"', ",", "a", "é", "\n"])
    def test_what_can_t_begin_a_comment_is_refused(self, file: Path, given: str) -> None:
        """The sign is one, and neither the delimiter nor a quote."""
        file.write_text("x\nA\n")

        with pytest.raises(OptionInvalid, match="comment"):
            read(file, comment=given)

    def test_a_ragged_comment_gets_the_hint(self, file: Path) -> None:
        """Where the header or the record begins with #."""
        for content in ("# made by X\nx,y\n1,2\n", "x,y\n# end\n"):
            file.write_text(content)
            assert "--option comment=#" in refusal(file).hint


class TestSkippedRows:
    def test_lines_above_the_header_are_left_out(self, file: Path) -> None:
        """Whatever they hold; line ends of every kind end them, and they count in errors."""
        file.write_bytes(b'\xef\xbb\xbfReader "7\r\nplate;1,2\rx,y\n1,2\n')

        assert [("1", "2")] == read(file, skip_rows=2)
        file.write_bytes(file.read_bytes() + b"3\n")
        assert (2, 5) == (refusal(file, skip_rows=2).row, refusal(file, skip_rows=2).line)

    def test_comments_below_them(self, file: Path) -> None:
        """Both options together; the line of a quote that is never closed is the file's."""
        file.write_text('one\n# two\nx,y\n# four\n1,2\n3,"4\n')

        with pytest.raises(SourceTruncated) as caught:
            read(file, skip_rows=1, comment="#")

        assert (2, 6) == (caught.value.facts["row"], caught.value.facts["line"])
        assert "line 6" in str(caught.value)

    @pytest.mark.parametrize("rows", [2, 3, 99])
    def test_a_file_that_is_skipped_whole_is_refused(self, file: Path, rows: int) -> None:
        """And the option named."""
        file.write_text("x\ny\n")

        assert "skip_rows" in str(refusal(file, skip_rows=rows))

    def test_less_than_none_is_refused(self, file: Path) -> None:
        """There is no line before the first."""
        file.write_text("x\n")

        with pytest.raises(OptionInvalid, match="skip_rows"):
            read(file, skip_rows=-1)
