"""The open files of one side of a merge of two datasets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from usr_core.commit.file_tree import FileTree
from usr_core.registry.document import RESERVED_NAMESPACES, TOMBSTONE_NAMESPACE
from usr_core.roots.layout import RECORDS
from usr_core.store.base.opened import open_base
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.parts.errors import NoSuchOverlay
from usr_core.store.parts.files import NamespaceOverlay, list_overlays

__all__ = ["MergeFiles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeFiles:
    """One dataset's base, tombstones, and overlays: the source's all, the destination's as far as they are concerned.

    Attributes:
        tree: The files of the state that is merged.
        label: What errors call the base.
        base: The open base.
        overlays: The open overlays by namespace.
    """

    tree: FileTree
    label: str
    base: OpenParquet
    overlays: Mapping[str, NamespaceOverlay]

    @classmethod
    def open(cls, tree: FileTree, *, name: str, namespaces: Collection[str] | None) -> MergeFiles:
        """Open the files of the dataset called `name`: the overlays of `namespaces`, or all of them.

        Raises:
            BaseMissing, BaseUnreadable: See `open_base`.
            AmbiguousOverlay, OverlayUnreadable, OverlayNotStamped: See `list_overlays`.
        """
        base = open_base(tree)
        try:
            wanted = None if namespaces is None else {*namespaces, TOMBSTONE_NAMESPACE}
            overlays = list_overlays(tree, namespaces=wanted)
        except BaseException:
            base.close()
            raise
        return cls(tree=tree, label=f"{name}/{RECORDS}", base=base, overlays=overlays)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.base.close()
        for overlay in self.overlays.values():
            overlay.close()

    @property
    def tombstones(self) -> NamespaceOverlay | None:
        """Which records are deleted, None where none ever was."""
        return self.overlays.get(TOMBSTONE_NAMESPACE)

    @property
    def attached(self) -> list[NamespaceOverlay]:
        """The overlays of namespaces that tools attach to."""
        return [overlay for name, overlay in self.overlays.items() if name not in RESERVED_NAMESPACES]

    def overlay(self, namespace: str) -> NamespaceOverlay:
        """Return the overlay of a namespace.

        Raises:
            NoSuchOverlay: The namespace has no overlay.
        """
        if namespace not in self.overlays:
            raise NoSuchOverlay(namespace, present=sorted(set(self.overlays) - RESERVED_NAMESPACES))
        return self.overlays[namespace]
