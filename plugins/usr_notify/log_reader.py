"""The lines of a log behind a cursor, each with the cursor behind it.

Only whole lines are given: one that is being written has no newline yet. What was delivered last is looked
for each time the file has changed, in the very file that is then read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from usr_core.events.log import LogLine, line_digest, line_seq, parse_line
from usr_notify.cursor import Cursor
from usr_notify.errors import LogChanged

__all__ = ["LogReader"]

_BLOCK = 1 << 16


class LogReader:
    """Reads one log, again and again."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._looked_at: tuple[int, int, int] | None = None

    def new_lines(self, cursor: Cursor) -> Iterator[tuple[LogLine, Cursor]]:
        """Yield the whole lines behind `cursor`, blank ones too; none where the file is as it was at the last look.

        A log that is not there (it is being replaced) has no new lines.

        Raises:
            LogChanged: The line before the cursor is not there any more.
        """
        try:
            descriptor = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            stat = os.fstat(descriptor)
            look = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            if look == self._looked_at:
                return
            self._require_line(descriptor, cursor, stat.st_size)
            yield from _whole_lines(descriptor, cursor, stat.st_size)
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
