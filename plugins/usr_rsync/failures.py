"""What went wrong, said in the words of `usr_core.api.transports`."""

from __future__ import annotations

import re
from collections.abc import Callable

from usr_core.api import visible
from usr_core.api.transports import (
    RemoteChanged,
    RemoteLocked,
    RemoteNameRefused,
    RemoteRefused,
    RemoteToolMissing,
    RemoteUnreachable,
    TransportError,
)
from usr_rsync.login_hints import login_hint
from usr_rsync.session import Answer, LoginRunsNothing, SessionLost, SessionSilent
from usr_rsync.settings import RemoteSettings

__all__ = ["FULL", "answer_error", "is_final", "unreachable"]

FULL = re.compile(r"No space left on device|quota exceeded", re.IGNORECASE)
"""What programs say where a disk is full."""

_FINAL = re.compile(
    r"Permission denied|Host key verification failed|REMOTE HOST IDENTIFICATION|Could not resolve"
    r"|Name or service not known|Connection refused|No route to host|Bad configuration|Bad owner or permissions"
    r"|no matching|Too many authentication",
    re.IGNORECASE,
)


def is_final(lost: SessionLost) -> bool:
    """Tell whether another try is of no use.

    This holds for a login that was refused, a host name that is not known, a host that is there and silent, and one
    that lets us in and runs nothing.
    """
    return isinstance(lost, SessionSilent | LoginRunsNothing) or bool(_FINAL.search(lost.answer))


def unreachable(settings: RemoteSettings, lost: SessionLost, *, doing: str) -> RemoteUnreachable:
    """Return the error for a session that could not be opened, or that ended early."""
    if isinstance(lost, SessionSilent):
        return RemoteUnreachable(
            f"{settings.host} did not answer within {lost.seconds:.0f} s (to {doing}).",
            hint=f"Run `{settings.command('true')}`; a program there may hang, or its disk. "
            "A login that takes long gets more time by connect_timeout in the remotes file.",
            facts={"host": settings.host},
        )
    if isinstance(lost, LoginRunsNothing):
        said = visible((lost.answer or lost.printed.decode("utf-8", "replace")).strip(), limit=400)
        return RemoteUnreachable(
            f"{settings.host} lets us log in, and runs no shell commands for this user.",
            hint="Ask for a login with a shell there (not sftp only, git or nologin): "
            f"`{settings.command('true')}` has to work.",
            facts={"host": settings.host, "answer": said or None, "exit": lost.exit_code},
        )
    return RemoteUnreachable(
        f"{settings.host} can't be reached to {doing}.",
        hint=login_hint(settings, lost.answer),
        facts={
            "host": settings.host,
            "user": settings.user,
            "port": settings.port,
            "answer": lost.answer or None,
            "exit": lost.exit_code,
        },
    )


def answer_error(settings: RemoteSettings, answer: Answer, *, doing: str, path: str) -> TransportError:
    """Return the error for an answer that is not ``ok``."""
    facts = {"host": settings.host, "path": path, "answer": answer.message or None}
    make = _ERRORS.get(answer.status, _refused)
    return make(settings, answer.message, doing, facts)


def _locked(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    return RemoteLocked(
        f"The dataset is locked on {settings.host} by another writer.",
        hint="Wait for it to finish, or give a longer --lock-timeout.",
        facts={"host": settings.host, "path": facts["path"], "holder": said or "unknown"},
    )


def _odd(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    return RemoteRefused(
        f"Could not {doing} on {settings.host}: {said}.",
        hint="Put a regular file in its place there; nothing is read or written through a link or a pipe.",
        facts=facts,
    )


def _changed(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    return RemoteChanged(
        f"Could not {doing} on {settings.host}: {said or 'something else is there by now'}.",
        hint="Somebody has changed it meanwhile; run the command again.",
        facts=facts,
    )


def _tool(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    return RemoteToolMissing(
        f"{settings.host} lacks the program {said}, needed to {doing}.",
        hint=f"Install it there, or load its module for non-interactive logins; "
        f"`usr remotes doctor --remote {settings.name}` lists what is needed.",
        facts={"host": settings.host, "program": said},
    )


def _name(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    return RemoteNameRefused(
        f"{settings.host} refuses a name: {said}.", hint="Rename the file, then run it again.", facts=facts
    )


def _pending(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    return RemoteRefused(
        f"A change on {settings.host} failed half-way.",
        hint="Fix the file system there (space, permissions); the next sync or change there settles it as a whole.",
        facts=facts,
    )


def _refused(settings: RemoteSettings, said: str, doing: str, facts: dict[str, str | None]) -> TransportError:
    if FULL.search(said):
        return RemoteRefused(
            f"Could not {doing}: no space is left on {settings.host}.",
            hint=f"Free space or get more quota there ({facts['path']}), then run the command again.",
            facts=facts,
        )
    return RemoteRefused(
        f"Could not {doing}: the file system of {settings.host} refused.",
        hint=_refusal_hint(settings, said, str(facts["path"])),
        facts=facts,
    )


def _refusal_hint(settings: RemoteSettings, said: str, path: str) -> str:
    if "Permission denied" in said:
        look = settings.command("ls", "-ld", "--", path)
        return f"Ask the owner there for permission, or log in as a user who has it; `{look}` shows who may what."
    return "Look at space, quota and permissions there, then run the command again."


_ERRORS: dict[str, Callable[[RemoteSettings, str, str, dict[str, str | None]], TransportError]] = {
    "locked": _locked,
    "odd": _odd,
    "changed": _changed,
    "lost": _changed,
    "tool": _tool,
    "name": _name,
    "pending": _pending,
}
