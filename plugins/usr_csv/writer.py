"""CSV files from batches."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO

import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult
from usr_core.api.arrow import bounded, string_parts, text_scalar
from usr_csv.cells import cells

__all__ = ["CsvExporter"]

_STEP_BYTES = 8 << 20


class CsvExporter:
    """Writes RFC 4180 with line feeds, in UTF-8 without BOM; quotes only where they are needed."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write the header, always, and a line a record; holds about 8 MiB of a batch as text at a time.

        Raises:
            OSError: Writing failed.
        """
        rows = 0
        with request.open() as file:
            header = io.StringIO()
            csv.writer(header, lineterminator="\n").writerow(request.schema.names)
            file.write(header.getvalue().encode("utf-8"))
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                _write_lines(file, batch)
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _write_lines(file: BinaryIO, batch: pa.RecordBatch) -> None:
    import pyarrow.compute as pc

    columns = [cells(column) for column in batch.columns]
    columns[-1] = pc.binary_join_element_wise(columns[-1], text_scalar("\n"), text_scalar(""))
    lines = pc.binary_join_element_wise(*columns, text_scalar(",")) if len(columns) > 1 else columns[0]
    file.write(string_parts(lines)[1])
