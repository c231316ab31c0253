"""A description of columns as a table, or in JSON as an object."""

from __future__ import annotations

from usr_core.api.commands import Format, emit_json, emit_table, local_time, note, resolve_format
from usr_core.api.results import TEXT_COLUMNS, Description, description_row, description_value

__all__ = ["emit_description"]


def emit_description(found: Description, fmt: Format, *, quiet: bool) -> None:
    """Print a line a column; what was looked at goes to stderr."""
    if resolve_format(fmt) is Format.JSON:
        emit_json(
            {
                "rows": found.rows,
                "sampled": found.sampled,
                "complete": found.complete,
                "columns": [description_value(column) for column in found.columns],
            }
        )
        return
    rows = [description_row(column) for column in found.columns]
    for row in rows:
        if str(row["type"]).startswith("timestamp["):
            row |= {name: local_time(str(row[name])) for name in ("min", "max") if row[name]}
    emit_table(rows, TEXT_COLUMNS, fmt)
    if not quiet:
        of = "all" if found.complete else f"{found.sampled:,} of {found.rows:,}"
        note(f"{of} rows looked at")
