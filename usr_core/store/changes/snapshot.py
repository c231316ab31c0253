"""Snapshots: a second name for the base's bytes, which are never modified in place."""

from __future__ import annotations

from usr_core.events.event import file_stamp
from usr_core.fs.durable import link_or_copy
from usr_core.roots.layout import SNAPSHOTS
from usr_core.store.mutation import Mutation, Site, mutate

__all__ = ["stage_snapshot", "take_snapshot"]


def take_snapshot(site: Site) -> str:
    """Keep the base as it is under `_snapshots/`; return the relative name. O(1) where links work."""
    with mutate(site, "snapshot") as mutation:
        base = mutation.base_counts()
        relative = stage_snapshot(mutation)
        mutation.finish(base=base, args={}, metrics={"rows": base.rows, "bytes": base.size_bytes})
    return relative


def stage_snapshot(mutation: Mutation) -> str:
    """Stage a snapshot of the base in a change under way and return its relative name."""
    relative = f"{SNAPSHOTS}/records-{file_stamp(mutation.txn.clock_us)}.parquet"
    link_or_copy(mutation.site.layout.records, mutation.txn.stage(relative))
    return relative
