"""One comparison or transfer of a dataset: the flow that a pull and a push have in common, and the account it keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from usr_core.events.event import Actor, now_us, rfc3339
from usr_core.plugin.transports import Traffic
from usr_core.roots.layout import RECORDS, REPLACED
from usr_core.store.parts.present import partial_copy
from usr_core.sync.audit import Audit, DatasetAudit, TransferState
from usr_core.sync.errors import NothingToSync
from usr_core.sync.kept_history import with_history
from usr_core.sync.local_side import LocalSide
from usr_core.sync.plan import TransferPlan, plan_transfer
from usr_core.sync.receipts import write_receipt
from usr_core.sync.remote_side import RemoteSide
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.staging import claim_staging
from usr_core.sync.survey import Survey, survey_copies
from usr_core.sync.target import SyncTarget
from usr_core.sync.verification import Verification, choose_verification

__all__ = ["DatasetRun", "Diff", "Run", "Transfer"]

AuditT = TypeVar("AuditT", bound=Audit)


class Run(Generic[AuditT]):
    """One `diff`, `pull` or `push`, of a dataset or of a file.

    Args:
        audit: The account to keep; it is true at any time, and who began the run may hand it on when the run fails.
        options: How to compare, and what to leave out.
        context: The remote, and how to talk to the caller.
    """

    def __init__(self, audit: AuditT, options: SyncOptions, context: SyncContext) -> None:
        self.audit, self.options, self.context = audit, options, context
        self.action: Action = audit.action
        self._started, self._traffic = time.monotonic(), context.transport.traffic()

    def run(self) -> None:
        """Do it all, or raise."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """Note in the audit how the run ended."""
        self.audit.fail(error)

    def choose(self) -> Verification:
        """Choose how to compare; warns of every step down."""
        chosen = choose_verification(
            self.context.host, self.options, self.context.transport.abilities(), remote=self.context.remote_name
        )
        for sentence in chosen.downgrades:
            self.context.warn(sentence)
        self.audit.verification = chosen
        return chosen

    def finish(self, state: TransferState) -> None:
        """Note in the audit what was done."""
        now = self.context.transport.traffic()
        self.audit.traffic = Traffic(sent=now.sent - self._traffic.sent, received=now.received - self._traffic.received)
        self.audit.state, self.audit.seconds = state, round(time.monotonic() - self._started, 3)

    def progress(self, total: int = 0) -> Callable[[int, int], None]:
        """Return what a transport tells of its progress; `total` bytes where it does not know better."""
        return lambda done, in_all: self.context.progress(self.action, done, in_all or total)


class DatasetRun(Run[DatasetAudit]):
    """A run about both copies of a dataset."""

    def __init__(self, action: Action, target: SyncTarget, options: SyncOptions, context: SyncContext) -> None:
        audit = DatasetAudit(
            action=action, remote=context.remote_name, requested=options.verify, dataset=target.name, options=options
        )
        super().__init__(audit, options, context)
        self.target = target
        self.local = LocalSide(target.folder, context.lock_timeout)
        self.remote = RemoteSide(context.transport, target.remote_folder, lock_timeout=context.lock_timeout)

    def fail(self, error: BaseException) -> None:
        if self.audit.state != "TRANSFERRED":  # an event sink's failure undoes nothing
            self.finish("FAILED")
        self.audit.fail(error, interrupted="interrupted")

    def look(self) -> Survey:
        """Choose how to compare, and compare; warns of what is left out."""
        self.verification = self.choose()
        survey = survey_copies(self.action, self.local, self.remote, self.verification, self.options)
        for side, copy in (("here", survey.local), ("there", survey.remote)):
            for link in copy.listing.links:
                self.context.warn(f"{link} {side} is a link or not a regular file, and is left out")
        for link, place in survey.local.listing.linked.items():
            self.context.warn(f"{link} here is a link; what it leads to ({place}) counts as the dataset's own")
        self._look_at_partial_copy(survey)
        self.audit.survey, self.audit.state = survey, "DIFF-ONLY"
        return survey

    def _look_at_partial_copy(self, survey: Survey) -> None:
        """Note what a copy pulled with ``--primary-only`` is: its base, unchanged, is the remote's own."""
        partial = partial_copy(self.target.folder)
        if partial is None:
            return
        base = survey.local.digests.get(RECORDS)
        survey.local.base_known = base is not None and base == partial.base_sha256
        if self.action == "diff":
            self.context.warn(
                f"the copy here was pulled with --primary-only: its history and overlays are still on {partial.remote}"
            )

    def require_remote_root(self) -> None:
        """Check that the remote has a root where the dataset could be.

        Raises:
            NothingToSync: The remote's ``base_dir`` is not there, or is not a folder.
        """
        base = self.target.remote_folder.removesuffix(f"/{self.target.name}")
        found = self.context.transport.stat(base)
        if found is not None and found.kind in ("folder", "link"):
            return
        way_out = "Make that folder there, or correct" if found is None else "That is not a folder: correct"
        doctor = f"`usr remotes doctor --remote {self.context.remote_name}` has the command"
        raise NothingToSync(what="The remote's root", place=base, hint=f"{way_out} base_dir of the remote ({doctor}).")

    def nothing_there(self, what: str, *, place: str) -> NothingToSync:
        """Return the error for a dataset that the remote lacks; the remote's root is looked for first."""
        self.require_remote_root()
        hint = f"Look at its id, and at base_dir of the remote (`usr remotes show {self.context.remote_name}`)."
        return NothingToSync(what=what, place=place, hint=hint)


