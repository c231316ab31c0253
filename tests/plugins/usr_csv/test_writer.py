"""Writing CSV files."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.column_types import arrays, bits, column_types
from usr_core.plugin.errors import OptionInvalid
from usr_core.plugin.specs import ExportRequest, ImportRequest
from usr_core.values.text import parse_text
from usr_csv.reader import CsvImporter
from usr_csv.writer import CsvExporter


def export(path: Path, table: pa.Table, **options: object) -> str:
    request = ExportRequest(path=path, schema=table.schema, options=options)
    result = CsvExporter().write(request, table.to_batches())
    assert (table.num_rows, path.stat().st_size) == (result.rows, result.size_bytes)
    return path.read_bytes().decode()


class TestFormat:
    def test_quotes_only_where_needed(self, tmp_path: Path) -> None:
        """Commas, quotes, line ends and empty text are quoted; null is an empty cell; nothing else changes."""
        values = ["NA", "a,b", 'a"b', "a\nb", "a\rb", "", None, " x ", "=1+1", "é"]
        text = export(tmp_path / "o.csv", pa.table({"a,b": values, "n": range(10)}))

        assert '"a,b",n\nNA,0\n"a,b",1\n"a""b",2\n"a\nb",3\n"a\rb",4\n"",5\n,6\n x ,7\n=1+1,8\né,9\n' == text

    def test_values_have_their_documented_spelling(self, tmp_path: Path) -> None:
        """Truth values, numbers, times, bytes and nested values."""
        table = pa.table(
            {
                "b": [True],
                "f": [0.1],
                "g": pa.array([0.1], pa.float32()),
                "h": pa.array([1.5], pa.float16()),
                "n": [float("nan")],
                "t": pa.array([datetime.datetime(2026, 1, 31, 12, 0, 0, 5)], pa.timestamp("us", "Europe/Zurich")),
                "d": [datetime.date(2026, 1, 31)],
                "x": [b"\x00\xff"],
                "l": [[1.5, None]],
                "s": [{"a": "x,y"}],
            }
        )

        cells = export(tmp_path / "o.csv", table).splitlines()[1]

        assert (
            cells == 'true,0.1,0.1,1.5,nan,2026-01-31T12:00:00.000005Z,2026-01-31,AP8=,"[1.5,null]","{""a"":""x,y""}"'
        )

    def test_a_large_whole_float32_has_all_its_digits(self, tmp_path: Path) -> None:
        """Rounded digits would be an integer that the column can't hold, and would be refused when they come back."""
        values = [123456789.0, -16777218.0, 1000000064.0, 9999998976.0, 1e10, 0.1, None, float("inf"), float("nan")]
        text = export(tmp_path / "o.csv", pa.table({"f": pa.array(values, pa.float32())}))

        texts = ["123456792", "-16777218", "1000000064", "9999998976", "1e+10", "0.1", "", "inf", "nan"]
        assert ["f", *texts] == text.splitlines()
        read = parse_text(pa.array([cell or None for cell in texts]), pa.float32(), parse_json=True)
        assert bits(pa.array(values, pa.float32())) == bits(read)

    def test_no_batches_give_a_header(self, tmp_path: Path) -> None:
        """An empty table is its header."""
        schema = pa.schema([("id", pa.string()), ("n", pa.int64())])
        result = CsvExporter().write(ExportRequest(path=tmp_path / "o.csv", schema=schema), [])

        assert (0, "id,n\n") == (result.rows, (tmp_path / "o.csv").read_text())


class TestDialects:
    @pytest.mark.parametrize("given, sign", [(";", ";"), ("tab", "\t"), ("|", "|"), ("^", "^"), ("\\", "\\")])
    def test_the_delimiter_is_quoted_and_the_comma_is_not(self, tmp_path: Path, given: str, sign: str) -> None:
        """In names and cells; times and nested values too."""
        table = pa.table({f"a{sign}b": ["x,y", f"x{sign}y"], "l": [[1, 2], None], "c,d": [1.5, None]})
        text = export(tmp_path / "o.csv", table, delimiter=given)

        assert f'"a{sign}b"{sign}l{sign}c,d\nx,y{sign}[1,2]{sign}1.5\n"x{sign}y"{sign}{sign}\n' == text

    def test_a_time_is_quoted_where_the_delimiter_is_in_it(self, tmp_path: Path) -> None:
        """A colon divides hours and minutes."""
        table = pa.table({"t": pa.array([datetime.datetime(2026, 1, 31, 12)], pa.timestamp("us", "UTC")), "n": [1]})

        assert 't:n\n"2026-01-31T12:00:00.000000Z":1\n' == export(tmp_path / "o.csv", table, delimiter=":")

    def test_no_delimiter_is_refused(self, tmp_path: Path) -> None:
        """As the reader refuses it."""
        with pytest.raises(OptionInvalid, match="delimiter"):
            export(tmp_path / "o.csv", pa.table({"a": [1]}), delimiter=";;")


class TestSpreadsheets:
    def test_what_would_be_a_formula_gets_an_apostrophe(self, tmp_path: Path) -> None:
        """Text that begins with one of the signs, in names and base64 as well; quoted where it has to be."""
        texts = ["=1+1", "+A1", "-x,y", "@cmd", "\tx", "a=b", "'q", "", None, "-"]
        table = pa.table({"=n": texts, "b": pa.array([b"\xfb", *[None] * 9], pa.binary())})
        lines = export(tmp_path / "o.csv", table, spreadsheet_safe=True).splitlines()

        assert "'=n,b" == lines[0]
        assert ["'=1+1,'+w==", "'+A1,", '"\'-x,y",', "'@cmd,", "'\tx,", "a=b,", "'q,", '"",', ",", "'-,"] == lines[1:]

    def test_numbers_stay_numbers(self, tmp_path: Path) -> None:
        """Those of columns of numbers, and text that is a number."""
        table = pa.table({"i": [-1, 2], "f": [-0.5, float("-inf")], "t": ["-1.5e-3", "+7"], "l": [[-1], None]})

        assert "i,f,t,l\n-1,-0.5,-1.5e-3,[-1]\n2,-inf,+7,\n" == export(tmp_path / "o.csv", table, spreadsheet_safe=True)


class TestRoundTrip:
    @settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(st.data())
    def test_every_value_of_every_type_reads_back(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        """What export writes, the importer and the text parser read back to the same bits."""
        kind = data.draw(column_types()).to_arrow()
        column = data.draw(arrays(kind))
        path = tmp_path_factory.mktemp("csv") / "o.csv"
        table = pa.Table.from_arrays([column], names=["m__x"])
        CsvExporter().write(ExportRequest(path=path, schema=table.schema), table.to_batches())

        batches = list(CsvImporter().open(ImportRequest(path=path)).batches)

        read = pa.Table.from_batches(batches, pa.schema([("m__x", pa.string())])).column(0).combine_chunks()
        assert bits(column) == bits(parse_text(read, kind, parse_json=True))
