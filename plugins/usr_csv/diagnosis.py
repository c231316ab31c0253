"""Finding the record at fault: a slow second pass, made only after a failure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from usr_core.api import SourceFile, SourceFileError, SourceTruncated, SourceUnreadable, counted
from usr_core.api.formats import text_fault, text_format
from usr_csv.decimals import AmbiguousNumber
from usr_csv.dialect import Dialect, delimiter_word
from usr_csv.header import encoding_fault, readable, undecoded
from usr_csv.quoting import Misplaced, MisplacedQuote
from usr_csv.text_stream import TextStream

__all__ = ["Records", "ambiguous_number", "diagnose", "misplaced_quote"]

_CELL_LIMIT = 1 << 30
_SHOWN_BEHIND = 20
_QUOTING_HINT = (
    'Write a quote inside a quoted cell twice (""), or put the whole cell in quotes if its first letter is a quote.'
)
_BACKSLASH_HINT = (
    'The file seems to write a quote inside a cell as \\" (a backslash before it). USR reads RFC 4180, where it is '
    'written twice (""); write the file so, with pandas: to_csv(..., doublequote=True, escapechar=None).'
)
_BLANK_HINT = "Remove the blank before the quote; or, if the quotes belong to the text, quote the cell and double them."


def diagnose(source: SourceFile, dialect: Dialect, names: Sequence[str], failure: Exception) -> SourceUnreadable:
    """Return the error for the first record at fault, with its row, line and column."""
    try:
        with _records(TextStream(source, dialect), dialect) as records:
            found = _first_fault(source, dialect, records, names)
    except csv.Error as error:
        found = SourceUnreadable(source.path, f"The file is not CSV: {error}.", hint="Check its quotes and line ends.")
    return found or SourceUnreadable(
        source.path,
        f"The file can't be read as CSV: {str(failure).splitlines()[0]}.",
        hint="Check its quotes, its line ends and its encoding.",
    )


def ambiguous_number(
    source: SourceFile, dialect: Dialect, names: Sequence[str], *, row: int, fault: AmbiguousNumber
) -> SourceUnreadable:
    """Return the error for a point in a number of a batch, whose first record is `row`, of a file with commas."""
    line, current, row = None, 0, row + fault.index
    with _records(TextStream(source, dialect), dialect) as records:
        next(records, None)
        for cells in records:
            current += bool(cells) or len(names) == 1
            if current == row:
                line = records.line_num
                break
    return SourceUnreadable(
        source.path,
        "The number has a point, and the file's numbers have decimal commas.",
        hint="Write it without separators of thousands; leave out the option decimal if the point is the decimal one.",
        row=row,
        line=line,
        column=fault.column,
        value=fault.cell,
    )


def misplaced_quote(
    source: SourceFile, dialect: Dialect, names: Sequence[str], fault: MisplacedQuote
) -> SourceFileError:
    """Return the error for a quote in the wrong place: row and column of the cell, and the line that it ends on."""
    row, first_line, line, cells, behind = _record_at(source, dialect, fault.offset, columns=len(names))
    cell = readable(cells[-1]) if cells else ""
    column = names[len(cells) - 1] if len(cells) <= len(names) else None
    if fault.kind is Misplaced.NEVER_CLOSED:
        reason = f"a quoted cell of the record that begins on line {first_line} is not closed"
        hint = f"Copy the file again if it was cut off. {_hint(cell)}"
        return SourceTruncated(source.path, reason, hint=hint, row=row or None, line=line, column=column, value=cell)
    if fault.kind is Misplaced.BLANK_BEFORE:
        reason, hint, cell = "A blank stands before the quote that opens a cell.", _BLANK_HINT, cell + behind
    else:
        hint = _hint(cell)
        reason = (
            f"The record that begins on line {first_line} has a quoted cell that ends on line {line}, "
            f"and more text follows its closing quote: {behind!r}."
        )
    return SourceUnreadable(source.path, reason, hint=hint, row=row or None, line=line, column=column, value=cell)


def _hint(cell: str) -> str:
    return _BACKSLASH_HINT if re.search(r"\\(?:\Z|\")", cell) else _QUOTING_HINT


def _record_at(
    source: SourceFile, dialect: Dialect, offset: int, *, columns: int
) -> tuple[int, int, int, list[str], str]:
    """Return row, first line, last line and cells of the record in which the byte `offset` lies, and what follows.

    The header is row 0.
    """
    row, first_line, line, cells = -1, 1, 0, list[str]()
    stream = TextStream(source, dialect)
    with _records(_Beginning(stream, offset), dialect, numbered_by=stream) as records:
        for cells in records:
            if cells or columns == 1:
                row += 1
                first_line = records.first_line
            line = records.line_num
        behind = stream.read(_SHOWN_BEHIND).decode("utf-8", "replace").splitlines()
    return max(row, 0), first_line, line, cells, behind[0] if behind else ""


class _Beginning(io.RawIOBase):
    """The first `size` bytes of a text."""

    def __init__(self, stream: TextStream, size: int) -> None:
        super().__init__()
        self._stream, self._left = stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        content = self._stream.read(min(self._left, memoryview(buffer).nbytes))
        memoryview(buffer).cast("B")[: len(content)] = content
        self._left -= len(content)
        return len(content)


class Records:
    """The records of a text by Python's reader, with the lines of the file on which the last one stands."""

    def __init__(self, text: Iterator[str], dialect: Dialect, stream: TextStream) -> None:
        self._reader, self._stream = csv.reader(text, delimiter=dialect.delimiter), stream
        self._first = 1

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        self._first = self._reader.line_num + 1
        return next(self._reader)

    @property
    def first_line(self) -> int:
        """The line of the file that it begins on."""
        return self._stream.line_in_file(self._first)

    @property
    def line_num(self) -> int:
        """The line of the file that it ends on."""
        return self._stream.line_in_file(self._reader.line_num)


