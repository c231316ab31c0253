"""Reading `.events.log`: its head, its lines, its torn end."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usr_core.events.clock import parse_rfc3339

__all__ = ["NO_PREVIOUS", "LogHead", "LogLine", "line_digest", "read_head", "read_lines"]

NO_PREVIOUS = "0" * 64
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of the log: its number (1 is the first), byte offset, raw bytes without newline, and its object.

    ``event`` is None where the line is no JSON object.
    """

    number: int
    offset: int
    raw: bytes
    event: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """Where the log ends.

    Attributes:
        seq: Number of the last event; lines of an older writer, which carry none, are counted.
        clock_us: The last event's clock, or None where it carries none.
        digest: sha256 of the last line, `NO_PREVIOUS` for an empty log.
        end: Bytes up to the end of the last whole line; the next event goes here.
        torn: Bytes behind it: a line that was cut off.
        last: The last event, or None.
    """

    seq: int
    clock_us: int | None
    digest: str
    end: int
    torn: bytes
    last: Mapping[str, Any] | None


def line_digest(raw: bytes) -> str:
    """Return the sha256 of a line without its newline, as the next line's ``prev`` names it."""
    return hashlib.sha256(raw).hexdigest()


def read_head(path: Path) -> LogHead:
    """Read the end of the log. Cost does not grow with the log, unless its last line carries no ``seq``.

    A torn last line that is complete JSON only lacks its newline: it counts as the last line, and
    ``torn`` is empty while ``end`` is one byte past the file's size; who appends writes that newline.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return LogHead(seq=0, clock_us=None, digest=NO_PREVIOUS, end=0, torn=b"", last=None)
    try:
        size = os.fstat(descriptor).st_size
        tail_start, tail = _last_lines(descriptor, size)
    finally:
        os.close(descriptor)
    whole, newline, rest = tail.rpartition(b"\n")
    if rest and _object(rest) is not None:
        whole, rest, end = (whole + newline + rest), b"", size + 1
    else:
        end = tail_start + len(whole) + len(newline)
    last_raw = whole.rsplit(b"\n", 1)[-1] if whole else b""
    if not last_raw:
        return LogHead(seq=0, clock_us=None, digest=NO_PREVIOUS, end=end, torn=rest, last=None)
    last = _object(last_raw)
    seq = last.get("seq") if last else None
    if not isinstance(seq, int) or isinstance(seq, bool):
        seq = sum(1 for line in read_lines(path) if line.raw)
    return LogHead(seq=seq, clock_us=_clock(last), digest=line_digest(last_raw), end=end, torn=rest, last=last)


def read_lines(path: Path, *, start: int = 0, first_number: int = 1) -> Iterator[LogLine]:
    """Yield the lines from byte `start` on, the torn last one included; memory holds one line."""
    try:
        handle = path.open("rb")
    except FileNotFoundError:
        return
    with handle:
        handle.seek(start)
        offset = start
        for number, line in enumerate(handle, first_number):
            raw = line.removesuffix(b"\n")
            yield LogLine(number=number, offset=offset, raw=raw, event=_object(raw))
            offset += len(line)


def _last_lines(descriptor: int, size: int) -> tuple[int, bytes]:
    """Return (offset, bytes) of an end of the file that holds at least its last whole line and what follows it."""
    start, tail = size, b""
    while start > 0:
        step = min(_BLOCK, start)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
        # Two newlines: the one that ends the last whole line, and the one before it.
        if tail.count(b"\n") >= 2:
            cut = tail.rindex(b"\n", 0, tail.rindex(b"\n")) + 1
            return start + cut, tail[cut:]
    return 0, tail


def _object(raw: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _clock(event: Mapping[str, Any] | None) -> int | None:
    text = event.get("clock") if event else None
    if not isinstance(text, str):
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None
