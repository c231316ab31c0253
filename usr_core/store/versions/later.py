"""What happened to the files of a dataset after a version, as its log tells it.

Most events add rows to the base or a part to an overlay, which takes nothing away: their lines are not even parsed. The
others tell in their `artifacts` which files they wrote and removed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from usr_core.commit.file_tree import FileTree, find_records
from usr_core.commit.record import CommitRecord, log_state
from usr_core.events.files_told import ADOPT, changes_told
from usr_core.events.log import line_seq, object_in, parse_line
from usr_core.events.seek import event_time_us
from usr_core.fs.files import open_regular
from usr_core.records import BASE_COLUMNS
from usr_core.roots.layout import DERIVED, EVENT_LOG, RECORDS
from usr_core.store.history.files import History
from usr_core.store.history.keeping import TAIL
from usr_core.store.versions.version import Version

__all__ = ["LaterEvent", "LaterEvents", "events_after"]

# An import adds rows, the others a part at most (of a namespace in one file, that file becomes a part as it is).
_PLAIN = re.compile(
    rb'[^\n]{0,120}"action":"'
    rb'(?:import|attach|write_overlay|write_overlay_part|map|snapshot|tag|remove_tag)"'
)
_SEQ_AT_END = 400
ROLLBACK = "rollback"
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class LaterEvent:
    """An event behind the version: its number, action and time by the log's clock."""

    seq: int
    action: str
    time_us: int

    def __str__(self) -> str:
        return f"event {self.seq} ({self.action})"


@dataclass(slots=True)
class LaterEvents:
    """The files that were written, replaced and removed since; of each file only the first event counts.

    Attributes:
        added: Files of overlays that an event wrote first; one in a single file may have replaced an older one.
        removed: Files that an event removed first, so they were there.
        together: Of each event that removed files, these, and those that it added.
        rewritten: The first event that wrote the base anew, and not behind the rows that it had; None where none did.
        untold: The last line of an older writer, which does not tell which files it wrote; None where there is none.
    """

    added: dict[str, LaterEvent] = field(default_factory=dict)
    removed: dict[str, LaterEvent] = field(default_factory=dict)
    together: dict[int, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    rewritten: LaterEvent | None = None
    untold: LaterEvent | None = None

    def take(self, event: Mapping[str, Any], seq: int, version: Version, history: History) -> None:
        """Take in the next event; `history` has what is kept of the files that it replaced."""
        told = LaterEvent(seq, str(event.get("action")), event_time_us(event) or 0)
        added, removed = tuple(changes_told(event, "added")), tuple(changes_told(event, "removed"))
        for path in removed:
            if path not in self.added:
                self.removed.setdefault(path, told)
        if removed:
            self.together[seq] = removed, added
        for path in added:
            if path == RECORDS:
                if self.rewritten is None and not _appends(event, version, history, seq):
                    self.rewritten = told
            elif path.startswith(f"{DERIVED}/") and path not in self.removed:
                self.added.setdefault(path, told)


def events_after(tree: FileTree, version: Version, history: History) -> LaterEvents:
    """Return what the events after a version did to the files of `tree`.

    Raises:
        OSError: The log can't be read.
    """
    found, number = LaterEvents(), version.seq
    for raw in _raw_lines_after(tree, version):
        if _adds_only(raw):
            number += 1
            continue
        event = parse_line(raw)
        seq = line_seq(event)
        if event is not None and seq is not None:
            number = seq
            found.take(event, seq, version, history)
        elif raw.strip() and raw.endswith(b"\n"):  # not one that was cut off
            number += 1
            found.untold = LaterEvent(number, "", event_time_us(event) or 0)
    return found


def _raw_lines_after(tree: FileTree, version: Version) -> Iterator[bytes]:
    """Yield the lines behind a version, those of changes that are being committed included.

    A change that is being taken back counts as if it had not been made, as in `tree`.
    """
    log = tree.folder / EVENT_LOG
    commits, aborts = (_records(paths) for paths in find_records(tree.folder))
    end = min((record.offset for record in aborts), default=None)
    with os.fdopen(open_regular(log), "rb", buffering=_BUFFER) as file:
        at = file.seek(version.offset)
        for raw in file:
            if end is not None and at >= end:
                return
            if at > version.offset:
                yield raw
            at += len(raw)
    for record in commits:
        if log_state(record, log) == "open":
            yield record.line


def _records(paths: Iterable[Any]) -> list[CommitRecord]:
    found = []
    for path in paths:
        try:
            found.append(CommitRecord.read(path))
        except FileNotFoundError:
            continue  # cleaned up since it was listed; `read_consistent` notices
    return found


def _adds_only(line: bytes) -> bool:
    """Tell whether an event's line shows that it has added rows or parts at most."""
    return _PLAIN.match(line) is not None and b'"seq":' in line[-_SEQ_AT_END:]


def _appends(event: Mapping[str, Any], version: Version, history: History, seq: int) -> bool:
    """Tell whether an event that wrote the base has left the rows and columns that it had as they were."""
    before, after = (object_in(one, "fingerprint") for one in (version.event, event))
    if after.get("cols") != before.get("cols") or not _number(after.get("rows")) >= _number(before.get("rows")):
        return False
    action = event.get("action")
    if action in ("import", "registry_freeze"):
        return True
    # Nothing but a session of a writer extends the base outside a maintenance block.
    if "reason" not in object_in(event, "maintenance") and action not in (ADOPT, ROLLBACK):
        return True
    kept = history.kept_by(seq)
    if TAIL in kept:  # of a base that goes on as it began only the end is kept
        return True
    # Where nothing was kept: a merge may change values of the columns behind those that every base has.
    return RECORDS not in kept and action == "merge" and after.get("cols") == len(BASE_COLUMNS)


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
