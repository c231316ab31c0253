"""Putting a dataset away under ``<root>/_archive/``, and bringing it back: one event and one rename.

The rename is the last step of the commit in the dataset's own log: one that fails takes the event back. A crash
between the two leaves a dataset whose last event tells of a move that has not happened; the next run of the same
verb sees that and only moves (docs/adr/0010, 0014).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from usr_core.commit.errors import CommitPending
from usr_core.errors import UsrError
from usr_core.fs.durable import make_folders, sync_folder
from usr_core.fs.errors import file_system_error
from usr_core.interrupts import uninterrupted
from usr_core.roots.dataset_id import ARCHIVE, DatasetRef, list_datasets, new_dataset, parse_dataset_id
from usr_core.roots.errors import AmbiguousDataset
from usr_core.roots.find_root import find_root
from usr_core.roots.layout import LEASE, holds_dataset
from usr_core.roots.locate import locate_dataset
from usr_core.store.changes.archive_errors import ArchiveRefused, ArchiveUnfinished, DatasetNotArchived
from usr_core.store.mutation import Mutation, Site, mutate, refuse_archived

__all__ = ["ArchiveOutcome", "archive_dataset", "locate_archived", "unarchive_dataset"]

_PREFIX = f"{ARCHIVE}/"

Moved = Callable[[DatasetRef], None]
"""Called with the place where the dataset is now, before the event is announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOutcome:
    """A move that is done.

    Attributes:
        ref: Where the dataset is now; its name begins with ``_archive/`` where it was put away.
        event: The line in the log, or None where an earlier run had written it and this one finished the move, and
            for a move that was only tried.
    """

    ref: DatasetRef
    event: dict[str, Any] | None


def locate_archived(text: str | None, *, root: Path | None) -> DatasetRef:
    """Return the archived dataset that `text` means.

    Args:
        text: An id, with ``_archive/`` in front of it or not, a path to its folder in ``_archive/``, or None for the
            one we stand in. A name without namespace is found when exactly one archived dataset's id ends in it.
        root: The root given on the command line, None where none was given (see `find_root`).

    Raises:
        InvalidDatasetId, ArchivedPath: `text` is neither an id nor a path to a dataset.
        AmbiguousDataset: Several archived datasets end in the name.
        DatasetNotArchived: No archived dataset has that name.
    """
    if text is None or text.startswith((".", "/", "~")):
        ref = locate_dataset(text, root=root)
        _require_archived(ref)
        return ref
    name, place = parse_dataset_id(text.removeprefix(_PREFIX)), find_root(root)
    refs = {ref.name.removeprefix(_PREFIX): ref for ref in list_datasets(place, archived=True)}
    if name in refs:
        return refs[name]
    ending = [other for other in refs if "/" not in name and other.rpartition("/")[2] == name]
    if len(ending) > 1:
        raise AmbiguousDataset(text=text, candidates=ending)
    if not ending:
        raise DatasetNotArchived(text=text, place=place / ARCHIVE)
    return refs[ending[0]]


def archive_dataset(site: Site, *, moved: Moved | None = None) -> ArchiveOutcome:
    """Move a dataset to ``_archive/``, where commands find it no more by its id.

    Raises:
        DatasetArchived: The dataset lies under ``_archive/`` already.
        ArchiveRefused: Something has its name there, or a link or another file system is in the way.
        ArchiveUnfinished: The folder could not be moved; nothing was changed.
    """
    refuse_archived(site.ref)
    ref = site.ref
    target = DatasetRef(root=ref.root, name=f"{_PREFIX}{ref.name}", path=ref.root / ARCHIVE / ref.name)
    for place in (ref.root / ARCHIVE, target.path.parent):
        if place.is_symlink():
            raise _refused(ref.name, target.path, f"{place.name} is a link", "Put a folder in its place.")
    if target.path.parent != target.root and holds_dataset(target.path.parent):
        raise _refused(
            ref.name, target.path, f"{target.path.parent.name} is an archived dataset itself", "Move that one away."
        )
    return _move(site, target, action="archive", moved=moved)


