"""Which files an event says it has added and removed, and which a log says are there after all of its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from usr_core.events.log import line_seq, object_in, read_lines

__all__ = ["ADOPT", "FilesTold", "changes_told", "files_told"]

ADOPT = "adopt"
"""The action whose event lists all files as they were found; what was told before it does not count."""


@dataclass(slots=True)
class FilesTold:
    """The account of a log.

    Attributes:
        sizes: Bytes by relative name, as the last event told that has written the file.
        complete: Every event since the beginning, or since the last `ADOPT`, tells its files. Older writers' lines,
            which carry no number, do not: there may be files that no line names.
    """

    sizes: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, event: Mapping[str, Any] | None) -> None:
        """Take in the next line of the log; None is one that is not a JSON object."""
        if event is None or line_seq(event) is None:
            self.complete = False
        if event is None or not isinstance(event.get("artifacts"), Mapping):
            return
        if event.get("action") == ADOPT:
            self.sizes.clear()
            self.complete = True
        for path, _ in _sizes(event, "removed"):
            self.sizes.pop(path, None)
        self.sizes.update(_sizes(event, "added"))


def changes_told(event: Mapping[str, Any] | None, kind: Literal["added", "removed"]) -> dict[str, Mapping[str, Any]]:
    """Return what an event says of the files that it added, or removed, by name; entries of another form are left out.

    What stands there beside `path` (``size_bytes``, ``sha256``, ``kept`` …) may be of any type.
    """
    listed = object_in(event, "artifacts").get(kind)
    entries = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return {one["path"]: one for one in entries if isinstance(one.get("path"), str)}


def files_told(log: Path, *, end: int | None = None) -> FilesTold:
    """Read a log, up to byte `end` where that is given; memory holds a name and a number for each file."""
    told = FilesTold()
    for line in read_lines(log):
        if end is not None and line.offset >= end:
            break
        if line.raw.strip():
            told.add(line.event)
    return told


def _sizes(event: Mapping[str, Any], kind: Literal["added", "removed"]) -> list[tuple[str, int]]:
    told = [(path, change.get("size_bytes")) for path, change in changes_told(event, kind).items()]
    return [(path, size) for path, size in told if isinstance(size, int)]
