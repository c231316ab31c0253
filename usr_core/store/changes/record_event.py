"""What the events of verbs on records say about the ids they were given."""

from __future__ import annotations

from usr_core.store.ids.lookup import AskedIds

__all__ = ["asked_args"]

_SHOWN = 10


def asked_args(asked: AskedIds, *, allow_missing: bool) -> dict[str, object]:
    """Return the part of an event's ``args`` that is the same for all of them: a long list of ids is its number."""
    return {"ids": len(asked), "first_ids": list(asked.ids[:_SHOWN]), "allow_missing": allow_missing}
