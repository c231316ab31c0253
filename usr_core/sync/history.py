"""How two event logs relate: one the beginning of the other, or both grown on from a common line.

Lines carry the digest of the line before them, so one equal line proves all lines before it. Logs of older
writers, whose lines carry none, are compared whole. Only the end of the remote's log is read where that decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from usr_core.errors import visible
from usr_core.events.log import NO_PREVIOUS, line_digest, line_seq, parse_line
from usr_core.fs.files import open_regular
from usr_core.sync.errors import LogNotSyncable

__all__ = ["Head", "History", "LogBytes", "Relation", "compare_logs", "local_log"]

Relation = Literal["equal", "ahead", "behind", "diverged"]
_BLOCK = 1 << 16
_LONGEST_LINE = 1 << 26
"""Bytes of a line; an event has a few thousand."""
_MOST_BYTES = 1 << 29
"""Bytes of log that are held in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of a log: number and digest of its last line, bytes up to its end, and whether that line has a number."""

    seq: int
    digest: str
    end: int
    numbered: bool = False

    def as_audit(self) -> dict[str, object]:
        return {"seq": self.seq, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class LogBytes:
    """A log of `size` bytes, a way to read ``(offset, length)`` of it, and where it is; reads are whole."""

    size: int
    read: Callable[[int, int], bytes]
    side: str = "here"

    def tail(self) -> tuple[int, bytes]:
        """Return (offset, bytes) of the last whole line, newline included; ``(end, b"")`` where there is none.

        What stands behind the last newline is a line that was cut off, and counts for nothing.

        Raises:
            LogNotSyncable: The last line is longer than a line may be.
        """
        step = _BLOCK
        while True:
            if step > _LONGEST_LINE:
                raise LogNotSyncable(reason=f"its last line is longer than {_LONGEST_LINE:,} bytes", side=self.side)
            start = max(0, self.size - step)
            block = self.read(start, self.size - start)
            whole = block[: block.rfind(b"\n") + 1]
            stripped = whole.rstrip(b"\n")
            before = stripped.rfind(b"\n")
            if before >= 0 or start == 0:
                first = before + 1
                return start + first, whole[first:]
            step *= 4


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How the local log relates to the remote's.

    Attributes:
        relation: ``ahead`` when the remote's is the beginning of the local one, ``behind`` the other way round.
        local, remote: Their ends.
        common: Bytes that both begin with.
        common_seq: Number of the last common event.
        local_only, remote_only: Lines behind the common ones, newlines included.
    """

    relation: Relation
    local: Head
    remote: Head
    common: int
    common_seq: int
    local_only: bytes
    remote_only: bytes

    def events_only(self, side: Literal["local", "remote"]) -> list[str]:
        """Return a short description of each event that only one side has, oldest first."""
        lines = self.local_only if side == "local" else self.remote_only
        return [_described(line) for line in lines.splitlines() if line.strip()]


