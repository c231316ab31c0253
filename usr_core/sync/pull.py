"""`pull`: bring the copy here up to the remote's."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from usr_core.commit.transaction import Transaction
from usr_core.errors import UsrError
from usr_core.fs.errors import file_system_error
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import FetchRequest
from usr_core.roots.layout import DatasetLayout
from usr_core.roots.unfinished import ORIGIN
from usr_core.sync.errors import NothingToSync, SourceChanging, TransferDamaged
from usr_core.sync.footers import check_footers
from usr_core.sync.kept_history import keep_replaced
from usr_core.sync.local_side import sha256_of
from usr_core.sync.root_registry import give_root_a_registry
from usr_core.sync.sections import is_canonical
from usr_core.sync.staging import FILES, drop_all_but, drop_staging, require_only
from usr_core.sync.transfer import Transfer

__all__ = ["Pull"]


class Pull(Transfer):
    """Files are staged here, and an ordinary commit makes them real."""

    keeps_what_it_replaces = True

    def missing(self) -> NothingToSync:
        what = f"The dataset {self.target.name} on {self.context.remote_name}"
        return self.nothing_there(what, place=self.target.remote_folder)

    def tidy(self) -> None:
        drop_staging(self.target.folder, kind="pull", other=self.other)
        self.settle()

    def settle(self) -> None:
        if not self.options.primary_only:
            self.audit.registry_written = give_root_a_registry(self.target, self.context)

    def stage(self, place: Path) -> None:
        # Undo copies of a promotion that died before its commit point would be in the way of this one's.
        drop_all_but(place, [ORIGIN, *(f"{FILES}/{name}" for name in self.plan.copy)])
        files = place / FILES
        files.mkdir(exist_ok=True)
        self._fetch(files)
        self._arrived = self._complete(files)
        self._check(files)

    def _fetch(self, files: Path) -> None:
        """Bring the files of the plan, but for those that an earlier try brought already."""
        drop_all_but(files, self.plan.copy)
        there = self.plan.giver.digests
        kept = sha256_of({name: files / name for name in self.plan.copy if (files / name).is_file()})
        wanted = tuple(name for name in self.plan.copy if name not in kept or kept[name] != there.get(name))
        if wanted:
            self.context.transport.fetch(
                FetchRequest(
                    folder=self.target.remote_folder,
                    files=wanted,
                    into=files,
                    basis=self.target.folder if self.target.folder.is_dir() else None,
                    progress=self.progress(self.size_of(wanted)),
                )
            )

    def _complete(self, files: Path) -> list[str]:
        """Return the names that have arrived; a sidecar that has not is a warning where those are not verified.

        Raises:
            TransferDamaged: A file is missing.
        """
        missing = require_only(files, self.plan.copy, missing_ok=not self.verification.sidecars)
        canonical = [name for name in missing if is_canonical(name)]
        if canonical:
            raise TransferDamaged(files=canonical, reason="files did not arrive")
        for name in missing:
            self.context.warn(f"{name} did not arrive, and stays as it was here")
        return [name for name in self.plan.copy if name not in set(missing)]

    def _check(self, files: Path) -> None:
        """Check that what has arrived is what the remote has.

        Raises:
            TransferDamaged: A file is not what the remote had; it is removed, so that it travels again.
            SourceChanging: The remote's file is not what it was.
        """
        giver, arrived = self.plan.giver, self._arrived
        if self.verification.digests:
            here = sha256_of({name: files / name for name in arrived})
            wrong = [name for name in arrived if here.get(name) != giver.digests.get(name)]
        else:
            wrong = [name for name in arrived if (files / name).stat().st_size != giver.size(name)]
        if wrong:
            for name in wrong:
                (files / name).unlink()
            with contextlib.suppress(RemoteChanged):
                if self.remote.changed(giver.listing, wrong):
                    raise SourceChanging(what="The remote copy")
            raise TransferDamaged(files=wrong, reason="the content differs")
        check_footers({name: files / name for name in arrived if is_canonical(name)})
        if not self.verification.digests and self.remote.changed(giver.listing, arrived):
            raise SourceChanging(what="The remote copy")

    def promote(self, place: Path) -> None:
        plan, folder = self.plan, self.target.folder
        if not self.remote.still(plan.giver.log):
            raise SourceChanging(what="The remote's event log")
        aside, arrived, timeout = self.put_aside(place.name), set(self._arrived), self.context.lock_timeout
        try:
            with Transaction(DatasetLayout(folder), command="pull", lock_timeout=timeout, staging=place.name) as txn:
                if (txn.head.end, txn.head.digest) != (plan.taker.head.end, plan.taker.head.digest):
                    raise SourceChanging(what="The dataset here")
                keep = {*plan.keep, *plan.retire}
                for name in (*plan.retire, *self._arrived):
                    if name in plan.kept:
                        keep_replaced(txn, name, plan.kept[name], place / FILES / name)
                    elif (name in keep or not is_canonical(name)) and os.path.lexists(folder / name):
                        txn.retire(name, into=f"{aside}/{name}")
                    if name in arrived:
                        txn.adopt(name, f"{FILES}/{name}")
                for name, content in plan.made.items():
                    txn.stage(name).write_bytes(content)
                txn.extend_log(plan.lines)
        except OSError as error:
            if isinstance(error, UsrError):
                raise
            raise file_system_error(error, folder, "promote what has arrived") from error
