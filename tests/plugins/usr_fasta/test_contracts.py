"""The importer and the exporter keep the contracts that every author's have to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from usr_core.plugin.specs import ImportRequest
from usr_core.testing import ExporterContract, ImporterContract
from usr_fasta.reader import FastaImporter
from usr_fasta.writer import FastaExporter

DESCRIPTIONS = ("première, λ 日本", "🧬 é", None)


class TestFastaImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {
        "sequence": "string",
        "fasta__name": "string",
        "fasta__description": "string",
    }
    rows = (
        {"sequence": "ACGT", "fasta__name": "one", "fasta__description": None},
        {"sequence": "TTGACA", "fasta__name": "two", "fasta__description": "-35 box"},
        {"sequence": "GATTACA", "fasta__name": None, "fasta__description": None},
    )
    unicode_rows = tuple({"sequence": "ACGT", "fasta__name": "é", "fasta__description": text} for text in DESCRIPTIONS)
    suffix = ".fasta"
    features = frozenset({"bad_rows", "unicode", "compressed", "namespace", "options"})
    namespace = "fasta"
    dialects = ({"encoding": "utf-16"}, {"encoding": "latin-1", "name": "word"})

    @pytest.fixture
    def importer(self) -> FastaImporter:
        return FastaImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        path.write_text("".join(map(self._record, rows)), encoding="utf-8")

    def write_dialect(self, path: Path, rows: Sequence[Mapping[str, object]], options: Mapping[str, object]) -> None:
        path.write_text("".join(map(self._record, rows)), encoding=str(options["encoding"]))

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        records = [*map(self._record, rows)]
        records[bad - 1] = ">no letters\n"
        path.write_text("".join(records), encoding="utf-8")

    def _record(self, row: Mapping[str, object]) -> str:
        header = f"{row['fasta__name'] or ''} {row['fasta__description'] or ''}".rstrip()
        return f">{header}\n{row['sequence']}\n"


class TestFastaExporter(ExporterContract):
    features = frozenset({"streams"})
    columns = frozenset({"id", "sequence"})

    @pytest.fixture
    def exporter(self) -> FastaExporter:
        return FastaExporter()

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        records = pa.Table.from_batches(
            FastaImporter().open(ImportRequest(path=path, columns=("fasta__name", "sequence"))).batches,
            pa.schema([("fasta__name", pa.string()), ("sequence", pa.string())]),
        )
        return records.rename_columns(["id", "sequence"])
