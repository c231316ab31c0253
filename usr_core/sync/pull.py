"""`pull`: bring the copy here up to the remote's, whole or not at all."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from usr_core.commit.transaction import Transaction
from usr_core.errors import UsrError
from usr_core.fs.errors import file_system_error
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.plugin.transports import FetchRequest
from usr_core.roots.layout import RECORDS, REPLACED, DatasetLayout
from usr_core.roots.unfinished import ORIGIN
from usr_core.sync.audit import plan_in_audit
from usr_core.sync.errors import NothingToSync, SourceChanging, TransferDamaged
from usr_core.sync.footers import check_footers
from usr_core.sync.local_side import sha256_of
from usr_core.sync.parties import Run
from usr_core.sync.plan import TransferPlan, plan_transfer
from usr_core.sync.request import SyncContext, SyncOptions
from usr_core.sync.root_registry import give_root_a_registry
from usr_core.sync.sections import is_canonical
from usr_core.sync.staging import FILES, claim_staging, drop_all_but, drop_staging, require_only
from usr_core.sync.target import SyncTarget

__all__ = ["pull_dataset"]


def pull_dataset(target: SyncTarget, options: SyncOptions, context: SyncContext) -> dict[str, Any]:
    """Bring a dataset up to date from the remote, and return the audit.

    Locks are held while files are listed and while what has arrived is promoted, not in between. Before the
    promotion nothing here has changed; what arrived is kept for the next try.

    Raises:
        NothingToSync: The remote has no such dataset.
        HistoryAhead, HistoriesDiverged, CopiesDamaged: See `plan_transfer`.
        TransferDamaged, SourceChanging: What arrived is not what is there, or a side changed meanwhile.
        TransportError, LockTimeout, FileSystemError: The transport, the lock or the file system failed.
    """
    run = Run("pull", target, options, context)
    with run.accounted():
        survey = run.look()
        if RECORDS not in survey.remote.files:
            run.require_remote_root()
            raise NothingToSync(
                f"The dataset {target.name} on {context.remote_name}",
                place=target.remote_folder,
                hint=f"Look at its id, and at base_dir of the remote (`usr remotes show {context.remote_name}`).",
            )
        plan = plan_transfer("pull", survey, options)
        run.audit["plan"] = plan_in_audit(plan)
        other = f"{context.remote_name}:{target.remote_folder}"
        if plan.nothing or options.dry_run:
            run.finish("NO-OP" if plan.nothing else "DRY-RUN")
            if plan.nothing and not options.dry_run:
                drop_staging(target.folder, kind="pull", other=other)
                _give_registry(run)
            return run.audit
        context.confirm(run.audit)
        with claim_staging(target.folder, kind="pull", other=other) as place:
            # Undo copies of a promotion that died before its commit point would be in the way of this one's.
            drop_all_but(place, [ORIGIN, *(f"{FILES}/{name}" for name in plan.copy)])
            (place / FILES).mkdir(exist_ok=True)
            _fetch(run, plan, place / FILES)
            arrived = _checked(run, plan, place / FILES)
            _promote(run, plan, place, arrived)
        _give_registry(run)
        run.finish("TRANSFERRED")
        run.account("pull")
    return run.audit


def _give_registry(run: Run) -> None:
    if not run.options.primary_only:
        run.audit["registry_written"] = give_root_a_registry(run.target, run.context)


def _fetch(run: Run, plan: TransferPlan, files: Path) -> None:
    """Bring the files of the plan, but for those that an earlier try brought already."""
    drop_all_but(files, plan.copy)
    there = run.survey.remote_digests
    kept = {name: files / name for name in plan.copy if (files / name).is_file()}
    done = {name for name, digest in sha256_of(kept).items() if digest == there.get(name)}
    wanted = tuple(name for name in plan.copy if name not in done)
    if not wanted:
        return
    total = sum(plan.source.size(name) for name in wanted)
    run.context.transport.fetch(
        FetchRequest(
            folder=run.target.remote_folder,
            files=wanted,
            into=files,
            basis=run.target.folder if run.target.folder.is_dir() else None,
            progress=lambda bytes_done, bytes_total: run.context.progress("pull", bytes_done, bytes_total or total),
        )
    )


def _checked(run: Run, plan: TransferPlan, files: Path) -> list[str]:
    """Return the names that have arrived, and are what the remote has.

    Raises:
        TransferDamaged: A file is missing, or is not what the remote had; it is removed, so that it travels again.
        SourceChanging: The remote's file is not what it was.
    """
    strict = run.verification.sidecars
    missing = require_only(files, plan.copy, missing_ok=not strict)
    canonical = [name for name in missing if is_canonical(name)]
    if canonical:
        raise TransferDamaged(files=canonical, reason="files did not arrive")
    for name in missing:
        run.context.warn(f"{name} did not arrive, and stays as it was here")
    arrived = [name for name in plan.copy if name not in set(missing)]
    wrong = [name for name in arrived if (files / name).stat().st_size != plan.source.size(name)]
    if run.verification.digests:
        there = run.survey.remote_digests
        here = sha256_of({name: files / name for name in arrived})
        wrong = [name for name in arrived if here.get(name) != there.get(name)]
    if wrong:
        for name in wrong:
            (files / name).unlink()
        with contextlib.suppress(RemoteChanged):
            if run.remote.changed(plan.source, wrong):
                raise SourceChanging("The remote copy")
        raise TransferDamaged(files=wrong, reason="the content differs")
    check_footers({name: files / name for name in arrived if is_canonical(name)})
    if not run.verification.digests and run.remote.changed(plan.source, arrived):
        raise SourceChanging("The remote copy")
    return arrived


def _promote(run: Run, plan: TransferPlan, place: Path, arrived: list[str]) -> None:
    """Make what has arrived real by an ordinary commit, if both heads are still what they were."""
    survey, target = run.survey, run.target
    if not run.remote.still(survey.remote_log):
        raise SourceChanging("The remote's event log")
    layout = DatasetLayout(target.folder)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{place.name.removeprefix('pull-')}"
    try:
        with Transaction(layout, command="pull", lock_timeout=run.context.lock_timeout, staging=place.name) as txn:
            head = survey.history.local
            if (txn.head.end, txn.head.digest) != (head.end, head.digest):
                raise SourceChanging("The dataset here")
            for name in plan.retire:
                if os.path.lexists(target.folder / name):
                    txn.retire(name, into=f"{REPLACED}/{stamp}/{name}")
            keep = set(plan.keep)
            for name in arrived:
                kept = name in keep or not is_canonical(name)
                if kept and os.path.lexists(target.folder / name):
                    txn.retire(name, into=f"{REPLACED}/{stamp}/{name}")
                txn.adopt(name, f"{FILES}/{name}")
            txn.extend_log(plan.lines)
    except OSError as error:
        if isinstance(error, UsrError):
            raise
        raise file_system_error(error, target.folder, "promote what has arrived") from error
