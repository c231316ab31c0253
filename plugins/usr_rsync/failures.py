"""What went wrong, said in the words of `usr_core.plugin.transport_errors`."""

from __future__ import annotations

import re

from usr_core.plugin.transport_errors import (
    RemoteChanged,
    RemoteLocked,
    RemoteNameRefused,
    RemoteRefused,
    RemoteToolMissing,
    RemoteUnreachable,
    TransportError,
)
from usr_rsync.login_hints import login_hint
from usr_rsync.session import Answer, SessionLost
from usr_rsync.settings import RemoteSettings

__all__ = ["answer_error", "is_final", "unreachable"]

_FINAL = re.compile(
    r"Permission denied|Host key verification failed|REMOTE HOST IDENTIFICATION|Could not resolve"
    r"|Name or service not known|Connection refused|No route to host|Bad configuration|Bad owner or permissions"
    r"|no matching|Too many authentication",
    re.IGNORECASE,
)


def is_final(lost: SessionLost) -> bool:
    """Tell whether another try is of no use: a login that was refused, a host that has no such name."""
    return bool(_FINAL.search(lost.answer))


def unreachable(settings: RemoteSettings, lost: SessionLost, *, doing: str) -> RemoteUnreachable:
    """Return the error for a session that could not be opened, or that ended early."""
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
    if answer.status == "locked":
        return RemoteLocked(
            f"The dataset is locked on {settings.host} by another writer.",
            hint="Wait for it to finish, or give a longer --lock-timeout.",
            facts={"host": settings.host, "path": path, "holder": answer.message or "unknown"},
        )
    if answer.status in ("changed", "lost"):
        return RemoteChanged(
            f"Could not {doing} on {settings.host}: {answer.message or 'something else is there by now'}.",
            hint="Somebody has changed it meanwhile; run the command again.",
            facts=facts,
        )
    if answer.status == "tool":
        return RemoteToolMissing(
            f"{settings.host} lacks the program {answer.message}, needed to {doing}.",
            hint=f"Install it there, or load its module for non-interactive logins; "
            f"`usr remotes doctor --remote {settings.name}` lists what is needed.",
            facts={"host": settings.host, "program": answer.message},
        )
    if answer.status == "name":
        return RemoteNameRefused(
            f"{settings.host} refuses a name: {answer.message}.",
            hint="Rename the file, then run it again.",
            facts=facts,
        )
    if answer.status == "pending":
        hint = "Mend the file system there (space, permissions); the next sync or change there settles it as a whole."
        return RemoteRefused(f"A change on {settings.host} failed half-way.", hint=hint, facts=facts)
    return RemoteRefused(
        f"Could not {doing}: the file system of {settings.host} refused.",
        hint=_refusal_hint(settings, answer, path),
        facts=facts,
    )


def _refusal_hint(settings: RemoteSettings, answer: Answer, path: str) -> str:
    if "Permission denied" in answer.message:
        look = settings.command("ls", "-ld", "--", path)
        return f"Ask the owner there for permission, or log in as a user who has it; `{look}` shows who may what."
    return "Look at space, quota and permissions there, then run the command again."
