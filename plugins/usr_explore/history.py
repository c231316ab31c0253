"""What happened to a dataset: its events by day and action, and what lies on disk for each namespace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usr_core.api import Dataset

__all__ = ["EventLine", "History", "history"]

_SHOWN = 200
_REWRITING = frozenset({"dedupe", "materialize", "merge", "rollback", "pull"})


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event: number, time, action, namespace, rows, tool, and how many rows the base had then."""

    number: int
    time: str
    action: str
    namespace: str
    rows: int | None
    tool: str
    base_rows: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """Events and files.

    Attributes:
        events: The last ones, the newest first.
        days: How many there were of each action, by day, all of them.
        namespaces: Name, files, rows and bytes of each overlay.
        total: The number of events.
    """

    events: tuple[EventLine, ...]
    days: dict[tuple[str, str], int]
    namespaces: tuple[tuple[str, int, int, int], ...]
    total: int

    def of(self, namespaces: Iterable[str], base_row: int) -> list[EventLine]:
        """Return the events behind a record: the one that added it, and since then those of its namespaces.

        Before a change that wrote the base anew nothing tells which row it was, so every import counts. What deleted or
        restored records is left out: nothing that a live record has is from there.

        Args:
            namespaces: Those of which the record has a value.
            base_row: Its row of the base.
        """
        names, known = set(namespaces), True
        found: list[EventLine] = []
        before = [one.base_rows for one in self.events[1:]] + [None if len(self.events) < self.total else 0]
        for one, older in zip(self.events, before, strict=True):
            if known and older is not None and one.base_rows is not None and older <= base_row < one.base_rows:
                return [*found, one]
            of_base = not one.namespace and (one.action in _REWRITING or (one.action == "import" and not known))
            if one.namespace in names or of_base:
                found.append(one)
            known = known and one.action not in _REWRITING
        return found


def history(dataset: Dataset) -> History:
    """Read a dataset's log and what lies on disk.

    Raises:
        UsrError: The dataset can't be read.
    """
    lines: list[EventLine] = []
    days: Counter[tuple[str, str]] = Counter()
    total = 0
    for line in dataset.events():
        if line.event is None:
            continue
        total += 1
        one = _line(line.number, dict(line.event))
        days[one.time[:10], one.action] += 1
        lines.append(one)
        if len(lines) > 2 * _SHOWN:
            del lines[:_SHOWN]
    overview = dataset.overview()
    parts = tuple((one.name, one.files, one.rows, one.size_bytes) for one in overview.namespaces)
    return History(
        tuple(reversed(lines[-_SHOWN:])), dict(days), (("base", 1, overview.rows, overview.base_bytes), *parts), total
    )


def _line(number: int, event: dict[str, object]) -> EventLine:
    args, metrics, actor = (_table(event.get(key)) for key in ("args", "metrics", "actor"))
    counts = [metrics.get(key) for key in ("rows_written", "rows_added", "rows")]
    rows = next((count for count in counts if isinstance(count, int)), None)
    action = str(event.get("action") or "")
    namespace = args.get("namespace") or ("usr_state" if "state" in action else "")
    return EventLine(
        number,
        str(event.get("timestamp_utc") or ""),
        action,
        str(namespace),
        rows,
        str(actor.get("tool") or ""),
        base_rows if isinstance(base_rows := _table(event.get("fingerprint")).get("rows"), int) else None,
    )


def _table(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}
