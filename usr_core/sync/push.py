"""`push`: bring the remote's copy up to the one here, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from usr_core.commit.record import CommitRecord, Publish, Retire
from usr_core.events.log import parse_line
from usr_core.fs.durable import link_or_copy
from usr_core.fs.errors import FileSystemError
from usr_core.plugin.transport_errors import RemoteRefused, RemoteUnreachable, TransportError
from usr_core.plugin.transports import SendRequest, Transport
from usr_core.roots.layout import RECORDS, REPLACED, STAGING
from usr_core.store.partial_copy import refuse_partial_copy
from usr_core.sync.audit import plan_in_audit
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
from usr_core.sync.parties import Run
from usr_core.sync.plan import TransferPlan, plan_transfer
from usr_core.sync.request import SyncContext, SyncOptions
from usr_core.sync.sections import is_canonical
from usr_core.sync.staging import FILES, claim_staging, drop_all_but
from usr_core.sync.target import SyncTarget

__all__ = ["push_dataset"]


def push_dataset(target: SyncTarget, options: SyncOptions, context: SyncContext) -> dict[str, Any]:
    """Bring a remote's copy of a dataset up to date, and return the audit.

    The files to send are linked aside first, so that writers here can go on. There they are staged, checked, and
    promoted under the remote's lock by the standard commit, if its head is still the one that was planned for. A push
    that dies is finished or undone by the next `usr` there or the next sync from anywhere.

    Raises:
        NothingToSync: There is no such dataset here, or the remote has no such root.
        CopyIncomplete: The copy here was pulled with ``--primary-only``.
        HistoryAhead, HistoriesDiverged, CopiesDamaged: See `plan_transfer`.
        FileNotRegular: A link or a special file is on the remote where a file is to be written.
        TransferDamaged, SourceChanging: What arrived is not what is here, or somebody else changed the remote.
        RemoteUnreachable: The connection broke; the message says whether the change was made.
        TransportError, LockTimeout, FileSystemError: The transport, the lock or the file system failed.
    """
    run = Run("push", target, options, context)
    with run.accounted():
        refuse_partial_copy(target.name, target.folder, doing="pushed")
        _require_place(context.transport, target)
        run.require_remote_root()
        survey = run.look()
        if RECORDS not in survey.local.files:
            raise NothingToSync(
                f"The dataset {target.name}",
                place=str(target.folder),
                hint="See `usr ls` for the datasets here.",
            )
        _require_no_dataset_below(survey.remote, target)
        plan = plan_transfer("push", survey, options)
        _require_no_links(plan, target)
        run.audit["plan"] = plan_in_audit(plan)
        if plan.nothing or options.dry_run:
            run.finish("NO-OP" if plan.nothing else "DRY-RUN")
            if plan.nothing and not options.dry_run:
                _drop_leftovers(run)
            return run.audit
        _require_whole_log(run)
        context.confirm(run.audit)
        with _frozen(run, plan) as place:
            _send(run, plan, place)
            _promote(run, plan, place)
        run.finish("TRANSFERRED")
        run.account("push")
    return run.audit


def _require_place(transport: Transport, target: SyncTarget) -> None:
    """Check that no folder on the way to the dataset there is a dataset itself."""
    folder = PurePosixPath(target.remote_folder)
    for above in list(folder.parents)[: target.name.count("/")]:
        if transport.stat(f"{above}/{RECORDS}") is not None:
            raise NothingToSync(
                f"A place for {target.name} on the remote",
                place=str(folder),
                hint=f"{above} is a dataset itself there; rename one of the two.",
            )


def _other(run: Run) -> str:
    return f"{run.context.remote_name}:{run.target.remote_folder}"


def _drop_leftovers(run: Run) -> None:
    """Remove what an earlier try left on both sides: a push that was killed while it cleaned up may have."""
    with (
        contextlib.suppress(FileSystemError, TransportError),
        claim_staging(run.target.folder, kind="push", other=_other(run)) as place,
    ):
        run.remote.remove_staging(place.name)


def _require_no_dataset_below(there: Listing, target: SyncTarget) -> None:
    """Refuse a dataset in whose folder there another one lies: it would be hidden."""
    for name in there.files:
        folder, _, base = name.partition("/")
        if base == RECORDS and not folder.startswith("_"):
            raise NothingToSync(
                f"A place for {target.name} on the remote",
                place=target.remote_folder,
                hint=f"The dataset {target.name}/{folder} lies there; rename one of the two.",
            )


def _require_no_links(plan: TransferPlan, target: SyncTarget) -> None:
    """Refuse to write over, or through, what is a link or a special file there."""
    odd = set(plan.taker.links)
    if not odd:
        return
    for name in plan.copy:
        for place in (PurePosixPath(name), *PurePosixPath(name).parents):
            if str(place) in odd:
                raise FileNotRegular(str(place), side="on the remote", folder=target.remote_folder)


def _require_whole_log(run: Run) -> None:
    """Refuse a remote log whose last event only lacks its newline; what is torn otherwise is cut off by the commit."""
    survey = run.survey
    end = survey.history.remote.end
    torn = survey.remote_log.read(end, survey.remote_log.size - end)
    if torn and parse_line(torn) is not None:
        raise LogNotSyncable(
            "its last line lacks the end of the line; `printf '\\n' >>.events.log` adds it", side="there"
        )


@contextlib.contextmanager
def _frozen(run: Run, plan: TransferPlan) -> Iterator[Path]:
    """Yield a local staging folder whose ``files`` are the files to send as they were listed."""
    with claim_staging(run.target.folder, kind="push", other=_other(run)) as place:
        drop_all_but(place, ())
        (place / FILES).mkdir(exist_ok=True)
        for name in plan.copy:
            link = place / FILES / name
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                link_or_copy(run.local.path(name), link)
            except FileNotFoundError as error:
                raise SourceChanging("The dataset here") from error
        # A link shares the inode that was listed, and shows when it was written since; a copy has to be read.
        marks = {name: mark_of((place / FILES / name).lstat()) for name in plan.copy}
        moved = [name for name, mark in marks.items() if mark != plan.source.files[name].mark]
        known = run.survey.local_digests
        again = sha256_of({name: place / FILES / name for name in moved})
        if any(digest != known.get(name) for name, digest in again.items()):
            raise SourceChanging("The dataset here")
        frozen = {name: place / FILES / name for name in plan.copy}
        check_footers({name: path for name, path in frozen.items() if is_canonical(name)})
        yield place


def _send(run: Run, plan: TransferPlan, place: Path) -> None:
    """Send the job and the files that are not there from an earlier try, and check all of them there."""
    transport, there = run.context.transport, f"{run.target.remote_folder}/{STAGING}/{place.name}"
    write_job(place, _record(run, plan, place.name))
    wanted = _not_yet_there(run, plan, place)
    total = sum(plan.source.size(name) for name in wanted)
    if wanted:
        transport.send(
            SendRequest(
                source=place / FILES,
                files=tuple(wanted),
                into=f"{there}/{FILES}",
                basis=run.target.remote_folder if plan.taker.exists else None,
                progress=lambda done, in_all: run.context.progress("push", done, in_all or total),
            )
        )
    transport.send(SendRequest(source=place, files=JOB_FILES, into=there))
    names = [*(f"{FILES}/{name}" for name in plan.copy), *JOB_FILES]
    listing = list_remote(transport.walk(there), exists=True, staging=True)
    odd = sorted((set(listing.files) | set(listing.links)) - set(names))
    if [name for name in odd if ".rsync-partial" not in name]:
        raise TransferDamaged(files=odd, reason="there are files in the staging folder that nobody sent")
    wrong = [name for name in names if listing.size(name) != (place / name).stat().st_size or name not in listing.files]
    if not wrong and run.verification.digests:
        found = run.remote.digests(names, below=f"{STAGING}/{place.name}")
        mine = {f"{FILES}/{name}": run.survey.local_digests[name] for name in plan.copy}
        mine |= sha256_of({name: place / name for name in JOB_FILES})
        wrong = [name for name in names if found.get(name) != mine[name]]
    if wrong:
        run.remote.remove_staging(place.name)
        raise TransferDamaged(files=[name.removeprefix(f"{FILES}/") for name in wrong], reason="the content differs")


def _not_yet_there(run: Run, plan: TransferPlan, place: Path) -> list[str]:
    """Return which files are still to be sent; leftovers that are of no use any more are removed there."""
    transport, below = run.context.transport, f"{STAGING}/{place.name}"
    staged = list_remote(transport.walk(f"{run.target.remote_folder}/{below}"), exists=True, staging=True)
    if not staged.files and not staged.links:
        return list(plan.copy)
    mine = {f"{FILES}/{name}" for name in plan.copy} | set(JOB_FILES)
    if staged.links or any(name not in mine and ".rsync-partial" not in name for name in staged.files):
        run.remote.remove_staging(place.name)
        return list(plan.copy)
    if not run.verification.digests:
        return list(plan.copy)
    kept = [name for name in plan.copy if f"{FILES}/{name}" in staged.files]
    found = run.remote.digests(kept, below=f"{below}/{FILES}")
    return [name for name in plan.copy if found.get(name) != run.survey.local_digests[name]]


def _record(run: Run, plan: TransferPlan, staging: str) -> CommitRecord:
    """Return the commit record of the promotion."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{staging.removeprefix('push-')}"
    aside = [*plan.retire, *plan.keep]
    retires = tuple(Retire(final=name, target=f"{REPLACED}/{stamp}/{name}") for name in aside)
    publishes = tuple(
        Publish(
            staged=f"{FILES}/{name}",
            final=name,
            undo=f"undo-{number}" if name in plan.taker.files and name not in plan.keep else None,
        )
        for number, name in enumerate(plan.copy)
    )
    known = {str(place) for name in plan.taker.files for place in PurePosixPath(name).parents}
    made = [*(one.final for one in publishes), *(one.target for one in retires)]
    folders = {str(place) for name in made for place in PurePosixPath(name).parents} - known - {"."}
    head = run.survey.history.remote
    return CommitRecord(
        seq=head.seq + 1,
        txn=staging,
        operations=(*retires, *publishes),
        folders=tuple(sorted(folders)),
        line=plan.lines,
        offset=head.end,
    )


