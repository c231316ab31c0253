"""The log as people read it: a line for each version, which says in one sentence what changed.

A version is an event's number. Only the end of the log is read: an event that tags a version stands behind that
version's own event, so the last entries know their tags without the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from usr_core.errors import counted
from usr_core.events.log import LogLine, line_seq, object_in
from usr_core.events.tags import TAG, UNTAG, tags_told
from usr_core.events.tail import tail_events

__all__ = ["LogEntry", "change_told", "last_entries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One version of a dataset.

    Attributes:
        version: The event's number, which ``--at`` and ``D@17`` take.
        time: When it was written, RFC 3339, UTC.
        action: What was done, such as ``import``.
        tool, run_id: Who did it.
        rows: Records of the base afterwards, the deleted ones too; None where the event does not say.
        change: What changed, in one line.
        tags: Names that were given to the version, sorted.

    Example:
        >>> entry = dataset.log()[0]
        >>> entry.version, entry.action, entry.rows, entry.change
        (3, 'write_overlay', 3, 'lab: 2 columns on 3 records')
    """

    version: int
    time: str
    action: str
    tool: str
    run_id: str
    rows: int | None
    change: str
    tags: tuple[str, ...] = ()

    @property
    def actor(self) -> str:
        """Tool and run, as one text."""
        return " ".join(word for word in (self.tool, self.run_id) if word)


def last_entries(log: Path, *, limit: int = 20) -> list[LogEntry]:
    """Return the last `limit` versions, the newest first; 0 is all.

    Lines that are not events are left out. Cost and memory grow with `limit` and not with the log.

    Example:
        >>> from usr_core.api.events import last_entries
        >>> [(entry.version, entry.action) for entry in last_entries(dataset.layout.event_log, limit=2)]
        [(3, 'write_overlay'), (2, 'import')]
    """
    tags: dict[str, int] = {}
    entries: list[LogEntry] = []
    for line in tail_events(log, n=limit, since=None):
        if line.event is not None:
            entries.append(_entry(line, line.event))
            tags_told(line.event, tags)
    names: dict[int, list[str]] = {}
    for name, version in sorted(tags.items()):
        names.setdefault(version, []).append(name)
    return [replace(entry, tags=tuple(names.get(entry.version, ()))) for entry in reversed(entries)]


def change_told(event: Mapping[str, Any]) -> str:
    """Return what an event changed, in one line without a full stop; ``""`` where it does not say."""
    args, metrics = object_in(event, "args"), object_in(event, "metrics")
    action = str(event.get("action") or "")
    telling = _TELLING.get(action)
    if telling is None and "session" in args:
        telling = _session
    if telling is None and "rows_dropped" in metrics:
        telling = _dropped
    if telling is not None:
        return telling(args, metrics)
    told = [f"{name.replace('_', ' ')} {value:,}" for name, value in metrics.items() if _is_count(value) and value]
    return ", ".join(told[:3])


def _entry(line: LogLine, event: Mapping[str, Any]) -> LogEntry:
    rows = object_in(event, "fingerprint").get("rows")
    actor = event.get("actor")
    who = actor if isinstance(actor, Mapping) else {"tool": actor}
    return LogEntry(
        version=line_seq(event) or line.number,
        time=str(event.get("timestamp_utc") or ""),
        action=str(event.get("action") or ""),
        tool=str(who.get("tool") or ""),
        run_id=str(who.get("run_id") or ""),
        rows=rows if _is_count(rows) else None,
        change=change_told(event),
    )


# ------------------------------------------------------------- what each action says

_Told = Callable[[Mapping[str, Any], Mapping[str, Any]], str]


