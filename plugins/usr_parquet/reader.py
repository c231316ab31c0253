"""Parquet files as batches, with their own types."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.api import ImportRequest, Opened, RepeatedColumn, SourceFile, SourceUnreadable, open_source
from usr_core.api.arrow import conform, plain_type
from usr_parquet.failures import damaged_footer, not_opened, unreadable_group, unreadable_value

__all__ = ["ParquetImporter"]

_MOST_ROWS = 65_536
_BUFFER_BYTES = 1 << 20
"""Of a column chunk are fetched at a time; fetched whole, one of a large row group is as large as that."""


class ParquetImporter:
    """Reads Parquet; large, dictionary and such spellings of a type come as the plain one, all else as it is."""

    def open(self, request: ImportRequest) -> Opened:
        """Open the file: the names of its columns from the footer, and the wanted ones, which alone are read.

        Raises:
            RepeatedColumn: A wanted name occurs twice.
            SourceTruncated: The file has no footer: it is cut off.
            SourceUnreadable: The file is not a Parquet file, its pages are damaged, a column is of an odd type, or an
                INT96 time has digits behind the microsecond.
            FileChanged: The file changed while it was read.

        Holds a batch of about `ImportRequest.batch_bytes` decoded, and some pages of each column, however large the row
        groups are.
        """
        return Opened.begun(_steps(request))


def _steps(request: ImportRequest) -> Generator[Any, None, None]:
    with open_source(request.path) as source, _open(source) as file:
        names = list(file.schema_arrow.names)
        yield names
        present = Counter(names)
        chosen = [name for name in (names if request.columns is None else request.columns) if name in present]
        for name in chosen:
            if present[name] > 1:
                raise RepeatedColumn(source.path, name)
        if not chosen:
            return
        with _open(source, int96="ns") as nanoseconds:
            reading = _Reading(source, file, nanoseconds, chosen)
            for group in range(file.num_row_groups):
                for batch in reading.batches(group, request.batch_bytes):
                    source.check_unchanged()
                    yield batch
        source.check_unchanged()


def _open(source: SourceFile, *, int96: str = "us") -> pq.ParquetFile:
    try:
        handle = _handle(source)
        file = pq.ParquetFile(handle, pre_buffer=False, buffer_size=_BUFFER_BYTES, coerce_int96_timestamp_unit=int96)
        _ = file.schema_arrow.names  # a damaged name is not text
        return file
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise not_opened(source, error) from error


def _handle(source: SourceFile) -> pa.NativeFile:
    """Open the very file that was opened once more, for Arrow alone: through Python it is read a fifth slower."""
    try:
        return pa.OSFile(f"/dev/fd/{source.descriptor}", "rb")
    except OSError:  # a system without such names
        return pa.PythonFile(os.fdopen(os.dup(source.descriptor), "rb"), mode="r")


class _Reading:
    """Some columns of a file, a row group at a time.

    INT96 times are read in microseconds, as nanoseconds would wrap beyond 1677 and 2262.
    """

    def __init__(
        self, source: SourceFile, file: pq.ParquetFile, nanoseconds: pq.ParquetFile, names: Sequence[str]
    ) -> None:
        self._source, self._file, self._nanoseconds, self._names = source, file, nanoseconds, names
        leaves = [file.schema.column(index) for index in range(len(file.schema))]
        times = {leaf.path.split(".", 1)[0] for leaf in leaves if leaf.physical_type == "INT96"}
        self._int96 = [name for name in names if name in times]
        self._rows = 0

    def batches(self, group: int, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a group as plain types.

        Raises:
            SourceTruncated: The footer is damaged.
            SourceUnreadable: The pages are damaged, or a column can't be taken.
        """
        try:
            size = _batch_rows(self._file.metadata.row_group(group), self._names, batch_bytes)
        except UnicodeDecodeError as error:
            raise damaged_footer(self._source, error) from error
        batches = self._file.iter_batches(size, row_groups=[group], columns=list(self._names), use_threads=False)
        first = self._rows
        while (batch := self._next(batches, group)) is not None:
            if self._int96:
                self._check_nanoseconds(batch, group, at=self._rows - first)
            columns = [conform(batch.column(name), plain_type(batch.column(name).type)) for name in self._names]
            for name, column in zip(self._names, columns, strict=True):
                self._check_values(name, column)
            self._rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(columns, names=list(self._names))

    def _next(self, batches: Iterator[pa.RecordBatch], group: int) -> pa.RecordBatch | None:
        try:
            return next(batches, None)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
            self._source.check_unchanged()
            raise unreadable_group(self._source, self._file, group, self._names, error, row=self._rows + 1) from error

    def _check_values(self, name: str, column: pa.Array) -> None:
        """Refuse what Parquet reads unseen: text that is not UTF-8, which other writers put there."""
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            index = next((at for at in range(len(column)) if not _is_valid(column.slice(at, 1))), 0)
            raise unreadable_value(
                self._source, name, column.slice(index, 1), error, row=self._rows + index + 1
            ) from error

    def _check_nanoseconds(self, batch: pa.RecordBatch, group: int, *, at: int) -> None:
        """Refuse times that microseconds can't hold; of the two readings, both wrap alike, so that they compare."""
        exact = self._nanoseconds.read_row_group(group, columns=self._int96, use_threads=False)
        for name in self._int96:
            theirs = exact.column(name).slice(at, batch.num_rows).combine_chunks()
            ours = batch.column(name).cast(theirs.type, safe=False)
            if ours.equals(theirs):
                continue
            index = next(i for i in range(len(ours)) if not ours.slice(i, 1).equals(theirs.slice(i, 1)))
            raise SourceUnreadable(
                self._source.path,
                "The time has digits behind the microsecond, and INT96 times are read in microseconds.",
                hint="Write the column as a timestamp in nanoseconds (INT64) instead of the old INT96.",
                row=self._rows + index + 1,
                column=name,
                value=str(theirs[index]),
            )


def _is_valid(value: pa.Array) -> bool:
    try:
        # A copy of its own: a slice of a list is validated with all of its values.
        value.take(pa.array([0])).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _batch_rows(group: pq.RowGroupMetaData, chosen: Sequence[str], batch_bytes: int) -> int:
    names = set(chosen)
    chunks = [group.column(index) for index in range(group.num_columns)]
    size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.split(".", 1)[0] in names)
    # Pages with a dictionary decode to more than they hold; four times is a cautious guess.
    fitting: int = batch_bytes * group.num_rows // max(1, 4 * size)
    return max(1, min(_MOST_ROWS, fitting))
