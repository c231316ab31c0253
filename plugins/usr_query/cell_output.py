"""Columns, and single cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from usr_core.api.commands import Format, cell_text, emit_json, emit_table, emit_text, json_column, resolve_format

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.api.results import ColumnOverview

__all__ = ["emit_cell", "emit_cols"]

_HEADER = ("name", "type", "nullable", "origin")


def emit_cols(columns: Sequence[ColumnOverview], fmt: Format) -> None:
    """Print a line a column; in JSON a list of objects."""
    emit_table([{name: getattr(column, name) for name in _HEADER} for column in columns], _HEADER, fmt)


def emit_cell(value: pa.Scalar, row: int, column: str, fmt: Format) -> None:
    """Print a value alone: text as it is, with control characters made visible; a null is an empty line.

    In JSON it is ``value`` in an object with the row, the column and its type.
    """
    import pyarrow as pa

    from usr_core.api.results import type_text

    (plain,) = json_column(pa.repeat(value, 1))
    if resolve_format(fmt) is Format.JSON:
        emit_json({"row": row, "column": column, "type": type_text(value.type), "value": plain})
    else:
        emit_text(cell_text(plain))
