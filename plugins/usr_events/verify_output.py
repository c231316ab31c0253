"""The event chain's faults as ``usr events verify`` prints them."""

from __future__ import annotations

from usr_core.cli.output import Format, emit_json, emit_table, emit_text, resolve_format
from usr_core.events.chain import verify_chain
from usr_core.events.log import read_head
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.layout import DatasetLayout

__all__ = ["emit_verdict"]


def emit_verdict(place: DatasetRef, fmt: Format) -> bool:
    """Check a dataset's log, print what is wrong with it, and return whether it is whole."""
    log = DatasetLayout(place.path).event_log
    faults = verify_chain(log)
    events = read_head(log).seq
    found = [{"line": fault.line, "kind": fault.kind, "message": fault.message} for fault in faults]
    if resolve_format(fmt) is Format.JSON:
        emit_json({"dataset": place.name, "ok": not faults, "events": events, "faults": found})
    elif faults:
        emit_table(found, ("line", "kind", "message"), fmt)
    else:
        emit_text(f"{place.name}: the chain of {events:,} {'event' if events == 1 else 'events'} is whole")
    return not faults
