"""The datasets of a root at a glance, for `usr ls`: no Parquet library where the event log knows the answer.

An event tells the rows, columns and bytes of the base after it. While the base still has that size, and no
change is under way, nothing else need be read; otherwise the footer is. Only tombstones cost more: which of
them hit a record is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.errors import UsrError
from usr_core.events.log import object_in, read_last
from usr_core.fs.errors import file_system_error
from usr_core.registry.document import TOMBSTONE_NAMESPACE
from usr_core.roots.dataset_id import DatasetRef, list_datasets, list_unfinished
from usr_core.roots.layout import RECORDS, DatasetLayout
from usr_core.store.errors import BaseMissing
from usr_core.store.parts.present import overlay_paths
from usr_core.values.showing import Shown

__all__ = ["DatasetListing", "list_root"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class DatasetListing(Shown):
    """One dataset of a root.

    Attributes:
        name: Its id.
        rows: Live records; deleted ones are not counted. None where `problem` is set, as all that follows.
        columns: Columns of the base file.
        namespaces: Namespaces that have an overlay, sorted.
        size_bytes: Bytes of base and overlays.
        last_change: Time of the last event, RFC 3339, or None where there is none.
        problem: What makes the dataset unreadable.
        unfinished_pull: Where its first pull has not come to its end, the remote (``""`` if not known), else None.

    Example:
        >>> from usr_core.api.results import list_root
        >>> (listing,) = list_root(root)
        >>> listing.name, listing.rows, listing.columns, listing.namespaces, listing.problem
        ('demo/promoters', 3, 7, ('lab',), None)
    """

    name: str
    rows: int | None = None
    columns: int | None = None
    namespaces: tuple[str, ...] = ()
    size_bytes: int | None = None
    last_change: str | None = None
    problem: UsrError | None = None
    unfinished_pull: str | None = None


def list_root(root: Path, *, archived: bool = False) -> list[DatasetListing]:
    """Return the datasets of `root`, sorted by name; of its ``_archive/`` instead if `archived`.

    A dataset that can't be read is in the list with its `problem`; it never hides the others. One whose first pull
    has not come to its end is in the list with the remote.

    Example:
        >>> from usr_core.api.results import list_root
        >>> [(listing.name, listing.rows) for listing in list_root(root)]
        [('demo/promoters', 3)]
        >>> dataset.archive().name
        'promoters'
        >>> [listing.name for listing in list_root(root, archived=True)]
        ['_archive/demo/promoters']
    """
    datasets = list_datasets(root, archived)
    found = [_listing(ref) for ref in datasets]
    if not archived:
        unfinished = list_unfinished(root, known={ref.name for ref in datasets})
        found += [DatasetListing(name=ref.name, unfinished_pull=remote) for ref, remote in unfinished]
    return sorted(found, key=lambda listing: listing.name)


def _listing(ref: DatasetRef) -> DatasetListing:
    try:
        return read_consistent(ref.path, lambda tree: _observed(ref, tree))
    except UsrError as error:
        return DatasetListing(name=ref.name, problem=error)
    except FileNotFoundError:
        return DatasetListing(name=ref.name, problem=BaseMissing(file=RECORDS))
    except OSError as error:
        return DatasetListing(name=ref.name, problem=file_system_error(error, ref.path, "read the dataset"))


def _observed(ref: DatasetRef, tree: FileTree) -> DatasetListing:
    size = _size(tree, RECORDS)
    overlays = overlay_paths(tree)
    last = read_last(DatasetLayout(ref.path).event_log, torn=True) or {}
    counted = None if tree.moved or tree.absent else _fingerprint(last, size)
    rows, columns = counted if counted is not None else _footer(tree)
    if TOMBSTONE_NAMESPACE in overlays:
        rows -= _deleted(tree)
    time = last.get("timestamp_utc")
    return DatasetListing(
        name=ref.name,
        rows=rows,
        columns=columns,
        namespaces=tuple(overlays),
        size_bytes=size + sum(_size(tree, file) for files in overlays.values() for file in files),
        last_change=time if isinstance(time, str) else None,
    )


def _size(tree: FileTree, relative: str) -> int:
    status = tree.status(relative)
    if status is None:
        raise FileNotFoundError(relative)
    return status.st_size


def _fingerprint(event: Mapping[str, Any], size: int) -> tuple[int, int] | None:
    """Return the rows and columns that an event gives, if it describes a base of this size."""
    told = object_in(event, "fingerprint")
    if told.get("size_bytes") != size:
        return None
    rows, columns = told.get("rows"), told.get("cols")
    return (rows, columns) if type(rows) is int and type(columns) is int else None


def _footer(tree: FileTree) -> tuple[int, int]:
    from usr_core.store.base.parquet import read_base_facts

    base = tree.path(RECORDS)
    if base is None:
        raise FileNotFoundError(RECORDS)
    facts = read_base_facts(base)
    return facts.rows, len(facts.schema)


def _deleted(tree: FileTree) -> int:
    from usr_core.store.view.merged_view import MergedView

    with MergedView.open(tree, namespaces=()) as view:
        return view.deleted_count()
