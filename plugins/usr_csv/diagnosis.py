"""Finding the record that Arrow could not read: a slow second pass, made only after a failure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Protocol

from usr_core.store.incoming.errors import SourceUnreadable
from usr_core.store.incoming.source_file import SourceFile
from usr_csv.header import UTF8_HINT, readable, undecoded

__all__ = ["Records", "diagnose"]

_CELL_LIMIT = 1 << 30


def diagnose(source: SourceFile, names: Sequence[str], failure: Exception) -> SourceUnreadable:
    """Return the error for the first record at fault, with its row, line and column."""
    previous = csv.field_size_limit(_CELL_LIMIT)
    try:
        with io.BufferedReader(source.stream()) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
            found = _first_fault(source, csv.reader(text), names)
    except csv.Error as error:
        found = SourceUnreadable(source.path, f"The file is no CSV: {error}.", hint="Check its quotes and line ends.")
    finally:
        csv.field_size_limit(previous)
    return found or SourceUnreadable(
        source.path,
        f"The file can't be read as CSV: {str(failure).splitlines()[0]}.",
        hint="Check its quotes, its line ends and its encoding (UTF-8).",
    )


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
                f"The record has {len(cells)} cells, the header {len(names)}.",
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
