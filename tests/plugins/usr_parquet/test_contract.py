"""The importer and the exporter keep the contracts that every author's have to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.plugin.specs import ImportRequest
from usr_core.store.rules.errors import SourceTruncated
from usr_core.testing import ExporterContract, ImporterContract
from usr_core.testing.samples import ODD_TEXTS, arrow_type
from usr_parquet.reader import ParquetImporter
from usr_parquet.writer import ParquetExporter


class TestParquetImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {"name": "string", "vector": "list<float32>", "sequence": "string"}
    rows = (
        {"name": "one", "vector": [1.0, None], "sequence": "ACGT"},
        {"name": None, "vector": None, "sequence": "TTGACA"},
        {"name": "", "vector": [], "sequence": "GATTACA"},
    )
    unicode_rows = tuple({"name": text, "vector": None, "sequence": "ACGT"} for text in (*ODD_TEXTS, None))
    suffix = ".parquet"
    features = frozenset({"unicode"})  # a damaged page says little of rows; compression is the format's own

    @pytest.fixture
    def importer(self) -> ParquetImporter:
        return ParquetImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        schema = pa.schema([(name, arrow_type(spelling)) for name, spelling in self.types.items()])
        pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), path)


class TestParquetExporter(ExporterContract):
    features = frozenset({"round_trip", "streams"})
    held_bytes = 64 << 20  # a row group

    @pytest.fixture
    def exporter(self) -> ParquetExporter:
        return ParquetExporter()

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        return pq.read_table(path)


def test_a_footer_whose_names_are_no_text_is_damaged(tmp_path: Path) -> None:
    """It is told as a damaged file, not as a fault of the importer."""
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"sequence": ["ACGT"]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"sequence", b"\xffequence"))

    with pytest.raises(SourceTruncated, match="its footer is missing or damaged"):
        ParquetImporter().open(ImportRequest(path=path))