def unarchive_dataset(site: Site, *, moved: Moved | None = None) -> ArchiveOutcome:
    """Move an archived dataset back to where it came from.

    Args:
        site: The dataset in ``_archive/``; see `locate_archived`.

    Raises:
        DatasetNotArchived: The dataset does not lie under ``_archive/``.
        DatasetExists, NestedDataset: Another dataset has its place by now.
        ArchiveRefused: Something else has its place, or a link or another file system is in the way.
        ArchiveUnfinished: The folder could not be moved; nothing was changed.
    """
    _require_archived(site.ref)
    target = new_dataset(site.ref.root, site.ref.name.removeprefix(_PREFIX))
    return _move(replace(site, ref=replace(site.ref, name=target.name)), target, action="unarchive", moved=moved)


def _move(site: Site, target: DatasetRef, *, action: str, moved: Moved | None) -> ArchiveOutcome:
    name, source = site.ref.name, site.ref.path
    if Path(os.path.realpath(source)) != source:
        raise _refused(
            name, target.path, f"{source} is reached through a link", "Replace the link by the folder itself."
        )
    _require_free(name, target.path)
    with mutate(site, action) as mutation:
        made = _make_parents(target)
        try:
            _require_one_file_system(name, source, target.path)
            if site.dry_run:
                _remove_empty(reversed(made))
                return ArchiveOutcome(ref=target, event=None)
            event = _commit_once(mutation, target)
        except BaseException as error:
            if not isinstance(error, CommitPending):
                _remove_empty(reversed(made))
            raise
        # A namespace's folder, or _archive/ itself, goes with the last dataset in it.
        _remove_empty(place for place in source.parents if place != site.ref.root and site.ref.root in place.parents)
        if moved is not None:
            moved(target)
    return ArchiveOutcome(ref=target, event=event)


def _require_archived(ref: DatasetRef) -> None:
    if not ref.name.startswith(_PREFIX):
        raise DatasetNotArchived(text=ref.name, place=ref.root / ARCHIVE)


def _commit_once(mutation: Mutation, target: DatasetRef) -> dict[str, Any] | None:
    """Write the event and move, or only move where a run that did not come to it has written the event."""
    base = mutation.base_facts()
    source, last = mutation.site.ref.path, mutation.txn.head.last or {}

    def move() -> Path:
        _move_folder(mutation, target.path)
        # On a network file system the lease has moved as well, and can't be given back under its old name.
        with contextlib.suppress(OSError):
            (target.path / LEASE).unlink()
        return target.path

    if last.get("action") == mutation.action:
        with uninterrupted():
            move()
        return None
    return mutation.finish(
        base=base,
        args={"from": source.relative_to(target.root).as_posix(), "to": target.name},
        metrics={"rows": base.rows, "bytes": base.size_bytes},
        last_step=move,
    )


def _move_folder(mutation: Mutation, target: Path) -> None:
    """Rename the dataset's folder, durably, or leave it where it is."""
    ref = mutation.site.ref
    try:
        os.rename(ref.path, target)  # noqa: PTH104 - the POSIX call: over an empty folder at the most
    except OSError as error:
        raise ArchiveUnfinished(ref.name, action=mutation.action, target=target, cause=error) from error
    try:
        for place in (target.parent, ref.path.parent):
            sync_folder(place)
    except OSError as error:
        try:
            os.rename(target, ref.path)  # noqa: PTH104
        except OSError as failure:
            raise CommitPending(dataset=ref.name, seq=mutation.txn.head.seq + 1, cause=failure) from error
        raise ArchiveUnfinished(ref.name, action=mutation.action, target=target, cause=error) from error


def _make_parents(target: DatasetRef) -> list[Path]:
    try:
        return make_folders(target.path.parent, below=target.root)
    except OSError as error:
        raise file_system_error(error, target.path.parent, "make the folder to move to") from error


def _require_free(name: str, target: Path) -> None:
    if os.path.lexists(target) and (target.is_symlink() or not target.is_dir() or any(target.iterdir())):
        raise _refused(name, target, "there is something of that name", "Move it away, or give it another name.")


def _require_one_file_system(name: str, source: Path, target: Path) -> None:
    if source.stat().st_dev != target.parent.stat().st_dev:
        hint = "Put _archive/ and the datasets on one file system."
        raise _refused(name, target, "it lies on another file system", hint)


def _remove_empty(folders: Iterable[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _refused(name: str, target: Path, reason: str, hint: str) -> UsrError:
    return ArchiveRefused(name=name, target=target, reason=reason, hint=hint)
