"""`push`: bring the remote's copy up to the one here."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from usr_core.commit.record import CommitRecord, Publish, Retire
from usr_core.events.log import parse_line
from usr_core.fs.durable import link_or_copy
from usr_core.fs.errors import FileSystemError
from usr_core.plugin.transport_errors import RemoteRefused, RemoteUnreachable, TransportError
from usr_core.plugin.transports import SendRequest
from usr_core.roots.layout import RECORDS, STAGING
from usr_core.store.parts.present import refuse_partial_copy
from usr_core.sync.errors import (
    FileNotRegular,
    LogNotSyncable,
    NothingToSync,
    SourceChanging,
    SyncError,
    TransferDamaged,
)
from usr_core.sync.footers import check_footers
from usr_core.sync.jobs import JOB_FILES, write_job
from usr_core.sync.listing import Listing, list_remote, mark_of
from usr_core.sync.local_side import sha256_of
from usr_core.sync.plan import TransferPlan
from usr_core.sync.sections import is_canonical
from usr_core.sync.staging import FILES, claim_staging, drop_all_but
from usr_core.sync.survey import Survey
from usr_core.sync.transfer import Transfer

__all__ = ["Push"]

_PARTIAL = ".rsync-partial"


class Push(Transfer):
    """The files to send are linked aside first, so that writers here can go on, and staged there.

    They are promoted under the remote's lock by the standard commit. A push that dies is finished or undone by the next
    `usr` there or the next sync from anywhere.
    """

    keeps_what_it_replaces = False

    def begin(self) -> None:
        refuse_partial_copy(self.target.name, self.target.folder, doing="pushed")
        self._require_place()
        self.require_remote_root()

    def _require_place(self) -> None:
        """Check that no folder on the way to the dataset there is a dataset itself."""
        for above in list(PurePosixPath(self.target.remote_folder).parents)[: self.target.name.count("/")]:
            if self.context.transport.stat(f"{above}/{RECORDS}") is not None:
                raise self._no_place(f"{above} is a dataset itself there")

    def _no_place(self, why: str) -> NothingToSync:
        return NothingToSync(
            what=f"A place for {self.target.name} on the remote",
            place=self.target.remote_folder,
            hint=f"{why}; rename one of the two.",
        )

    def missing(self) -> NothingToSync:
        return NothingToSync(
            what=f"The dataset {self.target.name}",
            place=str(self.target.folder),
            hint="See `usr ls` for the datasets here.",
        )

    def planned(self, survey: Survey) -> TransferPlan:
        for name in survey.taker.files:
            folder, _, base = name.partition("/")
            if base == RECORDS and not folder.startswith("_"):  # it would be hidden
                raise self._no_place(f"The dataset {self.target.name}/{folder} lies there")
        plan = super().planned(survey)
        odd = set(plan.taker.listing.links)
        for name in plan.copy if odd else ():
            for place in (PurePosixPath(name), *PurePosixPath(name).parents):
                if str(place) in odd:
                    raise FileNotRegular(str(place), side="on the remote", folder=self.target.remote_folder)
        return plan

    def tidy(self) -> None:
        # A push that was killed while it cleaned up may have left something on both sides.
        with (
            contextlib.suppress(FileSystemError, TransportError),
            claim_staging(self.target.folder, kind="push", other=self.other) as place,
        ):
            self.remote.remove_staging(place.name)

    def require_whole_log(self) -> None:
        """Refuse a remote log whose last event only lacks its newline; else the commit cuts off what is torn."""
        log, end = self.plan.taker.log, self.plan.taker.head.end
        torn = log.read(end, log.size - end)
        if torn and parse_line(torn) is not None:
            raise LogNotSyncable(
                reason="its last line lacks the end of the line; `printf '\\n' >>.events.log` adds it", side="there"
            )

    def stage(self, place: Path) -> None:
        self._freeze(place)
        write_job(place, self._record(place.name))
        self._send(place)
        self._check(place)

    def _freeze(self, place: Path) -> None:
        """Link the files to send aside as they were listed."""
        drop_all_but(place, ())
        frozen = {name: place / FILES / name for name in self.plan.copy}
        (place / FILES).mkdir(exist_ok=True)
        for name, link in frozen.items():
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                link_or_copy(self.local.path(name), link)
            except FileNotFoundError as error:
                raise SourceChanging(what="The dataset here") from error
        for name, content in self.plan.made.items():
            (place / FILES / name).parent.mkdir(parents=True, exist_ok=True)
            (place / FILES / name).write_bytes(content)
        # A link shares the inode that was listed, and shows when it was written since; a copy has to be read.
        giver = self.plan.giver
        moved = {name: link for name, link in frozen.items() if mark_of(link.lstat()) != giver.files[name].mark}
        if any(digest != giver.digests.get(name) for name, digest in sha256_of(moved).items()):
            raise SourceChanging(what="The dataset here")
        check_footers({name: link for name, link in frozen.items() if is_canonical(name)})

    def _send(self, place: Path) -> None:
        """Send the job and the files that are not there from an earlier try."""
        transport, there = self.context.transport, f"{self.target.remote_folder}/{STAGING}/{place.name}"
        wanted = self._not_yet_there(place)
        if wanted:
            transport.send(
                SendRequest(
                    source=place / FILES,
                    files=tuple(wanted),
                    into=f"{there}/{FILES}",
                    basis=self.target.remote_folder if self.plan.taker.listing.exists else None,
                    progress=self.progress(self.size_of(wanted)),
                )
            )
        transport.send(SendRequest(source=place, files=JOB_FILES, into=there))

    def _staged(self, place: Path) -> Listing:
        """List a staging folder there."""
        entries = self.context.transport.walk(f"{self.target.remote_folder}/{STAGING}/{place.name}")
        return list_remote(entries, exists=True, staging=True)

    def _names(self) -> list[str]:
        """Return what the staging folder there is to hold."""
        return [*(f"{FILES}/{name}" for name in self._sent()), *JOB_FILES]

    def _sent(self) -> list[str]:
        return [*self.plan.copy, *self.plan.made]

    def _mine(self) -> dict[str, str]:
        """Return the digests of what is sent."""
        made = {name: hashlib.sha256(content).hexdigest() for name, content in self.plan.made.items()}
        return {**self.plan.giver.digests, **made}

    def _not_yet_there(self, place: Path) -> list[str]:
        """Return which files are still to be sent; leftovers that are of no use any more are removed there."""
        staged, everything = self._staged(place), self._sent()
        if not staged.files and not staged.links:
            return everything
        if staged.links or any(_PARTIAL not in name for name in staged.files.keys() - self._names()):
            self.remote.remove_staging(place.name)
            return everything
        if not self.verification.digests:
            return everything
        kept = [name for name in everything if f"{FILES}/{name}" in staged.files]
        mine = self._mine()
        found = self.remote.digests(kept, below=f"{STAGING}/{place.name}/{FILES}", expected=lambda: mine)
        return [name for name in everything if found.get(name) != mine[name]]

    def _check(self, place: Path) -> None:
        """Check that what is staged there is what was sent, and nothing else.

        Raises:
            TransferDamaged: It is not, and has been removed there.
        """
        names, staged = self._names(), self._staged(place)
        odd = sorted((staged.files.keys() | set(staged.links)) - set(names))
        if any(_PARTIAL not in name for name in odd):
            raise TransferDamaged(files=odd, reason="there are files in the staging folder that nobody sent")
        wrong = [
            name for name in names if name not in staged.files or staged.size(name) != (place / name).stat().st_size
        ]
        if not wrong and self.verification.digests:
            known = self._mine()
            mine = {f"{FILES}/{name}": known[name] for name in self._sent()}
            mine |= sha256_of({name: place / name for name in JOB_FILES})
            found = self.remote.digests(names, below=f"{STAGING}/{place.name}", expected=lambda: mine)
            wrong = [name for name in names if found.get(name) != mine[name]]
        if wrong:
            self.remote.remove_staging(place.name)
            files = [name.removeprefix(f"{FILES}/") for name in wrong]
            raise TransferDamaged(files=files, reason="the content differs")

    def _record(self, staging: str) -> CommitRecord:
        """Return the commit record of the promotion."""
        plan, aside = self.plan, self.put_aside(staging)
        retires = tuple(Retire(final=name, target=f"{aside}/{name}") for name in (*plan.retire, *plan.keep))
        publishes = tuple(
            Publish(
                staged=f"{FILES}/{name}",
                final=name,
                undo=f"undo-{number}" if name in plan.taker.files and name not in plan.keep else None,
            )
            for number, name in enumerate(self._sent())
        )
        made = [*(one.final for one in publishes), *(one.target for one in retires)]
        return CommitRecord(
            seq=plan.taker.head.seq + 1,
            txn=staging,
            operations=(*retires, *publishes),
            folders=tuple(sorted(_folders(made) - _folders(plan.taker.files) - {"."})),
            line=plan.lines,
            offset=plan.taker.head.end,
        )

    def promote(self, place: Path) -> None:
        """Make the staged files real there, if nobody has changed what the plan was made for.

        Raises:
            RemoteUnreachable: The connection broke before the commit; or after it was asked for, and a second look
                says that it was not made, or could not be had.
        """
        taker, record = self.plan.taker, CommitRecord.read(place / "record.json")
        asked = False
        try:
            with self.remote.locked(f"push from {os.uname().nodename}", create=True) as held:
                if not held:
                    raise RemoteRefused(
                        f"The folder {self.target.remote_folder} on the remote can't be written.",
                        hint="Ask for write permission there.",
                        facts={"path": self.target.remote_folder},
                    )
                now, log = self.remote.look()
                if now.records:
                    self.remote.recover(now)
                    raise SourceChanging(what="The remote copy")
                names = (*self._sent(), *self.plan.retire)
                moved = any(now.files.get(name) != taker.files.get(name) for name in names)
                if moved or log.size != taker.log.size or not self.remote.still(taker.log):
                    raise SourceChanging(what="The remote copy")
                asked = True
                self.remote.commit(record, job=f"{STAGING}/{place.name}")
        except RemoteUnreachable as lost:
            if not asked:
                raise
            self._look_again(lost)

    def _look_again(self, lost: RemoteUnreachable) -> None:
        """After the connection broke while the commit was made: connect once more, and go on if it was made.

        What is half done there is finished first, under the lock, which whoever still works on it holds.
        """
        self.context.warn("the connection broke while the change was made on the remote; connecting again to see")
        try:
            made = self._was_made()
        except (TransportError, SyncError) as error:
            raise RemoteUnreachable(
                "The connection broke while the change was made on the remote, and whether it was made is not known: "
                f"{error.message}",
                hint="Run the same push again when the remote can be reached: it finishes the change, or says that "
                "there is nothing to do.",
                facts={**lost.facts},
            ) from lost
        if not made:
            raise RemoteUnreachable(
                "The connection broke while the change was made on the remote, and it was not made: the remote copy "
                "is as it was.",
                hint="Run the same push again: what has arrived is kept there.",
                facts={**lost.facts},
            ) from lost

    def _was_made(self) -> bool:
        """Tell whether the remote has what the plan says."""
        plan, end = self.plan, self.plan.taker.head.end
        listing, log = self.remote.listing("push", lock=True)
        if log.size < end + len(plan.lines) or log.read(end, len(plan.lines)) != plan.lines:
            return False
        alike = all(listing.size(name) == plan.giver.size(name) for name in plan.copy)
        if not alike or any(name in listing.files for name in plan.retire):
            return False
        if not self.verification.digests:
            return True
        there = self.remote.digests(plan.copy, expected=lambda: plan.giver.digests)
        return all(there.get(name) == plan.giver.digests.get(name) for name in plan.copy)


def _folders(names: Iterable[str]) -> set[str]:
    """Return every folder above these names."""
    return {str(place) for name in names for place in PurePosixPath(name).parents}
