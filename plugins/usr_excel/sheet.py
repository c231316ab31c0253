"""A sheet of a workbook: its rows, cells that hold no value, and what a person sees in it and no record would have."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from usr_core.api import SourceUnreadable
from usr_excel.cells import address, spelled

__all__ = ["Sheet", "refuse_stray_dates", "say_what_is_left_out"]

_FEW = 5
_FAULT_HINT = "Correct the cell, or empty it; a formula has a value once a spreadsheet has calculated and saved it."
_DATE_HINT = (
    "Spreadsheets make dates of names such as MARCH1: write the name again, in a cell that is formatted as text. "
    "If the date is meant, take dates as text: --option dates=text."
)


@dataclass(slots=True)
class Sheet:
    """The rows of a sheet from its first cell, and what of them holds no value."""

    path: Path
    name: str
    rows: Sequence[Sequence[object]]
    faults: Mapping[tuple[int, int], str]
    merged: Sequence[tuple[tuple[int, int], tuple[int, int]]]
    faulty_rows: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        self.faulty_rows = frozenset(row for row, _ in self.faults)

    @property
    def height(self) -> int:
        """How many rows there are; calamine leaves those at the end out where it reads no value."""
        return max(len(self.rows), 1 + max(self.faulty_rows, default=-1))

    def values(self, row: int) -> Sequence[object]:
        return self.rows[row] if row < len(self.rows) else ("",) * len(self.rows[0]) if self.rows else ()

    def is_blank(self, row: int) -> bool:
        return row not in self.faulty_rows and all(value == "" for value in self.values(row))

    def check(self, row: int, column: int, *, record: int | None, name: str | None) -> None:
        """Refuse a cell that holds no value."""
        shown = self.faults.get((row, column))
        if shown is not None:
            raise SourceUnreadable(
                self.path,
                f"The cell {address(row, column)} of the sheet {self.name!r} holds "
                f"{shown if shown[:1] != '#' else f'the error {shown}'}.",
                hint=_FAULT_HINT,
                row=record,
                line=row + 1,
                column=name,
                value=shown,
            )


def say_what_is_left_out(sheet: Sheet, header: int, names: Sequence[str | None], chosen: Mapping[str, int]) -> None:
    """Say on standard error which columns have values and no name, and which cells are merged.

    Args:
        sheet: The sheet.
        header: The row of the names, from 0.
        names: What stands in it; None where there is none.
        chosen: The columns that are read, by name.
    """
    below = range(header + 1, sheet.height)
    without = [column for column, name in enumerate(names) if name is None]
    unnamed = [column for column in without if any(sheet.values(row)[column] != "" for row in below)]
    if unnamed:
        cells = _some([address(header, column) for column in unnamed])
        option = f"--option skip_rows={header + 1} takes the names from a row below"
        _say(
            sheet,
            f"Columns without a name are left out: {cells} {'is' if len(unnamed) == 1 else 'are'} empty ({option}).",
        )
    places = set(chosen.values())
    ranges = [
        f"{address(*first)}:{address(*last)}"
        for first, last in sheet.merged
        if last[0] > header and places.intersection(range(first[1], last[1] + 1))
    ]
    if ranges:
        _say(sheet, f"Of merged cells only the first one has a value: {_some(ranges)}.")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(names[:_FEW]) + more


def _say(sheet: Sheet, note: str) -> None:
    print(f"{sheet.path}: {note}", file=sys.stderr)


def refuse_stray_dates(sheet: Sheet, header: int, columns: Mapping[str, int]) -> None:
    """Refuse a date in a column of text that has other text.

    Raises:
        SourceUnreadable: There is one; its cell is named.
    """
    below = range(header + 1, sheet.height)
    for name, column in columns.items():
        values = [sheet.values(row)[column] for row in below]
        at = next((index for index, value in enumerate(values) if isinstance(value, datetime.date)), None)
        if at is None or not any(isinstance(value, str) and value for value in values):
            continue
        row = header + 1 + at
        raise SourceUnreadable(
            sheet.path,
            f"The cell {address(row, column)} of the sheet {sheet.name!r} holds a date, and the column other text.",
            hint=_DATE_HINT,
            row=sum(not sheet.is_blank(above) for above in range(header + 1, row + 1)),
            line=row + 1,
            column=name,
            value=spelled(values[at]),
        )
