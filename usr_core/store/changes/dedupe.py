"""Removing records that repeat another one's key from the base."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.registry.document import RESERVED_NAMESPACES, TOMBSTONE_NAMESPACE
from usr_core.registry.store import load_registry
from usr_core.store.base.opened import open_base
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.dropped_values import count_left, count_materialized
from usr_core.store.changes.errors import UnknownChoice
from usr_core.store.changes.row_drop import rewrite_without
from usr_core.store.changes.snapshot import stage_snapshot
from usr_core.store.ids.repeated_keys import RepeatedKeys, find_repeated_keys
from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.store.parts.files import KEYS, NamespaceOverlay, OverlayKey, list_overlays
from usr_core.store.parts.present import overlay_paths
from usr_core.store.view.places import ViewPlaces
from usr_core.values.showing import Shown

__all__ = ["EXAMPLES", "KEEPS", "DedupeOptions", "DedupeOutcome", "DroppedRow", "Keep", "dedupe"]

Keep = Literal["keep-first", "keep-last"]
KEEPS: tuple[Keep, ...] = get_args(Keep)
EXAMPLES = 20
"""How many of the rows that go are described."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupeOptions:
    """What counts as the same record and which one stays.

    Attributes:
        key: ``id``, ``sequence``, ``sequence_norm`` or ``sequence_ci``.
        keep: ``keep-first`` or ``keep-last``, in the base's order.
    """

    key: str
    keep: str = "keep-first"

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``."""
        return {"key": self.key, "keep": self.keep}


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedRow:
    """A row that goes, and the one that stays for it; rows count from 1."""

    row: int
    id: str
    sequence: str
    kept_row: int
    kept_id: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DedupeOutcome(Shown):
    """What was removed, or would be.

    Attributes:
        groups: Keys that several rows share.
        rows_before, rows_dropped, rows_after: Rows of the base.
        examples: The first rows that go, in the base's order, at most `EXAMPLES`.
        materialized: How many values the rows that go have in each materialized column, where they have some.
        only_there: How many of those values the row that stays has no value for.
        left: Namespaces whose attached values of records that go stay on disk, and of how many records.
        snapshot: The base as it was, which is kept where materialized values go with their rows.
        event: None in a dry run, and where no two rows share a key.

    Example:
        >>> done = dataset.dedupe(key="sequence", dry_run=True)
        >>> done.groups, done.rows_before, done.rows_dropped, done.event
        (0, 3, 0, None)
    """

    key: str
    keep: str
    groups: int
    rows_before: int
    rows_dropped: int
    rows_after: int
    examples: tuple[DroppedRow, ...]
    materialized: Mapping[str, int] = field(default_factory=dict)
    only_there: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    snapshot: str | None = None
    event: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Files:
    base: OpenParquet
    reserved: Mapping[str, NamespaceOverlay]
    attached: Mapping[str, NamespaceOverlay]
    """Only counted; what can't be read of them is not there."""

    @classmethod
    def open(cls, tree: FileTree) -> _Files:
        base = open_base(tree)
        try:
            reserved = list_overlays(tree, namespaces=RESERVED_NAMESPACES)
            others = set(overlay_paths(tree)) - RESERVED_NAMESPACES
            return cls(base, reserved, list_overlays(tree, namespaces=others, on_problem=lambda _: None))
        except BaseException:
            base.close()
            raise

    def close(self) -> None:
        self.base.close()
        for overlay in (*self.reserved.values(), *self.attached.values()):
            overlay.close()


@dataclass(frozen=True, slots=True)
class _Plan:
    """Rows that go, ascending, and for each the row that stays."""

    dropped: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]


def dedupe(site: Site, options: DedupeOptions, *, progress: Callable[[int], None] | None = None) -> DedupeOutcome:
    """Remove all but one of the rows that share a key; the others keep their order and every value.

    Of several rows a deleted one stays only where all of them are deleted. Overlay values of ids that go stay on disk,
    matching no record. Where materialized values go, the base is kept as a snapshot. Tombstones and states of what
    goes are removed, so that the sequences can come in again as new.
    The base need not have unique ids: this is how they are made unique.

    Args:
        progress: Called with the number of rows just written.

    Raises:
        UnknownChoice: The key or the policy does not exist.
        KeyNeedsOneBioType, KeyNeedsDna4: The key does not suit the dataset.
        BaseColumnHasNulls, BaseUnreadable: The base is damaged otherwise.

    Memory: 16 bytes a row, and 120 a row that shares its key.
    """
    if options.key not in KEYS:
        raise UnknownChoice(option="--key", value=options.key, allowed=KEYS)
    if options.keep not in KEEPS:
        raise UnknownChoice(option="--keep", value=options.keep, allowed=KEEPS)
    with ExitStack() as exits:
        if site.dry_run:
            load_registry(site.ref.root)
            files = read_consistent(site.ref.path, _Files.open)
            exits.callback(files.close)
            return _planned(files, options)[0]
        mutation = exits.enter_context(mutate(site, "dedupe"))
        files = _Files.open(mutation.txn.tree)
        exits.callback(files.close)
        outcome, plan = _planned(files, options)
        if not outcome.rows_dropped:
            return outcome
        return _rewrite(mutation, files, plan, outcome, options, progress)


