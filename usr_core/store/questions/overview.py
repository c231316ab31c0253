"""What a dataset is, at a glance: for `info` and `schema`. Reads footers, and ids where it has to count.

A Parquet library is imported only where `plain_view` has no answer, or there are overlays whose keys have to be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.events.log import LogHead, read_head
from usr_core.records.alphabets import alphabets_noted
from usr_core.registry.types import from_arrow
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.layout import RECORDS, DatasetLayout
from usr_core.store.history.files import HistoryUse, read_history_use
from usr_core.store.parts.present import PartialCopy, partial_copy
from usr_core.store.questions.plain_view import PlainView, plain_view
from usr_core.values.showing import Shown

if TYPE_CHECKING:
    import pyarrow as pa

    from usr_core.store.parts.files import NamespaceOverlay
    from usr_core.store.versions.version import Version
    from usr_core.store.view.merged_view import MergedView

__all__ = [
    "COMPACT_BYTES",
    "COMPACT_PARTS",
    "ColumnOverview",
    "NamespaceOverview",
    "Overview",
    "read_columns",
    "read_overview",
    "type_text",
]

COMPACT_PARTS = 200
COMPACT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ColumnOverview(Shown):
    """One column of the merged view.

    Attributes:
        name: The full name.
        type: In the registry's words, in Arrow's where it has none.
        nullable: Whether a cell may be null.
        origin: ``base``, ``overlay``, or ``base+overlay`` for a materialized column that an overlay updates.

    Example:
        >>> dataset.columns()[-1]
        ColumnOverview(name='lab__sigma', type='string', nullable=True, origin='overlay')
    """

    name: str
    type: str
    nullable: bool
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NamespaceOverview(Shown):
    """One namespace on disk.

    Attributes:
        files: Its parts, or 1 for a single file.
        rows: Rows over all of them; a key counts in each.
        size_bytes: Bytes over all of them.
        unmatched: Keys that match no record.
        columns: The columns that its files hold.
        advice: What to do about it, or "".

    Example:
        >>> (lab,) = dataset.overview().namespaces
        >>> lab.name, lab.files, lab.rows, lab.unmatched, lab.columns
        ('lab', 1, 3, 0, ('lab__gc', 'lab__sigma'))
    """

    name: str
    files: int
    rows: int
    size_bytes: int
    unmatched: int
    columns: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Overview(Shown):
    """One dataset.

    Attributes:
        name: Its id.
        root, path: The folders of the root and of the dataset.
        rows: Live records.
        deleted: Records with a tombstone.
        columns: The merged view's columns.
        base_bytes: Bytes of the base.
        size_bytes: Bytes of base and overlays.
        created_at: When the dataset was made, as the base says, RFC 3339, or None.
        registry_hash: Of the registry that it was last changed under, as the base says, or None.
        last_change: Time of the last event, RFC 3339, or None.
        last_action: Its action, or None.
        events: Number of the last event.
        partial_copy: What a copy pulled with ``--primary-only`` lacks, else None.
        alphabets: The alphabets of plugins that its sequences have, each with the plugin's id.
        history: What is kept of its past, else None.

    Example:
        >>> overview = dataset.overview()
        >>> overview.rows, overview.deleted, overview.last_action, overview.columns[0].name
        (3, 0, 'write_overlay', 'id')
    """

    name: str
    root: str
    path: str
    rows: int
    deleted: int
    columns: tuple[ColumnOverview, ...]
    namespaces: tuple[NamespaceOverview, ...]
    base_bytes: int
    size_bytes: int
    created_at: str | None
    registry_hash: str | None
    last_change: str | None
    last_action: str | None
    events: int
    partial_copy: PartialCopy | None = None
    alphabets: Mapping[str, str] = field(default_factory=dict)
    history: HistoryUse | None = None


def read_overview(ref: DatasetRef, version: Version | None = None) -> Overview:
    """Read one consistent state of a dataset, or of it as it was at a version.

    Raises:
        BaseMissing, BaseUnreadable, AmbiguousOverlay: The dataset is not whole.
        VersionMissing, VersionNotShown: As `tree_at`.
    """
    if version is not None:
        return _read_overview(ref, version)
    found = read_consistent(ref.path, lambda tree: _seen_without_library(ref, tree))
    return _read_overview(ref, None) if found is None else found


def _seen_without_library(ref: DatasetRef, tree: FileTree) -> Overview | None:
    """Return a dataset without overlays as its footer and its log say; None where more has to be read."""
    view = plain_view(tree)
    if view is None or view.has_overlays:
        return None
    return _overview(
        ref,
        read_head(DatasetLayout(ref.path).event_log),
        metadata=view.base.metadata,
        rows=view.base.rows,
        deleted=0,
        columns=_plain_columns(view),
        namespaces=(),
        base_bytes=view.base.size_bytes,
    )


def _read_overview(ref: DatasetRef, version: Version | None) -> Overview:
    from usr_core.store.base.parquet import usr_metadata
    from usr_core.store.view.merged_view import MergedView

    def opener(tree: FileTree) -> tuple[MergedView, LogHead, int]:
        view = MergedView.open(_files(tree, version, ref))
        if version is not None:
            return view, version.head, version.base_bytes
        base = tree.path(RECORDS)
        return view, read_head(DatasetLayout(ref.path).event_log), base.stat().st_size if base is not None else 0

    view, head, base_bytes = read_consistent(ref.path, opener)
    with view:
        unmatched = view.unmatched_counts()
        deleted = view.deleted_count()
        return _overview(
            ref,
            head,
            metadata=usr_metadata(view.base.schema_arrow) | ({} if version is None else version.base_notes),
            rows=view.rows - deleted,
            deleted=deleted,
            columns=_columns(view),
            namespaces=tuple(_namespace(overlay, unmatched.get(name, 0)) for name, overlay in view.overlays.items()),
            base_bytes=base_bytes,
        )


def _overview(
    ref: DatasetRef,
    head: LogHead,
    *,
    metadata: Mapping[str, str],
    rows: int,
    deleted: int,
    columns: tuple[ColumnOverview, ...],
    namespaces: tuple[NamespaceOverview, ...],
    base_bytes: int,
) -> Overview:
    last = head.last or {}
    return Overview(
        name=ref.name,
        root=str(ref.root),
        path=str(ref.path),
        rows=rows,
        deleted=deleted,
        columns=columns,
        namespaces=namespaces,
        base_bytes=base_bytes,
        size_bytes=base_bytes + sum(one.size_bytes for one in namespaces),
        created_at=metadata.get("usr:dataset_created_at"),
        registry_hash=metadata.get("usr:registry_hash"),
        last_change=last.get("timestamp_utc"),
        last_action=last.get("action"),
        events=head.seq,
        partial_copy=partial_copy(ref.path),
        alphabets=alphabets_noted(metadata),
        history=read_history_use(ref.path),
    )


def read_columns(ref: DatasetRef, version: Version | None = None) -> tuple[ColumnOverview, ...]:
    """Return the merged view's columns in its order; reads footers only, arguments and errors as `read_overview`."""
    plain = read_consistent(ref.path, lambda tree: plain_view(_files(tree, version, ref)))
    if plain is not None:
        return _plain_columns(plain)
    from usr_core.store.view.merged_view import MergedView

    with read_consistent(ref.path, lambda tree: MergedView.open(_files(tree, version, ref))) as view:
        return _columns(view)


