"""Errors of the executor `local`."""

from __future__ import annotations

from usr_core.api import UsrError

__all__ = ["WorkersUnusable"]


class WorkersUnusable(UsrError, RuntimeError):
    """Worker processes end before they take a shard."""

    code = "USR-MAP-101"
    template = "{tries:counted worker process|worker processes} ended with code {ended} before taking a shard."
    hint_template = "What they said stands above. Try: python -m usr_local.worker 1 < /dev/null"
