"""Tags: names of versions. One event gives the name, another one takes it away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from usr_core.events.log import object_in, parse_line
from usr_core.fs.files import open_regular

__all__ = ["TAG", "UNTAG", "live_tags", "tag_name_fault", "tag_version", "tags_told"]

TAG = "tag"
UNTAG = "remove_tag"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]*", re.ASCII)
_LONGEST = 100
_OF_TAGS = tuple(f'"action":"{action}"'.encode() for action in (TAG, UNTAG))


def tag_name_fault(name: str) -> str | None:
    """Return why `name` can't name a version, or None where it can.

    A name begins with a letter, so that none is taken for a number or a time.
    """
    if name.lower() == "now":
        return "`now` means the last version everywhere"
    if len(name) > _LONGEST:
        return f"it has more than {_LONGEST} characters"
    if _NAME.fullmatch(name) is None:
        return "a name begins with a letter, and has letters of ASCII, digits, '.', '_' and '-' only"
    return None


def live_tags(log: Path) -> dict[str, int]:
    """Return the tags of a log by name, each with its version; those that were removed are not among them.

    The log is read once from its beginning, and only the lines about tags are parsed.

    Example:
        >>> from usr_core.api.events import live_tags
        >>> done = dataset.tag("v1.0")
        >>> live_tags(dataset.layout.event_log)
        {'v1.0': 3}
    """
    tags: dict[str, int] = {}
    for event in _events_of_tags(log):
        tags_told(event, tags)
    return dict(sorted(tags.items()))


def tag_version(log: Path, name: str) -> int | None:
    """Return the version that a tag names, or None where the log has no such tag.

    Example:
        >>> from usr_core.api.events import tag_version
        >>> done = dataset.tag("v1.0")
        >>> tag_version(dataset.layout.event_log, "v1.0"), tag_version(dataset.layout.event_log, "v2.0")
        (3, None)
    """
    return live_tags(log).get(name)


def tags_told(event: Mapping[str, Any], tags: dict[str, int]) -> None:
    """Enter into `tags` what one event says about them; every other event says nothing."""
    if event.get("action") not in (TAG, UNTAG):
        return
    args = object_in(event, "args")
    name, version = args.get("name"), args.get("version")
    if not isinstance(name, str):
        return
    if event["action"] == UNTAG:
        tags.pop(name, None)
    elif isinstance(version, int):
        tags[name] = version


def _events_of_tags(log: Path) -> Iterator[Mapping[str, Any]]:
    try:
        handle = os.fdopen(open_regular(log), "rb")
    except FileNotFoundError:
        return
    with handle:
        for raw in handle:
            if any(mark in raw for mark in _OF_TAGS):
                event = parse_line(raw)
                if event is not None:
                    yield event
