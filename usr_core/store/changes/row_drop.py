"""Leaving rows out of the base: what removes duplicates does so, and any tool that knows which of its rows are bad.

The rows are chosen by a function of the merged view that is called under the lock, so that what was looked at is
what is removed. This module knows nothing of why rows go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.records.arrays import boolean_array
from usr_core.records.base_schema import next_base_metadata
from usr_core.records.masks import true_rows
from usr_core.registry.document import STATE_NAMESPACE, TOMBSTONE_ENTRY, NamespaceEntry
from usr_core.registry.store import load_registry
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import BaseFacts, OpenParquet, read_base_facts
from usr_core.store.base.rewrite import base_writer, checked_batches, extra_fields, with_case_note
from usr_core.store.changes.snapshot import stage_snapshot
from usr_core.store.changes.tool_event import check_recordable, check_tool_action
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.store.overlay.reserved import read_reserved, stage_reserved
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.store.view.merged_view import MergedView
from usr_core.values.showing import Shown

__all__ = ["ChosenRows", "DropOptions", "DropOutcome", "drop_reserved", "drop_rows", "rewrite_without"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRows:
    """The rows that go.

    Attributes:
        rows: Numbers of base rows from 0, deleted ones counted, ascending, each once, below the view's `rows`.
        metrics: What the event's metrics say beside the counts of rows: JSON values.

    Example:
        >>> import numpy as np
        >>> from usr_core.api.results import ChosenRows
        >>> ChosenRows(rows=np.flatnonzero([False, True, False]), metrics={"lab": {"below": 0.35}}).rows.tolist()
        [1]
    """

    rows: npt.NDArray[np.int64]
    metrics: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropOptions:
    """How rows are left out.

    Attributes:
        choose: Returns the rows that go; called once, with the merged view of the state that is changed.
        action: The event's action, ``<tool>_<word>``.
        args: What was asked, for the event.
        snapshot_before: Keep the base as it was under `_snapshots/`.
    """

    choose: Callable[[MergedView], ChosenRows]
    action: str
    args: Mapping[str, object] = field(default_factory=dict)
    snapshot_before: bool = True

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``."""
        return {**self.args, "snapshot_before": self.snapshot_before}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DropOutcome(Shown):
    """What was left out, or would be.

    Attributes:
        chosen: What `choose` returned.
        rows_before, rows_dropped, rows_after: Rows of the base.
        snapshot: Relative name of the base as it was, where it was kept.
        event: None in a dry run, and where no row was chosen.

    Example:
        >>> import numpy as np
        >>> from usr_core.api.results import ChosenRows
        >>> chosen = ChosenRows(rows=np.array([1]))
        >>> done = dataset.drop_rows(lambda view: chosen, action="lab_drop", dry_run=True)
        >>> done.rows_before, done.rows_dropped, done.rows_after, done.event
        (3, 1, 2, None)
    """

    chosen: ChosenRows
    rows_before: int
    rows_dropped: int
    rows_after: int
    snapshot: str | None = None
    event: dict[str, Any] | None = None


def drop_rows(site: Site, options: DropOptions, *, progress: Callable[[int], None] | None = None) -> DropOutcome:
    """Rewrite the base without the rows that are chosen; the others keep their order and every value.

    Overlay values of records that go stay on disk, matching no record; their tombstones and states go, so that the
    sequences can come in again as new.

    Args:
        progress: Called with the number of rows just written.

    Raises:
        ToolActionInvalid, EventNotRecordable: The action, or the event's content, is not allowed for a tool.
        ValueError: The rows that were chosen are not rows of the base, or not in order.
        BaseColumnHasNulls, BaseUnreadable: The base is damaged.
    """
    check_tool_action(options.action)
    check_recordable(options.args)
    with ExitStack() as exits:
        if site.dry_run:
            load_registry(site.ref.root)
            return _chosen(exits.enter_context(read_consistent(site.ref.path, _open)), options)
        mutation = exits.enter_context(mutate(site, options.action))
        view = exits.enter_context(_open(mutation.txn.tree))
        outcome = _chosen(view, options)
        if not outcome.rows_dropped:
            return outcome
        keep = np.ones(view.rows, np.bool_)
        keep[outcome.chosen.rows] = False
        snapshot = stage_snapshot(mutation) if options.snapshot_before else None
        after, gone = rewrite_without(mutation, view.source, view.overlays, keep, progress=progress)
        event = mutation.finish(
            base=after,
            args=options.event_args(),
            metrics={
                "rows_before": outcome.rows_before,
                "rows_after": after.rows,
                "rows_dropped": outcome.rows_dropped,
                **gone,
                "bytes": after.size_bytes,
                **outcome.chosen.metrics,
            },
            new_base=True,
        )
        return replace(outcome, snapshot=snapshot, event=event)


