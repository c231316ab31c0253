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


def delete_text(outcome: DeleteOutcome, name: str, *, would: bool = False) -> str:
    """Return how many records were deleted, or would be, and why others were not."""
    rest = _rest({"already deleted": outcome.already_deleted}, outcome.missing)
    if not outcome.deleted:
        return f"nothing {_was(would, 'deleted')} in {name}{rest}; nothing {'would be' if would else 'was'} changed"
    return f"{'would delete' if would else 'deleted'} {counted(outcome.deleted, 'record')} of {name}{rest}"


def restore_text(outcome: RestoreOutcome, name: str, *, would: bool = False) -> str:
    """Return how many records were restored, or would be, and why others were not."""
    rest = _rest({"not deleted": outcome.not_deleted}, outcome.missing)
    if not outcome.restored:
        return f"nothing {_was(would, 'restored')} in {name}{rest}; nothing {'would be' if would else 'was'} changed"
    return f"{'would restore' if would else 'restored'} {counted(outcome.restored, 'record')} of {name}{rest}"


def state_text(outcome: StateOutcome, name: str, done: str, *, would: bool = False) -> str:
    """Return of how many records the state was set, or cleared, or would be, and why that of others was not."""
    rest = _rest({"had it already" if done == "set" else "had none": outcome.unchanged}, outcome.missing)
    if not outcome.changed:
        return f"no state {_was(would, done)} in {name}{rest}; nothing {'would be' if would else 'was'} changed"
    verb = {"set": "would set", "cleared": "would clear"}[done] if would else done
    return f"{verb} the state of {counted(outcome.changed, 'record')} of {name}{rest}"


def _was(would: bool, done: str) -> str:
    return f"would be {done}" if would else done


def _rest(counts: dict[str, int], missing: int) -> str:
    told = [f"{number:,} {what}" for what, number in counts.items() if number]
    if missing:
        told.append(f"{counted(missing, 'id')} matched no record")
    return f" ({', '.join(told)})" if told else ""
