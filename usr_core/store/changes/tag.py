"""Tags: a name for a version, given and taken by an event. No file of the dataset changes but the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from usr_core.events.tags import TAG, UNTAG, live_tags, tag_name_fault
from usr_core.store.changes.tag_errors import NothingToTag, TagExists, TagMissing, TagNameInvalid
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.values.showing import Shown

__all__ = ["TagOutcome", "remove_tag", "set_tag"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TagOutcome(Shown):
    """A tag that was given or removed.

    Attributes:
        name: The tag.
        version: The version that it names, or named.
        event: The line in the log; None in a dry run, and where the version had this tag before.

    Example:
        >>> done = dataset.tag("v1.0")
        >>> done.name, done.version, done.event["seq"]
        ('v1.0', 3, 4)
    """

    name: str
    version: int
    event: dict[str, Any] | None = field(default=None)


def set_tag(site: Site, name: str, version: int | None) -> TagOutcome:
    """Name a version, by default the last one; the event that says so is a version of its own.

    Args:
        site: The dataset.
        name: The tag.
        version: A version that the log has.

    Raises:
        TagNameInvalid: `name` can't be a tag.
        TagExists: Another version has this tag.
        NothingToTag: The dataset has no version.
    """
    fault = tag_name_fault(name)
    if fault is not None:
        raise TagNameInvalid(name=name, reason=fault)
    with mutate(site, TAG) as mutation:
        wanted = mutation.txn.head.seq if version is None else version
        if not wanted:
            raise NothingToTag(dataset=site.ref.name)
        there = live_tags(site.layout.event_log).get(name)
        if there == wanted:
            return TagOutcome(name=name, version=wanted)
        if there is not None:
            raise TagExists(name=name, dataset=site.ref.name, version=there)
        return _told(mutation, name, wanted)


def remove_tag(site: Site, name: str) -> TagOutcome:
    """Take a name from its version, which stays as it is.

    Raises:
        TagMissing: No version has this tag.
    """
    with mutate(site, UNTAG) as mutation:
        tags = live_tags(site.layout.event_log)
        if name not in tags:
            raise TagMissing(name=name, dataset=site.ref.name, there=tuple(tags))
        return _told(mutation, name, tags[name])


def _told(mutation: Mutation, name: str, version: int) -> TagOutcome:
    event = mutation.finish(base=mutation.base_counts(), args={"name": name, "version": version}, metrics={})
    return TagOutcome(name=name, version=version, event=event)
