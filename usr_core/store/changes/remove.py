"""Removing an overlay: all files of one namespace are archived or deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.errors import UsrError
from usr_core.registry.document import RESERVED_NAMESPACES
from usr_core.store.changes.errors import UnknownChoice
from usr_core.store.mutation import Site, keep_clock_after, mutate
from usr_core.store.overlay.open_namespace import archive_or_drop, refuse_reserved
from usr_core.store.parts.errors import NoSuchOverlay
from usr_core.store.parts.files import NamespaceOverlay, list_overlays
from usr_core.store.parts.present import overlay_paths
from usr_core.values.showing import Shown

__all__ = ["REMOVE_MODES", "RemoveMode", "RemoveOptions", "RemoveOutcome", "remove_overlay"]

RemoveMode = Literal["archive", "delete"]
REMOVE_MODES: tuple[RemoveMode, ...] = get_args(RemoveMode)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveOptions:
    """What is removed; `mode` says whether the files are kept below `_derived/_archived/`."""

    namespace: str
    mode: str

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``."""
        return {"namespace": self.namespace, "mode": self.mode}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RemoveOutcome(Shown):
    """What was removed, or would be.

    Attributes:
        parts: Files.
        rows: Their rows together; those of a damaged file are not known and not counted.
        size_bytes: Their bytes together.
        archived: The folder that holds them now, None where they were deleted and in a dry run.
        event: None in a dry run.

    Example:
        >>> done = dataset.remove_overlay("lab", mode="delete", dry_run=True)
        >>> done.parts, done.rows, done.archived, done.event
        (1, 3, None, None)
    """

    namespace: str
    mode: str
    parts: int
    rows: int
    size_bytes: int
    archived: str | None = None
    event: dict[str, Any] | None = None


def remove_overlay(site: Site, options: RemoveOptions) -> RemoveOutcome:
    """Retire every file of a namespace; its values are not seen any more, except for those in the base.

    Only the footers of the files are read, so that a damaged overlay can be removed too, and the namespace
    need not be registered any more.

    Raises:
        UnknownChoice: The mode does not exist.
        NamespaceReservedHere: The namespace is USR's own.
        NoSuchOverlay: The namespace has no overlay here.
        AmbiguousOverlay: A namespace is both a file and a folder of parts.
    """
    if options.mode not in REMOVE_MODES:
        raise UnknownChoice(option="--mode", value=options.mode, allowed=REMOVE_MODES)
    refuse_reserved(options.namespace, "overlay-remove")
    if site.dry_run:
        return read_consistent(site.ref.path, lambda tree: _counted(tree, options)[1])
    with mutate(site, "remove_overlay") as mutation:
        files, outcome = _counted(mutation.txn.tree, options)
        with_footers = _readable(mutation.txn.tree, options.namespace)
        keep_clock_after(mutation, with_footers)
        if with_footers is not None:
            with_footers.close()
        sources = dict.fromkeys(files, options.namespace)
        archived = archive_or_drop(mutation, sources, archive=options.mode == "archive")
        event = mutation.finish(
            base=mutation.base_facts(),
            args=options.event_args(),
            metrics={"parts": outcome.parts, "rows": outcome.rows, "bytes": outcome.size_bytes},
        )
    return replace(outcome, archived=archived, event=event)


def _counted(tree: FileTree, options: RemoveOptions) -> tuple[Sequence[str], RemoveOutcome]:
    present = overlay_paths(tree)
    files = present.get(options.namespace)
    if files is None:
        raise NoSuchOverlay(options.namespace, present=sorted(set(present) - RESERVED_NAMESPACES))
    overlay = _readable(tree, options.namespace)
    rows = 0
    if overlay is not None:
        rows = overlay.rows
        overlay.close()
    paths = [path for path in map(tree.path, files) if path is not None]
    return files, RemoveOutcome(
        namespace=options.namespace,
        mode=options.mode,
        parts=len(files),
        rows=rows,
        size_bytes=sum(path.stat().st_size for path in paths),
    )


def _readable(tree: FileTree, namespace: str) -> NamespaceOverlay | None:
    """Return those files of the overlay that can be opened, None where there is none."""
    ignored: list[UsrError] = []
    return list_overlays(tree, namespaces={namespace}, on_problem=ignored.append).get(namespace)
