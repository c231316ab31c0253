"""The event sink: keeps each event of this user's changes in the spool, for ``usr notify drain`` to deliver.

It writes one small file and talks to nobody, so that no change waits for a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usr_core.api.events import encode_line
from usr_notify.message import message_of
from usr_notify.settings import NotifySettings
from usr_notify.spool import Spool

__all__ = ["SpoolSink"]


class SpoolSink:
    """Keeps events as the settings say; without a spool in them it does nothing."""

    def __init__(self, settings: NotifySettings) -> None:
        self._spool = None if settings.spool is None else Spool(settings.spool)
        self._actions = settings.actions

    def emit(self, event: Mapping[str, Any]) -> None:
        """Keep an event.

        Raises:
            SpoolUnusable: The spool can't be written; the host warns, and the command goes on.
        """
        if self._spool is None or (self._actions and event.get("action") not in self._actions):
            return
        self._spool.add(message_of(encode_line(event).removesuffix(b"\n"), event, dataset=""))

    def close(self) -> None:
        """Do nothing: every event is on disk already."""
