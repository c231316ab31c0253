"""Errors of label tables."""

from __future__ import annotations

from pathlib import Path

from usr_core.api import UsrError, visible

__all__ = ["OpalLabelInvalid", "OpalTableUnknown"]


class OpalLabelInvalid(UsrError, ValueError):
    """A label is not a vector of eight finite numbers, or an offset is not a finite number."""

    code = "USR-OPAL-101"

    def __init__(self, file: Path, *, row: int, column: str, value: object, reason: str) -> None:
        super().__init__(
            f"{visible(file.name)}: a label can't be taken: {reason}.",
            hint="Correct the cell, or leave all label cells of the row empty: the record then has no label.",
            facts={"file": str(file), "row": row, "column": column, "value": visible(str(value))},
        )
        self.row, self.column = row, column


class OpalTableUnknown(UsrError, ValueError):
    """A table has no labels in a known spelling, or in two."""

    code = "USR-OPAL-102"

    def __init__(self, file: Path, reason: str, *, column: str | None = None) -> None:
        super().__init__(
            f"{visible(file.name)}: {reason}.",
            hint="A label is one column y_sfxi (a JSON list, or numbers with semicolons between), or eight columns: "
            "v00, v10, v01, v11, y00_star, y10_star, y01_star, y11_star; or y_sfxi_0 to y_sfxi_7.",
            facts={"file": str(file), "column": column},
        )
        self.column = column
