"""The merged view, opened: what every reading verb begins with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from usr_core.dataset.site import DatasetSite

if TYPE_CHECKING:
    from usr_core.commit.file_tree import FileTree
    from usr_core.store.view.merged_view import MergedView

__all__ = ["Viewing"]


class Viewing(DatasetSite):
    """`view`."""

    @contextlib.contextmanager
    def view(self, *, namespaces: Sequence[str] | None = None) -> Iterator[MergedView]:
        """Open the merged view of one state of the dataset; writers may go on meanwhile.

        Args:
            namespaces: Whose overlays to merge, or None for all.

        Raises:
            NoSuchOverlay: The dataset has neither an overlay nor a materialized column of one of them.
        """
        with self._open_view(namespaces) as opened:
            yield opened

    def _open_view(self, namespaces: Sequence[str] | None = None) -> MergedView:
        """Return an open view, which the caller closes.

        Raises:
            DatasetMissing: The dataset does not exist (`Dataset.open` allows one that is still to be made).
            NoSuchOverlay: The dataset has nothing of a namespace.
        """
        from usr_core.commit.read_snapshot import read_consistent
        from usr_core.store.errors import BaseMissing
        from usr_core.store.view.merged_view import MergedView

        def opened(tree: FileTree) -> MergedView:
            view = MergedView.open(tree, namespaces=namespaces)
            try:
                _refuse_unknown(namespaces or (), view, tree)
            except BaseException:
                view.close()
                raise
            return view

        try:
            return read_consistent(self.path, opened)
        except BaseMissing:
            self._require_records()
            raise


def _refuse_unknown(namespaces: Sequence[str], view: MergedView, tree: FileTree) -> None:
    materialized = {name.partition("__")[0] for name in view.source.schema.names if "__" in name}
    for namespace in namespaces:
        if namespace not in view.overlays and namespace not in materialized:
            from usr_core.registry.names import RESERVED_NAMESPACES
            from usr_core.store.parts.errors import NoSuchOverlay
            from usr_core.store.parts.names import overlay_paths

            raise NoSuchOverlay(namespace, present=sorted(set(overlay_paths(tree)) - RESERVED_NAMESPACES))
