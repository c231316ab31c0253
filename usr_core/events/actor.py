"""Who made a change: the tool and its run, the host and the process."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

__all__ = ["Actor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The tool that changes a dataset, as its events will name it.

    Attributes:
        tool: Name of the tool; ``USR_ACTOR_TOOL``, else ``usr``.
        run_id: Name of its run; ``USR_ACTOR_RUN_ID``, else ``usr-pid-<pid>``.

    Example:
        >>> from usr_core.api import Actor
        >>> actor = Actor(tool="densegen", run_id="r1")
        >>> actor.resolved() == actor, actor.as_event()["tool"]
        (True, 'densegen')
        >>> Actor().resolved().tool
        'usr'
    """

    tool: str = ""
    run_id: str = ""

    def resolved(self) -> Actor:
        """Return the actor with what is unset filled from the environment, else from this process."""
        return Actor(
            tool=self.tool or os.environ.get("USR_ACTOR_TOOL", "").strip() or "usr",
            run_id=self.run_id or os.environ.get("USR_ACTOR_RUN_ID", "").strip() or f"usr-pid-{os.getpid()}",
        )

    def as_event(self) -> dict[str, object]:
        """Return the ``actor`` object of an event."""
        known = self.resolved()
        return {"tool": known.tool, "run_id": known.run_id, "host": socket.gethostname(), "pid": os.getpid()}
