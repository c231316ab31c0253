"""Events as ``usr events tail`` prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping

from usr_core.api.commands import Format, cell_text, emit_table, emit_text, local_time, resolve_format, warn
from usr_core.api.events import LogLine, follow_events, line_seq, read_head, tail_events
from usr_core.api.places import DatasetLayout, DatasetRef

__all__ = ["emit_tail", "event_line"]

_HEADER = ("seq", "time", "action", "rows", "actor")


def emit_tail(place: DatasetRef, fmt: Format, *, n: int, since: int | None, follow: bool) -> None:
    """Print the last events, and with `follow` those that come, each as soon as it is there.

    A line of the log that is not an event is told on stderr and left out.
    """
    fmt = resolve_format(fmt)
    lines = _lines(place, n=n, since=since, follow=follow)
    if fmt is Format.RICH and not follow:
        rows = [_cells(line) for line in lines]
        rows = [{**row, "time": local_time(str(row["time"] or ""))} for row in rows]
        emit_table(rows, _HEADER, fmt, empty="no events")
        return
    for line in lines:
        if fmt is Format.JSON:
            sys.stdout.buffer.write(line.raw + b"\n")
        else:
            emit_text(event_line(_cells(line)))
        if follow:
            sys.stdout.flush()


def event_line(cells: Mapping[str, object]) -> str:
    """Return one line for one event; columns are as wide as most events need."""
    seq, time, action, rows, actor = (cell_text(cells[name]) for name in _HEADER)
    return f"{seq:>5}  {time}  {action:<18}  {rows:>9} rows  {actor}".rstrip()


def _lines(place: DatasetRef, *, n: int, since: int | None, follow: bool) -> Iterator[LogLine]:
    log = DatasetLayout(place.path).event_log
    start = min(read_head(log).end, log.stat().st_size) if follow and log.exists() else 0
    for line in tail_events(log, n=n, since=since):
        # The end of the line without its newline: the last one may still lack it.
        start = line.offset + len(line.raw)
        yield from _events(line)
    if not follow:
        return
    for line in follow_events(log, start=start, stop=lambda: False):
        if since is None or (line_seq(line.event) or line.number) > since:
            yield from _events(line)


def _events(line: LogLine) -> Iterator[LogLine]:
    if line.event is None:
        warn(f"line {line.number} of the log is not an event; `usr events verify` says more")
    else:
        yield line


def _cells(line: LogLine) -> dict[str, object]:
    event = line.event or {}
    fingerprint, actor = event.get("fingerprint"), event.get("actor")
    who = [actor.get("tool"), actor.get("run_id")] if isinstance(actor, Mapping) else [actor]
    cells = (
        line_seq(event) or line.number,
        event.get("timestamp_utc"),
        event.get("action"),
        fingerprint.get("rows") if isinstance(fingerprint, Mapping) else None,
        " ".join(str(word) for word in who if word),
    )
    return dict(zip(_HEADER, cells, strict=True))
