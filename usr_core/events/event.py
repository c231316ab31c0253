"""One event and its line in the log: when a change was made, who made it, and what it was.

Instants are whole microseconds since 1970 (UTC) inside, RFC 3339 with six decimals and ``Z`` in events and metadata,
and ``YYYYMMDDThhmmssffffff`` in file names. The hybrid clock orders changes.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from usr_core.version import package_version

__all__ = [
    "EVENT_VERSION",
    "LAST_INSTANT_US",
    "Actor",
    "BaseCounts",
    "Event",
    "FileChange",
    "Fingerprint",
    "encode_line",
    "file_stamp",
    "next_clock",
    "now_us",
    "parse_rfc3339",
    "rfc3339",
]

LAST_INSTANT_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999, behind which no stamp can be written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now_us() -> int:
    """Return the wall clock in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def next_clock(now: int, *floors: int | None) -> int:
    """Return the hybrid clock: `now`, or one microsecond past the highest of `floors`, whichever is later.

    Laptops and clusters disagree about the time; the later commit must win all the same
    (docs/adr/0007). All values are microseconds since 1970.
    """
    return max([now, *(floor + 1 for floor in floors if floor is not None)])


def rfc3339(us: int) -> str:
    """Return ``2026-01-31T09:00:00.000000Z`` for microseconds since 1970."""
    return _datetime(us).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_rfc3339(text: str, *, naive_is_utc: bool = False) -> int:
    """Return microseconds since 1970 for an RFC 3339 text with an offset or ``Z``, letters in either case.

    Args:
        text: Surrounding white space does not count.
        naive_is_utc: Take a text without an offset as UTC, as older writers left it out.

    Raises:
        ValueError: `text` is not such a time, or has no offset.
    """
    instant = datetime.fromisoformat(text.strip().upper())
    if instant.tzinfo is None:
        if not naive_is_utc:
            raise ValueError(f"{text!r} has no time zone")
        instant = instant.replace(tzinfo=UTC)
    return (instant - _EPOCH) // _MICROSECOND


def file_stamp(us: int) -> str:
    """Return ``20260131T090000000000`` for microseconds since 1970."""
    # `%Y` does not pad years before 1000 everywhere.
    return _datetime(us).strftime("%Y%m%dT%H%M%S%f").rjust(21, "0")


def _datetime(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The tool that changes a dataset, as its events will name it.

    Attributes:
        tool: Name of the tool; ``USR_ACTOR_TOOL``, else ``usr``.
        run_id: Name of its run; ``USR_ACTOR_RUN_ID``, else ``usr-pid-<pid>``.

    Example:
        >>> from usr_core.api import Actor
        >>> actor = Actor(tool="densegen", run_id="r1")
        >>> actor.resolved() == actor, actor.as_event()["tool"]
        (True, 'densegen')
        >>> Actor().resolved().tool
        'usr'
    """

    tool: str = ""
    run_id: str = ""

    def resolved(self) -> Actor:
        """Return the actor with what is unset filled from the environment, else from this process."""
        return Actor(
            tool=self.tool or os.environ.get("USR_ACTOR_TOOL", "").strip() or "usr",
            run_id=self.run_id or os.environ.get("USR_ACTOR_RUN_ID", "").strip() or f"usr-pid-{os.getpid()}",
        )

    def as_event(self) -> dict[str, object]:
        """Return the ``actor`` object of an event."""
        known = self.resolved()
        return {"tool": known.tool, "run_id": known.run_id, "host": socket.gethostname(), "pid": os.getpid()}


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


class BaseCounts(NamedTuple):
    """How large a base is: its rows, columns and bytes."""

    rows: int
    columns: int
    size_bytes: int

    def fingerprint(self, content: Path | None = None) -> Fingerprint:
        """Return the fingerprint an event carries, with the sha256 of `content` where one is given."""
        digest = None
        if content is not None:
            from usr_core.fs.durable import digest_of  # readers need none of it

            digest = digest_of(content)
        return Fingerprint(rows=self.rows, cols=self.columns, size_bytes=self.size_bytes, sha256=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file that a mutation added or removed.

    Attributes:
        path: Its relative name.
        size_bytes: Its size.
        sha256: Of its content, where it was computed.
        prefix_bytes: How many bytes the base from before and the one after it begin with in common.
        tail_sha256: Of what stands behind them.
        kept: The relative name under which what was removed, or replaced, is kept.
    """

    path: str
    size_bytes: int
    sha256: str | None = None
    prefix_bytes: int | None = None
    tail_sha256: str | None = None
    kept: str | None = None

    def as_event(self) -> dict[str, object]:
        more = {
            "sha256": self.sha256,
            "prefix_bytes": self.prefix_bytes,
            "tail_sha256": self.tail_sha256,
            "kept": self.kept,
        }
        told = {name: value for name, value in more.items() if value is not None}
        return {"path": self.path, "size_bytes": self.size_bytes, **told}


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
        from usr_core.events.redaction import redact  # its patterns take 10 ms, and readers need none of them

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
