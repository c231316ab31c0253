"""Errors that transports raise, the same for every transport."""

from __future__ import annotations

from collections.abc import Mapping

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "RemoteChanged",
    "RemoteLocked",
    "RemoteNameRefused",
    "RemoteNonsense",
    "RemoteRefused",
    "RemoteShellPrints",
    "RemoteToolMissing",
    "RemoteUnreachable",
    "TransportError",
]


class TransportError(UsrError):
    """Something failed on the way to a remote, or on it.

    Args:
        message: What happened.
        hint: A thing to do.
        facts: ``host``, ``path``, ``answer`` (the last lines a program there printed), and what else helps.
    """

    code = "USR-TRANSPORT-001"
    exit_code = ExitCode.REMOTE

    def __init__(self, message: str, *, hint: str, facts: Mapping[str, object] | None = None) -> None:
        super().__init__(message, hint=hint, facts=facts)


class RemoteUnreachable(TransportError, ConnectionError):
    """The remote does not answer, refuses the login, or a transfer was cut off again and again."""

    code = "USR-TRANSPORT-002"


class RemoteToolMissing(TransportError):
    """A program is missing, here or there."""

    code = "USR-TRANSPORT-003"


class RemoteChanged(TransportError):
    """What was planned does not fit any more: a file has gone, or somebody else has changed the dataset."""

    code = "USR-TRANSPORT-004"
    exit_code = ExitCode.DIVERGED


class RemoteLocked(TransportError, TimeoutError):
    """Another writer held the remote dataset's lock for longer than we were told to wait."""

    code = "USR-TRANSPORT-005"
    exit_code = ExitCode.LOCKED


class RemoteRefused(TransportError):
    """The remote's file system refused: it is full, read-only, or not ours to write."""

    code = "USR-TRANSPORT-006"
    exit_code = ExitCode.FAILED


class RemoteNameRefused(TransportError, ValueError):
    """A host, user, port, path or file name is not one that is safe to hand on."""

    code = "USR-TRANSPORT-007"
    exit_code = ExitCode.USAGE


class RemoteNonsense(TransportError):
    """The remote has answered, and the answer is not of the form or size that was asked for."""

    code = "USR-TRANSPORT-008"

    def __init__(self, what: str, *, host: str, answer: str | None = None) -> None:
        super().__init__(
            f"The answer of {host} can't be understood: {what}.",
            hint="Look at what `find`, `stat`, `sha256sum` and `date` are there for a login without a terminal; "
            "`usr remotes doctor` shows them.",
            facts={"host": host, "answer": answer},
        )


class RemoteShellPrints(TransportError):
    """The login shell on the remote prints something by itself, and a program that needs the channel can't run."""

    code = "USR-TRANSPORT-009"

    def __init__(self, *, host: str, printed: str, doing: str) -> None:
        super().__init__(
            f"The login shell on {host} prints something by itself, so rsync can't {doing}.",
            hint="Remove what prints from the shell's startup files there (~/.bashrc, ~/.profile, a module's message), "
            "or put it behind `case $- in *i*) …;; esac`, so that it prints for interactive logins only; "
            f"`ssh {host} true` has to print nothing.",
            facts={"host": host, "printed": printed},
        )
