"""A description of columns as a table, or in JSON as an object."""

from __future__ import annotations

from itertools import pairwise

from usr_core.api import counted, visible
from usr_core.api.commands import Format, emit_json, emit_table, emit_text, local_time, note, resolve_format
from usr_core.api.results import TEXT_COLUMNS, Description, description_row, description_value

__all__ = ["emit_description", "emit_plots"]

_WIDTH = 40
_EIGHTHS = ["", *"▏▎▍▌▋▊▉"]


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
    _tell_rows(found, quiet)


def emit_plots(found: Description, *, quiet: bool) -> None:
    """Print a histogram of each column that has one, a line a bin, the fullest one as long as there is room for."""
    drawn = [text for place in range(len(found.columns)) if (text := _plot(found, place))]
    emit_text("\n\n".join(drawn) if drawn else "no column has a histogram")
    _tell_rows(found, quiet)


def _tell_rows(found: Description, quiet: bool) -> None:
    if not quiet:
        of = "all" if found.complete else f"{found.sampled:,} of {found.rows:,}"
        note(f"{of} rows looked at")


def _plot(found: Description, place: int) -> str:
    column, summary = found.columns[place], found.columns[place].summary
    histogram = summary.histogram
    if histogram is None:
        return ""
    about = "" if summary.measure in ("none", "value") else f", {summary.measure}"
    nulls = f", {counted(summary.nulls, 'null')}" if summary.nulls else ""
    bins = len(histogram.counts)
    width = (histogram.high - histogram.low) / bins
    edges = [f"{histogram.low + bin_ * width:.4g}" for bin_ in range(bins + 1)]
    left, most = max(map(len, edges)), max(histogram.counts)
    spans = [f"{low:>{left}} to {high:>{left}}" for low, high in pairwise(edges)] if width else edges[:1]
    lines = [f"{span}  {_bar(count, most)} {count:,}" for span, count in zip(spans, histogram.counts, strict=True)]
    return "\n".join([f"{visible(column.name)} ({column.type}{about}{nulls})", *lines])


def _bar(count: int, most: int) -> str:
    """Return a bar in eighths of a letter; what there is at all is seen."""
    eighths: int = max(round(count * _WIDTH * 8 / most), int(count > 0))
    return "█" * (eighths // 8) + str(_EIGHTHS[eighths % 8])