def _promote(run: Run, plan: TransferPlan, place: Path) -> None:
    """Make the staged files real there, if nobody has changed what the plan was made for.

    Raises:
        RemoteUnreachable: The connection broke before the commit; or after it was asked for, and a second look says
            that it was not made, or could not be had.
    """
    survey, record = run.survey, CommitRecord.read(place / "record.json")
    asked = False
    try:
        with run.remote.locked(f"push from {os.uname().nodename}", create=True) as held:
            if not held:
                raise RemoteRefused(
                    f"The folder {run.target.remote_folder} on the remote can't be written.",
                    hint="Ask for write permission there.",
                    facts={"path": run.target.remote_folder},
                )
            now, log = run.remote.look()
            if now.records:
                run.remote.recover(now)
                raise SourceChanging("The remote copy")
            moved = [name for name in (*plan.copy, *plan.retire) if now.files.get(name) != plan.taker.files.get(name)]
            if moved or log.size != survey.remote_log.size or not run.remote.still(survey.remote_log):
                raise SourceChanging("The remote copy")
            asked = True
            run.remote.commit(record, job=f"{STAGING}/{place.name}")
    except RemoteUnreachable as lost:
        if not asked:
            raise
        _look_again(run, plan, lost)


def _look_again(run: Run, plan: TransferPlan, lost: RemoteUnreachable) -> None:
    """After the connection broke while the commit was made: connect once more, and go on if it was made.

    What is half done there is finished first, under the lock, which whoever still works on it holds.
    """
    run.context.warn("the connection broke while the change was made on the remote; connecting again to see")
    try:
        listing, log = run.remote.listing("usr push", lock=True)
        end = run.survey.history.remote.end
        made = log.size >= end + len(plan.lines) and log.read(end, len(plan.lines)) == plan.lines
        made = made and all(listing.size(name) == plan.source.size(name) for name in plan.copy)
        made = made and not any(name in listing.files for name in plan.retire)
        if made and run.verification.digests:
            there, here = run.remote.digests(plan.copy), run.survey.local_digests
            made = all(there.get(name) == here.get(name) for name in plan.copy)
    except (TransportError, SyncError) as error:
        raise RemoteUnreachable(
            "The connection broke while the change was made on the remote, and whether it was made is not known: "
            f"{error.message}",
            hint="Run the same push again when the remote can be reached: it finishes the change, or says that there is"
            " nothing to do.",
            facts={**lost.facts},
        ) from lost
    if not made:
        raise RemoteUnreachable(
            "The connection broke while the change was made on the remote, and it was not made: the remote copy is as "
            "it was.",
            hint="Run the same push again: what has arrived is kept there.",
            facts={**lost.facts},
        ) from lost
