"""Giving up versions: kept files that no version needs which is to stay are removed, in one change with an event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from usr_core.events.event import now_us
from usr_core.events.seek import last_line_until
from usr_core.events.tags import live_tags
from usr_core.store.history.errors import NothingKept, VersionNotKept
from usr_core.store.history.files import History
from usr_core.store.history.forgetting import Wanted, not_needed
from usr_core.store.history.keeping import SETTING
from usr_core.store.mutation import Site, mutate
from usr_core.values.showing import Shown

__all__ = ["GcOutcome", "collect"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class GcOutcome(Shown):
    """What a collection did, or would do.

    Attributes:
        since: From this version on everything can be seen and brought back.
        versions: Older versions that can be, too: those that were asked for, and those with tags.
        since_before, versions_before: The same before the collection.
        forgotten: How many versions can't be seen or brought back any more.
        files: Kept files that were removed.
        size_bytes: Their bytes.
        kept_bytes: Bytes of the files that stay.
        event: The event, or None where nothing was to be changed, or for a dry run.

    Example:
        >>> outcome = dataset.gc(keep_seconds=0)
        >>> outcome.since, outcome.since_before, outcome.files
        (3, 1, 1)
    """

    since: int
    versions: tuple[int, ...]
    since_before: int
    versions_before: tuple[int, ...]
    forgotten: int
    files: int
    size_bytes: int
    kept_bytes: int
    event: Mapping[str, Any] | None = field(default=None, repr=False)


def collect(site: Site, *, keep_seconds: float, keep_versions: Collection[int] = ()) -> GcOutcome:
    """Remove what only versions need that are older than `keep_seconds`.

    The version that was the last one at that time stays, all later ones, those with a tag, and `keep_versions`.

    Raises:
        NothingKept: The dataset keeps no history.
        VersionNotKept: One of `keep_versions` can't be brought back as it is.
        UsrError: As `mutate`.
    """
    with mutate(site, "gc") as mutation:
        history, last = History(mutation.txn.tree), mutation.txn.head.seq
        setting = history.setting
        if setting.since is None:
            raise NothingKept(dataset=site.ref.name)
        there = setting.held(last)
        lost = sorted(set(keep_versions) - there)
        if lost:
            reason = f"everything is kept from version {setting.since} on, up to {last}"
            raise VersionNotKept(dataset=site.ref.name, version=lost[0], reason=reason)
        line = last_line_until(site.layout.event_log, now_us() - round(keep_seconds * 1e6))
        since = max(setting.since, line.number if line is not None else 1)
        asked = {*keep_versions, *live_tags(site.layout.event_log).values()} & there
        wanted = Wanted(since=since, versions=asked)
        going = not_needed(history, wanted)
        given_up = {*range(setting.since, since), *setting.versions} - set(wanted.versions)
        going_bytes = sum(kept.size_bytes for kept in going)
        outcome = GcOutcome(
            since=since,
            versions=wanted.versions,
            since_before=setting.since,
            versions_before=setting.versions,
            forgotten=len(given_up),
            files=len(going),
            size_bytes=going_bytes,
            kept_bytes=history.size_bytes - going_bytes,
        )
        after = replace(setting, since=since, versions=wanted.versions, told=setting.told and not going)
        if after == setting and not going:
            return outcome
        for kept in going:
            mutation.txn.retire(kept.name)
        mutation.txn.stage(SETTING).write_bytes(after.encode())
        event = mutation.finish(
            base=mutation.base_counts(),
            args={"keep_seconds": keep_seconds, "keep_versions": sorted(keep_versions)},
            metrics={
                "since": since,
                "versions": list(wanted.versions),
                "versions_forgotten": outcome.forgotten,
                "files": outcome.files,
                "bytes": outcome.size_bytes,
            },
        )
    return replace(outcome, event=event)
