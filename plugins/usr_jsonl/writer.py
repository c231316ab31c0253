"""JSON Lines files from batches."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult
from usr_core.api.arrow import bounded, dumps, to_json

__all__ = ["JsonlExporter"]

_STEP_BYTES = 1 << 20


class JsonlExporter:
    """Writes one object a line, its keys in the columns' order, null included."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write a line a record; no record, no line. Holds about 1 MiB of a batch as Python objects at a time.

        Floats that are not finite become the texts ``NaN``, ``Infinity`` and ``-Infinity``: JSON has no such numbers.

        Raises:
            OSError: Writing failed.
        """
        rows = 0
        with request.open() as file:
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                names = batch.schema.names
                columns = [to_json(column) for column in batch.columns]
                lines = [dumps(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
                file.write("".join(f"{line}\n" for line in lines).encode("utf-8"))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)
