"""Putting the dataset away, and bringing it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from usr_core.dataset.site import DatasetSite
from usr_core.events.actor import Actor
from usr_core.fs.lock import LOCK_SECONDS

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost
    from usr_core.roots.dataset_id import DatasetRef

__all__ = ["Archiving"]


class Archiving(DatasetSite):
    """`locate_archived`, `archive`, `unarchive`."""

    @classmethod
    def locate_archived(
        cls,
        text: str | None,
        *,
        root: Path | None = None,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | None = None,
    ) -> Self:
        """Return the dataset of ``_archive/`` that `text` means, an id or a folder; it can be read, not changed.

        Raises:
            DatasetNotArchived, AmbiguousDataset, InvalidDatasetId: `text` does not name one.
        """
        from usr_core.store.changes.archive import locate_archived

        return cls(locate_archived(text, root=root), actor=actor, lock_timeout=lock_timeout, host=host)

    def archive(self) -> Path:
        """Move the dataset to ``<root>/_archive/`` and return its folder there; this object goes with it.

        Raises:
            DatasetArchived: The dataset lies under ``_archive/`` already.
            ArchiveRefused: Something is in the way; nothing was changed.
            ArchiveUnfinished: The folder could not be moved; nothing was changed.
        """
        from usr_core.store.changes.archive import archive_dataset

        archive_dataset(self._site(), moved=self._follow)
        return self.path

    def unarchive(self) -> Path:
        """Move the dataset back from ``_archive/`` and return its folder; this object goes with it.

        Raises:
            DatasetNotArchived: The dataset does not lie under ``_archive/``.
            DatasetExists, NestedDataset: Another dataset has its place by now.
            ArchiveRefused, ArchiveUnfinished: As `archive`.
        """
        from usr_core.store.changes.archive import unarchive_dataset

        unarchive_dataset(self._site(), moved=self._follow)
        return self.path

    def _follow(self, ref: DatasetRef) -> None:
        self.ref = ref
