"""Writing FASTQ files."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest

from usr_core.api import ExportRequest, UsrError
from usr_fastq.parser import parse_fastq
from usr_fastq.writer import FastqExporter

COLUMNS = {
    "id": ["i", "j"],
    "sequence": ["ACGT", "TT"],
    "fastq__name": ["a", None],
    "fastq__description": ["1:N:0", None],
    "fastq__quality": ["II!~", "@+"],
}


def written(path: Path, columns: dict[str, list[str | None]]) -> bytes:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    result = FastqExporter().write(ExportRequest(path=path, schema=table.schema), table.to_batches(max_chunksize=1))

    assert (table.num_rows, path.stat().st_size) == (result.rows, result.size_bytes)
    return path.read_bytes()


class TestRecords:
    def test_have_four_lines_and_are_read_back(self, tmp_path: Path) -> None:
        """The id is the name of a record that has none."""
        text = written(tmp_path / "out", COLUMNS)  # type: ignore[arg-type]
        found = [row["fastq__quality"] for batch in parse_fastq(io.BytesIO(text)) for row in batch.to_pylist()]

        assert b"@a 1:N:0\nACGT\n+\nII!~\n@j\nTT\n+\n@+\n" == text
        assert COLUMNS["fastq__quality"] == found

    @pytest.mark.parametrize("quality", [None, "", "I", "III", "I ", "Ié"])
    def test_a_record_without_its_qualities_is_refused(self, tmp_path: Path, quality: str | None) -> None:
        """Row, column and value are told."""
        with pytest.raises(UsrError) as caught:
            written(tmp_path / "out", COLUMNS | {"fastq__quality": ["IIII", quality]})  # type: ignore[arg-type]

        assert (2, "fastq__quality") == (caught.value.facts["row"], caught.value.facts["column"])

    def test_the_column_of_qualities_is_needed(self, tmp_path: Path) -> None:
        """The message names it."""
        columns = {name: values for name, values in COLUMNS.items() if name != "fastq__quality"}

        with pytest.raises(UsrError, match="needs the column fastq__quality"):
            written(tmp_path / "out", columns)  # type: ignore[arg-type]
