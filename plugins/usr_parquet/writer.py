"""Parquet files from batches, with exactly the types and metadata asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult
from usr_core.api.arrow import GROUP_BYTES, ParquetOutput, write_options

__all__ = ["ParquetExporter"]


class ParquetExporter:
    """Writes Parquet as the base is written: zstd, row groups of bounded size, a Bloom filter on ``id``."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write the table, also without any row; holds at most one row group (about 64 MiB).

        Columns that stand whole in the dataset's files are copied instead, if the rows are all of the dataset's.

        Raises:
            OSError: Writing failed.
        """
        schema = request.schema.with_metadata({**(request.schema.metadata or {}), **dict(request.metadata)} or None)
        if request.stored is not None and (stored := request.stored(schema)) is not None:
            return ExportResult(rows=stored, size_bytes=request.path.stat().st_size)
        options = write_options(schema, bloom="id" if "id" in schema.names else None)
        rows = 0
        with request.open() as file:
            with ParquetOutput(file, schema, **options.writer_arguments()) as writer:
                for group in _groups(batches, rows=options.rows_per_group):
                    rows += sum(batch.num_rows for batch in group)
                    _write_group(writer, group, schema)
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _groups(batches: Iterable[pa.RecordBatch], *, rows: int) -> Iterator[list[pa.RecordBatch]]:
    """Yield the batches in groups of at most `rows` rows and about 64 MiB."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, rows - held_rows)
            start += part.num_rows
            held.append(part)
            held_rows, held_bytes = held_rows + part.num_rows, held_bytes + part.nbytes
            if held_rows >= rows or held_bytes >= GROUP_BYTES:
                yield held
                held, held_rows, held_bytes = [], 0, 0
    if held:
        yield held


def _write_group(writer: ParquetOutput, group: list[pa.RecordBatch], schema: pa.Schema) -> None:
    # By way of the columns, as a batch's schema may call a column optional that the file requires.
    columns = [pa.chunked_array([batch.column(field.name) for batch in group], field.type) for field in schema]
    table = pa.Table.from_arrays(columns, schema=schema)
    writer.write_table(table, row_group_size=max(1, table.num_rows))
