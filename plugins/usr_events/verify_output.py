"""The event chain's faults as ``usr events verify`` prints them."""

from __future__ import annotations

from usr_core.api.commands import Format, emit_json, emit_table, emit_text, resolve_format
from usr_core.api.events import find_records, read_head, verify_log
from usr_core.api.places import DatasetLayout, DatasetRef

__all__ = ["emit_verdict"]


def emit_verdict(place: DatasetRef, fmt: Format) -> bool:
    """Check a dataset's log, print what is wrong with it, and return whether it holds no error.

    While a commit record is there, its event may be half written or not there yet, which is not a fault.
    """
    log = DatasetLayout(place.path).event_log
    under_way = any(find_records(place.path))
    faults = [fault for fault in verify_log(log) if not (under_way and fault.kind in ("torn", "missing"))]
    events = read_head(log).seq
    found = [
        {"line": fault.line, "kind": fault.kind, "severity": fault.severity, "message": fault.message}
        for fault in faults
    ]
    ok = all(fault.severity != "error" for fault in faults)
    if resolve_format(fmt) is Format.JSON:
        emit_json({"dataset": place.name, "ok": ok, "events": events, "faults": found})
        return ok
    if faults:
        emit_table(found, ("line", "kind", "severity", "message"), fmt)
    if ok:
        emit_text(f"{place.name}: the chain of {events:,} {'event' if events == 1 else 'events'} is whole")
    return ok
