"""Parquet files as batches, with their own types."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds

from usr_core.plugin.specs import ImportRequest
from usr_core.store.incoming.errors import RepeatedColumn, SourceTruncated, SourceUnreadable
from usr_core.store.incoming.source_file import SourceFile, open_source

__all__ = ["ParquetImporter"]

_MAGIC = b"PAR1"
_MOST_ROWS = 65_536


class ParquetImporter:
    """Reads Parquet; large and dictionary strings come as plain ones, all else as the file has it."""

    def columns(self, request: ImportRequest) -> Sequence[str]:
        """Return the names of the columns, from the footer alone."""
        with open_source(request.path) as source, _open(source) as file:
            return list(file.schema_arrow.names)

    def read(self, request: ImportRequest) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns, in the order wanted; others are not read.

        Raises:
            RepeatedColumn: A wanted name occurs twice.
            SourceTruncated: The file has no footer: it is cut off.
            SourceUnreadable: It is no Parquet file, or its pages are damaged.
            FileChanged: The file changed while it was read.

        Holds a batch of about `ImportRequest.batch_bytes` decoded, and the compressed pages of a row group.
        """
        with open_source(request.path) as source, _open(source) as file:
            present = file.schema_arrow.names
            wanted = present if request.columns is None else request.columns
            chosen = [name for name in wanted if name in present]
            for name in chosen:
                if present.count(name) > 1:
                    raise RepeatedColumn(source.path, name)
            if not chosen:
                return
            rows = 0
            for group in range(file.num_row_groups):
                try:
                    size = _batch_rows(file.metadata.row_group(group), chosen, request.batch_bytes)
                except UnicodeDecodeError as error:
                    raise _damaged_footer(source, error) from error
                batches = file.iter_batches(size, row_groups=[group], columns=chosen, use_threads=False)
                while (batch := _next(batches, source, rows)) is not None:
                    source.check_unchanged()
                    yield _plain(batch, chosen)
                    rows += batch.num_rows
            source.check_unchanged()


def _open(source: SourceFile) -> pq.ParquetFile:
    # A descriptor of its own, so that a file put in the place of this one is not read by mistake.
    handle = pa.PythonFile(os.fdopen(os.dup(source.descriptor), "rb"), mode="r")
    try:
        file = pq.ParquetFile(handle)
        _ = file.schema_arrow.names  # a damaged name is no text
        return file
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        os.lseek(source.descriptor, 0, os.SEEK_SET)
        head = os.read(source.descriptor, 4)
        if head == _MAGIC:
            raise _damaged_footer(source, error) from error
        reason = "The file is empty." if not head else "The file is not a Parquet file."
        raise SourceUnreadable(
            source.path, reason, hint="Give the importer that fits the file: --from csv, --from jsonl."
        ) from error


def _damaged_footer(source: SourceFile, error: Exception) -> SourceTruncated:
    return SourceTruncated(source.path, f"its footer is missing or damaged ({_first_line(error)})")


def _next(batches: Iterator[pa.RecordBatch], source: SourceFile, rows: int) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        source.check_unchanged()
        raise SourceUnreadable(
            source.path,
            f"The file is damaged at or behind this row: {_first_line(error)}.",
            hint="Copy or write the file again.",
            row=rows + 1,
        ) from error


def _batch_rows(group: pq.RowGroupMetaData, chosen: Sequence[str], batch_bytes: int) -> int:
    names = set(chosen)
    chunks = [group.column(index) for index in range(group.num_columns)]
    size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".", 1)[0] in names)
    # Pages with a dictionary decode to more than they hold; four times is a cautious guess.
    fitting: int = batch_bytes * group.num_rows // max(1, 4 * size)
    return max(1, min(_MOST_ROWS, fitting))


def _plain(batch: pa.RecordBatch, chosen: Sequence[str]) -> pa.RecordBatch:
    columns = []
    for name in chosen:
        column = batch.column(name)
        value_type = column.type.value_type if kinds.is_dictionary(column.type) else column.type
        if value_type in (pa.large_string(), pa.string_view()) or (kinds.is_dictionary(column.type)):
            column = column.cast(pa.string() if _is_text(value_type) else value_type)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=list(chosen))


def _is_text(type_: pa.DataType) -> bool:
    return type_ in (pa.string(), pa.large_string(), pa.string_view())


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
