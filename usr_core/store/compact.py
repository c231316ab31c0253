"""Compaction: all parts of a namespace become one, with the values as merged."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from usr_core.commit.read_snapshot import read_consistent
from usr_core.registry.store import load_registry
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.store.namespace_files import (
    OpenNamespace,
    archive_or_drop,
    keep_clock_after,
    refuse_reserved,
    registered_columns,
)
from usr_core.store.overlay_fold import OverlayFold
from usr_core.store.overlay_parts import NamespaceOverlay, stamp_of
from usr_core.store.overlay_metadata import overlay_metadata
from usr_core.store.single_part import SinglePart

__all__ = ["CompactOptions", "CompactOutcome", "compact_overlay", "newest_stamp", "staged_part_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactOptions:
    """What is compacted.

    Attributes:
        namespace: A registered namespace, not a reserved one.
        drop: Remove the sources instead of archiving them.
        dry_run: Count, and change nothing.
    """

    namespace: str
    drop: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactOutcome:
    """What a compaction did, or would do.

    Attributes:
        parts: Files before.
        rows_before: Rows of them all.
        rows: Rows of the one part: each key once.
        unmatched: Those of its keys that match no record.
        bytes_before: Size of the files before.
        columns: The part's columns.
        part: The new file, None in a dry run and where nothing was to be done.
        archived: The folder that holds the sources, None where they were dropped.
        needed: Whether there is anything to do: one part keyed by id is as compact as can be.
        event: None where nothing was changed.
    """

    namespace: str
    parts: int
    rows_before: int
    rows: int
    unmatched: int
    bytes_before: int
    columns: tuple[str, ...]
    needed: bool
    part: str | None = None
    archived: str | None = None
    event: dict[str, Any] | None = None


def compact_overlay(
    site: Site, options: CompactOptions, *, progress: Callable[[int], None] | None = None
) -> CompactOutcome:
    """Merge all parts of a namespace into one, keyed by id, in the base's row order.

    The part's stamp is the newest among the sources, so that later parts still win over it and it over none
    that is there. Keys that match no record are kept, behind the others. Memory does not grow with values.

    Raises:
        NamespaceReservedHere: The namespace is USR's own.
        NoSuchOverlay: It has no overlay here.
        NamespaceNotRegistered, ColumnNotRegistered, OverlayTypeNotRegistered: The registry lacks what it holds.
        OverlayKeysUnresolved, OverlayKeyFault: A part's keys do not tell ids (see `OverlayFold`).
    """
    refuse_reserved(options.namespace, "overlay-compact")
    if options.dry_run:
        registry = load_registry(site.ref.root)
        opener = lambda tree: OpenNamespace.open(tree, options.namespace)  # noqa: E731 - a closure over one name
        with read_consistent(site.ref.path, opener) as opened, tempfile.TemporaryDirectory() as place:
            kinds = registered_columns(opened.overlay, registry)
            if _is_compact(site, opened.overlay):
                return _untouched(opened.overlay, kinds)
            with OverlayFold(opened, kinds, scratch=Path(place) / "fold") as fold:
                return _outcome(opened.overlay, kinds, fold)
    with mutate(site, "compact_overlay") as mutation, OpenNamespace.open(mutation.txn.tree, options.namespace) as opened:
        kinds = registered_columns(opened.overlay, mutation.registry)
        if _is_compact(site, opened.overlay):
            return _untouched(opened.overlay, kinds)
        keep_clock_after(mutation, opened.overlay)
        return _compact(mutation, opened, kinds, options, progress)


def newest_stamp(overlay: NamespaceOverlay) -> int:
    """Return the newest stamp among the parts of an overlay, UTC microseconds since 1970."""
    return max(part.created_at_us for part in overlay.parts)


def staged_part_name(mutation: Mutation, overlay: NamespaceOverlay) -> str:
    """Return the name of the part that takes the place of a whole overlay; it carries the newest stamp."""
    layout = mutation.site.layout
    return layout.overlay_part(overlay.namespace, stamp_of(newest_stamp(overlay)), secrets.token_hex(4))


def _compact(
    mutation: Mutation,
    opened: OpenNamespace,
    kinds: Mapping[str, pa.DataType],
    options: CompactOptions,
    progress: Callable[[int], None] | None,
) -> CompactOutcome:
    overlay = opened.overlay
    relative = staged_part_name(mutation, overlay)
    metadata = overlay_metadata(mutation, overlay.namespace, created_at_us=newest_stamp(overlay))
    path = mutation.txn.stage(relative)
    with OverlayFold(opened, kinds, scratch=path.with_name("fold")) as fold:
        plan = _outcome(overlay, kinds, fold)
        with SinglePart(path, kinds, metadata, base=opened.base, rows=fold.rows) as part:
            for rows in fold.batches():
                part.add(rows.positions, rows.ids, rows.columns)
                if progress is not None:
                    progress(len(rows.ids))
    archived = archive_or_drop(
        mutation, {one.relative: overlay.namespace for one in overlay.parts}, archive=not options.drop
    )
    event = mutation.finish(
        base=mutation.base_facts(),
        args={"namespace": overlay.namespace, "drop": options.drop},
        metrics={
            "parts": plan.parts,
            "rows_before": plan.rows_before,
            "rows": plan.rows,
            "rows_unmatched": plan.unmatched,
            "columns": len(kinds),
            "bytes_before": plan.bytes_before,
            "bytes": path_size(mutation, relative),
        },
    )
    return _outcome(overlay, kinds, fold, part=relative, archived=archived, event=event)