def local_log(path: Path) -> LogBytes:
    """Return the log here; a missing one is empty."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return LogBytes(0, lambda _offset, _length: b"")

    def read(offset: int, length: int) -> bytes:
        descriptor = open_regular(path)
        try:
            return os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)

    return LogBytes(size, read)


def compare_logs(local: LogBytes, remote: LogBytes) -> History:
    """Return how `local` relates to `remote`.

    Raises:
        LogNotSyncable: New lines of one side do not follow the common ones, or are not text.
    """
    here, there = _end(local), _end(remote)
    if here.head.end <= there.head.end and _begins(remote, here):
        relation: Relation = "equal" if here.head.end == there.head.end else "behind"
        common = here.head
    elif there.head.end < here.head.end and _begins(local, there):
        relation, common = "ahead", there.head
    else:
        common = _common(_part(local, 0, here.head.end), _part(remote, 0, there.head.end))
        relation = "diverged"
        if common.end == here.head.end:
            relation = "equal" if common.end == there.head.end else "behind"
        elif common.end == there.head.end:
            relation = "ahead"
    local_only = _part(local, common.end, here.head.end)
    remote_only = _part(remote, common.end, there.head.end)
    if relation in ("ahead", "behind"):
        _check_follows(local_only or remote_only, common, side="here" if relation == "ahead" else "there")
    return History(
        relation=relation,
        local=_counted(here.head, common, local_only),
        remote=_counted(there.head, common, remote_only),
        common=common.end,
        common_seq=common.seq,
        local_only=local_only,
        remote_only=remote_only,
    )


def _part(log: LogBytes, start: int, end: int) -> bytes:
    if end - start > _MOST_BYTES:
        raise LogNotSyncable(
            reason=f"{end - start:,} bytes of it are new, and {_MOST_BYTES:,} are the most", side=log.side
        )
    return log.read(start, end - start)


@dataclass(frozen=True, slots=True)
class _End:
    head: Head
    start: int  # of the last line
    line: bytes  # newline included
    chained: bool


def _end(log: LogBytes) -> _End:
    start, line = log.tail()
    seq = line_seq(parse_line(line)) if line else None
    raw = line.removesuffix(b"\n")
    digest = line_digest(raw) if raw.strip() else NO_PREVIOUS
    head = Head(seq=seq or 0, digest=digest, end=start + len(line), numbered=seq is not None)
    return _End(head, start, line, seq is not None or not line)


def _begins(log: LogBytes, end: _End) -> bool:
    """Tell whether `log` begins with the log that ends so, where one line can prove it."""
    return end.chained and log.read(end.start, len(end.line)) == end.line


def _common(one: bytes, other: bytes) -> Head:
    """Return the end of the longest run of equal lines at the beginning of both."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # the longest equal run of bytes, by halving
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    end = one[:low].rfind(b"\n") + 1
    lines = [line for line in one[:end].split(b"\n") if line.strip()]
    if not lines:
        return Head(seq=0, digest=NO_PREVIOUS, end=end)
    numbered = line_seq(parse_line(lines[-1])) is not None
    return Head(seq=_seq_of(lines, 0), digest=line_digest(lines[-1]), end=end, numbered=numbered)


def _seq_of(lines: Sequence[bytes], before: int) -> int:
    """Return the number of the last line: its own, else counted on."""
    seq = before
    own = line_seq(parse_line(lines[-1]))
    return own if own is not None else seq + len(lines)


def _counted(head: Head, common: Head, more: bytes) -> Head:
    lines = [line for line in more.split(b"\n") if line.strip()]
    seq = head.seq or (_seq_of(lines, common.seq) if lines else common.seq)
    return Head(seq=seq, digest=head.digest, end=head.end, numbered=head.numbered)


def _check_follows(lines: bytes, common: Head, *, side: str) -> None:
    """Check that each new line follows the one before it, the first one of a new log included.

    Lines without a number are an older writer's: they are counted, and stand before every numbered one.
    """
    try:
        lines.decode("utf-8")
    except UnicodeDecodeError as error:
        raise LogNotSyncable(reason="a new line is not UTF-8 text", side=side) from error
    seq, digest, numbered = common.seq, common.digest, common.numbered
    for raw in lines.removesuffix(b"\n").split(b"\n") if lines else ():
        event = parse_line(raw)
        if event is None:
            told = "is empty" if not raw.strip() else "is not a JSON object"
            raise LogNotSyncable(reason=f"the line after event {seq} {told}", side=side)
        own = line_seq(event)
        if own is None and numbered:
            raise LogNotSyncable(reason=f"the line after event {seq} has no number", side=side)
        if own is not None and (event.get("prev") != digest or own != seq + 1):
            raise LogNotSyncable(reason=f"event {own} does not follow event {seq}", side=side)
        seq, digest, numbered = seq + 1, line_digest(raw), own is not None


def _described(raw: bytes) -> str:
    event = parse_line(raw) or {}
    actor = event.get("actor")
    host = actor.get("host") if isinstance(actor, dict) else None
    parts = [f"event {event.get('seq', '?')}", str(event.get("action", "?")), str(event.get("timestamp_utc", "?"))]
    return visible(" ".join(parts) + (f" on {host}" if host else ""))