@contextmanager
def _records(raw: io.RawIOBase, dialect: Dialect, *, numbered_by: TextStream | None = None) -> Iterator[Records]:
    stream = numbered_by or raw
    assert isinstance(stream, TextStream)
    previous = csv.field_size_limit(_CELL_LIMIT)
    try:
        with io.BufferedReader(raw) as buffered:
            text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")
            yield Records(text, dialect, stream)
    finally:
        csv.field_size_limit(previous)


def _first_fault(
    source: SourceFile, dialect: Dialect, records: Records, names: Sequence[str]
) -> SourceUnreadable | None:
    next(records, None)
    row = 0
    for cells in records:
        if not cells and len(names) > 1:
            continue
        row += 1
        if len(cells) != len(names) and (cells or len(names) > 1):
            return SourceUnreadable(
                source.path,
                f"The record has {counted(len(cells), 'cell')}, the header {len(names)}.",
                hint=_ragged_hint(dialect, names, cells),
                row=row,
                line=records.line_num,
                column=names[len(cells)] if len(cells) < len(names) else None,
                value=dialect.delimiter.join(cells),
            )
        for index, cell in enumerate(cells):
            if undecoded(cell):
                return encoding_fault(
                    source, dialect, "The cell", cell, row=row, line=records.line_num, column=names[index]
                )
    return None


def _ragged_hint(dialect: Dialect, names: Sequence[str], cells: Sequence[str]) -> str:
    hint = (
        f"Quote cells that hold {delimiter_word(dialect.delimiter)}, close every quote, "
        "give each record as many cells as the header."
    )
    nul = text_fault("".join(cells).encode("utf-8", "surrogateescape"))
    if nul is not None and nul.nul:
        return nul.hint
    found = text_format(cells[0].encode("utf-8", "surrogateescape")) if len(cells) == 1 else None
    if found is not None:
        return f"It looks like {found[0]} from here on: put that into a file of its own."
    for text, where in ((names[0], "the header"), (cells[0] if cells else "", "the record")):
        if text.startswith("#") and dialect.comment != "#":
            return f"{hint} If {where} is a comment: --option comment=#."
    return hint
