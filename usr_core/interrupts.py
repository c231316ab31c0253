"""What a signal's handler raises, kept from native code that turns it into an error of its own.

A library that runs for long lets Python's signal handlers run now and then. DuckDB ends its query where one raised,
but forgets what: Ctrl-C comes out as ``RuntimeError: Query interrupted``. Others tell of a cancelled read, or of an
error of the iterator that they consumed. The handlers themselves know, so what they raise is recorded here.

Where native code calls Python objects of ours, a handler would run inside them, and what it raises would be lost, or
end the process. There the signals are held instead until the native call has returned.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = [
    "HandlersHeard",
    "SignalsHeld",
    "native_calls",
    "raise_lost_interrupt",
    "uninterrupted",
]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_Handler = Callable[[int, FrameType | None], Any]


class _OtherHandlers:
    """For the length of a block, other handlers stand in place of those of SIGINT, SIGTERM and SIGHUP.

    Outside the main thread, where no handler runs, nothing is done; nor for a signal that has no Python handler.
    """

    def __init__(self) -> None:
        self._before: dict[int, _Handler] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        try:
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                if callable(handler):
                    self._before[number] = handler
                    with contextlib.suppress(ValueError):  # a subinterpreter without signals
                        signal.signal(number, self._instead_of(handler))
        except BaseException:  # of the handler of a signal that has just come
            self._put_back()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._put_back()
        except BaseException:  # the handler of a signal that has just come, put back before the others were
            self._put_back()
            raise

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            with contextlib.suppress(ValueError):
                signal.signal(number, handler)

    def _instead_of(self, handler: _Handler) -> _Handler:
        raise NotImplementedError


class HandlersHeard(_OtherHandlers):
    """For the length of a block, remembers what the Python handlers of SIGINT, SIGTERM and SIGHUP raise.

    Attributes:
        raised: What the last handler that raised did raise, or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.raised: BaseException | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        _listening.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _listening.remove(self)
        super().__exit__(kind, error, trace)

    def _instead_of(self, handler: _Handler) -> _Handler:
        def hear(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                self.raised = error
                raise

        return hear


_listening: list[HandlersHeard] = []


class SignalsHeld(_OtherHandlers):
    """For the length of a block, only notes SIGINT, SIGTERM and SIGHUP; at its end their handlers run.

    For a short native call that calls Python objects back, or whose finalizers drop what a handler raises.

    Raises:
        KeyboardInterrupt: Ctrl-C came during the block; or what another handler of these signals raised.
    """

    def __init__(self) -> None:
        super().__init__()
        self._came: dict[int, None] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for number in self._came:
            self._before[number](number, sys._getframe())

    def _instead_of(self, handler: _Handler) -> _Handler:
        def note(number: int, _: FrameType | None) -> None:
            self._came[number] = None

        return note


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


def raise_lost_interrupt() -> None:
    """Raise the Ctrl-C that a `HandlersHeard` block around this call heard, which should have ended the work here.

    A finalizer, for one, drops every exception: ``Exception ignored in …``.

    Raises:
        KeyboardInterrupt: There was one.
    """
    for heard in _listening:
        if isinstance(heard.raised, KeyboardInterrupt):
            raise heard.raised


@contextlib.contextmanager
def uninterrupted(*, once: bool = False) -> Iterator[None]:
    """Let the block finish although SIGINT arrives.

    Args:
        once: Drop the first SIGINT only, where the block waits for somebody who may never answer; a second one
            interrupts, and whether the change was made is then not known.

    Between the commit record and the event an interrupt could only be answered by undoing; finishing
    takes as long. So the change is completed, and the interrupt is dropped: a caller that
    sees "interrupted" can rely on the dataset being as it was. Outside the main thread nothing is done, as
    Python delivers signals to the main thread only; nor where a handler of another language is
    installed, which could not be put back.

    Example:
        >>> import signal
        >>> from usr_core.api.files import uninterrupted
        >>> with uninterrupted():
        ...     signal.raise_signal(signal.SIGINT)
        ...     print("both files are written")
        both files are written
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is None:
        yield
        return

    before = signal.getsignal(signal.SIGINT)

    def ignore(number: int, frame: FrameType | None) -> None:
        if once:
            signal.signal(signal.SIGINT, before)

    try:
        signal.signal(signal.SIGINT, ignore)
    except ValueError:  # a subinterpreter without signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
