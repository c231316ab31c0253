"""A dataset's versions as ``usr log`` prints them."""

from __future__ import annotations

from usr_core.api.commands import Format, emit_json, emit_table, local_time, resolve_format
from usr_core.api.events import last_entries
from usr_core.api.places import DatasetLayout, DatasetRef

__all__ = ["emit_log"]


def emit_log(place: DatasetRef, fmt: Format, *, limit: int) -> None:
    """Print the last `limit` versions, the newest first; 0 is all."""
    entries = last_entries(DatasetLayout(place.path).event_log, limit=limit)
    fmt = resolve_format(fmt)
    if fmt is Format.JSON:
        versions = [
            {
                "version": entry.version,
                "time": entry.time,
                "action": entry.action,
                "actor": {"tool": entry.tool, "run_id": entry.run_id},
                "rows": entry.rows,
                "change": entry.change,
                "tags": list(entry.tags),
            }
            for entry in entries
        ]
        emit_json({"dataset": place.name, "versions": versions})
        return
    rows = [
        {
            "version": entry.version,
            "time": local_time(entry.time),
            "action": entry.action,
            "change": entry.change,
            "rows": entry.rows,
            "tags": " ".join(entry.tags),
            "actor": entry.actor,
        }
        for entry in entries
    ]
    columns = ["version", "time", "action", "change", "rows", "tags", "actor"]
    if not any(entry.tags for entry in entries):
        columns.remove("tags")
    emit_table(rows, columns, fmt, empty="no versions")
