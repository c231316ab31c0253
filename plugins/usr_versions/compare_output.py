"""What a comparison found, as ``usr compare`` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from usr_core.api import counted
from usr_core.api.commands import Format, emit_json, emit_table, emit_text, note, resolve_format
from usr_core.api.results import Comparison

__all__ = ["comparison_json", "emit_comparison"]

_SHOWN = 20


def emit_comparison(found: Comparison, fmt: Format, *, quiet: bool, go_back: str = "") -> None:
    """Print counts, then the first differences, and the line that goes back; in JSON one document."""
    fmt = resolve_format(fmt)
    if fmt is Format.JSON:
        emit_json(comparison_json(found))
        return
    emit_text(_summary(found))
    if found.columns:
        emit_text("")
        counts = [
            {
                "column": one.name,
                "set": one.set,
                "unset": one.unset,
                "changed": one.changed,
                "note": "" if one.side == "both" else f"only in {one.side}",
            }
            for one in found.columns
        ]
        with_note = any(row["note"] for row in counts)
        emit_table(counts, ("column", "set", "unset", "changed", *(["note"] if with_note else [])), fmt)
    rows = [*_records(found), *_values(found)][:_SHOWN]
    if rows:
        emit_text("")
        emit_table(rows, ("id", "change", "column", "old", "new"), fmt)
    more = found.added + found.gone + found.restored + found.values - len(rows)
    if quiet:
        return
    if found.out is not None:
        note(f"every difference is in {found.out}")
    elif more:
        note(f"{counted(more, 'more difference')}; --out FILE writes all of them")
    if go_back:
        note(f"to go back: {go_back}")


def comparison_json(found: Comparison) -> dict[str, object]:
    """Return the document of ``usr compare --format json``."""
    return {
        "old": found.old,
        "new": found.new,
        "same": found.same,
        "records": {
            "common": found.common,
            "added": found.added,
            "gone": found.gone,
            "restored": found.restored,
            "first_added": list(found.first_added),
            "first_gone": list(found.first_gone),
            "first_restored": list(found.first_restored),
        },
        "columns_compared": found.compared,
        "columns": [
            {
                "name": one.name,
                "side": one.side,
                "set": one.set,
                "unset": one.unset,
                "changed": one.changed,
                "first": [{"id": cell.id, "change": cell.kind, "old": cell.old, "new": cell.new} for cell in one.first],
            }
            for one in found.columns
        ],
        "out": found.out,
    }


def _summary(found: Comparison) -> str:
    told = f"{found.old} -> {found.new}: {counted(found.common, 'record')} in both"
    if found.same:
        return f"{told}, no difference in {counted(found.compared, 'column')}"
    records = f"{found.added:,} added, {found.gone:,} gone, {found.restored:,} restored"
    return f"{told}, {records}; {counted(found.values, 'value')} differ{'s' if found.values == 1 else ''}"


def _records(found: Comparison) -> Iterator[dict[str, object]]:
    """Yield rows for the first records of each kind; few, so that values are seen as well."""
    for change, ids in (
        ("gone", found.first_gone),
        ("restored", found.first_restored),
        ("added", found.first_added),
    ):
        for one in ids[: 3 if found.values else _SHOWN]:
            yield {"id": one, "change": change}


def _values(found: Comparison) -> Iterator[dict[str, object]]:
    """Yield rows for the first values, one of each column in turn."""
    for place in range(_SHOWN):
        for column in found.columns:
            for cell in column.first[place : place + 1]:
                yield {"id": cell.id, "change": cell.kind, "column": column.name, "old": cell.old, "new": cell.new}
