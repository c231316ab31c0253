"""Comparing the dataset with a remote's copy, and bringing one of them up to date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.dataset.site import DatasetSite

if TYPE_CHECKING:
    from usr_core.sync.request import Action, SyncOptions

__all__ = ["Syncing"]


class Syncing(DatasetSite):
    """`diff`, `pull`, `push`."""

    def diff(
        self, remote: str, *, options: SyncOptions | None = None, remotes_file: Path | None = None
    ) -> dict[str, Any]:
        """Compare with a remote's copy and return the audit (docs/reference/json.md); nothing changes anywhere.

        Args:
            remote: A remote of the remotes file.
            options: How to compare; see `usr_core.sync.SyncOptions`.
            remotes_file: The remotes file; by default ``USR_REMOTES_PATH``.

        Raises:
            RemoteUnknown: The remotes file has no such remote.
            SyncError, TransportError: See `usr_core.sync.sync`.
        """
        return self._synced("diff", remote, options, remotes_file)

    def pull(
        self, remote: str, *, options: SyncOptions | None = None, remotes_file: Path | None = None
    ) -> dict[str, Any]:
        """Bring this copy up to a remote's and return the audit; a dataset that is not here yet is made.

        Takes the lock on both sides for moments only. Arguments as `diff`.

        Raises:
            HistoryAhead, HistoriesDiverged, CopiesDamaged: The copies can't be brought together; nothing changed.
            SyncError, TransportError, LockTimeout, FileSystemError: Nothing changed.
        """
        return self._synced("pull", remote, options, remotes_file)

    def push(
        self, remote: str, *, options: SyncOptions | None = None, remotes_file: Path | None = None
    ) -> dict[str, Any]:
        """Bring a remote's copy up to this one and return the audit. Arguments and errors as `pull`."""
        return self._synced("push", remote, options, remotes_file)

    def _synced(
        self, action: Action, remote: str, options: SyncOptions | None, remotes_file: Path | None
    ) -> dict[str, Any]:
        import logging

        from usr_core.sync.run import sync

        return sync(
            action,
            self.name,
            remote,
            root=self.ref.root,
            remotes_file=remotes_file,
            options=options,
            host=self.host,
            lock_timeout=self.lock_timeout,
            warn=logging.getLogger("usr").warning,
        )
