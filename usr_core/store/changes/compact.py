"""Compaction: all parts of a namespace become one, with the values as merged."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.registry.store import load_registry
from usr_core.store.mutation import Mutation, Site, keep_clock_after, mutate
from usr_core.store.overlay.fold import OverlayFold
from usr_core.store.overlay.open_namespace import OpenNamespace, refuse_reserved, registered_columns
from usr_core.store.overlay.single_part import SinglePart
from usr_core.store.parts.files import NamespaceOverlay
from usr_core.values.showing import Shown

__all__ = ["CompactOptions", "CompactOutcome", "compact_overlay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactOptions:
    """What is compacted.

    Attributes:
        namespace: A registered namespace, not a reserved one.
        drop: Remove the sources instead of archiving them.
    """

    namespace: str
    drop: bool = False

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``."""
        return {"namespace": self.namespace, "drop": self.drop}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CompactOutcome(Shown):
    """What a compaction did, or would do.

    Attributes:
        parts: Files before.
        rows_before: Rows of them all.
        bytes_before: Their size together.
        rows: Rows of the one part: each key once.
        unmatched: Those of its keys that match no record.
        columns: The part's columns.
        needed: Whether there is anything to do; one part keyed by id is as compact as can be.
        part: The new file, None in a dry run and where nothing was to be done.
        archived: The folder that holds the sources, None where they were dropped.
        event: None where nothing was changed.

    Example:
        >>> dataset.attach("scores.csv", "lab", key="id").rows_attached
        1
        >>> done = dataset.compact_overlay("lab", dry_run=True)
        >>> done.needed, done.parts, done.rows_before, done.rows, done.part is None
        (True, 2, 4, 3, True)
    """

    namespace: str
    parts: int
    rows_before: int
    bytes_before: int
    rows: int
    unmatched: int
    columns: tuple[str, ...]
    needed: bool = True
    part: str | None = None
    archived: str | None = None
    event: dict[str, Any] | None = None


def compact_overlay(
    site: Site, options: CompactOptions, *, progress: Callable[[int], None] | None = None
) -> CompactOutcome:
    """Merge all parts of a namespace into one, keyed by id, in the base's row order.

    The part's stamp is the newest among the sources, so that whatever is attached later still wins. Keys that
    match no record are kept, behind the others. Memory does not grow with values (see `OverlayFold`).

    Raises:
        NamespaceReservedHere: The namespace is USR's own.
        NoSuchOverlay: The namespace has no overlay here.
        NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The registry lacks what it holds.
        OverlayKeysUnresolved, OverlayKeyFault: A part's keys do not tell ids.
    """
    refuse_reserved(options.namespace, "overlay-compact")

    def open_files(tree: FileTree) -> OpenNamespace:
        return OpenNamespace.open(tree, options.namespace)

    if site.dry_run:
        registry = load_registry(site.ref.root)
        with read_consistent(site.ref.path, open_files) as opened, tempfile.TemporaryDirectory() as place:
            kinds = registered_columns(opened.overlay, registry)
            if _is_compact(site, opened.overlay):
                return _untouched(opened.overlay, kinds)
            with OverlayFold(opened, kinds, scratch=Path(place) / "fold") as fold:
                return _planned(opened.overlay, kinds, rows=fold.rows, unmatched=len(fold.unmatched))
    with mutate(site, "compact_overlay") as mutation, open_files(mutation.txn.tree) as opened:
        kinds = registered_columns(opened.overlay, mutation.registry)
        if _is_compact(site, opened.overlay):
            return _untouched(opened.overlay, kinds)
        keep_clock_after(mutation, opened.overlay)
        return _compact(mutation, opened, kinds, options, progress)


def _compact(
    mutation: Mutation,
    opened: OpenNamespace,
    kinds: Mapping[str, pa.DataType],
    options: CompactOptions,
    progress: Callable[[int], None] | None,
) -> CompactOutcome:
    part = SinglePart(mutation, opened, kinds)
    if part.splice(opened.overlay, progress):
        plan = _planned(opened.overlay, kinds, rows=part.rows, unmatched=0)
    else:
        with OverlayFold(opened, kinds, scratch=part.scratch) as fold:
            plan = _planned(opened.overlay, kinds, rows=fold.rows, unmatched=len(fold.unmatched))
            part.write(fold.batches(progress), at_most=fold.rows)
    archived = part.replace(archive=not options.drop)
    event = mutation.finish(
        base=mutation.base_facts(),
        args=options.event_args(),
        metrics={
            "parts": plan.parts,
            "rows_before": plan.rows_before,
            "rows": plan.rows,
            "rows_unmatched": plan.unmatched,
            "columns": len(kinds),
            "bytes_before": plan.bytes_before,
            "bytes": part.size_bytes(),
        },
    )
    return replace(plan, part=part.relative if part.rows else None, archived=archived, event=event)


def _is_compact(site: Site, overlay: NamespaceOverlay) -> bool:
    only = overlay.parts[0]
    return len(overlay.parts) == 1 and only.key == "id" and only.relative != site.layout.overlay_file(overlay.namespace)


def _planned(
    overlay: NamespaceOverlay, kinds: Mapping[str, pa.DataType], *, rows: int, unmatched: int
) -> CompactOutcome:
    return CompactOutcome(
        namespace=overlay.namespace,
        parts=len(overlay.parts),
        rows_before=overlay.rows,
        bytes_before=overlay.size_bytes,
        rows=rows,
        unmatched=unmatched,
        columns=tuple(kinds),
    )


def _untouched(overlay: NamespaceOverlay, kinds: Mapping[str, pa.DataType]) -> CompactOutcome:
    return CompactOutcome(
        namespace=overlay.namespace,
        parts=1,
        rows_before=overlay.rows,
        bytes_before=overlay.size_bytes,
        rows=overlay.rows,
        unmatched=0,
        columns=tuple(kinds),
        needed=False,
    )
