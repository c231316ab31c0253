"""A remote's copy of a dataset, fetched into a temporary folder to be read beside the one here."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from usr_core.commit.read_snapshot import TRIES
from usr_core.fs.lock import LOCK_SECONDS
from usr_core.plugin.host import PluginHost
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import FetchRequest
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.layout import EVENT_LOG, RECORDS
from usr_core.sync.errors import SourceChanging, TransferDamaged
from usr_core.sync.footers import check_footers
from usr_core.sync.listing import Listing
from usr_core.sync.local_side import sha256_of
from usr_core.sync.request import SyncOptions
from usr_core.sync.run import connected
from usr_core.sync.sections import is_canonical
from usr_core.sync.staging import drop_all_but, require_only
from usr_core.sync.target import SyncTarget
from usr_core.sync.transfer import DatasetRun

__all__ = ["remote_copy"]


@contextlib.contextmanager
def remote_copy(
    ref: DatasetRef,
    remote: str,
    *,
    remotes_file: Path | None = None,
    host: PluginHost | None = None,
    lock_timeout: float = LOCK_SECONDS,
    warn: Callable[[str], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[DatasetRef]:
    """Yield a remote's copy of a dataset as a dataset of a temporary root, which is removed afterwards.

    It has the base, overlays, frozen registries and the log; no notes, no snapshots, and nothing that history keeps.
    What the copy here has too need not travel. Nothing changes on either side, and no lock is taken.

    Args:
        ref: The dataset here; it need not exist.
        remote: A remote of the remotes file.
        remotes_file, host, lock_timeout, warn, progress: As for `usr_core.sync.run.sync`.

    Raises:
        NothingToSync: The remote has no such dataset.
        TransferDamaged: What arrived is not what the remote has.
        SourceChanging: The copy there changed again and again.
        UsrError: As `usr_core.sync.run.sync`.

    Example:
        >>> from usr_core.api import Dataset
        >>> from usr_core.api.sync import remote_copy
        >>> dataset.push("lab-server")["transfer_state"]
        'TRANSFERRED'
        >>> dataset.delete(ids[:1]).deleted
        1
        >>> with remote_copy(dataset.ref, "lab-server", host=dataset.host) as there:
        ...     len(dataset.to_arrow()), len(Dataset(there).to_arrow())
        (2, 3)
    """
    options = SyncOptions()
    with (
        tempfile.TemporaryDirectory(prefix="usr-remote-copy-") as root,
        connected(
            "diff",
            ref,
            remote,
            remotes_file=remotes_file,
            options=options,
            host=host,
            lock_timeout=lock_timeout,
            warn=warn,
            progress=progress,
        ) as (target, context),
    ):
        folder = Path(root) / ref.name
        folder.mkdir(parents=True)
        _Fetch("diff", cast("SyncTarget", target), options, context).into(folder)
        yield DatasetRef(root=Path(root), name=ref.name, path=folder)


class _Fetch(DatasetRun):
    """Brings what a reader needs of the copy there."""

    def into(self, folder: Path) -> None:
        """Fetch it into an empty folder, and check it there; all again where the copy there changes meanwhile."""
        self.verification = self.choose()
        for _ in range(TRIES):
            listing, log = self.remote.listing("diff", lock=False)
            if RECORDS not in listing.files:
                what = f"The dataset {self.target.name} on {self.context.remote_name}"
                raise self.nothing_there(what, place=self.target.remote_folder)
            names = tuple(name for name in listing.files if is_canonical(name))
            drop_all_but(folder, names)
            try:
                self._fetch(names, folder)
                (folder / EVENT_LOG).write_bytes(log.read(0, log.size))
                wrong = self._wrong(names, folder, listing)
                if not self.remote.changed(listing, names) and self.remote.still(log):
                    break
            except RemoteChanged:
                continue
        else:
            raise SourceChanging(what="The remote copy")
        if wrong:
            raise TransferDamaged(files=wrong, reason="the content differs")
        check_footers({name: folder / name for name in names})

    def _fetch(self, names: tuple[str, ...], folder: Path) -> None:
        basis = self.target.folder if self.target.folder.is_dir() else None
        request = FetchRequest(
            folder=self.target.remote_folder, files=names, into=folder, basis=basis, progress=self.progress()
        )
        self.context.transport.fetch(request)
        require_only(folder, names)

    def _wrong(self, names: tuple[str, ...], folder: Path, listing: Listing) -> list[str]:
        """Return which of the files that arrived are not those of the copy there."""
        if not self.verification.digests:
            return [name for name in names if (folder / name).stat().st_size != listing.size(name)]
        here = sha256_of({name: folder / name for name in names})
        there = self.remote.digests(names, expected=lambda: here)
        return [name for name in names if here.get(name) != there.get(name)]
