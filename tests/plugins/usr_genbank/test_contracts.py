"""The importer and the exporters keep the contracts that every author's have to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from usr_core.api import ExportRequest
from usr_core.api.registry import from_arrow
from usr_core.plugin.specs import ImportRequest
from usr_core.testing import ExporterContract, ImporterContract
from usr_genbank.reader import GenbankImporter
from usr_genbank.record import TYPES
from usr_genbank.writer import FlatFileExporter


def row(sequence: str, name: str, **values: object) -> Mapping[str, object]:
    lists: dict[str, list[object]] = {f"genbank__{name}": [] for name in ("keywords", "taxonomy", "features")}
    given = {"sequence": sequence, "genbank__name": name} | {f"genbank__{key}": value for key, value in values.items()}
    return {**dict.fromkeys(TYPES), **lists, **given}


FEATURE = {
    "type": "CDS",
    "location": "complement(2..4)",
    "start": 1,
    "end": 4,
    "strand": -1,
    "qualifiers": [{"key": "label", "value": "é λ 日本"}, {"key": "pseudo", "value": None}],
}


class TestGenbankImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {name: from_arrow(type_).canonical() for name, type_ in TYPES.items()}
    rows = (
        row("acgt", "one", topology="circular", molecule_type="ds-DNA", date="21-JAN-2022"),
        row("TTGACA", "two words", features=[FEATURE], comment="a comment\n  of two lines"),
        row("GATTACA", "three", keywords=["a", "b"], taxonomy=["Bacteria"], organism="E. coli"),
    )
    unicode_rows = (row("ACGT", "é", definition="première 日本"), row("ACGT", "🧬", features=[FEATURE]))
    suffix = ".gb"
    features = frozenset({"bad_rows", "unicode", "compressed"})

    @pytest.fixture
    def importer(self) -> GenbankImporter:
        return GenbankImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        schema = pa.schema(list(TYPES.items()))
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
        FlatFileExporter("GenBank").write(ExportRequest(path=path, schema=schema), table.to_batches())

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        self.write_file(path, rows)
        records = path.read_text().split("//\n")
        records[bad - 1] = "LOCUS       empty   0 bp\nORIGIN\n"
        path.write_text("//\n".join(records))


class TestGenbankExporter(ExporterContract):
    features = frozenset({"streams"})
    columns = frozenset({"id", "sequence"})
    held_bytes = 2 << 20

    @pytest.fixture
    def exporter(self) -> FlatFileExporter:
        return FlatFileExporter("GenBank")

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        records = pa.Table.from_batches(
            GenbankImporter().open(ImportRequest(path=path, columns=("genbank__name", "sequence"))).batches,
            pa.schema([("genbank__name", pa.string()), ("sequence", pa.string())]),
        )
        return records.rename_columns(["id", "sequence"])


class TestEmblExporter(TestGenbankExporter):
    @pytest.fixture
    def exporter(self) -> FlatFileExporter:
        return FlatFileExporter("EMBL")