class Diff(DatasetRun):
    """`diff`: compare, and change nothing anywhere. No lock is taken, and nothing is written on either side.

    Raises:
        NothingToSync: Neither side has the dataset.
        UsrError: As `choose_verification` and `survey_copies`.
    """

    def run(self) -> None:
        survey = self.look()
        if not survey.local.files and not survey.remote.files:
            place = f"{self.target.folder} and {self.target.remote_folder}"
            raise self.nothing_there(f"The dataset {self.target.name}", place=place)
        self.finish("DIFF-ONLY")


class Transfer(DatasetRun):
    """Bring one copy up to the other, whole or not at all.

    `Pull` and `Push` say where files are staged, how they get there, and who commits.
    Locks are held while files are listed and while what has arrived is promoted, not in between. Before the promotion
    the copy that takes has not changed; what arrived is kept for the next try.

    Raises:
        NothingToSync: The side that gives has no such dataset, or the remote has no such root.
        CopyIncomplete: The copy to push was pulled with ``--primary-only``.
        HistoryAhead, HistoriesDiverged, CopiesDamaged: See `plan_transfer`.
        FileNotRegular: A link or a special file is on the remote where a file is to be written.
        TransferDamaged, SourceChanging: What arrived is not what was sent, or a side changed meanwhile.
        RemoteUnreachable: The connection broke; the message says whether the change was made.
        TransportError, LockTimeout, FileSystemError: The transport, the lock or the file system failed.
    """

    plan: TransferPlan
    keeps_what_it_replaces: bool
    """Whether the copy that takes keeps what is replaced there, where it keeps history."""

    def run(self) -> None:
        self.begin()
        survey = self.look()
        if RECORDS not in survey.giver.files:
            raise self.missing()
        self.audit.plan = self.plan = self.planned(survey)
        if self.plan.nothing or self.options.dry_run:
            self.finish("NO-OP" if self.plan.nothing else "DRY-RUN")
            if self.plan.nothing and not self.options.dry_run:
                self.tidy()
            return
        self.require_whole_log()
        self.context.confirm(self.audit.as_json())
        with claim_staging(self.target.folder, kind=self.action, other=self.other) as place:
            self.stage(place)
            self.promote(place)
        self.settle()
        self.finish("TRANSFERRED")
        self._account()

    @property
    def other(self) -> str:
        """What identifies the other copy."""
        return f"{self.context.remote_name}:{self.target.remote_folder}"

    def begin(self) -> None:
        """Refuse what needs no look at the copies."""

    def missing(self) -> NothingToSync:
        """Return the error for a giver without the dataset."""
        raise NotImplementedError

    def planned(self, survey: Survey) -> TransferPlan:
        """Return what is to be done, or refuse it."""
        name = self.target.name
        plan = plan_transfer(survey, self.options, compare=f"{name} {name}@{self.context.remote_name}")
        if self.options.primary_only or (plan.nothing and not self.options.history):
            return plan
        return with_history(plan, taken_along=self.options.history, keeping=self.keeps_what_it_replaces)

    def tidy(self) -> None:
        """Remove what an earlier try left, as there is nothing to transfer any more."""
        raise NotImplementedError

    def require_whole_log(self) -> None:
        """Refuse a log of the taker that can't be extended."""

    def stage(self, place: Path) -> None:
        """Bring the files of the plan to where they are promoted from, and check them there; `place` is ours, here."""
        raise NotImplementedError

    def promote(self, place: Path) -> None:
        """Make what was staged real, if both heads are still what they were."""
        raise NotImplementedError

    def settle(self) -> None:
        """Do what a copy that has arrived needs besides."""

    def size_of(self, names: Iterable[str]) -> int:
        """Return the bytes of files of the giver."""
        return sum(self.plan.giver.size(name) for name in names)

    def put_aside(self, staging: str) -> str:
        """Return the folder for what the transfer of that staging folder replaces and retires."""
        return f"{REPLACED}/{datetime.now(UTC):%Y%m%dT%H%M%S}-{staging.removeprefix(f'{self.action}-')}"

    def _account(self) -> None:
        """Write the receipt, and tell event sinks; a receipt that can't be written is a warning."""
        audit = self.audit.as_json()
        try:
            write_receipt(self.target.folder, audit, method=self.context.method)
        except OSError as error:
            self.context.warn(f"the receipt could not be written to .sync.log: {error}")
        self.context.host.emit(
            {
                "event_version": 1,
                "timestamp_utc": rfc3339(now_us()),
                "action": self.action,
                "dataset": {"name": self.target.name, "root": str(self.target.root)},
                "args": {"remote": self.context.remote_name},
                "metrics": {"bytes": audit["bytes"], "seconds": audit["seconds"]},
                "artifacts": {},
                "actor": Actor().as_event(),
                "sync": audit,
            }
        )
