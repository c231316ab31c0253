"""Holding back Ctrl-C for the few milliseconds in which a change becomes real."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["uninterrupted"]


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
