"""Which files a log says are there: those that its events have added, and none has removed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usr_core.events.log import line_seq, read_lines

__all__ = ["ADOPT", "FilesTold", "files_told"]

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
        artifacts = (event or {}).get("artifacts")
        if not isinstance(artifacts, Mapping):
            return
        if (event or {}).get("action") == ADOPT:
            self.sizes.clear()
            self.complete = True
        for change in _changes(artifacts.get("removed")):
            self.sizes.pop(change[0], None)
        self.sizes.update(_changes(artifacts.get("added")))


def files_told(log: Path, *, end: int | None = None) -> FilesTold:
    """Read a log, up to byte `end` where that is given; memory holds a name and a number for each file."""
    told = FilesTold()
    for line in read_lines(log):
        if end is not None and line.offset >= end:
            break
        if line.raw.strip():
            told.add(line.event)
    return told


def _changes(listed: object) -> list[tuple[str, int]]:
    """Return (name, bytes) of the files in a list of an event; entries of another form are passed over."""
    if not isinstance(listed, list):
        return []
    pairs = [(one.get("path"), one.get("size_bytes")) for one in listed if isinstance(one, Mapping)]
    return [(path, size) for path, size in pairs if isinstance(path, str) and isinstance(size, int)]
