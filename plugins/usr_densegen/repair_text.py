"""What the commands of this plugin say: the tables of what goes and why, and their questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api import visible
from usr_core.api.commands import Format, emit_json, emit_table, emit_text, resolve_format

if TYPE_CHECKING:
    from usr_densegen.repair import RepairOutcome

__all__ = ["NOTHING_TO_DO", "emit_repair", "records_text"]

_SEQUENCE_SHOWN = 60


NOTHING_TO_DO: dict[str, object] = {
    "rows_before": None,
    "rows_dropped": 0,
    "rows_after": None,
    "by_rule": {},
    "groups": 0,
    "examples": [],
    "snapshot": None,
    "event": None,
}
"""The object of a run that had nothing to look for."""


def repair_record(outcome: RepairOutcome) -> dict[str, object]:
    """Return what was dropped, or would be, as an object."""
    drop = outcome.drop
    return {
        "rows_before": drop.rows_before,
        "rows_dropped": drop.rows_dropped,
        "rows_after": drop.rows_after,
        "by_rule": {rule.metric: count for rule, count in outcome.by_rule.items()},
        "groups": outcome.groups,
        "examples": [
            {"row": bad.row, "id": bad.id, "sequence": bad.sequence, "rule": bad.rule.metric}
            for bad in outcome.examples
        ],
        "snapshot": drop.snapshot,
        "event": drop.event,
    }


def emit_repair(outcome: RepairOutcome, name: str, fmt: Format, *, would: bool = False, dry_run: bool = False) -> None:
    """Print what was dropped by which rule; before the fact also the first records that would go."""
    if resolve_format(fmt) is Format.JSON:
        emit_json({"dataset": name, "dry_run": dry_run, **repair_record(outcome)})
        return
    drop = outcome.drop
    if not drop.rows_dropped:
        emit_text(f"no record of {name} breaks a rule; nothing {'would be' if would else 'was'} changed")
        return
    verb = "would remove" if would else "removed"
    emit_text(f"{verb} {records_text(drop.rows_dropped)} of {drop.rows_before:,} from {name}")
    emit_table([{"why": rule.words, "records": count} for rule, count in outcome.by_rule.items()], ["why", "records"])
    if would:
        emit_text("")
        emit_table(
            [
                {
                    "row": bad.row,
                    "id": bad.id,
                    "sequence": visible(bad.sequence, limit=_SEQUENCE_SHOWN),
                    "why": bad.rule.words,
                }
                for bad in outcome.examples
            ],
            ["row", "id", "sequence", "why"],
        )
        more = drop.rows_dropped - len(outcome.examples)
        if more:
            emit_text(f"… and {more:,} more")
    if drop.snapshot is not None:
        emit_text(f"the base as it was is {drop.snapshot}")


def records_text(number: int) -> str:
    """Return a number of records in words."""
    return f"{number:,} record{'' if number == 1 else 's'}"
