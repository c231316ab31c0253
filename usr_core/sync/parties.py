"""One run of a comparison or transfer: both sides, the way they are compared, and the account that is kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from usr_core.errors import UsrError
from usr_core.events.actor import Actor
from usr_core.events.clock import now_us, rfc3339
from usr_core.plugin.transports import Traffic
from usr_core.roots.layout import RECORDS
from usr_core.store.partial_copy import partial_copy
from usr_core.sync.audit import TransferState, as_bytes, audit_of, failed_audit
from usr_core.sync.errors import NothingToSync
from usr_core.sync.local_side import LocalSide
from usr_core.sync.receipts import write_receipt
from usr_core.sync.remote_side import RemoteSide
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.survey import Survey, survey_copies
from usr_core.sync.target import SyncTarget
from usr_core.sync.verification import Verification, choose_verification

__all__ = ["Run"]


@dataclass(slots=True)
class Run:
    """What one `diff`, `pull` or `push` of a dataset works with.

    Attributes:
        action: ``diff``, ``pull`` or ``push``.
        target: The dataset, here and there.
        options: How to compare, and what to leave out.
        context: The remote, and how to talk to the caller.
    """

    action: Action
    target: SyncTarget
    options: SyncOptions
    context: SyncContext
    local: LocalSide = field(init=False)
    remote: RemoteSide = field(init=False)
    verification: Verification = field(init=False)
    survey: Survey = field(init=False)
    audit: dict[str, Any] = field(init=False)
    _started: float = field(init=False)
    _started_at: str = field(init=False)
    _traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self._started, self._started_at = time.monotonic(), rfc3339(now_us())
        self._traffic = self.context.transport.traffic()
        self.local = LocalSide(self.target.folder)
        self.remote = RemoteSide(
            self.context.transport, self.target.remote_folder, lock_timeout=self.context.lock_timeout
        )
        self.audit = failed_audit(
            self.action,
            dataset=self.target.name,
            remote=self.context.remote_name,
            requested=self.options.verify,
            started_at=self._started_at,
            error={},
        )

    def look(self) -> Survey:
        """Choose how to compare, and compare; warns of every step down."""
        self.verification = choose_verification(
            self.context.host,
            self.options,
            self.context.transport.abilities(),
            remote=self.context.remote_name,
        )
        for sentence in self.verification.downgrades:
            self.context.warn(sentence)
        self.survey = survey_copies(self.action, self.local, self.remote, self.verification, self.options, self.context)
        for side, listing in (("here", self.survey.local), ("there", self.survey.remote)):
            for link in listing.links:
                self.context.warn(f"{link} {side} is a link or not a regular file, and is left out")
        for link, place in self.survey.local.linked.items():
            self.context.warn(f"{link} here is a link; what it leads to ({place}) counts as the dataset's own")
        self._look_at_partial_copy()
        self.audit = audit_of(
            self.action,
            dataset=self.target.name,
            remote=self.context.remote_name,
            verification=self.verification,
            survey=self.survey,
            options=self.options,
            started_at=self._started_at,
        )
        return self.survey

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
        raise NothingToSync("The remote's root", place=base, hint=f"{way_out} base_dir of the remote ({doctor}).")

    def _look_at_partial_copy(self) -> None:
        """Note what a copy pulled with ``--primary-only`` is: its base, unchanged, is the remote's own."""
        partial = partial_copy(self.target.folder)
        if partial is None:
            return
        base = self.survey.local_digests.get(RECORDS)
        self.survey.base_known = base is not None and base == partial.base_sha256
        if self.action == "diff":
            self.context.warn(
                f"the copy here was pulled with --primary-only: its history and overlays are still on {partial.remote}"
            )

    def finish(self, state: TransferState) -> dict[str, Any]:
        """Return the audit of what was done."""
        now = self.context.transport.traffic()
        used = Traffic(sent=now.sent - self._traffic.sent, received=now.received - self._traffic.received)
        self.audit.update(
            transfer_state=state, bytes=as_bytes(used), seconds=round(time.monotonic() - self._started, 3)
        )
        return self.audit

    @contextlib.contextmanager
    def accounted(self) -> Iterator[None]:
        """Let an error carry the audit of what was done until then, as its attribute ``audit``."""
        try:
            yield
        except BaseException as error:
            self._fail(error)
            error.audit = self.audit  # type: ignore[attr-defined]
            raise

    def _fail(self, error: BaseException) -> None:
        told: dict[str, Any] = {"message": str(error) or type(error).__name__}
        if isinstance(error, KeyboardInterrupt):
            told = {"message": str(error) or "interrupted"}
        if isinstance(error, UsrError):
            told = {"code": error.code, "message": error.message, "hint": error.hint}
        if self.audit["transfer_state"] != "TRANSFERRED":  # an event sink's failure undoes nothing
            self.finish("FAILED")
        self.audit["error"] = told

    def account(self, action: Literal["pull", "push"]) -> None:
        """Write the receipt, and tell event sinks; a receipt that can't be written is a warning."""
        try:
            write_receipt(self.target.folder, self.audit, method=self.context.method)
        except OSError as error:
            self.context.warn(f"the receipt could not be written to .sync.log: {error}")
        if self.audit["transfer_state"] == "TRANSFERRED":
            self.context.host.emit(
                {
                    "event_version": 1,
                    "timestamp_utc": rfc3339(now_us()),
                    "action": action,
                    "dataset": {"name": self.target.name, "root": str(self.target.root)},
                    "args": {"remote": self.context.remote_name},
                    "metrics": {"bytes": self.audit["bytes"], "seconds": self.audit["seconds"]},
                    "artifacts": {},
                    "actor": Actor().as_event(),
                    "sync": self.audit,
                }
            )
