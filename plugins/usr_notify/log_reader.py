"""The lines of a log behind a cursor, each with the cursor behind it.

Only whole lines are given: one that is being written has no newline yet. What was delivered last is looked
for each time the file has changed, in the very file that is then read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from usr_core.api.events import LogLine, line_digest, line_seq, parse_line
from usr_core.api.files import open_regular
from usr_notify.cursor import Cursor
from usr_notify.errors import ChainBroken, LogChanged

__all__ = ["LogReader"]

_BLOCK = 1 << 16


class LogReader:
    """Reads one log, again and again."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._looked_at: tuple[int, int, int] | None = None

    def new_lines(
        self, cursor: Cursor, *, on_break: Callable[[ChainBroken], None] | None = None
    ) -> Iterator[tuple[LogLine, Cursor]]:
        """Yield the whole lines behind `cursor`, blank ones too; none where the file is as it was at the last look.

        A log that is not there (it is being replaced) has no new lines.

        Args:
            cursor: Where to begin.
            on_break: Called before a line that does not follow the one before it, by number and digest; None does not
                look. What lies before the cursor is not looked at.

        Raises:
            LogChanged: The line before the cursor is not there any more.
        """
        try:
            descriptor = open_regular(self._log)
        except FileNotFoundError:
            return
        try:
            stat = os.fstat(descriptor)
            look = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if look == self._looked_at:
                return
            self._require_line(descriptor, cursor, stat.st_size)
            chain = _Chain(cursor)
            for line, behind in _whole_lines(descriptor, cursor, stat.st_size):
                fault = chain.fault(line, behind)
                if fault and on_break is not None:
                    on_break(ChainBroken(log=self._log, offset=line.offset, seq=behind.seq, reason=fault))
                yield line, behind
            self._looked_at = look
        finally:
            os.close(descriptor)

    def end(self, cursor: Cursor) -> Cursor:
        """Return the cursor behind the last whole line that is not blank."""
        for line, behind in self.new_lines(cursor):
            if line.raw.strip():
                cursor = behind
        self._looked_at = None
        return cursor

    def _require_line(self, descriptor: int, cursor: Cursor, size: int) -> None:
        if cursor.offset == 0:
            return
        raw = os.pread(descriptor, cursor.line_bytes + 1, cursor.offset - cursor.line_bytes - 1)
        whole = len(raw) == cursor.line_bytes + 1 and raw.endswith(b"\n")
        if not whole or line_digest(raw[:-1]) != cursor.line_sha256:
            raise LogChanged(self._log, seq=cursor.seq, offset=cursor.offset, size=size)


class _Chain:
    """What the next line has to say of the one before it; None where that is not known."""

    def __init__(self, cursor: Cursor) -> None:
        blank = cursor.offset > 0 and not cursor.line_bytes
        self._digest = None if blank else cursor.line_sha256
        self._seq = 0 if not cursor.offset else cursor.seq
        self._begun = cursor.seq is not None

    def fault(self, line: LogLine, behind: Cursor) -> str:
        """Return why a line does not follow the one before, or ``""``, and go on to it; a blank line does not count."""
        if not line.raw.strip():
            return ""
        fault = self._look(line.event, behind.seq)
        expected = None if self._seq is None else self._seq + 1
        self._digest, self._seq = behind.line_sha256, expected if behind.seq is None else behind.seq
        self._begun = self._begun or behind.seq is not None
        return fault

    def _look(self, event: Mapping[str, object] | None, seq: int | None) -> str:
        if event is None:
            return ""  # reported as not an event; the next line follows it where a writer has taken it for one
        if seq is None:
            return "an event carries no number, and those before it do" if self._begun else ""
        # A line without a digest says nothing of the one before; its number and its successor still show a change.
        if self._digest is not None and event.get("prev", self._digest) != self._digest:
            return f"event {seq} does not follow the line before it"
        if self._seq is not None and seq != self._seq + 1:
            return f"event {seq} stands in the place of event {self._seq + 1}"
        return ""


def _whole_lines(descriptor: int, cursor: Cursor, size: int) -> Iterator[tuple[LogLine, Cursor]]:
    position, number, parts = cursor.offset, 0, list[bytes]()
    place = position
    while block := os.pread(descriptor, _BLOCK, place):
        place += len(block)
        *ended, rest = block.split(b"\n")
        for piece in ended:
            raw = b"".join([*parts, piece])
            parts.clear()
            # A power cut or a slow network file system may show zeros for what is still to come.
            if b"\0" in raw and position + len(raw) + 1 >= size:
                return
            event = parse_line(raw)
            number += 1
            line = LogLine(number=number, offset=position, raw=raw, event=event)
            position += len(raw) + 1
            digest = line_digest(raw)
            yield (
                line,
                cursor.behind(offset=position, line_bytes=len(raw), line_sha256=digest, seq=line_seq(event)),
            )
        if rest:
            parts.append(rest)
