"""Putting the dataset away, and bringing it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from usr_core.dataset.site import DatasetSite
from usr_core.events.actor import Actor

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost

__all__ = ["Archiving"]


class Archiving(DatasetSite):
    """`open_archived`, `archive`, `unarchive`."""

    @classmethod
    def open_archived(
        cls, root: str | Path, name: str, *, actor: Actor | None = None, host: PluginHost | None = None, **options: float
    ) -> Self:
        """Return the dataset `name` of the root's ``_archive/``; it can be read, and not be changed.

        Raises:
            DatasetMissing, AmbiguousDataset, InvalidDatasetId: `name` names none.
        """
        from usr_core.store.archive import find_archived

        return cls(find_archived(Path(root).expanduser(), name), actor=actor, host=host, **options)

    def archive(self) -> Path:
        """Move the dataset to ``<root>/_archive/`` and return its folder there; this object goes with it.

        Raises:
            DatasetArchived: It is there already.
            ArchiveRefused: Something is in the way; nothing was changed.
            ArchiveUnfinished: The event is written and the folder did not move; call it again.
        """
        from usr_core.store.archive import archive_dataset

        outcome = archive_dataset(self._site())
        self.ref = outcome.ref
        self._announce(outcome.event)
        return self.path

    def unarchive(self) -> Path:
        """Move the dataset back from ``_archive/`` and return its folder; this object goes with it.

        Raises:
            DatasetExists, NestedDataset: Another dataset has its place by now.
            ArchiveRefused, ArchiveUnfinished: As `archive`.
        """
        from usr_core.store.archive import unarchive_dataset

        outcome = unarchive_dataset(self._site())
        self.ref = outcome.ref
        self._announce(outcome.event)
        return self.path
