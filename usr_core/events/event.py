"""The form of one event and its line in the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from usr_core.events.actor import Actor
from usr_core.events.clock import now_us, rfc3339
from usr_core.events.redaction import redact
from usr_core.version import package_version

__all__ = ["EVENT_VERSION", "Event", "FileChange", "Fingerprint", "encode_line"]

EVENT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The base table after the change: rows, columns, bytes, and its sha256 where asked for."""

    rows: int
    cols: int
    size_bytes: int
    sha256: str | None = None

    def as_event(self) -> dict[str, object]:
        shown: dict[str, object] = {"rows": self.rows, "cols": self.cols, "size_bytes": self.size_bytes}
        return shown if self.sha256 is None else {**shown, "sha256": self.sha256}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file that a mutation added or removed: its relative name and size in bytes."""

    path: str
    size_bytes: int

    def as_event(self) -> dict[str, object]:
        return {"path": self.path, "size_bytes": self.size_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened, before it is given its place in the chain.

    Attributes:
        action: One of the actions of the format, or ``<tool>_<word>``.
        dataset: The dataset's name.
        root: The root's path.
        args: What was asked; secrets are hidden here, large lists are given as counts by the caller.
        metrics: Rows, bytes and what the action counts.
        added, removed: The files that it added and removed.
        maintenance: Reason of a maintenance operation, and ``recovered`` where an interrupted change was cleaned up.
    """

    action: str
    dataset: str
    root: str
    actor: Actor = field(default_factory=Actor)
    args: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)
    added: tuple[FileChange, ...] = ()
    removed: tuple[FileChange, ...] = ()
    maintenance: Mapping[str, object] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
    registry_hash: str | None = None

    def as_line(self, *, seq: int, clock_us: int, prev: str) -> dict[str, Any]:
        """Return the event as the object of line `seq`, keys in the format's order."""
        artifacts: dict[str, object] = {}
        if self.added:
            artifacts["added"] = [change.as_event() for change in self.added]
        if self.removed:
            artifacts["removed"] = [change.as_event() for change in self.removed]
        return {
            "event_version": EVENT_VERSION,
            "timestamp_utc": rfc3339(now_us()),
            "action": self.action,
            "dataset": {"name": self.dataset, "root": self.root},
            "args": redact(self.args),
            "metrics": dict(self.metrics),
            "artifacts": artifacts,
            "maintenance": redact(self.maintenance),
            "fingerprint": self.fingerprint.as_event() if self.fingerprint else {},
            "registry_hash": self.registry_hash,
            "actor": self.actor.as_event(),
            "version": package_version(),
            "seq": seq,
            "clock": rfc3339(clock_us),
            "prev": prev,
        }


def encode_line(event: Mapping[str, Any]) -> bytes:
    r"""Return the line of `event`, newline included: compact UTF-8 JSON, strict (no NaN).

    Raises:
        ValueError: The event holds a float that is not finite.

    Example:
        >>> from usr_core.api.events import encode_line
        >>> encode_line({"seq": 1, "action": "gc_done"})
        b'{"seq":1,"action":"gc_done"}\n'
    """
    # Lone surrogates (a path that is not UTF-8) would make the line unreadable for every other tool.
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Line ends of Unicode: some tools split a text there, and one event must stay one line for them too.
    for end, escaped in (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")):
        text = text.replace(end, escaped)
    return text.encode("utf-8", "backslashreplace") + b"\n"
