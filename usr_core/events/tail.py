"""The end of the log, and what is added to it while one watches.

Both give whole lines only: a line that is being written has no newline yet and is not given out.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from usr_core.events.log import LogLine, line_digest, line_seq, parse_line, read_lines
from usr_core.fs.files import open_regular

__all__ = ["follow_events", "tail_events"]

_BLOCK = 1 << 16
_REMEMBERED = 256


def tail_events(log: Path, *, n: int, since: int | None) -> Iterator[LogLine]:
    """Yield the last `n` lines of the log, oldest first.

    Args:
        log: The log; a missing one has no lines.
        n: How many; 0 is all.
        since: Only lines whose ``seq`` is higher; a line without one goes by its number.

    The file is read from its end backwards as far as needed, so the lines' numbers follow from the ``seq`` of the
    first of them; only where that carries none are the lines before it counted. Blank lines are left out, and a
    torn last line too; one that lacks only its newline is whole. A line that is not a JSON object has no event.

    Example:
        >>> from usr_core.api.events import tail_events
        >>> [(line.number, line.event["action"]) for line in tail_events(dataset.layout.event_log, n=2, since=None)]
        [(2, 'import'), (3, 'write_overlay')]
        >>> [line.number for line in tail_events(dataset.layout.event_log, n=0, since=1)]
        [2, 3]
    """
    try:
        descriptor = open_regular(log)
    except FileNotFoundError:
        return
    try:
        start, seq = _start_of_tail(descriptor, n=n, since=since)
        number = seq or _newlines_before(descriptor, start) + 1
    finally:
        os.close(descriptor)
    size = log.stat().st_size
    for line in read_lines(log, start=start, first_number=number):
        torn = line.event is None and line.offset + len(line.raw) >= size
        if line.raw.strip() and not torn and (since is None or _number_of(line) > since):
            yield line


def follow_events(log: Path, *, start: int, poll_seconds: float = 0.2, stop: Callable[[], bool]) -> Iterator[LogLine]:
    """Yield the lines that are added to the log behind byte `start`, as they come, until `stop` says so.

    Args:
        log: The log; it may come into being later.
        start: Where to begin: the end of a line that the caller has seen, or 0.
        poll_seconds: How long to wait where nothing was added.
        stop: Called between reads; true ends the iteration.

    A log that was cut back (a change was undone) or replaced (by a pull, say) is followed from the last line that
    was given out and is still there unchanged; if there is none, from its beginning.

    Example:
        >>> from usr_core.api.events import follow_events
        >>> seen = []
        >>> for line in follow_events(dataset.layout.event_log, start=0, stop=lambda: len(seen) == 3):
        ...     seen.append(line.event["action"])
        >>> seen
        ['init', 'import', 'write_overlay']
    """
    follower = _Follower(log, start)
    while not stop():
        found = False
        for line in follower.new_lines():
            found = True
            yield line
        if not found:
            time.sleep(poll_seconds)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A line that was given out: where it ended, and what it was."""

    number: int
    offset: int
    length: int
    digest: str

    @property
    def end(self) -> int:
        return self.offset + self.length + 1

    def is_still_in(self, descriptor: int) -> bool:
        raw = os.pread(descriptor, self.length + 1, self.offset)
        return len(raw) == self.length + 1 and raw.endswith(b"\n") and line_digest(raw[:-1]) == self.digest


class _Follower:
    def __init__(self, log: Path, start: int) -> None:
        self._log = log
        self._position = start
        self._number: int | None = None
        self._seen: deque[_Seen] = deque(maxlen=_REMEMBERED)
        self._looked_at: tuple[int, int, int] | None = None

    def new_lines(self) -> Iterator[LogLine]:
        try:
            descriptor = open_regular(self._log)
        except FileNotFoundError:
            return
        try:
            stat = os.fstat(descriptor)
            look = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if look == self._looked_at:
                return
            if self._number is None:
                self._seed(descriptor, stat.st_size)
            self._find_agreement(descriptor, stat.st_size)
            yield from self._read_on(descriptor, stat.st_size)
            self._looked_at = look
        finally:
            os.close(descriptor)

    def _seed(self, descriptor: int, size: int) -> None:
        """Remember the lines before the start, so that a log cut back below it is noticed."""
        before = min(self._position, size)
        self._number = _newlines_before(descriptor, before) + 1
        number = self._number
        lines: list[_Seen] = []
        for offset, raw in lines_backwards(descriptor, before):
            if offset + len(raw) >= before:
                continue  # the start is inside a line
            number -= 1
            lines.append(_Seen(number, offset, len(raw), line_digest(raw)))
            if len(lines) == 16:
                break
        self._seen.extend(reversed(lines))

    def _find_agreement(self, descriptor: int, size: int) -> None:
        """Go back to the last line that is still there as it was given out."""
        had = bool(self._seen)
        while self._seen and not self._seen[-1].is_still_in(descriptor):
            self._seen.pop()
            if self._seen:
                self._position, self._number = self._seen[-1].end, self._seen[-1].number + 1
        if not self._seen and (had or self._position > size):
            self._position, self._number = 0, 1

    def _read_on(self, descriptor: int, size: int) -> Iterator[LogLine]:
        pending = b""
        while block := os.pread(descriptor, _BLOCK, self._position + len(pending)):
            pending += block
            whole, newline, rest = pending.rpartition(b"\n")
            if not newline:
                continue
            for raw in whole.split(b"\n"):
                # A power cut or a slow network file system may show zeros for what is still to come.
                if b"\0" in raw and self._position + len(raw) + 1 >= size:
                    return
                yield from self._give(raw)
            pending = rest

    def _give(self, raw: bytes) -> Iterator[LogLine]:
        number, offset = self._number or 1, self._position
        self._seen.append(_Seen(number, offset, len(raw), line_digest(raw)))
        self._position, self._number = offset + len(raw) + 1, number + 1
        if raw.strip():
            yield LogLine(number=number, offset=offset, raw=raw, event=parse_line(raw))


def _start_of_tail(descriptor: int, *, n: int, since: int | None) -> tuple[int, int | None]:
    """Return offset and ``seq`` of the first of the last `n` lines, or of the first that `since` lets through."""
    if n == 0 and since is None:
        return 0, None
    size = os.fstat(descriptor).st_size
    start, first, count = size, None, 0
    for offset, raw in lines_backwards(descriptor, size):
        torn = offset + len(raw) == size
        event = parse_line(raw)
        if not raw.strip() or (torn and event is None):
            continue
        seq = line_seq(event)
        if since is not None and (seq or _newlines_before(descriptor, offset) + 1) <= since:
            break
        start, first, count = offset, seq, count + 1
        if count == n:
            break
    return start, first


def lines_backwards(descriptor: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, bytes without newline) of the lines before byte `size`, last first."""
    end, parts = size, deque[bytes]()
    position = size
    while position > 0:
        step = min(_BLOCK, position)
        position -= step
        block = os.pread(descriptor, step, position)
        while (cut := block.rfind(b"\n")) >= 0:
            parts.appendleft(block[cut + 1 :])
            raw = b"".join(parts)
            if raw or end < size:
                yield end - len(raw), raw
            end -= len(raw) + 1
            parts.clear()
            block = block[:cut]
        parts.appendleft(block)
    raw = b"".join(parts)
    if raw or end < size:
        yield 0, raw


def _newlines_before(descriptor: int, end: int) -> int:
    count = position = 0
    while position < end and (block := os.pread(descriptor, min(1 << 20, end - position), position)):
        count += block.count(b"\n")
        position += len(block)
    return count


def _number_of(line: LogLine) -> int:
    return line_seq(line.event) or line.number
