"""What plugin code prints while it is called goes to standard error: standard output is the command's result.

Only what goes through `sys.stdout` can be redirected. What a plugin writes to file descriptor 1 itself, or lets a
child process or a library written in C write there, is out of reach of this module.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any

__all__ = ["printing_to_stderr"]

_here = threading.local()
_lock = threading.Lock()
_users = 0


class _Routed:
    """Standard output for everybody but a thread that runs plugin code: that one gets standard error.

    By thread, because an event sink that was given up may still be running beside the command.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        inside = getattr(_here, "depth", 0) > 0
        return getattr(sys.stderr if inside and sys.stderr is not None else self.stream, name)

    def __iter__(self) -> Any:
        return iter(self.stream)


class printing_to_stderr:
    """Inside ``with``, let this thread's `sys.stdout` be `sys.stderr`; may be nested, in several threads."""

    def __enter__(self) -> None:
        global _users  # noqa: PLW0603 - one standard output a process
        _here.depth = getattr(_here, "depth", 0) + 1
        with _lock:
            _users += 1
            if sys.stdout is not None and not isinstance(sys.stdout, _Routed):
                sys.stdout = _Routed(sys.stdout)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        global _users  # noqa: PLW0603
        _here.depth -= 1
        with _lock:
            _users -= 1
            if not _users and isinstance(sys.stdout, _Routed):
                sys.stdout = sys.stdout.stream