def rewrite_without(
    mutation: Mutation,
    base: OpenParquet,
    overlays: Mapping[str, NamespaceOverlay],
    keep: npt.NDArray[np.bool_],
    *,
    progress: Callable[[int], None] | None = None,
) -> tuple[BaseFacts, dict[str, int]]:
    """Stage a base with the rows that `keep` allows, and the tombstones and states that are left.

    Returns:
        The new base, and how many tombstones and states went, as `drop_reserved` returns it.
    """
    before = mutation.base_facts()
    dropped = len(keep) - int(np.count_nonzero(keep))
    metadata = next_base_metadata(before.metadata, registry_hash=mutation.registry.hash, dropped=dropped)
    metadata = with_case_note(metadata, base, rows=int(np.count_nonzero(keep)))
    staged = mutation.txn.stage(RECORDS)
    with base_writer(staged, extra_fields(base.schema), metadata=metadata) as writer:
        for _, batch in checked_batches(base, keep):
            writer.write(batch)
            if progress is not None:
                progress(batch.num_rows)
        writer.finish()
    return read_base_facts(staged), drop_reserved(mutation, base, overlays, keep)


def _open(tree: FileTree) -> MergedView:
    return MergedView.open(tree)


def _chosen(view: MergedView, options: DropOptions) -> DropOutcome:
    chosen = options.choose(view)
    rows = chosen.rows
    if len(rows) and not (rows[0] >= 0 and rows[-1] < view.rows and bool(np.all(rows[1:] > rows[:-1]))):
        raise ValueError("the rows to drop are not rows of the base, ascending, each once")
    check_recordable(chosen.metrics)
    return DropOutcome(chosen=chosen, rows_before=view.rows, rows_dropped=len(rows), rows_after=view.rows - len(rows))


def drop_reserved(
    mutation: Mutation, base: OpenParquet, overlays: Mapping[str, NamespaceOverlay], keep: npt.NDArray[np.bool_]
) -> dict[str, int]:
    """Stage tombstones and states without those of ids that are gone altogether: such records come in again as new.

    Args:
        mutation: The change.
        base: The base as it is.
        overlays: The open overlays by namespace; only the reserved ones are looked at.
        keep: Which of the base's rows stay.

    Returns:
        The counts for the event: ``tombstones_dropped`` and ``states_dropped``.
    """
    entries = {
        "tombstones_dropped": TOMBSTONE_ENTRY,
        "states_dropped": mutation.registry.namespace(STATE_NAMESPACE) if STATE_NAMESPACE in overlays else None,
    }
    return {
        name: 0 if entry is None else _drop_rows_of(mutation, base, overlays.get(entry.name), entry, keep)
        for name, entry in entries.items()
    }


def _drop_rows_of(
    mutation: Mutation,
    base: OpenParquet,
    overlay: NamespaceOverlay | None,
    entry: NamespaceEntry,
    keep: npt.NDArray[np.bool_],
) -> int:
    if overlay is None:
        return 0
    held = read_reserved(overlay, entry)
    ids = held.column("id").combine_chunks()
    seen = {kept: np.zeros(len(ids), np.bool_) for kept in (True, False)}
    start = 0
    for batch in base.reader().iter_batches(columns=["id"], use_threads=False):
        mine = keep[start : start + batch.num_rows]
        start += batch.num_rows
        for kept, rows in ((True, mine), (False, ~mine)):
            if rows.any():
                found = pc.is_in(ids, value_set=batch.column(0).filter(boolean_array(rows)))
                seen[kept] |= true_rows(found)
    gone = seen[False] & ~seen[True]
    if gone.any():
        stage_reserved(mutation, entry, held.filter(boolean_array(~gone)), overlay)
    return int(np.count_nonzero(gone))
