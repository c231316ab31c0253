"""Whole records, one line a column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api.commands import Format, cell_text, emit_json, emit_record, emit_text, json_rows, resolve_format

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["emit_records"]


def emit_records(table: pa.Table, fmt: Format) -> None:
    """Print rows: in JSON a list of objects, else one line ``name  value`` a column, records apart by a blank line.

    An empty text is ``""``; a null is nothing. On a terminal, a text that is too long goes on below its beginning.
    """
    rows = json_rows(table)
    if resolve_format(fmt) is Format.JSON:
        emit_json(rows)
        return
    for number, row in enumerate(rows):
        if number:
            emit_text("")
        emit_record({name: '""' if value == "" else cell_text(value) for name, value in row.items()}, fmt)
    if not rows:
        emit_text("")
