"""Child programs that end with us: no zombies, and none left behind by an interrupt."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

__all__ = ["end_process", "last_lines"]

_GRACE_SECONDS = 2.0


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a program that leads a session of its own, with its children, and wait for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def last_lines(content: bytes, count: int = 4) -> str:
    """Return the last lines of what a program printed, as text."""
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines() if line.strip()]
    return "\n".join(lines[-count:])
