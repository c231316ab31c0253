"""Reading `.events.log`: its head, its lines, its torn end."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usr_core.events.event import parse_rfc3339
from usr_core.fs.files import open_regular
from usr_core.values.showing import Shown

__all__ = [
    "NO_PREVIOUS",
    "LogHead",
    "LogLine",
    "line_digest",
    "line_seq",
    "object_in",
    "parse_line",
    "read_head",
    "read_last",
    "read_lines",
]

NO_PREVIOUS = "0" * 64
"""What the first line of a log names as the digest of the line before it: 64 zeros."""
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LogLine(Shown):
    """One line of the log: its number (1 is the first), byte offset, raw bytes without newline, and its object.

    ``event`` is None where the line is not a JSON object.

    Example:
        >>> line = next(iter(dataset.events(n=1)))
        >>> line.number, line.event["action"], line.raw.startswith(b'{"')
        (3, 'write_overlay', True)
    """

    number: int
    offset: int
    raw: bytes = field(repr=False)
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
    """Return the sha256 of a line without its newline, as the next line's ``prev`` names it.

    Example:
        >>> from usr_core.api.events import line_digest
        >>> first, second, _ = dataset.events()
        >>> second.event["prev"] == line_digest(first.raw)
        True
    """
    import hashlib  # loads OpenSSL, which showing events does not need

    return hashlib.sha256(raw).hexdigest()


def read_head(path: Path) -> LogHead:
    """Read the end of the log. Cost does not grow with the log, unless its last line carries no ``seq``.

    Blank lines are not events and count for nothing. A torn last line that is complete JSON only lacks its
    newline: it counts as the last line, and ``torn`` is empty while ``end`` is one byte past the file's
    size; the next append writes that newline.

    Example:
        >>> from usr_core.api.events import read_head
        >>> head = read_head(dataset.layout.event_log)
        >>> head.seq, len(head.digest), head.end == dataset.layout.event_log.stat().st_size, head.torn
        (3, 64, True, b'')
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return LogHead(seq=0, clock_us=None, digest=NO_PREVIOUS, end=0, torn=b"", last=None)
    try:
        size = os.fstat(descriptor).st_size
        start, tail = _last_lines(descriptor, size)
    finally:
        os.close(descriptor)
    whole, newline, torn = tail.rpartition(b"\n")
    end = start + len(whole) + len(newline)
    if torn and parse_line(torn) is not None:
        whole, torn, end = tail, b"", start + len(tail) + 1
    lines = [line for line in whole.split(b"\n") if line.strip()]
    if not lines:
        return LogHead(seq=0, clock_us=None, digest=NO_PREVIOUS, end=end, torn=torn, last=None)
    last = parse_line(lines[-1])
    seq = line_seq(last)
    if seq is None:
        seq = _counted(path, end)
    return LogHead(seq=seq, clock_us=_clock(last), digest=line_digest(lines[-1]), end=end, torn=torn, last=last)


def read_last(path: Path, *, torn: bool = False) -> Mapping[str, Any] | None:
    """Return the object that the last whole line of a file of JSON lines holds, or None where there is none.

    Args:
        path: The file.
        torn: Whether a line behind it counts that only lacks its newline, as for `read_head`.

    Raises:
        SpecialFile: Something else than a regular file has the name.
        OSError: The file can't be read.
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return None
    try:
        _, tail = _last_lines(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)
    whole, _, rest = tail.rpartition(b"\n")
    if torn and rest and (last := parse_line(rest)) is not None:
        return last
    lines = [line for line in whole.split(b"\n") if line.strip()]
    return parse_line(lines[-1]) if lines else None


def line_seq(event: Mapping[str, Any] | None) -> int | None:
    """Return the number that a line carries, or None for an older writer's line, or one that is not an event.

    Example:
        >>> from usr_core.api.events import line_seq, parse_line
        >>> line_seq(parse_line(b'{"seq": 7, "action": "attach"}'))
        7
        >>> line_seq(parse_line(b"not an event")) is None
        True
    """
    seq = event.get("seq") if event else None
    return seq if isinstance(seq, int) and not isinstance(seq, bool) and seq > 0 else None


def object_in(event: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    """Return the object that an event holds under `name`, such as ``fingerprint``; an empty one where there is none.

    What stands in it may be of any type: a line may have been written by another program.
    """
    found = event.get(name) if event else None
    return found if isinstance(found, Mapping) else {}


def parse_line(raw: bytes) -> Mapping[str, Any] | None:
    """Return the object that a line holds, or None where it holds none.

    Example:
        >>> from usr_core.api.events import parse_line
        >>> parse_line(b'{"seq": 7, "action": "attach"}')
        {'seq': 7, 'action': 'attach'}
        >>> parse_line(b'{"seq": 7, "act') is None
        True
    """
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_lines(path: Path, *, start: int = 0, first_number: int = 1) -> Iterator[LogLine]:
    """Yield the lines from byte `start` on, the torn last one included; memory holds one line."""
    try:
        handle = os.fdopen(open_regular(path), "rb")
    except FileNotFoundError:
        return
    with handle:
        handle.seek(start)
        offset = start
        for number, line in enumerate(handle, first_number):
            raw = line.removesuffix(b"\n")
            yield LogLine(number=number, offset=offset, raw=raw, event=parse_line(raw))
            offset += len(line)


def _last_lines(descriptor: int, size: int) -> tuple[int, bytes]:
    """Return (offset, bytes) of an end of the file that holds its last whole line that is not blank.

    It begins at the beginning of a line. Blocks double, so that a long line is not copied over and over.
    """
    step = _BLOCK
    while True:
        start = max(0, size - step)
        tail = os.pread(descriptor, size - start, start)
        last = tail.rpartition(b"\n")[0].rstrip()
        if start == 0:
            return 0, tail
        before = last.rfind(b"\n")
        if before >= 0:
            return start + before + 1, tail[before + 1 :]
        step *= 2


def _counted(path: Path, end: int) -> int:
    """Return the number of the last line before byte `end`, counting on from the last line that carries one."""
    seq = 0
    for line in read_lines(path):
        if line.offset >= end:
            break
        if line.raw.strip():
            seq = line_seq(line.event) or seq + 1
    return seq


def _clock(event: Mapping[str, Any] | None) -> int | None:
    text = event.get("clock") if event else None
    if not isinstance(text, str):
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        return None
