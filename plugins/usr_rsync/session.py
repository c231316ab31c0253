"""One long ssh session in which ``agent.sh`` answers requests; what is locked in it is free when it dies.

A request is lines on its standard input; an answer is a body of any bytes, then a line that begins with a random token
that nobody else knows. See agent.sh.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import IO

from usr_core.plugin.transports import Traffic
from usr_rsync.processes import end_process, last_lines
from usr_rsync.settings import child_environment

__all__ = ["AgentSession", "Answer", "SessionLost"]

_CHUNK = 1 << 16


class SessionLost(Exception):
    """The session ended before it had answered; ``answer`` is what ssh printed last. Not for users."""

    def __init__(self, answer: str, exit_code: int | None) -> None:
        super().__init__(answer)
        self.answer, self.exit_code = answer, exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the far side said: a word of agent.sh, a message, and the body before it."""

    status: str
    message: str
    body: bytes


class AgentSession:
    """A session with the script on the far side.

    Args:
        ssh: The ssh command line up to its options.
        host: The destination.

    Attributes:
        greeting: What the login printed before the script began; rsync would take it for an answer.

    Raises:
        SessionLost: The session could not be opened.
    """

    def __init__(self, ssh: Sequence[str], host: str) -> None:
        self._token = secrets.token_hex(16).encode()
        self.traffic = Traffic()
        self._received = bytearray()
        self._messages: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        script = b"T=" + self._token + b"\n" + _script()
        # Every login shell understands these quotes; dd takes the script and leaves the requests behind it.
        start = f"exec sh -c 'eval \"$(dd bs=1 count={len(script)} 2>/dev/null)\"'"
        self._process = subprocess.Popen(
            [*ssh, "--", host, start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C is ours to answer, not ssh's
        )
        try:
            self._send(script)
            self.greeting = self._answer().body.decode("utf-8", "replace").strip()
        except BaseException:
            self.close()
            raise

    def alive(self) -> bool:
        """Tell whether the session still runs."""
        return self._process.poll() is None and self._process.stdin is not None and not self._process.stdin.closed

    def ask(self, word: str, *arguments: str | int, payload: Sequence[bytes] = ()) -> Answer:
        """Send a request and return its answer.

        Args:
            word: The request.
            arguments: Its arguments, one line each.
            payload: Further arguments of any length, each sent behind its length.

        Raises:
            SessionLost: The session ended; whether the request was carried out is not known.
        """
        lines = [word, *(str(argument) for argument in arguments)]
        if any("\n" in line or "\0" in line for line in lines):
            raise ValueError("an argument is one line")
        message = b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines)
        message += b"".join(b"%d\n%b" % (len(part), part) for part in payload)
        try:
            self._send(message)
            return self._answer()
        except BaseException:
            # What is left of the answer would be taken for the next one.
            self.close()
            raise

    def close(self) -> None:
        """End the session."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # The far side ends when its input does.
            self._process.wait(0.5)
        end_process(self._process)
        self._messages.close()

    def _send(self, message: bytes) -> None:
        stream = self._process.stdin
        if stream is None or stream.closed:
            raise SessionLost("", None)
        view = memoryview(message)
        try:
            while view:
                view = view[os.write(stream.fileno(), view) :]
        except OSError as error:
            raise self._lost() from error
        self.traffic += Traffic(sent=len(message))

    def _answer(self) -> Answer:
        mark = b"\n" + self._token + b" "
        stream = self._process.stdout
        assert stream is not None
        looked = 0
        while True:
            start = self._received.find(mark, looked)
            end = -1 if start < 0 else self._received.find(b"\n", start + len(mark))
            if end >= 0:
                break
            looked = max(0, len(self._received) - len(mark)) if start < 0 else start
            chunk = os.read(stream.fileno(), _CHUNK)
            if not chunk:
                raise self._lost()
            self._received += chunk
            self.traffic += Traffic(received=len(chunk))
        status, _, message = bytes(self._received[start + len(mark) : end]).decode("utf-8", "replace").partition(" ")
        body = bytes(self._received[:start])
        del self._received[: end + 1]
        return Answer(status=status, message=message.strip(), body=body)

    def _lost(self) -> SessionLost:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        self._messages.seek(0)
        return SessionLost(last_lines(self._messages.read()), self._process.poll())


@cache
def _script() -> bytes:
    text = (files("usr_rsync") / "agent.sh").read_text(encoding="utf-8")
    kept = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in kept if line and not line.startswith("#")).encode()
