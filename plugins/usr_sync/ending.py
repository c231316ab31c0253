"""Ending on a signal as on Ctrl-C: with programs and connections closed, and staging as documented."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

__all__ = ["ended_by_signals"]


class _Ended(KeyboardInterrupt):
    """A signal came; like Ctrl-C, it passes through everything that catches ordinary errors."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP, from a scheduler or a closed terminal, end the block as Ctrl-C does.

    The exit code is the shell's, 128 and the signal's number.
    """

    def end(number: int, _: FrameType | None) -> None:
        raise _Ended(number)

    taken: list[signal.Signals] = []
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            # Whoever ignores it (nohup) goes on ignoring it; outside the main thread there are no handlers.
            with contextlib.suppress(ValueError):
                if signal.getsignal(number) is signal.SIG_DFL:
                    signal.signal(number, end)
                    taken.append(number)
        yield
    except _Ended as ended:
        raise SystemExit(128 + ended.number) from ended
    finally:
        for number in taken:
            with contextlib.suppress(ValueError):
                signal.signal(number, signal.SIG_DFL)
