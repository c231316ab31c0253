"""One long ssh session in which ``agent.sh`` answers requests; what is locked in it is free when it dies.

A request is lines on its standard input; an answer is a body of any bytes, then a line that begins with a random token
that nobody else knows. See agent.sh. A request may be sent before the answers of those before it have come, as each
wait costs the line's time to the remote side and back. No wait is silent: after ten seconds the user is told, and
where an answer has a time limit the session ends with it.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import secrets
import select
import signal
import subprocess
import tempfile
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import IO

from usr_core.api import visible
from usr_core.api.transports import RemoteNonsense, Traffic
from usr_rsync.processes import end_process, last_lines
from usr_rsync.settings import child_environment

__all__ = [
    "SILENCE_SECONDS",
    "AgentSession",
    "Answer",
    "Limits",
    "LoginRunsNothing",
    "Request",
    "SessionLost",
    "SessionSilent",
    "UnpacksNothing",
]

SILENCE_SECONDS = 10.0
"""Seconds without a byte after which the user is told."""

_CHUNK = 1 << 16
_TAIL_BYTES = 4096
"""The longest last line of an answer."""
_NO_GZIP = 97
"""The exit code of a remote side that can't unpack the script."""
_BANNER_BYTES = 1 << 20
"""The most that a login may print before the agent's first word."""


class SessionLost(Exception):
    """The session ended before it had answered; ``answer`` is what ssh printed last. Not for users."""

    def __init__(self, answer: str, exit_code: int | None, printed: bytes = b"") -> None:
        super().__init__(answer)
        self.answer, self.exit_code, self.printed = answer, exit_code, printed


