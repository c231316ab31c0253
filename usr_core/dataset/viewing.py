"""The merged view, opened: what every reading verb begins with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from usr_core.dataset.site import DatasetSite

if TYPE_CHECKING:
    from usr_core.store.view.merged_view import MergedView

__all__ = ["Viewing"]


class Viewing(DatasetSite):
    """`view`."""

    @contextlib.contextmanager
    def view(self, *, namespaces: Sequence[str] | None = None) -> Iterator[MergedView]:
        """Open the merged view of one state of the dataset; writers may go on meanwhile."""
        with self._open_view(namespaces) as opened:
            yield opened

    def _open_view(self, namespaces: Sequence[str] | None = None) -> MergedView:
        """Return an open view, which the caller closes.

        Raises:
            DatasetMissing: There is no such dataset (`Dataset.open` allows one that is still to be made).
        """
        from usr_core.commit.read_snapshot import read_consistent
        from usr_core.store.overlay.errors import BaseMissing
        from usr_core.store.view.merged_view import MergedView

        try:
            return read_consistent(self.path, lambda tree: MergedView.open(tree, namespaces=namespaces))
        except BaseMissing:
            self._require_records()
            raise
