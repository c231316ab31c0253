"""Checking the chain of the log: which line was edited, deleted, inserted or moved.

Each line of the chain carries its number (``seq``) and the digest of the line before it (``prev``). A change
of a line shows in the line after it. The last line has none: if it was changed, or if whole lines at the end
were cut off, only a receipt kept elsewhere (the heads in ``.sync.log``) shows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from usr_core.events.event import EVENT_VERSION
from usr_core.events.log import NO_PREVIOUS, LogLine, line_digest, line_seq, parse_line, read_head, read_lines
from usr_core.fs.files import open_regular
from usr_core.values.showing import Shown

__all__ = ["ChainFault", "FaultKind", "is_whole", "verify_chain", "verify_form", "verify_log"]

FaultKind = Literal[
    "edited", "deleted", "inserted", "reordered", "torn", "not-json", "legacy", "missing", "version", "action"
]

# Enough for what `encode_line` puts behind the version: the number, the clock and the digest.
_LONGEST_END = 200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChainFault(Shown):
    """One fault of the log.

    Attributes:
        line: Number of the line that it concerns, 1 is the first; for ``deleted`` the line behind the gap.
        kind: ``edited`` (it is not the line that its successor followed), ``deleted`` (events are missing before it),
            ``inserted`` (it belongs to no place in the chain, or is a copy), ``reordered`` (it stands elsewhere),
            ``torn`` (the last line has no newline), ``not-json``, ``legacy`` (a line without number behind the
            chain's beginning: an older writer's); ``missing`` (there is no event at all; line 0), ``version`` and
            ``action`` (the event has no ``event_version`` that is known, or no ``action``).
        message: One sentence.
    """

    line: int
    kind: FaultKind
    message: str

    @property
    def severity(self) -> Literal["error", "warning"]:
        """A torn last line is a warning, as the next writer cuts it and says so; every other fault is an error."""
        return "warning" if self.kind == "torn" else "error"


def verify_log(log: Path) -> list[ChainFault]:
    """Return every fault of a log by line: of its chain, of the form of its events, or that it has no event.

    `usr events verify` and `usr validate --strict` both go by this.

    It only reads; a faulty log is no error.

    Example:
        >>> from usr_core.api.events import verify_log
        >>> log = dataset.layout.event_log
        >>> verify_log(log)
        []
        >>> size = log.write_bytes(log.read_bytes().replace(b"promoters.csv", b"promoters.tsv"))
        >>> [(fault.line, fault.kind) for fault in verify_log(log)]
        [(2, 'edited')]
    """
    if not read_head(log).seq:
        what = "holds no event" if log.exists() else "is missing"
        return [ChainFault(line=0, kind="missing", message=f"{log.name} {what}")]
    return sorted([*verify_chain(log), *verify_form(log)], key=lambda fault: fault.line)


def verify_form(log: Path) -> Iterator[ChainFault]:
    """Yield a fault for each line that is an object, and no event of a version that is known; memory holds one line."""
    for line in read_lines(log):
        event = line.event
        if event is None:
            continue
        version, action = event.get("event_version"), event.get("action")
        if isinstance(version, bool) or version != EVENT_VERSION:
            message = f"line {line.number}: its event_version is not {EVENT_VERSION}"
            yield ChainFault(line=line.number, kind="version", message=message)
        elif not (isinstance(action, str) and action):
            yield ChainFault(line=line.number, kind="action", message=f"line {line.number}: it has no action")


def verify_chain(log: Path) -> list[ChainFault]:
    """Return the faults of the log by line, none for a whole chain or a missing log.

    Lines without ``seq`` before the chain's beginning are an older writer's: they are counted, and the last of them
    is what the first numbered line follows. A whole chain is checked in one streaming pass; only where that finds a
    fault are numbers and digests (some 100 bytes a line) held in memory to say what was done.
    """
    return [] if is_whole(log) else _Inquiry(log).faults()


@dataclass(frozen=True, slots=True)
class _Link:
    """What a line says of its place. `seq` and `prev` are None for a line that carries no number."""

    line: int
    seq: int | None
    prev: str | None
    digest: str
    whole: bool
    json: bool
    blank: bool


def is_whole(log: Path) -> bool:
    """Tell whether the chain has no fault, in one pass (100,000 lines take half a second); see `verify_chain`.

    A line that ends as this package writes it is not parsed: if it had been changed, the next line would not follow it.
    """
    digest, begun, last = NO_PREVIOUS, False, b""
    try:
        handle = os.fdopen(open_regular(log), "rb")
    except FileNotFoundError:
        return True
    with handle:
        for number, line in enumerate(handle, 1):
            last, raw = line, line[:-1]
            if not line.endswith(b"\n"):
                return False
            if not (raw.endswith(b',"prev":"%b"}' % digest.encode()) and _says_number(raw, number)):
                if not _fits_slowly(raw, number, digest, begun=begun):
                    return False
                begun = begun or line_seq(parse_line(raw)) is not None
            else:
                begun = True
            digest = line_digest(raw)
    return not last or parse_line(last) is not None


def _says_number(raw: bytes, number: int) -> bool:
    return raw.find(b',"seq":%d,"clock":"' % number, max(0, len(raw) - _LONGEST_END)) >= 0


def _fits_slowly(raw: bytes, number: int, digest: str, *, begun: bool) -> bool:
    event = parse_line(raw)
    if event is None:
        return False
    seq = line_seq(event)
    return not begun if seq is None else seq == number and event.get("prev") == digest


def _links(log: Path) -> Iterator[_Link]:
    """Yield the links of all lines, one each."""
    last: LogLine | None = None
    for line in read_lines(log):
        if last is not None:
            yield _link(last, whole=True)
        last = line
    if last is not None:
        yield _link(last, whole=_ends_with_newline(log, last))


def _ends_with_newline(log: Path, line: LogLine) -> bool:
    with log.open("rb") as handle:
        handle.seek(line.offset + len(line.raw))
        return handle.read(1) == b"\n"


def _link(line: LogLine, *, whole: bool) -> _Link:
    seq = line_seq(line.event)
    prev = line.event.get("prev") if line.event is not None else None
    return _Link(
        line=line.number,
        seq=seq,
        prev=str(prev) if seq is not None else None,
        digest=line_digest(line.raw),
        whole=whole,
        json=line.event is not None,
        blank=not line.raw.strip(),
    )


class _Inquiry:
    """The second look, at a log in which something is wrong."""

    def __init__(self, log: Path) -> None:
        self._links = list(_links(log))
        self._place_of: dict[str, int] = {}
        self._followers: dict[str, list[int]] = {}
        for index, link in enumerate(self._links):
            self._place_of.setdefault(link.digest, index)
            if link.prev is not None:
                self._followers.setdefault(link.prev, []).append(index)
        self._faults: dict[int, ChainFault] = {}
        self._out_of_place: set[int] = set()

    def faults(self) -> list[ChainFault]:
        anchor, seq, begun = -1, 0, False
        for index, link in enumerate(self._links):
            if not link.whole:
                self._say(index, "torn", "the last line has no newline: its writing was cut off")
                if not link.json:
                    continue
            if link.blank:  # no event: writers pass over it
                self._say(index, "not-json", "it is empty")
                continue
            if not link.json:
                self._say(index, "not-json", "it is not a JSON object")
            if link.seq is None:
                if link.json and begun:
                    self._say(index, "legacy", "it carries no number: an older writer added it")
                anchor, seq = index, seq + 1
                continue
            begun = True
            if self._fits(index, anchor, seq) or self._judge(index, anchor, seq):
                # An edited number says nothing; the place does.
                anchor, seq = index, seq + 1 if link.prev == self._digest(anchor) else link.seq
        return [self._faults[index] for index in sorted(self._faults)]

    def _fits(self, index: int, anchor: int, seq: int) -> bool:
        return self._links[index].seq == seq + 1 and self._links[index].prev == self._digest(anchor)

    def _judge(self, index: int, anchor: int, seq: int) -> bool:
        """Say what is wrong at `index`, and return whether the chain goes on from it."""
        link = self._links[index]
        number = link.seq or 0
        if link.prev == self._digest(anchor):
            self._say(index, "edited", f"it says it is event {number}, and stands in the place of event {seq + 1}")
            return True
        if self._place_of[link.digest] != index:
            first = self._links[self._place_of[link.digest]].line
            return self._misplaced(index, "inserted", f"it is a copy of line {first}")
        before = -1 if link.prev == NO_PREVIOUS and number == 1 else self._place_of.get(str(link.prev))
        if before is not None:
            return self._judge_known(index, anchor, before)
        if number == seq + 1:
            self._judge_edited(index, anchor)
            return True
        if number > seq + 1:
            gone = f"event {seq + 1} is" if number == seq + 2 else f"events {seq + 1} to {number - 1} are"
            self._say(index, "deleted", f"{gone} missing before it")
            return True
        return self._misplaced(index, "inserted", f"event {number} stands behind event {seq} and follows no line")

    def _judge_known(self, index: int, anchor: int, before: int) -> bool:
        """Judge a line whose predecessor is in the log, but is not the line before it."""
        number = self._links[index].seq
        if before > index:
            return self._misplaced(
                index,
                "reordered",
                f"event {number} stands before the line it follows (line {self._links[before].line})",
            )
        if before in self._out_of_place:
            return True  # the line it follows was moved, and has been named
        if any(follower > anchor for follower in self._followers.get(self._digest(anchor), [])):
            place = f"behind line {before + 1}" if before >= 0 else "at the beginning"
            return self._misplaced(index, "reordered", f"event {number} belongs {place}")
        for between in range(before + 1, index):
            self._say(between, "inserted", f"line {index + 1} continues the chain without it")
        return True

    def _judge_edited(self, index: int, anchor: int) -> None:
        """Name the line that was changed: the one before, or this one where nothing follows it either."""
        followed = self._links[index].digest in self._followers
        if index == 0 or not (followed or index == len(self._links) - 1):
            self._say(index, "edited", "what it says of the line before it, or the line itself, was changed")
        elif anchor >= 0:
            self._say(anchor, "edited", f"it is not the line that line {index + 1} was written behind")

    def _misplaced(self, index: int, kind: FaultKind, message: str) -> bool:
        self._say(index, kind, message)
        self._out_of_place.add(index)
        return False

    def _digest(self, index: int) -> str:
        return NO_PREVIOUS if index < 0 else self._links[index].digest

    def _say(self, index: int, kind: FaultKind, message: str) -> None:
        # A line that is not JSON, or torn, was reported; that it is not in the chain adds nothing. A forged line is
        # found "edited" first, and "inserted" when the line behind it turns out to skip it.
        known = self._faults.get(index)
        if known is None or (known.kind in ("edited", "legacy") and kind == "inserted"):
            line = self._links[index].line
            self._faults[index] = ChainFault(line=line, kind=kind, message=f"line {line}: {message}")
