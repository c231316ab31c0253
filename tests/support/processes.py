"""Children of a test: no test waits for one without a limit, and each has the usual disposition of signals."""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import subprocess
from collections.abc import Iterator
from types import TracebackType
from typing import AnyStr, TextIO

__all__ = ["Child", "interruptible_children", "limited"]

LIMIT_SECONDS = 120.0


class Child(subprocess.Popen[AnyStr]):
    """A process that is gone when its ``with`` block is left: at once where the block fails, else within the limit."""

    def wait(self, timeout: float | None = LIMIT_SECONDS) -> int:
        """Wait for its end, `LIMIT_SECONDS` at most."""
        return super().wait(timeout)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                self.kill()
            super().__exit__(kind, value, trace)
        finally:
            if self.poll() is None:
                self.kill()
                self.wait()


@contextlib.contextmanager
def interruptible_children() -> Iterator[None]:
    """Give children the default disposition of every signal that this process was started to ignore.

    A shell starts what it runs in the background with SIGINT and SIGQUIT ignored, and `nohup` SIGHUP; programs inherit
    that, so Ctrl-C could not be tested. Here such a signal has a handler that does nothing: this process still
    ignores it, and a program that is started gets the default.
    """
    wanted = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP)
    ignored = [number for number in wanted if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def limited(seconds: float, log: TextIO) -> Iterator[None]:
    """End this process, with every thread's stack in `log`, if the block takes longer; for what no time-out covers."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=log)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
