"""Deleting records and bringing them back: rows of the reserved namespace ``usr``, nothing else.

A deleted record stays in the base; views leave it out until it is restored or `materialize` drops it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from usr_core.events.event import now_us
from usr_core.registry.document import TOMBSTONE_ENTRY
from usr_core.store.changes.record_options import RecordOptions
from usr_core.store.ids.row_numbers import distinct
from usr_core.store.mutation import Site, mutate
from usr_core.store.overlay.reserved_rows import opened_reserved, rows_with
from usr_core.values.showing import Shown

__all__ = ["DeleteOptions", "DeleteOutcome", "RestoreOutcome", "delete_records", "restore_records"]

_DELETED = "usr__deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOptions(RecordOptions):
    """Which records are deleted, and why, for ``usr__deleted_reason``."""

    reason: str | None = None

    def event_args(self) -> dict[str, object]:
        return {**RecordOptions.event_args(self), "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DeleteOutcome(Shown):
    """What a delete did, in records; ``event`` is None where nothing was changed.

    Attributes:
        deleted: Records that were live before.
        already_deleted: Records that were deleted before; their time and reason stay.
        missing: Ids that match no record.
        event: The line in the log.

    Example:
        >>> done = dataset.delete([ids[0], "0" * 40], allow_missing=True)
        >>> done.deleted, done.already_deleted, done.missing, done.event["action"]
        (1, 0, 1, 'delete')
    """

    deleted: int
    already_deleted: int
    missing: int
    event: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RestoreOutcome(Shown):
    """What a restore did, in records; ``event`` is None where nothing was changed.

    Attributes:
        restored: Records that were deleted before.
        not_deleted: Records that were live before.
        missing: Ids that match no record.
        event: The line in the log.

    Example:
        >>> dataset.delete(ids[:1]).deleted
        1
        >>> done = dataset.restore(ids)
        >>> done.restored, done.not_deleted, done.missing
        (1, 2, 0)
    """

    restored: int
    not_deleted: int
    missing: int
    event: dict[str, Any] | None


def delete_records(site: Site, options: DeleteOptions) -> DeleteOutcome:
    """Mark records as deleted, all or none.

    Args:
        site: The dataset.
        options: See `DeleteOptions`.

    Raises:
        RecordsMissing: Ids match no record; nothing is changed.
    """
    with mutate(site, "delete") as mutation:
        found = options.existing(mutation.txn.tree, dataset=site.ref.name)
        with opened_reserved(mutation.txn.tree, TOMBSTONE_ENTRY, found) as there:
            stands = np.array([flag is True for flag in there.values(_DELETED)], np.bool_)
            live = np.ones(len(found), np.bool_)
            live[there.asked[stands]] = False
            fresh = found if live.all() else found.at(np.flatnonzero(live))
            already, missing = len(found) - len(fresh), len(options.ids) - len(found)
            if not len(fresh):
                return DeleteOutcome(deleted=0, already_deleted=already, missing=missing, event=None)
            tombstone = {_DELETED: True, "usr__deleted_at": now_us(), "usr__deleted_reason": options.reason}
            written = rows_with(TOMBSTONE_ENTRY, fresh, tombstone)
            size = there.stage(mutation, removed=there.rows[~stands], written=written)
        event = mutation.finish(
            base=mutation.base_facts(),
            args=options.event_args(),
            metrics={"rows": len(fresh), "rows_already_deleted": already, "rows_missing": missing, "bytes": size},
        )
    return DeleteOutcome(deleted=len(fresh), already_deleted=already, missing=missing, event=event)


def restore_records(site: Site, options: RecordOptions) -> RestoreOutcome:
    """Bring deleted records back, all or none: their tombstones are taken out of the file.

    Args:
        site: The dataset.
        options: See `RecordOptions`.

    Raises:
        RecordsMissing: Ids match no record; nothing is changed.
    """
    with mutate(site, "restore") as mutation:
        found = options.existing(mutation.txn.tree, dataset=site.ref.name)
        with opened_reserved(mutation.txn.tree, TOMBSTONE_ENTRY, found) as there:
            stands = np.array([flag is True for flag in there.values(_DELETED)], np.bool_)
            restored = len(distinct(there.asked[stands]))
            live, missing = len(found) - restored, len(options.ids) - len(found)
            if not restored:
                return RestoreOutcome(restored=0, not_deleted=live, missing=missing, event=None)
            size = there.stage(mutation, removed=there.rows)
        event = mutation.finish(
            base=mutation.base_facts(),
            args=options.event_args(),
            metrics={"rows": restored, "rows_not_deleted": live, "rows_missing": missing, "bytes": size},
        )
    return RestoreOutcome(restored=restored, not_deleted=live, missing=missing, event=event)
