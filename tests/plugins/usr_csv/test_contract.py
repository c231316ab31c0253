"""The importer and the exporter keep the contracts that every author's have to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from usr_core.plugin.specs import ImportRequest
from usr_core.testing import ExporterContract, ImporterContract
from usr_core.testing.samples import ODD_TEXTS
from usr_core.values.text import parse_text
from usr_csv.dialect import TAB
from usr_csv.reader import CsvImporter
from usr_csv.writer import CsvExporter


class TestCsvImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {"name": "string", "sequence": "string"}
    rows = (
        {"name": "one", "sequence": "ACGT"},
        {"name": None, "sequence": "TTGACA"},
        {"name": "", "sequence": "GATTACA"},
    )
    unicode_rows = tuple({"name": text, "sequence": "ACGT"} for text in (*ODD_TEXTS, None))
    suffix = ".csv"
    features = frozenset({"bad_rows", "unicode", "compressed", "options"})
    dialects = ({"delimiter": ";", "encoding": "latin-1"}, {"delimiter": "tab", "encoding": "utf-16"})

    @pytest.fixture
    def importer(self) -> CsvImporter:
        return CsvImporter()

    def write_dialect(self, path: Path, rows: Sequence[Mapping[str, object]], options: Mapping[str, object]) -> None:
        delimiter = str(options["delimiter"]).replace("tab", TAB)
        text = f"name{delimiter}sequence\n" + "".join(line(row, delimiter) for row in rows)
        path.write_text(text, encoding=str(options["encoding"]), newline="")

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        path.write_text("name,sequence\n" + "".join(map(line, rows)), encoding="utf-8", newline="")

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        lines = [*map(line, rows)]
        lines[bad - 1] = "one,two,three\n"
        path.write_text("name,sequence\n" + "".join(lines), encoding="utf-8")


class TestTsvImporter(TestCsvImporter):
    """By the file's ending."""

    suffix = ".tsv"

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        text = "name\tsequence\n" + "".join(line(row, "\t") for row in rows)
        path.write_text(text, encoding="utf-8", newline="")

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        lines = [line(row, "\t") for row in rows]
        lines[bad - 1] = "one\ttwo\tthree\n"
        path.write_text("name\tsequence\n" + "".join(lines), encoding="utf-8")


class TestCsvExporter(ExporterContract):
    features = frozenset({"round_trip", "streams"})
    importer = CsvImporter()

    @pytest.fixture
    def exporter(self) -> CsvExporter:
        return CsvExporter()

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        texts = pa.schema([(name, pa.string()) for name in schema.names])
        read = pa.Table.from_batches(self.importer.open(ImportRequest(path=path)).batches, texts)
        columns = [
            parse_text(read.column(field.name).combine_chunks(), field.type, parse_json=True) for field in schema
        ]
        return pa.Table.from_arrays(columns, schema=schema)


class TestTsvExporter(TestCsvExporter):
    """Read back by the importer of its name."""

    importer = CsvImporter(TAB)

    @pytest.fixture
    def exporter(self) -> CsvExporter:
        return CsvExporter(TAB)


def line(row: Mapping[str, object], delimiter: str = ",") -> str:
    """Return a record of two cells, quoted where there is a value."""
    cells = ["" if value is None else '"' + str(value).replace('"', '""') + '"' for value in row.values()]
    return delimiter.join(cells) + "\n"
