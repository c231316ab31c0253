"""The columns of a small dataset's view without a Parquet library, where every file is plain.

The same rules as `usr_core.store.view.schema` has, for what needs no look at any value. Whatever is not plain, refused
or damaged has no answer here: the view is then opened, which tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.records import BASE_COLUMNS
from usr_core.registry.document import TOMBSTONE_ENTRY, TOMBSTONE_NAMESPACE
from usr_core.registry.types import ColumnType
from usr_core.roots.layout import RECORDS
from usr_core.store.base.plain_footer import PlainFooter, read_plain_footer
from usr_core.store.parts.present import overlay_paths
from usr_core.store.parts.stamps import read_stamp

__all__ = ["PlainColumn", "PlainView", "plain_view"]

_MOST_PARTS = 20
"""So many footers are read in the time that the library takes to be imported."""


class PlainColumn(NamedTuple):
    """One column of the view; `origin` as in `ColumnOverview`."""

    name: str
    type: str
    nullable: bool
    origin: str


class PlainView(NamedTuple):
    """A base and its overlays, as their footers say.

    Attributes:
        columns: In the view's order, without those of tombstones.
        has_overlays: Whether there is any overlay file.
    """

    base: PlainFooter
    columns: tuple[PlainColumn, ...]
    has_overlays: bool


def plain_view(tree: FileTree) -> PlainView | None:
    """Return what the footers of a dataset say, or None where the view has to be opened."""
    path = tree.path(RECORDS)
    try:
        overlays = overlay_paths(tree)
        base = read_plain_footer(path) if path is not None else None
        if base is not None and tree.base_rows is not None:
            base = base._replace(rows=tree.base_rows)
        if base is None or "id" not in base.columns or sum(map(len, overlays.values())) > _MOST_PARTS:
            return None
        parts = {namespace: _footers(tree, files) for namespace, files in overlays.items()}
    except (UsrError, OSError):
        return None
    opened = {namespace: footers for namespace, footers in parts.items() if footers is not None}
    columns = _merged(base.columns, opened) if len(opened) == len(parts) else None
    return None if columns is None else PlainView(base, columns, bool(overlays))


def _footers(tree: FileTree, files: tuple[str, ...]) -> list[dict[str, ColumnType]] | None:
    """Return the columns of a namespace's parts without their keys, oldest first."""
    found = []
    for relative in files:
        path = tree.path(relative)
        footer = read_plain_footer(path) if path is not None else None
        if footer is None:
            return None
        key, created_at_us = read_stamp(footer.metadata, list(footer.columns), relative=relative)
        columns = {name: kind for name, kind in footer.columns.items() if name != key}
        found.append((created_at_us, relative.rsplit("/", 1)[-1], columns))
    return [columns for *_, columns in sorted(found, key=lambda one: one[:2])]


def _merged(
    base: Mapping[str, ColumnType], overlays: Mapping[str, list[dict[str, ColumnType]]]
) -> tuple[PlainColumn, ...] | None:
    hidden = {column.name: column.type for column in TOMBSTONE_ENTRY.columns}
    types = {**base, **hidden}
    told: set[str] = set()
    for namespace in sorted(overlays):
        for columns in overlays[namespace]:
            told.update(columns)
            for name, kind in columns.items():
                if not name.startswith(f"{namespace}__") or (namespace == TOMBSTONE_NAMESPACE and name not in types):
                    continue
                if types.setdefault(name, kind) != kind:
                    return None  # two files differ
    shown = [name for name in types if name not in hidden]
    texts = {name: types[name].canonical() for name in shown}
    if any("[ms" in text for text in texts.values()):
        return None  # seconds, perhaps: a registry tells
    return tuple(
        PlainColumn(
            name,
            text,
            not (name in base and name in BASE_COLUMNS),
            "+".join(place for place, names in (("base", base), ("overlay", told)) if name in names),
        )
        for name, text in texts.items()
    )
