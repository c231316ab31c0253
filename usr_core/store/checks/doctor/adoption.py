"""`usr doctor DATASET --adopt`: take the files of a dataset as they are found, and say so in its log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from usr_core.events.event import FileChange
from usr_core.events.files_told import ADOPT, files_told
from usr_core.roots.layout import ARCHIVED, EVENT_LOG, HISTORY, RECORDS, REPLACED
from usr_core.store.errors import BaseMissing
from usr_core.store.history.files import History
from usr_core.store.history.keeping import NOT_KEPT, SETTING, Setting
from usr_core.store.mutation import Mutation, Site, mutate

__all__ = ["adopt_files"]


def adopt_files(site: Site) -> dict[str, Any] | None:
    """Write an ``adopt`` event that lists every file as it is found, or do nothing if the log lists exactly these.

    It begins a log where the old one is gone, and accepts files that were restored, replaced or removed by hand: from
    then on `validate --strict` goes by this list. The files themselves are neither checked nor changed.

    Returns:
        The event, or None; of one that is only tried the action and the metrics.

    Raises:
        LinkInsideDataset: The log is a link.
        BaseMissing: The dataset has no base.
        UsrError: As for every change, except that a missing log is allowed.
    """
    with mutate(site, ADOPT) as mutation:
        if mutation.txn.tree.path(RECORDS) is None:
            raise BaseMissing(file=RECORDS)
        base = mutation.base_facts()
        found = _files(mutation)
        last = mutation.txn.head.last or {}
        told = files_told(site.layout.event_log)
        there = {file.path: file.size_bytes for file in found}
        # An event tells of archived overlays that they are gone from their places, and not where they went.
        untold = there.keys() - told.sizes.keys()
        archived = all(path.startswith(f"{ARCHIVED}/") for path in untold)
        same = told.complete and archived and told.sizes == {path: there[path] for path in there.keys() - untold}
        if same and last.get("fingerprint") == base.fingerprint().as_event():
            return None
        metrics = {"rows": base.rows, "files": len(found), "bytes": sum(file.size_bytes for file in found)}
        _begin_history(mutation)
        event = mutation.finish(base=base, args={}, metrics=metrics, found=found)
        return {"action": ADOPT, "metrics": metrics} if site.dry_run else event


def _begin_history(mutation: Mutation) -> None:
    """Let the history begin here: what was kept before belongs to another account of the files.

    What events kept that this log does not have is put aside, or it would be taken for what later events will keep.
    """
    tree, seq = mutation.txn.tree, mutation.txn.head.seq + 1
    setting = Setting.read(tree)
    if setting == NOT_KEPT:
        return
    mutation.txn.stage(SETTING).write_bytes(replace(setting, since=seq, versions=()).encode())
    for kept in History(tree).files():
        if kept.version >= seq:
            mutation.txn.retire(kept.name, into=f"{REPLACED}/adopt-{seq}/{kept.version}/{kept.relative}")


def _files(mutation: Mutation) -> tuple[FileChange, ...]:
    return tuple(
        FileChange(path=entry.relative, size_bytes=entry.found.st_size)
        for entry in mutation.txn.tree.walk()
        if entry.found is not None and entry.relative != EVENT_LOG and not entry.relative.startswith(f"{HISTORY}/")
    )
