"""Whether a dataset keeps what its changes replace, changed by an event."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from usr_core.store.history.keeping import SETTING, Setting
from usr_core.store.mutation import Site, mutate
from usr_core.values.showing import Shown

__all__ = ["HistoryOutcome", "set_history"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HistoryOutcome(Shown):
    """What a dataset keeps from now on.

    Attributes:
        history: ``keep`` or ``none``.
        since: The oldest version from which on everything is kept; None where nothing is.
        event: The event, or None where nothing was to be changed, or for a dry run.

    Example:
        >>> outcome = dataset.set_history(keep=False)
        >>> outcome.history, outcome.since, outcome.event["action"]
        ('none', 1, 'history')
    """

    history: str
    since: int | None
    event: dict[str, Any] | None = field(default=None, repr=False)


def set_history(site: Site, *, keep: bool) -> HistoryOutcome:
    """Let the dataset keep what later changes replace, or not; what was kept so far stays.

    Where it begins to keep, everything is kept from this event on.

    Raises:
        UsrError: As `mutate`.
    """
    with mutate(site, "history") as mutation:
        setting = Setting.read(mutation.txn.tree)
        mode = "keep" if keep else "none"
        if setting.keep == keep:
            return HistoryOutcome(history=mode, since=setting.since)
        after = replace(setting, keep=keep)
        if keep:
            after = Setting(keep=True, since=mutation.txn.head.seq + 1)
        mutation.txn.stage(SETTING).write_bytes(after.encode())
        event = mutation.finish(base=mutation.base_counts(), args={"history": mode}, metrics={})
    return HistoryOutcome(history=mode, since=after.since, event=event)
