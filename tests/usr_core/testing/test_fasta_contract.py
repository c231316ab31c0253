"""The exporter's contract under a format that holds two columns only: it can be passed, and says what is kept."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from usr_core.plugin.specs import Exporter, ExportRequest, ExportResult
from usr_core.testing import ExporterContract


class FastaExporter:
    """Writes ids and sequences."""

    def write(self, request: ExportRequest, batches: object) -> ExportResult:
        rows = 0
        with request.open() as file:
            for batch in batches:  # type: ignore[attr-defined]
                named = zip(batch.column("id").to_pylist(), batch.column("sequence").to_pylist(), strict=True)
                file.writelines(f">{one}\n{sequence}\n".encode() for one, sequence in named)
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


class TestFasta(ExporterContract):
    """A format that leaves every other column out."""

    features = frozenset({"streams"})
    columns = frozenset({"id", "sequence"})

    @pytest.fixture
    def exporter(self) -> Exporter:
        return FastaExporter()

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        lines = path.read_text().splitlines()
        return pa.table({"id": [line[1:] for line in lines[::2]], "sequence": lines[1::2]})
