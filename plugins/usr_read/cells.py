"""Rows of a table as text that is read by people, and as exact JSON.

Text: null is an empty cell and an empty text ``""``; floats are rounded to significant digits; lists show
their first items and how many there are more; what is longer than the column's width ends in ``…``. The
column ``id`` is never cut; times with a zone are local, to the minute. JSON: every value as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from usr_core.api.commands import (
    Format,
    cell_text,
    emit_json,
    emit_table,
    json_column,
    local_time,
    resolve_format,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CellStyle", "cell", "emit_rows", "json_columns"]

_WHOLE = frozenset({"id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CellStyle:
    """How much of a cell is shown: letters, items of a list, significant digits of a float."""

    width: int = 80
    list_items: int = 6
    precision: int = 4


def emit_rows(table: pa.Table, fmt: Format, style: CellStyle | None) -> None:
    """Print rows; `style` None cuts and rounds nothing. JSON is exact in any case."""
    names = table.schema.names
    columns = json_columns(table)
    if resolve_format(fmt) is Format.JSON:
        emit_json([dict(zip(names, row, strict=True)) for row in _rows(columns, table.num_rows)])
        return
    shown = [
        [cell(value, style, whole=name in _WHOLE) for value in column]
        for name, column in zip(names, _with_local_times(table, columns, style), strict=True)
    ]
    rows = [dict(zip(names, row, strict=True)) for row in _rows(shown, table.num_rows)]
    emit_table(rows, names, fmt, empty="no records")


def json_columns(table: pa.Table) -> list[Sequence[object]]:
    """Return each column's values as JSON can hold them; types that the registry lacks by their Python values."""
    return [json_column(column.combine_chunks()) for column in table.columns]


def cell(value: object, style: CellStyle | None, *, whole: bool = False) -> object:
    """Return what a table shows for a value of `json_columns`; numbers stay numbers, so that they are aligned."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if value == "":
        return '""'
    if isinstance(value, float):
        return value if style is None else _rounded(value, style.precision)
    text = cell_text(value if style is None or isinstance(value, str) else _json(value, style))
    if style is None or whole or len(text) <= style.width:
        return text
    return text[: style.width - 1] + "…"


def _with_local_times(
    table: pa.Table, columns: list[Sequence[object]], style: CellStyle | None
) -> list[Sequence[object]]:
    if style is None:
        return columns
    zoned = [getattr(field.type, "tz", None) is not None for field in table.schema]
    return [
        [local_time(value) if isinstance(value, str) else value for value in column] if local else column
        for column, local in zip(columns, zoned, strict=True)
    ]


def _rounded(value: float, precision: int) -> float:
    return float(f"{value:.{precision}g}")


def _json(value: object, style: CellStyle) -> str:
    """Return a nested value as JSON with floats rounded and long lists cut."""
    from usr_core.api.commands import json_line

    if isinstance(value, list):
        items = [_json(item, style) for item in value[: style.list_items]]
        if left := len(value) - len(items):
            items.append(f"… {left} more")
        return f"[{', '.join(items)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_line(name)}: {_json(item, style)}" for name, item in value.items()) + "}"
    return json_line(_rounded(value, style.precision) if isinstance(value, float) else value)


def _rows(columns: Sequence[Sequence[object]], count: int) -> list[tuple[object, ...]]:
    return list(zip(*columns, strict=True)) if columns else [()] * count
