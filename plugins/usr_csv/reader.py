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
from usr_csv.decimals import AmbiguousNumber, is_number, with_points
from usr_csv.diagnosis import ambiguous_number, diagnose, misplaced_quote
from usr_csv.dialect import Dialect
from usr_csv.header import chosen_columns, read_header
from usr_csv.quoting import CheckedStream, MisplacedQuote
from usr_csv.text_stream import TextStream

__all__ = ["CsvImporter"]

_SMALLEST_BLOCK = 64 << 10
_GROWTH = 8


class _RecordTooLong(Exception):
    """A record does not fit into a block."""


class CsvImporter:
    """Reads tables of text: RFC 4180, with the delimiter, decimal comma, encoding and so on that the options say.

    Args:
        delimiter: Where no option says it; by default the file's ending does.
    """

    def __init__(self, delimiter: str | None = None) -> None:
        self._delimiter = delimiter

    def open(self, request: ImportRequest) -> Opened:
        """Open the file: the names in its header, and the wanted columns as strings.

        Raises:
            SourceFileError: The file can't be opened, or has no header.
            RepeatedColumn: A wanted name occurs twice in the header.
            OptionInvalid: An option has no meaning.
            SourceUnreadable: The file has another delimiter, a record has too few or too many cells, a cell is not
                text of the encoding, text follows a closing quote, a blank stands before an opening one, or a
                number with a decimal comma has a point too.
            SourceTruncated: The file ends inside quotes, or its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds a few blocks of `ImportRequest.batch_bytes`; more only for a record longer than a block.
        """
        return Opened.begun(_steps(request, Dialect.of(request.path, request.options, delimiter=self._delimiter)))


def _steps(request: ImportRequest, dialect: Dialect) -> Generator[Any, None, None]:
    with open_source(request.path) as source:
        names = read_header(source, dialect)
        yield names
        chosen = chosen_columns(source, names, request.columns)
        if not chosen:
            return
        commas = [
            place
            for place, index in enumerate(chosen)
            if dialect.decimal == "," and is_number(request.types.get(names[index]))
        ]
        delivered = 0
        block = _first_block(source, request.batch_bytes)
        while True:
            try:
                for batch in _attempt(source, dialect, names, chosen, block=block, skip=delivered):
                    source.check_unchanged()
                    try:
                        yield _with_points(batch, commas)
                    except AmbiguousNumber as fault:
                        raise ambiguous_number(source, dialect, names, row=delivered + 1, fault=fault) from fault
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


def _with_points(batch: pa.RecordBatch, commas: Sequence[int]) -> pa.RecordBatch:
    columns = batch.columns
    for place in commas:
        columns[place] = with_points(batch.schema.names[place], columns[place])
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _first_block(source: SourceFile, batch_bytes: int) -> int:
    most = batch_bytes if source.compression else min(batch_bytes, source.size_bytes + 4096)
    return min(LONGEST_RECORD, max(_SMALLEST_BLOCK, most))


def _attempt(
    source: SourceFile, dialect: Dialect, names: Sequence[str], chosen: Sequence[int], *, block: int, skip: int
) -> Iterator[pa.RecordBatch]:
    """Yield the records behind the first `skip`, read in blocks of `block` bytes."""
    schema = pa.schema([pa.field(names[index], pa.string()) for index in chosen])
    rows = 0
    try:
        with _open(source, dialect, len(names), chosen, block) as reader:
            for batch in reader:
                yield from _behind(batch, skip - rows, schema)
                rows += batch.num_rows
    except MisplacedQuote as fault:
        source.check_unchanged()
        raise misplaced_quote(source, dialect, names, fault) from fault
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "straddl" in str(error):
            raise _RecordTooLong from error
        source.check_unchanged()
        raise diagnose(source, dialect, names, error) from error
    source.check_unchanged()


def _behind(batch: pa.RecordBatch, skip: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    kept = batch.slice(max(0, skip)) if skip < batch.num_rows else batch.slice(0, 0)
    if kept.num_rows:
        yield pa.RecordBatch.from_arrays(kept.columns, schema=schema)


def _open(
    source: SourceFile, dialect: Dialect, columns: int, chosen: Sequence[int], block: int
) -> arrow_csv.CSVStreamingReader:
    # Columns go by their positions, as Arrow would take the first of two that share a name.
    positions = [f"c{index}" for index in range(columns)]
    wanted = [positions[index] for index in chosen]
    text = CheckedStream(TextStream(source, dialect), dialect.delimiter)
    return arrow_csv.open_csv(
        pa.PythonFile(text, mode="r"),
        read_options=arrow_csv.ReadOptions(column_names=positions, skip_rows_after_names=1, block_size=block),
        parse_options=arrow_csv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True, ignore_empty_lines=columns > 1
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=wanted,
            column_types=dict.fromkeys(wanted, pa.string()),
            null_values=["", *dialect.nulls],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
