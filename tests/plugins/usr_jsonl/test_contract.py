"""The importer and the exporter keep the contracts that every author's have to keep."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from usr_core.plugin.specs import ImportRequest
from usr_core.testing import ExporterContract, ImporterContract
from usr_core.testing.samples import ODD_TEXTS
from usr_jsonl.reader import JsonlImporter
from usr_jsonl.writer import JsonlExporter


class TestJsonlImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {"name": "string", "sequence": "string"}
    rows = (
        {"name": "one", "sequence": "ACGT"},
        {"name": None, "sequence": "TTGACA"},
        {"name": "", "sequence": "GATTACA"},
    )
    unicode_rows = tuple({"name": text, "sequence": "ACGT"} for text in (*ODD_TEXTS, None))
    suffix = ".jsonl"
    features = frozenset({"bad_rows", "unicode", "compressed"})

    @pytest.fixture
    def importer(self) -> JsonlImporter:
        return JsonlImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        lines = [f"{json.dumps(row)}\n" for row in rows]
        lines[bad - 1] = '{"name": "one", "sequence": \n'
        path.write_text("".join(lines), encoding="utf-8")


class TestJsonlExporter(ExporterContract):
    features = frozenset({"round_trip", "streams"})

    @pytest.fixture
    def exporter(self) -> JsonlExporter:
        return JsonlExporter()

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        types: ClassVar[Mapping[str, str]] = {field.name: field.type for field in schema}
        return pa.Table.from_batches(JsonlImporter().open(ImportRequest(path=path, types=types)).batches, schema)
