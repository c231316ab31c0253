"""CSV and TSV files from batches."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import BinaryIO

import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult
from usr_core.api.arrow import bounded, string_parts, text_scalar
from usr_csv.cells import CellFormat
from usr_csv.dialect import delimiter_of

__all__ = ["CsvExporter"]

_STEP_BYTES = 8 << 20


class CsvExporter:
    """Writes RFC 4180 with line feeds, in UTF-8 without BOM; quotes only where they are needed.

    Args:
        delimiter: Where no option says it.
    """

    def __init__(self, delimiter: str = ",") -> None:
        self._delimiter = delimiter

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write the header, always, and a line a record; holds about 8 MiB of a batch as text at a time.

        Raises:
            OptionInvalid: The delimiter is none.
            OSError: Writing failed.
        """
        made = CellFormat(
            delimiter=delimiter_of(request.options.get("delimiter", self._delimiter)),
            spreadsheet_safe=bool(request.options.get("spreadsheet_safe", False)),
        )
        rows = 0
        with request.open() as file:
            header = io.StringIO()
            csv.writer(header, delimiter=made.delimiter, lineterminator="\n").writerow(made.names(request.schema.names))
            file.write(header.getvalue().encode("utf-8"))
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                _write_lines(file, batch, made)
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _write_lines(file: BinaryIO, batch: pa.RecordBatch, made: CellFormat) -> None:
    import pyarrow.compute as pc

    columns = [made.cells(column) for column in batch.columns]
    columns[-1] = pc.binary_join_element_wise(columns[-1], text_scalar("\n"), text_scalar(""))
    lines = pc.binary_join_element_wise(*columns, text_scalar(made.delimiter)) if len(columns) > 1 else columns[0]
    file.write(string_parts(lines)[1])
