"""The first records of a table, in a few lines of text or a table of HTML."""

from __future__ import annotations

import pyarrow as pa

from usr_core.values.showing import escape, html_table, short_text, text_table

__all__ = ["PREVIEW_ROWS", "preview_html", "preview_text"]

PREVIEW_ROWS = 5

_ITEMS = 3
_CELL = 24
_MOST_BYTES = 4 * (_CELL + 1)
_NAME = 40


def preview_text(title: str, table: pa.Table) -> str:
    """Return a line, and below it the first rows of a table, if it has any."""
    cells, header = _cells(table)
    if not cells or not header:
        return title
    right = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in table.schema]
    return "\n".join([title, *text_table(cells, header, right=right)])


def preview_html(title: str, table: pa.Table) -> str:
    """Return the same as HTML; `title` is text."""
    return f"<div><div>{escape(title)}</div>{html_table(*_cells(table))}</div>"


def _cells(table: pa.Table) -> tuple[list[list[str]], list[str]]:
    first = table.slice(0, PREVIEW_ROWS)
    columns = [[_cell(value) for value in column] for column in first.columns]
    header = [short_text(name, most=_NAME) for name in table.column_names]
    return [list(row) for row in zip(*columns, strict=True)], header


def _cell(value: pa.Scalar) -> str:
    """Return a value, shortened before it becomes one of Python: a vector may have any length."""
    if not value.is_valid:
        return ""
    if isinstance(value, (pa.ListScalar, pa.LargeListScalar, pa.FixedSizeListScalar)):
        items = [_cell(item) for item in value.values[:_ITEMS]]
        more = [f"… ({len(value.values):,})"] if len(value.values) > _ITEMS else []
        return f"[{', '.join([*items, *more])}]"
    if isinstance(value, (pa.StringScalar, pa.LargeStringScalar)):
        return short_text(value.as_buffer()[:_MOST_BYTES].to_pybytes().decode("utf-8", "ignore"), most=_CELL)
    return short_text(value.as_py(), most=_CELL)
