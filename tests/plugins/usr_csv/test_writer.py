"""Writing CSV files."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.column_types import arrays, bits, column_types
from usr_core.plugin.specs import ExportRequest, ImportRequest
from usr_core.values.text import parse_text
from usr_csv.reader import CsvImporter
from usr_csv.writer import CsvExporter


def export(path: Path, table: pa.Table) -> str:
    result = CsvExporter().write(ExportRequest(path=path, schema=table.schema), table.to_batches())
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
