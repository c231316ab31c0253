"""CSV files as batches of strings.

Arrow parses; this package checks what it would let pass: repeated names, quotes in the wrong place, records
longer than a block, and the row at fault. An unquoted empty cell is null, a quoted one the empty string; everything
else is text. Blank lines are skipped, except in a file of one column,
where a blank line is an empty cell.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv

from usr_core.api import LONGEST_RECORD, ImportRequest, Opened, SourceFile, SourceUnreadable, open_source
from usr_csv.diagnosis import diagnose, misplaced_quote
from usr_csv.header import chosen_columns, read_header
from usr_csv.quoting import CheckedStream, MisplacedQuote

__all__ = ["CsvImporter"]

_SMALLEST_BLOCK = 64 << 10
_GROWTH = 8


class _RecordTooLong(Exception):
    """A record does not fit into a block."""


class CsvImporter:
    """Reads CSV (RFC 4180: commas, double quotes, any line ends, UTF-8 with or without BOM)."""

    def open(self, request: ImportRequest) -> Opened:
        """Open the file: the names in its header, and the wanted columns as strings.

        Raises:
            SourceFileError: The file can't be opened, or has no header.
            RepeatedColumn: A wanted name occurs twice in the header.
            SourceUnreadable: A record has too few or too many cells, a cell is not UTF-8, text follows a closing
                quote, or a blank stands before an opening one.
            SourceTruncated: The file ends inside quotes, or its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds a few blocks of `ImportRequest.batch_bytes`; more only for a record longer than a block.
        """
        return Opened.begun(_steps(request))


def _steps(request: ImportRequest) -> Generator[Any, None, None]:
    with open_source(request.path) as source:
        names = read_header(source)
        yield names
        chosen = chosen_columns(source, names, request.columns)
        if not chosen:
            return
        delivered = 0
        block = _first_block(source, request.batch_bytes)
        while True:
            try:
                for batch in _attempt(source, names, chosen, block=block, skip=delivered):
                    source.check_unchanged()
                    yield batch
                    delivered += batch.num_rows
                return
            except _RecordTooLong:
                if block >= LONGEST_RECORD:
                    raise SourceUnreadable(
                        source.path,
                        f"A record is longer than {LONGEST_RECORD >> 20} MiB.",
                        hint="Look for a quote that is not closed near this row.",
                        row=delivered + 1,
                    ) from None
                block = min(LONGEST_RECORD, block * _GROWTH)


def _first_block(source: SourceFile, batch_bytes: int) -> int:
    most = batch_bytes if source.compression else min(batch_bytes, source.size_bytes + 4096)
    return min(LONGEST_RECORD, max(_SMALLEST_BLOCK, most))


def _attempt(
    source: SourceFile, names: Sequence[str], chosen: Sequence[int], *, block: int, skip: int
) -> Iterator[pa.RecordBatch]:
    """Yield the records behind the first `skip`, read in blocks of `block` bytes."""
    schema = pa.schema([pa.field(names[index], pa.string()) for index in chosen])
    rows = 0
    try:
        with _open(source, len(names), chosen, block) as reader:
            for batch in reader:
                yield from _behind(batch, skip - rows, schema)
                rows += batch.num_rows
    except MisplacedQuote as fault:
        source.check_unchanged()
        raise misplaced_quote(source, names, fault) from fault
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "straddl" in str(error):
            raise _RecordTooLong from error
        source.check_unchanged()
        raise diagnose(source, names, error) from error
    source.check_unchanged()


def _behind(batch: pa.RecordBatch, skip: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    kept = batch.slice(max(0, skip)) if skip < batch.num_rows else batch.slice(0, 0)
    if kept.num_rows:
        yield pa.RecordBatch.from_arrays(kept.columns, schema=schema)


def _open(source: SourceFile, columns: int, chosen: Sequence[int], block: int) -> arrow_csv.CSVStreamingReader:
    # Columns go by their positions, as Arrow would take the first of two that share a name.
    positions = [f"c{index}" for index in range(columns)]
    wanted = [positions[index] for index in chosen]
    return arrow_csv.open_csv(
        pa.PythonFile(CheckedStream(source.stream()), mode="r"),
        read_options=arrow_csv.ReadOptions(column_names=positions, skip_rows_after_names=1, block_size=block),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=columns > 1),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
