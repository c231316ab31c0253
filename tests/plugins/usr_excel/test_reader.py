"""Reading workbooks."""

from __future__ import annotations

import datetime
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from support.cli import Usr
from support.workbooks import Error, Formula, Rows, compound_file, ods, xls, xlsx
from usr_core import Dataset
from usr_core.errors import UsrError
from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import RepeatedColumn, SourceUnreadable
from usr_excel.errors import CalamineMissing
from usr_excel.reader import ExcelImporter

MAKERS: Mapping[str, Callable[[Mapping[str, Rows]], bytes]] = {".xlsx": xlsx, ".xls": xls, ".ods": ods}
NOON = datetime.datetime(2026, 1, 31, 12, 5, 7)


def read(path: Path, types: Mapping[str, pa.DataType] | None = None, **options: object) -> list[dict[str, object]]:
    batches = ExcelImporter().open(ImportRequest(path=path, types=types or {}, options=options)).batches
    return [row for batch in batches for row in batch.to_pylist()]


def refusal(path: Path, **options: object) -> SourceUnreadable:
    with pytest.raises(SourceUnreadable) as caught:
        read(path, **options)  # type: ignore[arg-type]
    return caught.value


@pytest.fixture(params=[".xlsx", ".xls", ".ods"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """Makes a workbook of each format."""

    def make(*rows: list[object], **more: Rows) -> Path:
        path = tmp_path / f"book{request.param}"
        path.write_bytes(MAKERS[request.param]({"plate 1": rows, **more}))
        return path

    return make


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Path]:
    """Makes an .xlsx."""

    def make(*rows: list[object], **options: str) -> Path:
        (tmp_path / "book.xlsx").write_bytes(xlsx({"S": rows}, **options))
        return tmp_path / "book.xlsx"

    return make


class TestCells:
    def test_whole_numbers_have_no_point(self, made: Callable[..., Path]) -> None:
        """A workbook holds every number as a double; the others have their shortest digits."""
        path = made(["sequence", "n", "f"], ["ACGT", 7.0, 0.1], ["007", -3e15, 1e300], [2**53 - 1, 0.0, 1.5])

        assert [
            {"sequence": "ACGT", "n": "7", "f": "0.1"},
            {"sequence": "007", "n": "-3000000000000000", "f": "1e+300"},
            {"sequence": "9007199254740991", "n": "0", "f": "1.5"},
        ] == read(path)

    def test_empty_cells_are_null_and_empty_rows_are_none(self, made: Callable[..., Path]) -> None:
        """Above the header, between the records and below them; a column without a name is left out."""
        path = made([None], [None, "a", None, "b"], [None, "x", "lost", None], [None, None], [None, None, None, True])

        assert [{"a": "x", "b": None}, {"a": None, "b": "true"}] == read(path)

    @pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
    def test_dates_are_spelled_as_the_type_that_is_wanted(self, tmp_path: Path, suffix: str) -> None:
        """A workbook knows no zones: where the type has one, the time is UTC."""
        path = tmp_path / f"book{suffix}"
        path.write_bytes(MAKERS[suffix]({"S": [["t", "d", "z", "x"], [NOON, NOON.date(), NOON.date(), NOON]]}))
        types = {"t": pa.timestamp("us"), "d": pa.date32(), "z": pa.timestamp("us", "UTC"), "x": pa.string()}

        assert [
            {"t": "2026-01-31T12:05:07", "d": "2026-01-31", "z": "2026-01-31T00:00:00Z", "x": "2026-01-31T12:05:07"}
        ] == read(path, types)

    def test_durations_are_hours(self, book: Callable[..., Path]) -> None:
        """More than a day's too."""
        path = book(["d"], [datetime.timedelta(hours=30, minutes=5)])

        assert [{"d": "30:05:00"}] == read(path)

    def test_formulas_have_the_value_that_was_saved(self, made: Callable[..., Path]) -> None:
        """Nothing is calculated."""
        path = made(["n"], [Formula(2.0)])

        assert [{"n": "2"}] == read(path)

    def test_a_merged_cell_has_its_value_in_its_first_cell(self, book: Callable[..., Path]) -> None:
        """The others are empty, as they are for a formula."""
        path = book(["a", "b"], ["x", "m"], ["y", None], merged="B2:B3")

        assert [{"a": "x", "b": "m"}, {"a": "y", "b": None}] == read(path)


class TestFaultyCells:
    @pytest.mark.parametrize("error", ["#DIV/0!", "#N/A"])
    @pytest.mark.parametrize("wrapped", [Error, lambda text: Formula(Error(text))], ids=["value", "formula"])
    def test_an_error_is_refused_by_its_address(
        self, made: Callable[..., Path], error: str, wrapped: Callable[[str], object]
    ) -> None:
        """Row 5 of the file is record 3, as the sheet begins with an empty row."""
        path = made([None], ["a", "b"], ["x", 1.0], ["y", 2.0], ["z", wrapped(error)])

        found = refusal(path)

        assert f"The cell B5 of the sheet 'plate 1' holds the error {error}." == str(found)
        assert (3, 5, "b", error) == (found.row, found.line, found.column, found.value)

    def test_a_row_of_errors_alone_is_not_an_empty_row(self, made: Callable[..., Path]) -> None:
        """calamine reads them as empty cells."""
        assert "B2" in str(refusal(made(["a", "b"], [None, Error("#N/A")])))

    def test_a_column_that_nobody_wants_may_hold_errors(self, made: Callable[..., Path]) -> None:
        """Its values are not looked at."""
        path = made(["a", "b"], ["x", Error("#N/A")])
        (batch,) = ExcelImporter().open(ImportRequest(path=path, columns=("a",))).batches

        assert [{"a": "x"}] == batch.to_pylist()

    def test_errors_of_another_sheet_do_not_count(self, made: Callable[..., Path]) -> None:
        """The faults are those of the sheet that is read."""
        path = made(["a"], ["x"], other=[["a"], [Error("#N/A")]])

        assert [{"a": "x"}] == read(path)
        assert "A2" in str(refusal(path, sheet="other"))

    @pytest.mark.parametrize("suffix", [".xlsx", ".ods"])
    def test_a_formula_that_was_never_calculated_is_refused(self, tmp_path: Path, suffix: str) -> None:
        """Programs that write workbooks leave the values to the spreadsheet."""
        path = tmp_path / f"book{suffix}"
        path.write_bytes(MAKERS[suffix]({"S": [["a"], [Formula(None)]]}))

        assert "The cell A2 of the sheet 'S' holds a formula without a value." == str(refusal(path))

    def test_a_formula_whose_value_is_empty_text_is_null(self, book: Callable[..., Path]) -> None:
        """It was calculated."""
        assert [{"a": "x", "b": None}] == read(book(["a", "b"], ["x", Formula("")]))

    def test_an_error_in_the_header_is_refused(self, made: Callable[..., Path]) -> None:
        """A column would lose its name."""
        assert "B1" in str(refusal(made(["a", Error("#N/A")], ["x", 1.0])))


class TestSheets:
    @pytest.mark.parametrize("sheet, found", [(None, "x"), ("plate 1", "x"), ("1", "x"), ("2", "2nd"), ("two", "2nd")])
    def test_the_first_or_the_one_that_is_named(
        self, made: Callable[..., Path], capsys: pytest.CaptureFixture[str], sheet: str | None, found: str
    ) -> None:
        """By name or number; which of several is read is said where nobody chose."""
        path = made(["a"], ["x"], two=[["a"], ["2nd"]])

        assert [{"a": found}] == (read(path) if sheet is None else read(path, sheet=sheet))
        assert (sheet is None) == ("first sheet of 2 is read: plate 1" in capsys.readouterr().err)

    def test_a_name_comes_before_a_number(self, tmp_path: Path) -> None:
        """A sheet may be called 2."""
        path = tmp_path / "book.xlsx"
        path.write_bytes(xlsx({"2": [["a"], ["x"]], "b": [["a"], ["y"]]}))

        assert [{"a": "x"}] == read(path, sheet="2")

    @pytest.mark.parametrize("sheet", ["none", "0", "3", "-1"])
    def test_one_that_is_not_there_is_refused(self, made: Callable[..., Path], sheet: str) -> None:
        """With the names of those that are."""
        error = refusal(made(["a"], two=[["a"]]), sheet=sheet)

        assert "plate 1, two" in error.hint

    @pytest.mark.parametrize("rows", [[], [[None], [None]]])
    def test_an_empty_one_is_refused(self, made: Callable[..., Path], rows: list[list[object]]) -> None:
        """It has no header."""
        assert "The sheet 'plate 1' is empty" in str(refusal(made(*rows)))

    def test_rows_above_the_header_are_left_out(self, made: Callable[..., Path]) -> None:
        """They count in addresses and lines."""
        path = made(["Reader 7"], ["a", "b"], ["x", Error("#N/A")])

        assert ("B3" in str(refusal(path, skip_rows=1)), 1) == (True, refusal(path, skip_rows=1).row)
        assert "is empty below row 9" in str(refusal(path, skip_rows=9))

    def test_a_name_that_is_repeated_is_refused(self, made: Callable[..., Path]) -> None:
        """Two columns of one name are ambiguous."""
        with pytest.raises(RepeatedColumn):
            read(made(["a", "a"], ["x", "y"]))


class TestWhatAPersonSees:
    def test_a_name_that_became_a_date_is_refused(self, book: Callable[..., Path]) -> None:
        """Its cell, record and value are told; the option takes it as text."""
        path = book(["gene"], ["SEPT2"], [None], [datetime.date(2024, 3, 1)])
        error = refusal(path)

        assert "cell A4" in str(error)
        assert (2, 4, "gene", "2024-03-01") == (error.row, error.line, error.column, error.value)
        assert "dates=text" in error.hint
        assert ["SEPT2", "2024-03-01"] == [row["gene"] for row in read(path, dates="text")]

    def test_a_column_of_dates_is_text_where_that_is_wanted(self, book: Callable[..., Path]) -> None:
        """Alone, and beside empty cells; a column of times is read as times, whatever else it has."""
        path = book(["day", "n"], [datetime.date(2024, 3, 1), 1.0], [None, 2.0])

        assert ["2024-03-01", None] == [row["day"] for row in read(path, {"day": pa.string()})]

    def test_a_date_among_numbers_is_refused_as_the_type_has_none(
        self, dataset_factory: Callable[..., Dataset], book: Callable[..., Path]
    ) -> None:
        """The core names row, column and value."""
        dataset = dataset_factory(namespaces={"lab": {"lab__v": "float64"}})
        path = book(["sequence", "v"], ["AC", 1.5], ["AG", datetime.date(2024, 1, 5)])

        with pytest.raises(UsrError) as caught:
            dataset.import_file(path, keep="lab")

        facts = caught.value.facts
        assert (2, "2024-01-05") == (facts["row"], facts["value"])
        assert 0 == dataset.overview().rows

    def test_merged_cells_are_said(self, book: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
        """Where they lie in a column that is read; above the header they are a title."""
        read(book(["strain", "n"], ["a", 1.0], [None, 2.0], merged="A2:A3"))
        read(book(["plate 1", None], ["strain", "n"], ["a", 1.0], merged="A1:B1"), skip_rows=1)

        assert 1 == capsys.readouterr().err.count("Of merged cells only the first one has a value: A2:A3.")

    def test_columns_without_a_name_are_said(
        self, book: Callable[..., Path], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """As where a title stands above the header; the option is in the note."""
        read(book(["plate 1"], ["strain", "n"], ["a", 1.0]))

        said = capsys.readouterr().err
        assert "B1 is empty" in said
        assert "skip_rows=1" in said


class TestFiles:
    @pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods"])
    def test_a_password_is_named(self, tmp_path: Path, suffix: str) -> None:
        """An encrypted .xlsx is a compound file, an encrypted .ods says so in its manifest."""
        path = tmp_path / f"book{suffix}"
        if suffix == ".xlsx":
            path.write_bytes(compound_file({"EncryptionInfo": b"x", "EncryptedPackage": b"x"}))
        elif suffix == ".xls":
            path.write_bytes(xls({"S": [["a"]]}, encrypted=True))
        else:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("META-INF/manifest.xml", "<manifest><encryption-data/></manifest>")

        assert "The workbook is protected by a password." == str(refusal(path))

    @pytest.mark.parametrize("content", [b"\xff\xfe\0", b"sequence,x\nA,1\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0" * 200])
    def test_what_is_no_workbook_is_refused(self, tmp_path: Path, content: bytes) -> None:
        """Whatever its name says."""
        path = tmp_path / "book.xlsx"
        path.write_bytes(content)

        assert "not a workbook" in str(refusal(path))

    def test_without_calamine_the_extra_is_named(
        self, book: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Exit 4, and the line that installs it."""
        monkeypatch.setitem(sys.modules, "python_calamine", None)

        with pytest.raises(CalamineMissing) as caught:
            read(book(["a"], ["x"]))

        assert (4, "pip install 'universal-sequence-record[excel]'") == (caught.value.exit_code, caught.value.hint)


class TestCommands:
    def test_values_are_kept_in_their_types(self, seeded: Usr, book: Callable[..., Path]) -> None:
        """An integer, a number, a time and a truth value; by the file's ending."""
        columns = "plate__n:int64,plate__f:float32,plate__t:timestamp[us, UTC],plate__ok:bool"
        seeded.ok("namespace", "register", "plate", "--columns", columns)
        names = ["sequence", "n", "f", "t", "ok"]
        path = book(names, ["CCCC", 7.0, 1.5, NOON, True], ["GGGG", None, 0.1, None, None])
        seeded.ok("import", "ns/base", path, "--keep", "plate")

        rows = Dataset.open(seeded.root, "ns/base").scan(where=[("plate__ok", "=", True)]).read_all().to_pylist()
        assert [(7, 1.5, True)] == [(row["plate__n"], row["plate__f"], row["plate__ok"]) for row in rows]
        assert [NOON] == [row["plate__t"].replace(tzinfo=None) for row in rows]

    def test_an_error_changes_nothing(self, seeded: Usr, book: Callable[..., Path]) -> None:
        """And names file, row and address."""
        path = book(["sequence"], ["CCCC"], [Error("#REF!")])

        error = seeded.refuses(1, "import", "ns/base", path).err

        assert "cell A3" in error
        assert f"file: {path}\n  row: 2\n  line: 3\n  column: sequence\n  value: #REF!" in error
