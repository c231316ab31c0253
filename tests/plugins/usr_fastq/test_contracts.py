"""The importer and the exporter keep the contracts that every author's have to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from usr_core.testing import ImporterContract
from usr_fastq.reader import FastqImporter

DESCRIPTIONS = ("première, λ 日本", "🧬 é", None)


def row(sequence: str, name: str | None, description: str | None) -> Mapping[str, object]:
    quality = "!" * len(sequence)
    return {
        "sequence": sequence,
        "fastq__name": name,
        "fastq__description": description,
        "fastq__quality": quality,
        "fastq__mean_error": 1.0,
    }


class TestFastqImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {
        "sequence": "string",
        "fastq__name": "string",
        "fastq__description": "string",
        "fastq__quality": "string",
        "fastq__mean_error": "float32",
    }
    rows = (row("ACGT", "one", None), row("TTGACA", "two", "1:N:0"), row("GATTACA", None, None))
    unicode_rows = tuple(row("ACGT", "é", text) for text in DESCRIPTIONS)
    suffix = ".fastq"
    features = frozenset({"bad_rows", "unicode", "compressed", "namespace", "options"})
    namespace = "fastq"
    dialects = ({"encoding": "utf-16"}, {"encoding": "latin-1", "name": "word"})

    @pytest.fixture
    def importer(self) -> FastqImporter:
        return FastqImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        path.write_text("".join(map(self._record, rows)), encoding="utf-8")

    def write_dialect(self, path: Path, rows: Sequence[Mapping[str, object]], options: Mapping[str, object]) -> None:
        path.write_text("".join(map(self._record, rows)), encoding=str(options["encoding"]))

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        records = [*map(self._record, rows)]
        records[bad - 1] = "@one quality too many\nAC\n+\n!!!\n"
        path.write_text("".join(records), encoding="utf-8")

    def _record(self, row: Mapping[str, object]) -> str:
        header = f"{row['fastq__name'] or ''} {row['fastq__description'] or ''}".rstrip()
        return f"@{header}\n{row['sequence']}\n+\n{row['fastq__quality']}\n"
