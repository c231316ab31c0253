"""Finding one event in a long log: by halving, as numbers and clocks rise from line to line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from usr_core.events.event import parse_rfc3339
from usr_core.events.log import LogLine, line_seq, parse_line, read_lines
from usr_core.events.tail import lines_backwards
from usr_core.fs.files import open_regular

__all__ = ["event_time_us", "events_backwards", "last_line_until", "line_of_seq", "seq_of"]

_BLOCK = 1 << 13

_Key = Callable[[Mapping[str, Any] | None], int | None]


def event_time_us(event: Mapping[str, Any] | None) -> int | None:
    """Return when a change was made, by the clock that rises with the log; of an older writer's event by its own time.

    Microseconds since 1970, UTC; None where the event tells none.
    """
    for name in ("clock", "timestamp_utc"):
        text = event.get(name) if event else None
        if isinstance(text, str):
            try:
                return parse_rfc3339(text, naive_is_utc=True)
            except ValueError:
                continue
    return None


def line_of_seq(log: Path, seq: int) -> LogLine | None:
    """Return the line of event `seq`, or None where the log has none; an older writer's lines are counted.

    Raises:
        OSError: The log can't be read.
    """
    found = _first_from(log, seq, line_seq)
    if found is not None and line_seq(found.event) == seq:
        return found
    for line in _numbered(log):  # lines without a number, or a log that somebody edited
        if line.number >= seq:
            return line if line.number == seq else None
    return None


def last_line_until(log: Path, time_us: int) -> LogLine | None:
    """Return the last event made at `time_us` or before, or None where the first one was made later.

    Raises:
        OSError: The log can't be read.
    """
    after = _first_from(log, time_us + 1, event_time_us)
    if after is not None and (line_seq(after.event) or 0) > 1:
        before = line_of_seq(log, (line_seq(after.event) or 0) - 1)
        if before is not None and (event_time_us(before.event) or 0) <= time_us:
            return before
    last = None
    for line in _numbered(log):
        if (event_time_us(line.event) or 0) > time_us:
            break
        last = line
    return last


def events_backwards(log: Path, *, holding: bytes = b"") -> Iterator[LogLine]:
    """Yield the events of a log, the last one first; numbers are those that the lines carry, 0 where they carry none.

    Args:
        log: The log.
        holding: Pass over the lines that do not hold these bytes; they are not parsed.

    Raises:
        OSError: The log can't be read.
    """
    try:
        descriptor = open_regular(log)
    except FileNotFoundError:
        return
    try:
        for offset, raw in lines_backwards(descriptor, os.fstat(descriptor).st_size):
            event = parse_line(raw) if holding in raw else None
            if event is not None:
                yield LogLine(number=line_seq(event) or 0, offset=offset, raw=raw, event=event)
    finally:
        os.close(descriptor)


def seq_of(log: Path, line: LogLine) -> int:
    """Return the number of a line of the log; one that carries none is counted.

    Raises:
        OSError: The log can't be read.
    """
    seq = line_seq(line.event)
    if seq is None:
        seq = next((one.number for one in _numbered(log) if one.offset >= line.offset), 0)
    return seq


def _numbered(log: Path) -> Iterator[LogLine]:
    """Yield the events of a log, each with its number; lines that carry none are counted on."""
    seq = 0
    for line in read_lines(log):
        if line.event is not None:
            seq = line_seq(line.event) or seq + 1
            yield LogLine(number=seq, offset=line.offset, raw=line.raw, event=line.event)
        elif line.raw.strip():
            seq += 1


def _first_from(log: Path, wanted: int, key: _Key) -> LogLine | None:
    """Return the first line whose key is `wanted` or more, by halving; lines without a key count as less."""
    try:
        descriptor = open_regular(log)
    except FileNotFoundError:
        return None
    try:
        low, high, found = 0, os.fstat(descriptor).st_size, None
        while low < high:
            middle = (low + high) // 2
            line = _line_from(descriptor, middle, high)
            if line is None:
                high = middle
                continue
            value = key(line.event)
            if value is None or value < wanted:
                low = line.offset + len(line.raw) + 1
            else:
                high, found = middle, line
        return found
    finally:
        os.close(descriptor)


def _line_from(descriptor: int, start: int, end: int) -> LogLine | None:
    """Return the first line that begins at byte `start` or behind it, and before byte `end`."""
    at = max(0, start - 1)  # the byte before tells whether a line begins at `start` itself
    content, begin, stop = b"", 0 if start == 0 else -1, -1
    while block := os.pread(descriptor, _BLOCK, at + len(content)):
        content += block
        if begin < 0:
            begin = content.find(b"\n") + 1 or -1
        if begin >= 0:
            if at + begin >= end:
                return None
            stop = content.find(b"\n", begin)
            if stop >= 0:
                break
    if begin < 0 or begin >= len(content):
        return None
    raw = content[begin : stop if stop >= 0 else len(content)]
    event = parse_line(raw)
    return LogLine(number=line_seq(event) or 0, offset=at + begin, raw=raw, event=event)
