"""Finding the record at fault: a slow second pass, made only after a failure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from usr_core.api import SourceFile, SourceFileError, SourceStream, SourceTruncated, SourceUnreadable, counted
from usr_csv.header import UTF8_HINT, readable, undecoded
from usr_csv.quoting import Misplaced, MisplacedQuote

__all__ = ["Records", "diagnose", "misplaced_quote"]

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


def diagnose(source: SourceFile, names: Sequence[str], failure: Exception) -> SourceUnreadable:
    """Return the error for the first record at fault, with its row, line and column."""
    previous = csv.field_size_limit(_CELL_LIMIT)
    try:
        with io.BufferedReader(source.stream()) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
            found = _first_fault(source, csv.reader(text), names)
    except csv.Error as error:
        found = SourceUnreadable(source.path, f"The file is not CSV: {error}.", hint="Check its quotes and line ends.")
    finally:
        csv.field_size_limit(previous)
    return found or SourceUnreadable(
        source.path,
        f"The file can't be read as CSV: {str(failure).splitlines()[0]}.",
        hint="Check its quotes, its line ends and its encoding (UTF-8).",
    )


def misplaced_quote(source: SourceFile, names: Sequence[str], fault: MisplacedQuote) -> SourceFileError:
    """Return the error for a quote in the wrong place: row and column of the cell, and the line that it ends on."""
    previous = csv.field_size_limit(_CELL_LIMIT)
    try:
        row, first_line, line, cells, behind = _record_at(source, fault.offset, columns=len(names))
    finally:
        csv.field_size_limit(previous)
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


def _record_at(source: SourceFile, offset: int, *, columns: int) -> tuple[int, int, int, list[str], str]:
    """Return row, first line, last line and cells of the record in which the byte `offset` lies, and what follows.

    The header is row 0.
    """
    row, first_line, cells = -1, 1, list[str]()
    stream = source.stream()
    with io.BufferedReader(_Beginning(stream, offset)) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
        records = csv.reader(text)
        line = 0
        for cells in records:
            if cells or columns == 1:
                row += 1
                first_line = line + 1
            line = records.line_num
        behind = stream.read(_SHOWN_BEHIND).decode("utf-8", "replace").splitlines()
    return max(row, 0), first_line, line, cells, behind[0] if behind else ""


class _Beginning(io.RawIOBase):
    """The first `size` bytes of a source."""

    def __init__(self, stream: SourceStream, size: int) -> None:
        super().__init__()
        self._stream, self._left = stream, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        content = self._stream.read(min(self._left, memoryview(buffer).nbytes))
        memoryview(buffer).cast("B")[: len(content)] = content
        self._left -= len(content)
        return len(content)


class Records(Protocol):
    """What ``csv.reader`` gives: records, and the line that the last one ended on."""

    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...

    def __next__(self) -> list[str]: ...


def _first_fault(source: SourceFile, records: Records, names: Sequence[str]) -> SourceUnreadable | None:
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
                hint="Quote cells that hold commas, close every quote, give each record as many cells as the header.",
                row=row,
                line=records.line_num,
                column=names[len(cells)] if len(cells) < len(names) else None,
                value=",".join(cells),
            )
        for index, cell in enumerate(cells):
            if undecoded(cell):
                return SourceUnreadable(
                    source.path,
                    "The cell is not UTF-8 text.",
                    hint=UTF8_HINT,
                    row=row,
                    line=records.line_num,
                    column=names[index],
                    value=readable(cell),
                )
    return None
