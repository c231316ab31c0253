"""Errors of label tables."""

from __future__ import annotations

from usr_core.api import UsrError

__all__ = ["OpalLabelInvalid", "OpalTableUnknown"]


class OpalLabelInvalid(UsrError, ValueError):
    """A label is not a vector of eight finite numbers, or an offset is not a finite number."""

    code = "USR-OPAL-101"
    template = "{file.name:visible}: a label can't be taken: {reason}."
    hint_template = "Correct the cell, or leave all label cells of the row empty: the record then has no label."
    shown = ("file={file!s}", "row", "column", "value={value!s:visible}")


class OpalTableUnknown(UsrError, ValueError):
    """A table has no labels in a known spelling, or in two."""

    code = "USR-OPAL-102"
    template = "{file.name:visible}: {reason}."
    hint_template = (
        "A label is one column y_sfxi (a JSON list, or numbers with semicolons between), or eight columns: v00, v10, "
        "v01, v11, y00_star, y10_star, y01_star, y11_star; or y_sfxi_0 to y_sfxi_7."
    )
    shown = ("file={file!s}", "column")
    column: str | None = None
