"""The base and one namespace's overlay of a dataset, opened together for maintenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.events.event import file_stamp
from usr_core.registry.document import RESERVED_NAMESPACES, Registry
from usr_core.registry.errors import ColumnNotRegistered
from usr_core.registry.types import keeps_type
from usr_core.roots.layout import ARCHIVED
from usr_core.store.base.opened import open_base
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import NamespaceReservedHere
from usr_core.store.mutation import Mutation
from usr_core.store.parts.errors import NoSuchOverlay, OverlayTypeNotRegistered
from usr_core.store.parts.files import NamespaceOverlay, list_overlays
from usr_core.store.parts.present import overlay_paths

__all__ = [
    "OpenNamespace",
    "archive_or_drop",
    "refuse_reserved",
    "registered_columns",
]


@dataclass(frozen=True, slots=True)
class OpenNamespace:
    """A dataset's base and the overlay of one namespace, all files open."""

    base: OpenParquet
    overlay: NamespaceOverlay

    @classmethod
    def open(cls, tree: FileTree, namespace: str, *, materialized: bool = False) -> OpenNamespace:
        """Open the base and the overlay of `namespace`; footers are read.

        Args:
            tree: The dataset's files.
            namespace: Its name.
            materialized: Take a namespace without an overlay too if the base has a column of it; its overlay has no
                parts then.

        Raises:
            NoSuchOverlay: The namespace has no overlay here.
            AmbiguousOverlay, OverlayUnreadable, OverlayNotStamped: See `list_overlays`.
            BaseMissing, BaseUnreadable: See `open_base`.
        """
        present = overlay_paths(tree)
        base = open_base(tree)
        try:
            if namespace in present:
                return cls(base, list_overlays(tree, namespaces={namespace})[namespace])
            if materialized and any(name.startswith(f"{namespace}__") for name in base.schema.names):
                return cls(base, NamespaceOverlay(namespace, ()))
            raise NoSuchOverlay(namespace, present=sorted(set(present) - RESERVED_NAMESPACES))
        except BaseException:
            base.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.base.close()
        self.overlay.close()


def refuse_reserved(namespace: str, verb: str) -> None:
    """Refuse the namespaces that USR keeps for itself.

    Raises:
        NamespaceReservedHere: `namespace` is reserved.
    """
    if namespace in RESERVED_NAMESPACES:
        raise NamespaceReservedHere(namespace=namespace, verb=verb)


def registered_columns(overlay: NamespaceOverlay, registry: Registry) -> dict[str, pa.DataType]:
    """Return the columns that the parts of `overlay` have, in registered order, with their registered types.

    Raises:
        NamespaceNotRegistered, ColumnNotRegistered: The registry lacks what a part has.
        OverlayTypeNotRegistered: A part has another type than the registry.
    """
    entry = registry.namespace(overlay.namespace)
    kinds = {column.name: column.type.to_arrow() for column in entry.columns}
    there: set[str] = set()
    for part in overlay.parts:
        for field in part.columns:
            if field.name not in kinds:
                raise ColumnNotRegistered(column=field.name, namespace=overlay.namespace, known=list(kinds))
            if not keeps_type(field.type, kinds[field.name]):
                registered = entry.column(field.name).type.canonical()
                raise OverlayTypeNotRegistered(
                    part=part.relative, column=field.name, found=str(field.type), registered=registered
                )
            there.add(field.name)
    return {name: kind for name, kind in kinds.items() if name in there}


def archive_or_drop(mutation: Mutation, parts: Mapping[str, str], *, archive: bool) -> str | None:
    """Retire files of an overlay in a change under way.

    Args:
        mutation: The change.
        parts: Relative name of each file, and its namespace.
        archive: Move them below `_derived/_archived/`; else they are gone.

    Returns:
        The relative name of the folder they are moved to (of the last one's namespace), None where they are dropped.
    """
    folder = None
    stamp = file_stamp(mutation.txn.clock_us)
    for relative, namespace in parts.items():
        folder = f"{ARCHIVED}/{namespace}/{stamp}" if archive else None
        name = relative.rsplit("/", 1)[-1]
        mutation.txn.retire(relative, into=f"{folder}/{name}" if folder is not None else None)
    return folder
