"""Whole records, one line a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api import visible
from usr_core.api.commands import Format, cell_text, emit_json, emit_text, json_rows, resolve_format

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["emit_records"]


def emit_records(table: pa.Table, fmt: Format) -> None:
    """Print rows: in JSON a list of objects, else one line ``name  value`` a column, records apart by a blank line.

    An empty text is ``""``; a null is nothing.
    """
    rows = json_rows(table)
    if resolve_format(fmt) is Format.JSON:
        emit_json(rows)
        return
    width = max(map(len, table.schema.names), default=0)
    records = ("\n".join(_line(name.ljust(width), value) for name, value in row.items()) for row in rows)
    emit_text("\n\n".join(records))


def _line(name: str, value: object) -> str:
    shown = '""' if value == "" else cell_text(value)
    return f"{visible(name)}  {shown}".rstrip()
