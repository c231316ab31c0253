"""Maintenance beside materializing: compacting, removing and clearing overlays, removing rows, merging."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.dataset.site import DatasetSite, Progress

if TYPE_CHECKING:
    from usr_core.store.changes.clear import ClearOutcome
    from usr_core.store.changes.compact import CompactOutcome
    from usr_core.store.changes.dedupe import DedupeOutcome
    from usr_core.store.changes.merge_datasets.outcome import MergeOutcome
    from usr_core.store.changes.remove import RemoveOutcome
    from usr_core.store.changes.row_drop import ChosenRows, DropOutcome
    from usr_core.store.mutation import Site
    from usr_core.store.view.merged_view import MergedView

__all__ = ["MaintenanceVerbs"]


class MaintenanceVerbs(DatasetSite):
    """`compact_overlay`, `remove_overlay`, `clear_overlay`, `dedupe`, `drop_rows`, `merge`.

    Each needs a `maintenance` block, except for ``dry_run=True``, which counts what would change and takes no lock.
    """

    def compact_overlay(
        self, namespace: str, *, drop: bool = False, dry_run: bool = False, progress: Progress | None = None
    ) -> CompactOutcome:
        """Merge all parts of a namespace into one; what a reader sees stays the same. Needs a `maintenance` block.

        Args:
            namespace: A registered namespace.
            drop: Remove the old files; else they go to ``_derived/_archived/<namespace>/<stamp>/``.
            dry_run: Count, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            NoSuchOverlay, NamespaceNotRegistered, NamespaceReservedHere: `namespace` can't be compacted.
            OverlayKeysUnresolved, OverlayKeyFault: The keys of a part do not tell ids.
        """
        from usr_core.store.changes.compact import CompactOptions, compact_overlay

        site = self._maintenance_site("compact_overlay", dry_run=dry_run)
        options = CompactOptions(namespace=namespace, drop=drop, dry_run=dry_run)
        return compact_overlay(site, options, progress=progress)

    def remove_overlay(self, namespace: str, *, mode: str, dry_run: bool = False) -> RemoveOutcome:
        """Take away all values of a namespace. Needs a `maintenance` block.

        Args:
            namespace: A namespace with an overlay here; it need not be registered any more.
            mode: ``archive`` moves the files to ``_derived/_archived/<namespace>/<stamp>/``, ``delete`` removes them.
            dry_run: Count, and change nothing.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            NoSuchOverlay, NamespaceReservedHere, UnknownChoice: The overlay can't be removed that way.
        """
        from usr_core.store.changes.remove import RemoveOptions, remove_overlay

        site = self._maintenance_site("remove_overlay", dry_run=dry_run)
        return remove_overlay(site, RemoveOptions(namespace=namespace, mode=mode, dry_run=dry_run))

    def clear_overlay(
        self,
        namespace: str,
        columns: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> ClearOutcome:
        """Unset values, attached ones as well as materialized ones. Needs a `maintenance` block.

        The files that held attached ones are archived; a base that is rewritten for it is kept as a snapshot.

        Args:
            namespace: A registered namespace.
            columns: Its columns, with or without prefix.
            ids: The records whose values are unset; None is all.
            dry_run: Count, and change nothing.
            progress: Called with the number of rows just done.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            IdsUnknown, ColumnNotRegistered, NoSuchOverlay, NamespaceReservedHere: An id, column or overlay to clear
                does not exist, or is reserved.
        """
        from usr_core.store.changes.clear import ClearOptions, clear_overlay

        site = self._maintenance_site("clear_overlay", dry_run=dry_run)
        options = ClearOptions(
            namespace=namespace,
            columns=tuple(columns),
            ids=tuple(ids) if ids is not None else None,
            dry_run=dry_run,
        )
        return clear_overlay(site, options, progress=progress)

    def dedupe(
        self, *, key: str, keep: str = "keep-first", dry_run: bool = False, progress: Progress | None = None
    ) -> DedupeOutcome:
        """Remove all but one of the records that share a key. Needs a `maintenance` block.

        Args:
            key: ``id``, ``sequence``, ``sequence_norm`` or ``sequence_ci``.
            keep: ``keep-first`` or ``keep-last``, in the base's order; a live record stays before a deleted one.
            dry_run: Count, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            UnknownChoice, KeyNeedsOneBioType, KeyNeedsDna4: The key does not exist, or does not suit the dataset.
        """
        from usr_core.store.changes.dedupe import DedupeOptions, dedupe

        site = self._maintenance_site("dedupe", dry_run=dry_run)
        return dedupe(site, DedupeOptions(key=key, keep=keep, dry_run=dry_run), progress=progress)

    def drop_rows(
        self,
        choose: Callable[[MergedView], ChosenRows],
        *,
        action: str,
        args: Mapping[str, object] | None = None,
        snapshot_before: bool = True,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> DropOutcome:
        """Remove the rows that a function of the merged view chooses. Needs a `maintenance` block.

        For a tool that knows which of its rows are bad. Overlay values of records that go stay on disk, as `dedupe`
        leaves them.

        Args:
            choose: Returns the numbers of the rows that go; called under the lock, with the state that is changed.
            action: The event's action, ``<tool>_<word>``.
            args: What was asked, for the event.
            snapshot_before: Keep the base as it was under `_snapshots/`.
            dry_run: Choose, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            ToolActionInvalid: `action` is not an action of a tool.
            EventNotRecordable: `args`, or the metrics of what was chosen, are not JSON values.
            ValueError: The chosen rows are not rows of the base.
        """
        from usr_core.store.changes.row_drop import DropOptions, drop_rows

        site = self._maintenance_site("drop_rows", dry_run=dry_run)
        options = DropOptions(
            choose=choose, action=action, args=args or {}, snapshot_before=snapshot_before, dry_run=dry_run
        )
        return drop_rows(site, options, progress=progress)

    def merge(
        self,
        source: DatasetSite | str | Path,
        *,
        require_same_columns: bool = False,
        if_duplicate: str = "skip",
        coerce_overlap: str = "to-dest",
        avoid_casefold_dups: bool = True,
        carry_namespaces: Sequence[str] = (),
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> MergeOutcome:
        """Add the records of another dataset to this one. Needs a `maintenance` block.

        Args:
            source: A dataset, an id in this root, or the folder of a dataset anywhere.
            require_same_columns: Refuse bases with different columns; else missing values are null.
            if_duplicate: ``error``, ``skip``, ``prefer-src`` or ``prefer-dest``, for records that are here already;
                what counts are the values that readers of the two see.
            coerce_overlap: ``to-dest`` casts values of another type exactly, text to numbers and back among them;
                ``none`` refuses them.
            avoid_casefold_dups: Leave out records that differ from one here only in the case of letters.
            carry_namespaces: Namespaces whose overlay values come along.
            dry_run: Check and count, and change nothing.
            progress: Called with the number of rows just written.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            UsrError: The datasets can't be merged that way (see `merge_datasets` in
                `usr_core.store.changes.merge_datasets.merge`).
        """
        from usr_core.roots.locate import locate_dataset
        from usr_core.store.changes.merge_datasets.merge import merge_datasets
        from usr_core.store.changes.merge_datasets.outcome import MergeOptions

        site = self._maintenance_site("merge", dry_run=dry_run)
        ref = source.ref if isinstance(source, DatasetSite) else locate_dataset(str(source), root=self.ref.root)
        return merge_datasets(
            site,
            ref,
            MergeOptions(
                same_columns=require_same_columns,
                if_duplicate=if_duplicate,
                coerce_overlap=coerce_overlap,
                avoid_case_variants=avoid_casefold_dups,
                carried=tuple(carry_namespaces),
                dry_run=dry_run,
            ),
            progress=progress,
        )

    def _maintenance_site(self, verb: str, *, dry_run: bool) -> Site:
        """Return where the change happens; a dry run needs no maintenance block.

        Raises:
            MaintenanceRequired: Not inside a maintenance block.
            DatasetArchived: The dataset lies under ``_archive/``, where it can only be read.
        """
        if not dry_run:
            from usr_core.store.mutation import refuse_archived

            self._require_maintenance(verb)
            refuse_archived(self.ref)
        return self._site()