def _planned(files: _Files, options: DedupeOptions) -> tuple[DedupeOutcome, _Plan]:
    repeated = find_repeated_keys(files.base, cast(OverlayKey, options.key))
    plan = _plan(repeated, files, keep_last=options.keep == "keep-last")
    rows, gone = files.base.rows, len(plan.dropped)
    materialized, only_there = count_materialized(files.base, plan.dropped, kept=plan.kept)
    return DedupeOutcome(
        key=options.key,
        keep=options.keep,
        groups=repeated.count,
        rows_before=rows,
        rows_dropped=gone,
        rows_after=rows - gone,
        examples=_described(files.base, plan),
        materialized=materialized,
        only_there=only_there,
        left=count_left(files.base, files.attached, plan.dropped, kept=plan.kept),
    ), plan


def _plan(repeated: RepeatedKeys, files: _Files, *, keep_last: bool) -> _Plan:
    if not repeated.count:
        return _Plan(np.empty(0, np.int64), np.empty(0, np.int64))
    deleted = ViewPlaces(files.base).deleted(files.reserved.get(TOMBSTONE_NAMESPACE))
    dead = np.isin(repeated.rows, deleted)
    wish = -repeated.rows if keep_last else repeated.rows
    order = np.lexsort((wish, dead, repeated.groups))
    rows, groups = repeated.rows[order], repeated.groups[order]
    stays = np.ones(len(rows), np.bool_)
    stays[1:] = groups[1:] != groups[:-1]
    kept = rows[stays][groups]
    dropped, kept = rows[~stays], kept[~stays]
    ascending = np.argsort(dropped)
    return _Plan(dropped[ascending], kept[ascending])


def _rewrite(
    mutation: Mutation,
    files: _Files,
    plan: _Plan,
    outcome: DedupeOutcome,
    options: DedupeOptions,
    progress: Callable[[int], None] | None,
) -> DedupeOutcome:
    keep = np.ones(files.base.rows, np.bool_)
    keep[plan.dropped] = False
    snapshot = stage_snapshot(mutation) if outcome.materialized else None
    after, gone = rewrite_without(mutation, files.base, files.reserved, keep, progress=progress)
    event = mutation.finish(
        base=after,
        args=options.event_args(),
        metrics={
            "rows_before": outcome.rows_before,
            "rows_after": after.rows,
            "rows_dropped": outcome.rows_dropped,
            "groups": outcome.groups,
            **gone,
            **({"values_dropped": dict(outcome.materialized)} if outcome.materialized else {}),
            **({"values_only_there": dict(outcome.only_there)} if outcome.only_there else {}),
            **({"rows_left_in_overlays": dict(outcome.left)} if outcome.left else {}),
            "bytes": after.size_bytes,
        },
        new_base=True,
    )
    return replace(outcome, snapshot=snapshot, event=event)


def _described(base: OpenParquet, plan: _Plan) -> tuple[DroppedRow, ...]:
    dropped, kept = plan.dropped[:EXAMPLES].tolist(), plan.kept[:EXAMPLES].tolist()
    cells = _cells(base, sorted({*dropped, *kept}))
    return tuple(
        DroppedRow(row=row + 1, id=cells[row][0], sequence=cells[row][1], kept_row=stays + 1, kept_id=cells[stays][0])
        for row, stays in zip(dropped, kept, strict=True)
    )


def _cells(base: OpenParquet, rows: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return id and sequence of some rows; only their row groups are read."""
    wanted = np.asarray(rows, dtype=np.int64)
    found: dict[int, tuple[str, str]] = {}
    start = 0
    for group in range(base.file.metadata.num_row_groups):
        stop = start + base.file.metadata.row_group(group).num_rows
        mine = wanted[(wanted >= start) & (wanted < stop)]
        if len(mine):
            table = base.reader().read_row_group(group, columns=["id", "sequence"], use_threads=False)
            picked: pa.Table = table.take(row_numbers(mine - start))
            ids, sequences = picked.column("id").to_pylist(), picked.column("sequence").to_pylist()
            found.update(zip(mine.tolist(), zip(ids, sequences, strict=True), strict=True))
        start = stop
    return found
