"""Handing events to a program: the line on its stdin, exit code 0 is delivery. No shell is involved."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from usr_notify.delivery import SendFailure
from usr_notify.errors import ProgramFailed, ProgramMissing, TargetInvalid
from usr_notify.message import Message

__all__ = ["ProgramTarget", "program_words"]


def program_words(text: str) -> list[str]:
    """Split what ``--exec`` was given into words, as a shell would, but for everything else that a shell does.

    Raises:
        TargetInvalid: A quote is not closed, or there is no word.
        ProgramMissing: The first word is not a program.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise TargetInvalid("--exec has a quote that is not closed.", hint="Close it, or escape it with \\.") from None
    if not words:
        raise TargetInvalid("--exec names no program.", hint="Give a program and its arguments.")
    if shutil.which(words[0]) is None:
        raise ProgramMissing(program=words[0])
    return words


class ProgramTarget:
    """A program that is started once an event.

    Args:
        words: The program and its arguments.
        timeout: Seconds that it may take; then it is ended with all that it started.

    Its environment has ``USR_NOTIFY_KEY``, the event's idempotency key; stdout and stderr are ours.
    """

    def __init__(self, words: list[str], *, timeout: float) -> None:
        self._words, self._timeout = words, timeout
        self.label = Path(words[0]).name

    def send(self, message: Message) -> None:
        """Run the program; errors as `Target.send`. Every failure is worth another attempt."""
        try:
            process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                env={**os.environ, "USR_NOTIFY_KEY": message.key},
                start_new_session=True,
            )
        except OSError as error:
            raise self._failure(f"it can't be started: {error.strerror}") from error
        try:
            process.communicate(message.payload + b"\n", timeout=self._timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise self._failure(f"it took longer than {self._timeout:g} s, and was ended") from None
        except BaseException:
            _end(process)
            raise
        if process.returncode < 0:
            raise self._failure(f"it was ended by signal {-process.returncode}")
        if process.returncode:
            raise self._failure(f"it ended with exit code {process.returncode}")

    def close(self) -> None:
        """Do nothing: no program outlives its event."""

    def _failure(self, reason: str) -> SendFailure:
        error = ProgramFailed(
            f"The program {self.label} did not take an event: {reason}.",
            hint="See what it printed; the event is delivered again at the next start, or waits in the --spool.",
        )
        return SendFailure(error, retryable=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