def _import(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    keep = args.get("keep")
    told = [f"+{_many(metrics.get('rows_added'), 'record')}"]
    told += _counted(metrics, "rows_skipped", "record", "{} skipped")
    told += _counted(metrics, "rows_kept", "record", f"values of {keep} on {{}}") if keep else []
    source = args.get("path") or _first(args.get("paths")) or args.get("source")
    return ", ".join(told) + (f" from {Path(str(source)).name}" if source else "")


def _attach(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    columns = _many(metrics.get("columns"), "column")
    return f"{args.get('namespace')}: {columns} on {_many(metrics.get('rows_written'), 'record')}"


def _session(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    names = ", ".join(map(str, args.get("namespaces") or ()))
    told = f"+{_many(metrics.get('rows_added'), 'record')}"
    return told + (f", {names}: {_many(metrics.get('overlay_rows'), 'row')}" if names else "")


def _map(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return f"{args.get('namespace') or args.get('function') or 'run'}: values on {_many(metrics.get('rows'), 'record')}"


def _merge(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    told = [f"+{_many(metrics.get('rows_added'), 'record')}"]
    told += _counted(metrics, "cells_from_source", "value", "{} replaced or filled")
    told += _counted(metrics, "columns_added", "new column", "{}")
    told += _counted(metrics, "rows_carried", "record", "overlay values on {}")
    return f"{', '.join(told)} from {object_in(args, 'source').get('name')}"


def _dropped(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    by = f" by {args['key']}" if args.get("key") else ""
    return f"-{_many(metrics.get('rows_dropped'), 'record')}{by}"


def _materialize(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    names = ", ".join(map(str, args.get("namespaces") or ())) or "nothing"
    return ", ".join([f"{names} into the base", *_counted(metrics, "rows_dropped", "deleted record", "-{}")])


def _clear(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return f"{args.get('namespace')}: {_many(metrics.get('cells_cleared'), 'value')} unset"


def _remove(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return (
        f"{args.get('namespace')}: {_many(metrics.get('rows'), 'row')} of {_many(metrics.get('parts'), 'part')} removed"
    )


def _compact(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return f"{args.get('namespace')}: {_many(metrics.get('parts'), 'part')} joined"


def _records(words: str) -> _Told:
    return lambda args, metrics: words.format(_many(metrics.get("rows"), "record"))


def _words(words: str) -> _Told:
    return lambda args, metrics: words


def _tag(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return f"{args.get('name')} is version {args.get('version')}"


def _untag(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return f"{args.get('name')} is no longer version {args.get('version')}"


def _rollback(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return f"as it was at version {args.get('to')}"


def _gc(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    count = _many(metrics.get("versions_forgotten"), "version")
    return f"{count} given up, all kept from {metrics.get('since')} on"


def _history(args: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    return "history is kept from here on" if args.get("history") == "keep" else "history is not kept from here on"


_TELLING: Mapping[str, _Told] = {
    "init": _words("new dataset"),
    "import": _import,
    "attach": _attach,
    "write_overlay": _attach,
    "write_overlay_part": _attach,
    "map": _map,
    "merge": _merge,
    "dedupe": _dropped,
    "materialize": _materialize,
    "clear_overlay": _clear,
    "remove_overlay": _remove,
    "compact_overlay": _compact,
    "delete": _records("{} deleted"),
    "restore": _records("{} restored"),
    "state_set": _records("state of {}"),
    "state_clear": _records("state of {} unset"),
    "snapshot": _words("a copy of the base was kept"),
    "registry_freeze": _words("registry frozen"),
    "archive": _words("put away"),
    "unarchive": _words("brought back from the archive"),
    TAG: _tag,
    UNTAG: _untag,
    "rollback": _rollback,
    "adopt": _words("the files as they were found"),
    "gc": _gc,
    "history": _history,
}


def _counted(metrics: Mapping[str, Any], name: str, what: str, words: str) -> list[str]:
    count = metrics.get(name)
    return [words.format(counted(count, what))] if isinstance(count, int) and count else []


def _many(count: object, what: str) -> str:
    return counted(count, what) if isinstance(count, int) else f"{what}s"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None