def _files(tree: FileTree, version: Version | None, ref: DatasetRef) -> FileTree:
    if version is None:
        return tree
    from usr_core.store.versions.tree import tree_at  # nothing of it for a dataset as it is

    return tree_at(tree, version, dataset=ref.name)


def _plain_columns(view: PlainView) -> tuple[ColumnOverview, ...]:
    return tuple(ColumnOverview(**column._asdict()) for column in view.columns)


def _columns(view: MergedView) -> tuple[ColumnOverview, ...]:
    in_base = set(view.base.schema_arrow.names)
    in_overlay = {field.name for overlay in view.overlays.values() for part in overlay.parts for field in part.columns}
    return tuple(
        ColumnOverview(
            name=field.name,
            type=type_text(field.type),
            nullable=field.nullable,
            origin="+".join(
                place for place, names in (("base", in_base), ("overlay", in_overlay)) if field.name in names
            ),
        )
        for field in view.schema()
    )


def _namespace(overlay: NamespaceOverlay, unmatched: int) -> NamespaceOverview:
    return NamespaceOverview(
        name=overlay.namespace,
        files=len(overlay.parts),
        rows=overlay.rows,
        size_bytes=overlay.size_bytes,
        unmatched=unmatched,
        columns=tuple(dict.fromkeys(field.name for part in overlay.parts for field in part.columns)),
        advice=_advice(overlay.namespace, len(overlay.parts), overlay.size_bytes),
    )


def type_text(kind: pa.DataType) -> str:
    """Return a type in the registry's words where it has some, else in Arrow's.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.results import type_text
        >>> type_text(pa.list_(pa.float64())), type_text(pa.decimal128(10, 2))
        ('list<float64>', 'decimal128(10, 2)')
    """
    try:
        return from_arrow(kind).canonical()
    except TypeError:
        return str(kind)


def _advice(name: str, files: int, size_bytes: int) -> str:
    if files > COMPACT_PARTS or (files > 1 and size_bytes > COMPACT_BYTES):
        return f"compact it: usr maintenance overlay-compact --namespace {name}"
    return ""
