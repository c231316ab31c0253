"""Which version of a dataset a text means: the number of an event, a time, a field of an event, or a tag."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from usr_core.errors import near_names, offered
from usr_core.events.event import encode_line, parse_rfc3339, rfc3339
from usr_core.events.log import LogHead, LogLine, object_in, read_head, read_lines
from usr_core.events.seek import event_time_us, events_backwards, last_line_until, line_of_seq, seq_of
from usr_core.events.tags import live_tags
from usr_core.events.tail import tail_events
from usr_core.fs.errors import file_system_error
from usr_core.roots.layout import DatasetLayout
from usr_core.store.versions.errors import VersionMissing, VersionTextInvalid

__all__ = ["NOW", "Version", "events_until", "find_version"]

NOW = "now"
_MOST_DIGITS = 100
_PLAIN = re.compile(r"[ !#-\[\]-~]+", re.ASCII)
_TIME = re.compile(r"\d{4}-")
_FIELD = re.compile(r"([a-z_]\w*(?:\.[a-z_]\w*)*)=(.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A state of a dataset: the one that an event left.

    Attributes:
        seq: The event's number.
        time_us: When it was, by the clock that rises with the log; parts that were written later have later stamps.
        offset: Where its line begins in the log.
        event: The event.
    """

    seq: int
    time_us: int
    offset: int
    event: Mapping[str, Any]

    @classmethod
    def of(cls, line: LogLine, seq: int) -> Version:
        """Return the version that the event of a line has left."""
        event = line.event or {}
        return cls(seq=seq, time_us=event_time_us(event) or 0, offset=line.offset, event=event)

    @property
    def head(self) -> LogHead:
        """Where the log ended then, so far as it is told to people."""
        end = self.offset + len(encode_line(self.event))
        return LogHead(seq=self.seq, clock_us=self.time_us, digest="", end=end, torn=b"", last=self.event)

    @property
    def base_bytes(self) -> int:
        """Bytes of the base then."""
        told = object_in(self.event, "fingerprint").get("size_bytes")
        return told if isinstance(told, int) else 0

    @property
    def base_notes(self) -> dict[str, str]:
        """What the base's metadata said then that may have changed since."""
        told = self.event.get("registry_hash")
        return {"usr:registry_hash": told} if isinstance(told, str) else {}


def find_version(folder: Path, text: str | int, *, dataset: str) -> Version:
    """Return the version that `text` means.

    Args:
        folder: The dataset's folder.
        text: ``17`` (an event's number), ``now``, ``2026-11-20T12:00`` (the last event until then, in UTC where no
            offset stands behind it), ``actor.run_id=r7`` (the last event with that field), or a tag, with or without
            ``@``.
        dataset: Its name, for errors.

    Raises:
        VersionTextInvalid: The text has none of these forms.
        VersionMissing: The dataset has no such version.
        FileSystemError: The log can't be read.
    """
    log = DatasetLayout(folder).event_log
    try:
        found = _found(log, str(text).strip(), dataset)
    except OSError as error:
        raise file_system_error(error, log, "read the event log") from error
    return found


def events_until(log: Path, version: Version, *, n: int, since: int | None) -> Iterator[LogLine]:
    """Yield the last `n` events (0 is all) up to a version, those after number `since` only, in the log's order."""
    upto = takewhile(lambda line: line.offset <= version.offset, tail_events(log, n=0, since=since))
    yield from deque(upto, maxlen=n) if n else upto


def _found(log: Path, text: str, dataset: str) -> Version:
    field = _FIELD.fullmatch(text)
    bare = text.removeprefix("@")
    if re.fullmatch(r"-?\d+", bare, re.ASCII):
        return _numbered(log, bare, dataset)
    if bare == NOW:
        return _numbered(log, str(read_head(log).seq), dataset)
    if _TIME.match(bare):
        return _until(log, bare, dataset)
    if field is not None:
        return _with_field(log, text, dataset)
    if not bare or any(letter.isspace() for letter in bare):
        raise VersionTextInvalid(text=text, reason="it is no number, no time, and no name of a tag")
    return _tagged(log, bare, dataset)


def _numbered(log: Path, text: str, dataset: str) -> Version:
    number = int(text[:_MOST_DIGITS])  # Python refuses numbers of thousands of digits
    if number < 1:
        last = read_head(log).seq
        told = f"versions are numbered from 1, and {last} is the last" if last else "it has no event yet"
        raise VersionMissing(dataset=dataset, text=text, reason=told)
    line = line_of_seq(log, number)
    if line is None:
        last = read_head(log).seq
        raise VersionMissing(
            dataset=dataset, text=text, reason=f"the last one is {last}" if last else "it has no event"
        )
    return Version.of(line, number)


def _until(log: Path, text: str, dataset: str) -> Version:
    try:
        time_us = parse_rfc3339(text, naive_is_utc=True)
    except ValueError as error:
        raise VersionTextInvalid(text=text, reason="it is not a time") from error
    line = last_line_until(log, time_us)
    if line is None:
        first = next((one for one in read_lines(log) if one.event is not None), None)
        began = event_time_us(first.event) if first is not None else None
        told = "it has no event" if began is None else f"its first event was at {rfc3339(began)}"
        raise VersionMissing(dataset=dataset, text=text, reason=told)
    return Version.of(line, seq_of(log, line))


def _with_field(log: Path, text: str, dataset: str) -> Version:
    name, _, value = text.partition("=")
    # Other letters stand as they are in some logs, escaped in others.
    plain = max(_PLAIN.findall(value), key=len, default="")
    for line in events_backwards(log, holding=plain.encode()):
        told: object = line.event
        for key in name.split("."):
            told = told.get(key) if isinstance(told, Mapping) else None
        if told is not None and value in (told, json.dumps(told)):
            return Version.of(line, seq_of(log, line))
    raise VersionMissing(dataset=dataset, text=text, reason=f"no event has {name} {value!r}")


def _tagged(log: Path, name: str, dataset: str) -> Version:
    tags = live_tags(log)
    if name in tags:
        return _numbered(log, str(tags[name]), dataset)
    near = near_names(name, tags)
    told = f"its tags are {offered(near or list(tags), limit=3)}" if tags else "it has no tags"
    raise VersionMissing(dataset=dataset, text=name, reason=f"there is no tag of that name, and {told}")
