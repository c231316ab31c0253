"""What the commands of this plugin say when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api import counted

if TYPE_CHECKING:
    from usr_core.api.results import DeleteOutcome, RestoreOutcome, StateOutcome

__all__ = ["STATE_COLUMNS", "delete_text", "restore_text", "state_text"]

STATE_COLUMNS = (
    "id",
    "usr_state__masked",
    "usr_state__qc_status",
    "usr_state__split",
    "usr_state__supersedes",
    "usr_state__lineage",
)


def delete_text(outcome: DeleteOutcome, name: str) -> str:
    """Return how many records were deleted, and why others were not."""
    rest = _rest({"already deleted": outcome.already_deleted}, outcome.missing)
    if not outcome.deleted:
        return f"nothing deleted in {name}{rest}; nothing was changed"
    return f"deleted {counted(outcome.deleted, 'record')} of {name}{rest}"


def restore_text(outcome: RestoreOutcome, name: str) -> str:
    """Return how many records were restored, and why others were not."""
    rest = _rest({"not deleted": outcome.not_deleted}, outcome.missing)
    if not outcome.restored:
        return f"nothing restored in {name}{rest}; nothing was changed"
    return f"restored {counted(outcome.restored, 'record')} of {name}{rest}"


def state_text(outcome: StateOutcome, name: str, done: str) -> str:
    """Return of how many records the state was set, or cleared, and why that of others was not."""
    rest = _rest({"had it already" if done == "set" else "had none": outcome.unchanged}, outcome.missing)
    if not outcome.changed:
        return f"no state {done} in {name}{rest}; nothing was changed"
    return f"{done} the state of {counted(outcome.changed, 'record')} of {name}{rest}"


def _rest(counts: dict[str, int], missing: int) -> str:
    told = [f"{number:,} {what}" for what, number in counts.items() if number]
    if missing:
        told.append(f"{counted(missing, 'id')} matched no record")
    return f" ({', '.join(told)})" if told else ""
