"""Maintenance: what rewrites the base, and what keeps copies of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.dataset.site import DatasetSite, Progress

if TYPE_CHECKING:
    from usr_core.store.changes.materialize import MaterializeOutcome
    from usr_core.store.checks.doctor.cleaning import Removed

__all__ = ["Upkeep"]


class Upkeep(DatasetSite):
    """`materialize`, `freeze_registry`, `snapshot`, `adopt`, `clean`."""

    def materialize(
        self,
        *,
        namespaces: Sequence[str] | None = None,
        snapshot_before: bool = False,
        drop_overlays: bool = False,
        archive_overlays: bool = False,
        drop_deleted: bool = False,
        progress: Progress | None = None,
    ) -> MaterializeOutcome:
        """Fold overlay columns into the base. Needs a `maintenance` block.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            ValueError: Overlays can't be dropped and archived at once.
        """
        from usr_core.store.changes.materialize import MaterializeOptions, OverlaysAfter, materialize

        self._require_maintenance("materialize")
        if drop_overlays and archive_overlays:
            raise ValueError("overlays can be dropped or archived, not both")
        after: OverlaysAfter = "drop" if drop_overlays else "archive" if archive_overlays else "keep"
        return materialize(
            self._site(),
            MaterializeOptions(
                namespaces=tuple(namespaces) if namespaces is not None else None,
                overlays=after,
                snapshot_before=snapshot_before,
                drop_deleted=drop_deleted,
            ),
            progress=progress,
        )

    def freeze_registry(self) -> tuple[bool, str]:
        """Freeze the root's registry here and stamp its hash into the base. Needs a `maintenance` block.

        Returns:
            Whether anything changed, and the registry's hash.
        """
        from usr_core.store.changes.freeze import freeze_registry

        self._require_maintenance("freeze_registry")
        return freeze_registry(self._site())

    def snapshot(self) -> Path:
        """Keep the base as it is under `_snapshots/`, at no cost where hard links work; return the file."""
        from usr_core.store.changes.snapshot import take_snapshot

        return self.path / take_snapshot(self._site())

    def adopt(self) -> Mapping[str, Any] | None:
        """Accept the files as they are found: begin a new log if the old one is lost, or accept changes made by hand.

        Returns:
            The ``adopt`` event, or None where the log tells exactly these files already.
        """
        from usr_core.store.checks.doctor.adoption import adopt_files

        return adopt_files(self._site())

    def clean(self, *, older_than_seconds: float) -> list[Removed]:
        """Remove what transfers have put aside and what interrupted writers left; no file of the dataset itself.

        Args:
            older_than_seconds: How old what pulls and pushes have put aside has to be.

        Returns:
            What was removed, each with its size in bytes.
        """
        from usr_core.store.checks.doctor.cleaning import clean_dataset

        return clean_dataset(self._site(), older_than_seconds=older_than_seconds)
