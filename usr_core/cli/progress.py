"""A progress line on stderr: rows, rate and time left. It shows nothing where stderr is not a terminal."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

__all__ = ["Progress"]

_REDRAW_SECONDS = 0.1


class Progress:
    """Counts work and draws one line while a ``with`` block runs; the line is gone at its end.

    Args:
        label: What is going on: ``importing``.
        total: How many units there will be, or None where that is not known.
        unit: What is counted.
        quiet: The command's ``--quiet``.

    Calling `advance` a million times costs little: the line is drawn at most ten times a second.

    Example:
        >>> from usr_core.api.commands import Progress
        >>> with Progress("reading", total=3, unit="records") as progress:
        ...     for batch in dataset.scan(columns=["id"]):
        ...         progress.advance(batch.num_rows)
        >>> print(progress.done, progress.line(seconds=2.0))
        3 reading: 3 of 3 records, 2 records/s, 0:00 left
    """

    def __init__(self, label: str, *, total: int | None = None, unit: str = "rows", quiet: bool = False) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.done = 0
        self._shown = not quiet and sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._started = self._drawn = time.monotonic()

    def __enter__(self) -> Progress:
        self._started = self._drawn = time.monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def advance(self, units: int) -> None:
        """Count `units` more."""
        self.update(self.done + units)

    def update(self, done: int, total: int | None = None) -> None:
        """Set how many units are done, and how many there will be if that is known by now.

        Example:
            >>> from usr_core.api.commands import Progress
            >>> with Progress("pulling", unit="bytes") as progress:
            ...     progress.update(64, total=3010)
            >>> progress.done, progress.total
            (64, 3010)
        """
        self.done = done
        if total is not None:
            self.total = total
        if not self._shown:
            return
        now = time.monotonic()
        if now - self._drawn >= _REDRAW_SECONDS:
            self._drawn = now
            sys.stderr.write(f"\r\x1b[K{self.line(now - self._started)}")
            sys.stderr.flush()

    def line(self, seconds: float) -> str:
        """Return the line to show after so many seconds of work."""
        rate = self.done / seconds if seconds > 0 else 0.0
        parts = [f"{self.label}: {self.done:,}"]
        if self.total:
            parts[0] += f" of {self.total:,}"
        parts[0] += f" {self.unit}"
        if rate:
            parts.append(f"{rate:,.0f} {self.unit}/s")
        if self.total and rate:
            parts.append(f"{_duration(max(0, self.total - self.done) / rate)} left")
        return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