class SessionSilent(SessionLost):
    """The answer did not come within the time that it was given."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no answer within {seconds:.0f} seconds", None)
        self.seconds = seconds


class LoginRunsNothing(SessionLost):
    """The login worked, and what was to run ended at once without a word of ours: no shell runs there."""


class UnpacksNothing(SessionLost):
    """The remote side has no gzip: the script is to be sent as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is expected of an answer.

    Attributes:
        doing: What is asked for, for whoever waits.
        seconds: How long the whole answer may take; None for as long as it wants.
        body: Bytes that it may have at most.
    """

    doing: str
    seconds: float | None = None
    body: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request of one line for its word and one for each argument, and what is expected of its answer.

    Only what may be asked in vain is sent ahead: looking, and nothing that changes anything.
    """

    words: tuple[str, ...]
    limits: Limits

    def encoded(self) -> bytes:
        """Return the lines.

        Raises:
            ValueError: An argument is not one line.
        """
        if any("\n" in line or "\0" in line for line in self.words):
            raise ValueError("an argument is one line")
        return b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the remote side said: a word of agent.sh, a message, and the body before it."""

    status: str
    message: str
    body: bytes


class AgentSession:
    """A session with the script on the remote side.

    Args:
        ssh: The ssh command line up to its options.
        host: The destination.
        first_answer: Seconds that the login may take, the start of the script included.
        tell: Takes one line about what is waited for.
        ahead: What will be asked first; it is sent together with the script.
        packed: Send the script compressed.

    Attributes:
        first: The script's first word, ``ready`` where it can work.
        turns: How often an answer was waited for that was not on its way already, the script's included.
        script_bytes: What was sent of the script.
        greeting: What the login printed before the script began; rsync would take it for an answer.

    Raises:
        SessionLost: The session could not be opened.
        SessionSilent: The remote did not answer in time.
        LoginRunsNothing: What was started there ended without a word.
        UnpacksNothing: `packed`, and there is no gzip there.
        RemoteNonsense: The login printed without an end.
    """

    def __init__(
        self,
        ssh: Sequence[str],
        host: str,
        *,
        first_answer: float,
        tell: Callable[[str], None],
        ahead: Sequence[Request] = (),
        packed: bool = True,
    ) -> None:
        self._token = secrets.token_hex(16).encode()
        self._host, self._tell = host, tell
        self.traffic = Traffic()
        self.turns = 1
        self._received = bytearray()
        self._ahead: deque[Request] = deque()
        self._messages: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        script = b"T=" + self._token + b"\n" + _script()
        script = gzip.compress(script, mtime=0) if packed else script
        self.script_bytes = len(script)
        # Every login shell understands these quotes; dd takes the script and leaves the requests behind it.
        taken = f"dd bs=1 count={len(script)} 2>/dev/null"
        need = f"command -v gzip >/dev/null 2>&1 || exit {_NO_GZIP}; " if packed else ""
        start = f"exec sh -c '{need}eval \"$({taken}{' | gzip -dc' if packed else ''})\"'"
        self._process = subprocess.Popen(
            [*ssh, "--", host, start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env=child_environment(),
            start_new_session=True,  # Ctrl-C is ours to answer, not ssh's
        )
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._asking = True
        try:
            limits = Limits(doing="log in", seconds=first_answer, body=_BANNER_BYTES)
            until = self._until(limits)
            self._send(script + b"".join(one.encoded() for one in ahead), limits, until)
            self._ahead.extend(ahead)
            self.first = self._answer(limits, until)
            self.greeting = self.first.body.decode("utf-8", "replace").strip()
        except SessionLost as lost:
            self.close()
            if packed and lost.exit_code == _NO_GZIP:
                raise UnpacksNothing(lost.answer, lost.exit_code, lost.printed) from lost
            # Failures of ssh itself, and a shell that was killed, are 255.
            if not isinstance(lost, SessionSilent) and lost.exit_code not in (None, 255) and lost.exit_code >= 0:
                raise LoginRunsNothing(lost.answer, lost.exit_code, lost.printed) from lost
            raise
        except BaseException:
            self.close()
            raise
        self._asking = False

    def alive(self) -> bool:
        """Tell whether the session still runs."""
        return self._process.poll() is None and self._process.stdin is not None and not self._process.stdin.closed

    def ask(
        self,
        word: str,
        *arguments: str | int,
        payload: Sequence[bytes] = (),
        limits: Limits,
        acknowledge: bool = False,
        ahead: Sequence[Request] = (),
    ) -> Answer:
        """Send a request, unless it was sent ahead, and return its answer.

        Args:
            word: The request.
            arguments: Its arguments, one line each.
            payload: Further arguments of any length, each sent behind its length.
            limits: What is expected of the answer.
            acknowledge: The remote side waits for a line that says that the answer is here, and gives up without it.
            ahead: What will be asked next; it is sent together with this request, and wasted if something else is.

        Raises:
            SessionLost: The session ended; whether the request was carried out is not known.
            RemoteNonsense: The answer is larger than it may be.
        """
        request = Request((word, *(str(argument) for argument in arguments)), limits)
        message = request.encoded() + b"".join(b"%d\n%b" % (len(part), part) for part in payload)
        message += b"".join(one.encoded() for one in ahead)
        self._asking = True
        try:
            until = self._until(limits)
            if self._ahead and self._ahead[0].words == request.words and not ahead:
                self._ahead.popleft()
            else:
                while self._ahead:
                    missed = self._ahead.popleft()
                    self._answer(missed.limits, self._until(missed.limits))
                self._send(message, limits, until)
                self._ahead.extend(ahead)
                self.turns += 1
            answer = self._answer(limits, until)
            if acknowledge:
                self._send(b"seen\n", limits, until)
            self._asking = False
            return answer
        except BaseException:
            # What is left of the answer would be taken for the next one.
            self.close()
            raise

    def close(self) -> None:
        """End the session."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        if not self._asking:
            with contextlib.suppress(subprocess.TimeoutExpired):
                # The remote side ends when its input does.
                self._process.wait(0.5)
        end_process(self._process)
        self._messages.close()

    def end_from_elsewhere(self) -> bool:
        """Let another thread's `ask` end with `SessionLost`, and that thread close the session; False if none asks."""
        if not self._asking:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return True

    @staticmethod
    def _until(limits: Limits) -> float | None:
        return None if limits.seconds is None else time.monotonic() + limits.seconds

    def _send(self, message: bytes, limits: Limits, until: float | None) -> None:
        stream = self._process.stdin
        if stream is None or stream.closed:
            raise SessionLost("", None)
        view = memoryview(message)
        try:
            while view:
                self._wait(stream.fileno(), select.POLLOUT, limits, until)
                with contextlib.suppress(BlockingIOError):
                    view = view[os.write(stream.fileno(), view) :]
        except OSError as error:
            raise self._lost() from error
        self.traffic += Traffic(sent=len(message))

    def _answer(self, limits: Limits, until: float | None) -> Answer:
        mark = b"\n" + self._token + b" "
        stream = self._process.stdout
        assert stream is not None
        looked = 0
        while True:
            start = self._received.find(mark, looked)
            end = -1 if start < 0 else self._received.find(b"\n", start + len(mark))
            if end >= 0:
                break
            if len(self._received) > limits.body + _TAIL_BYTES:
                raise RemoteNonsense(
                    f"to {limits.doing}, it has more than {limits.body:,} bytes",
                    host=self._host,
                    answer=visible(bytes(self._received[:200]).decode("utf-8", "replace")),
                )
            looked = max(0, len(self._received) - len(mark)) if start < 0 else start
            self._wait(stream.fileno(), select.POLLIN, limits, until)
            chunk = os.read(stream.fileno(), _CHUNK)
            if not chunk:
                raise self._lost()
            self._received += chunk
            self.traffic += Traffic(received=len(chunk))
        status, _, message = bytes(self._received[start + len(mark) : end]).decode("utf-8", "replace").partition(" ")
        body = bytes(self._received[:start])
        del self._received[: end + 1]
        if status in ("ok", "same") and message.strip() == "packed":
            body = self._unpacked(body, limits)
        return Answer(status=status, message=message.strip(), body=body)

    def _unpacked(self, body: bytes, limits: Limits) -> bytes:
        stream = zlib.decompressobj(wbits=31)
        try:
            found = stream.decompress(body, limits.body + 1)
        except zlib.error as error:
            raise RemoteNonsense(
                f"to {limits.doing}, it has packed bytes that are damaged", host=self._host, answer=str(error)
            ) from error
        if len(found) > limits.body or not stream.eof:
            raise RemoteNonsense(
                f"to {limits.doing}, it has more than {limits.body:,} bytes, or they break off",
                host=self._host,
                answer=visible(found[:200].decode("utf-8", "replace")),
            )
        return found

    def _wait(self, descriptor: int, event: int, limits: Limits, until: float | None) -> None:
        """Wait for the other end; say so once after some silence.

        Raises:
            SessionSilent: The time is over.
        """
        poll = select.poll()
        poll.register(descriptor, event)
        begun, told = time.monotonic(), False
        while True:
            now = time.monotonic()
            if until is not None and now >= until:
                raise SessionSilent(limits.seconds or 0.0)
            ends = [end for end in (until, None if told else begun + SILENCE_SECONDS) if end is not None]
            if poll.poll(max(0.0, min(ends) - now) * 1000 + 1 if ends else None):
                return
            if not told and time.monotonic() - begun >= SILENCE_SECONDS:
                told = True
                self._tell(f"{self._host} has not answered for {SILENCE_SECONDS:.0f} s ({limits.doing}); still waiting")

    def _lost(self) -> SessionLost:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        with contextlib.suppress(ValueError, OSError):
            self._messages.seek(0)
            return SessionLost(
                last_lines(self._messages.read(1 << 20)), self._process.poll(), bytes(self._received[:2000])
            )
        return SessionLost("", self._process.poll())


@cache
def _script() -> bytes:
    text = (files("usr_rsync") / "agent.sh").read_text(encoding="utf-8")
    kept = (line.strip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in kept if line and not line.startswith("#")).encode()
