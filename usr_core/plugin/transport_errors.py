"""Errors that transports raise, the same for every transport."""

from __future__ import annotations

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

    Example:
        >>> from usr_core.api.transports import ReadRequest, TransportError
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> try:
        ...     MemoryTransport(MemoryRemote()).read(ReadRequest(path="/srv/usr/missing.txt"))
        ... except TransportError as error:
        ...     print(error.code, error.exit_code.name)
        USR-TRANSPORT-004 DIVERGED
    """

    code = "USR-TRANSPORT-001"
    exit_code = ExitCode.REMOTE


class RemoteUnreachable(TransportError, ConnectionError):
    """The remote does not answer, refuses the login, or a transfer was cut off again and again.

    Example:
        >>> from usr_core.api.transports import RemoteUnreachable
        >>> raise RemoteUnreachable("The remote does not answer.", hint="Try ssh to it.", facts={"host": "lab"})
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteUnreachable: The remote does not answer.
    """

    code = "USR-TRANSPORT-002"


class RemoteToolMissing(TransportError):
    """A program is missing, here or there.

    Example:
        >>> from usr_core.api.transports import RemoteToolMissing
        >>> raise RemoteToolMissing("There is no rsync.", hint="Install it there.", facts={"host": "lab.example.org"})
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteToolMissing: There is no rsync.
    """

    code = "USR-TRANSPORT-003"


class RemoteChanged(TransportError):
    """What was planned does not fit any more: a file has gone, or somebody else has changed the dataset.

    Example:
        >>> from usr_core.api.transports import ReadRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> MemoryTransport(MemoryRemote()).read(ReadRequest(path="/srv/usr/missing.txt"))
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteChanged: Could not read a file on memory: it is not there any more.
    """

    code = "USR-TRANSPORT-004"
    exit_code = ExitCode.DIVERGED


class RemoteLocked(TransportError, TimeoutError):
    """Another writer held the remote dataset's lock for longer than we were told to wait.

    Example:
        >>> from usr_core.api.transports import LockRequest
        >>> from usr_core.testing import MemoryRemote, MemoryTransport
        >>> remote = MemoryRemote()
        >>> request = LockRequest(folder="/srv/usr/demo/promoters", timeout=0, label="push", create=True)
        >>> with MemoryTransport(remote).lock(request), MemoryTransport(remote).lock(request):
        ...     pass
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteLocked: another writer holds the remote dataset's lock
    """

    code = "USR-TRANSPORT-005"
    exit_code = ExitCode.LOCKED


class RemoteRefused(TransportError):
    """The remote's file system refused: it is full, read-only, or not ours to write.

    Example:
        >>> from usr_core.api.transports import RemoteRefused
        >>> raise RemoteRefused("The folder can't be written.", hint="Ask its owner.", facts={"path": "/srv/usr"})
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteRefused: The folder can't be written.
    """

    code = "USR-TRANSPORT-006"
    exit_code = ExitCode.FAILED


class RemoteNameRefused(TransportError, ValueError):
    """A host, user, port, path or file name is not one that is safe to hand on.

    Example:
        >>> from usr_core.api.transports import RemoteNameRefused
        >>> raise RemoteNameRefused("A file's name can't be handed on.", hint="Rename it there.", facts={"path": "-rf"})
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteNameRefused: A file's name can't be handed on.
    """

    code = "USR-TRANSPORT-007"
    exit_code = ExitCode.USAGE


class RemoteNonsense(TransportError):
    """The remote has answered, and the answer is not of the form or size that was asked for.

    Example:
        >>> from usr_core.api.transports import RemoteNonsense
        >>> raise RemoteNonsense(what="a digest has 64 digits", host="lab.example.org", answer="sha256sum: usage")
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteNonsense: The answer of lab.example.org can't be understood: a ...
    """

    code = "USR-TRANSPORT-008"

    def __init__(self, what: str, *, host: str, answer: str | None = None) -> None:
        super().__init__(
            f"The answer of {host} can't be understood: {what}.",
            hint="Look at what `find`, `stat`, `sha256sum` and `date` are there for a login without a terminal; "
            "`usr remotes doctor` shows them.",
            facts={"host": host, "answer": answer},
        )


class RemoteShellPrints(TransportError):
    """The login shell on the remote prints something by itself, and a program that needs the channel can't run.

    Example:
        >>> from usr_core.api.transports import RemoteShellPrints
        >>> raise RemoteShellPrints(host="lab.example.org", printed="Welcome!", doing="list the files")
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteShellPrints: The login shell on lab.example.org prints something ...
    """

    code = "USR-TRANSPORT-009"
    template = "The login shell on {host} prints something by itself, so rsync can't {doing}."
    hint_template = (
        "Remove what prints from the shell's startup files there (~/.bashrc, ~/.profile, a module's message), "
        "or put it behind `case $- in *i*) …;; esac`, so that it prints for interactive logins only; "
        "`ssh {host} true` has to print nothing."
    )
    shown = ("host", "printed")
