"""What a signal's handler raises, kept from native code that turns it into an error of its own.

A library that runs for long lets Python's signal handlers run now and then. DuckDB ends its query where one raised,
but forgets what: Ctrl-C comes out as ``RuntimeError: Query interrupted``. Others tell of a cancelled read, or of an
error of the iterator that they consumed. The handlers themselves know, so what they raise is recorded here.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["HandlersHeard", "native_calls"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class HandlersHeard:
    """For the length of a block, remembers what the Python handlers of SIGINT, SIGTERM and SIGHUP raise.

    Outside the main thread, where no handler runs, nothing is done; nor for a signal that has no Python handler.

    Attributes:
        raised: What the last handler that raised did raise, or None.
    """

    def __init__(self) -> None:
        self.raised: BaseException | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    with contextlib.suppress(ValueError):  # a subinterpreter without signals
                        signal.signal(number, self._hearing(handler))
                        self._before[number] = handler
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _hearing(self, handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
        def hear(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                self.raised = error
                raise

        return hear


@contextlib.contextmanager
def native_calls() -> Iterator[None]:
    """Raise at the end of the block what a signal's handler raised in it, whatever native code has made of that.

    For blocks that only call native code: an interrupt that the block itself has answered would be raised again.

    Raises:
        KeyboardInterrupt: Ctrl-C; or what another handler of these signals raised.
    """
    with HandlersHeard() as heard:
        try:
            yield
        except BaseException as error:
            if heard.raised is None or heard.raised is error:
                raise
            raise heard.raised from error
    if heard.raised is not None:
        raise heard.raised
