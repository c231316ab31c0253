"""The account of a comparison or transfer, and its JSON document, whose keys are documented and stable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from usr_core.errors import UsrError
from usr_core.events.event import now_us, rfc3339
from usr_core.plugin.transports import Traffic
from usr_core.roots.layout import EVENT_LOG, META, RECORDS
from usr_core.sync.plan import TransferPlan
from usr_core.sync.request import Action, SyncOptions
from usr_core.sync.sections import FOLDER_SECTIONS, in_section, travels
from usr_core.sync.survey import Facts, Survey
from usr_core.sync.verification import Verification

__all__ = ["Audit", "DatasetAudit", "FileAudit", "TransferState", "told_of"]

TransferState = Literal["TRANSFERRED", "NO-OP", "DRY-RUN", "DIFF-ONLY", "FAILED"]


def told_of(error: BaseException) -> dict[str, str | None]:
    """Return an error as audits tell it."""
    if isinstance(error, UsrError):
        return {"code": error.code, "message": error.message, "hint": error.hint}
    return {"message": str(error) or type(error).__name__}


@dataclass(slots=True, kw_only=True)
class Audit:
    """What every account has.

    Attributes:
        action: ``diff``, ``pull`` or ``push``.
        remote: Name of the remote.
        requested: The strategy that was asked for.
        verification: How the copies are compared, once that is chosen.
        state: What came of it.
        started_at: RFC 3339.
        traffic: What went over the connection, None where that was not counted.
        seconds: How long it took.
        error: What it ended with.
    """

    action: Action
    remote: str
    requested: str
    verification: Verification | None = None
    state: TransferState = "FAILED"
    started_at: str = field(default_factory=lambda: rfc3339(now_us()))
    traffic: Traffic | None = None
    seconds: float = 0.0
    error: Mapping[str, str | None] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document; docs/reference/json.md names its keys."""
        raise NotImplementedError

    def fail(self, error: BaseException, *, interrupted: str = "") -> None:
        """Note the error that it ended with; `interrupted` is for an interrupt that says nothing itself."""
        self.error = told_of(error)
        if isinstance(error, KeyboardInterrupt) and interrupted and not str(error):
            self.error = {"message": interrupted}

    def _measured(self) -> dict[str, Any]:
        return {"bytes": _bytes(self.traffic), "seconds": self.seconds}

    def _failure(self) -> dict[str, Any]:
        return {} if self.error is None else {"error": dict(self.error)}


@dataclass(slots=True, kw_only=True)
class DatasetAudit(Audit):
    """The account of a dataset.

    Attributes:
        dataset: Its id.
        options: How the copies were to be compared, and what was to be left out.
        survey: Both copies, once they have been compared.
        plan: What a transfer moves.
        registry_written: Whether a pull gave the root a registry, None where it did not look.
    """

    dataset: str
    options: SyncOptions
    survey: Survey | None = None
    plan: TransferPlan | None = None
    registry_written: bool | None = None

    def as_json(self) -> dict[str, Any]:
        begun = {"action": self.action, "transfer_state": self.state, "dataset": self.dataset, "remote": self.remote}
        if self.survey is None or self.verification is None:
            verify = {"primary": self.requested}
            return {**begun, "verify": verify, "started_at": self.started_at, **self._failure(), **self._measured()}
        document = {
            **begun,
            "changed": self.survey.changed,
            "primary_only": self.options.primary_only,
            "skip_snapshots": self.options.skip_snapshots,
            "history": self.options.history,
            "verify": self.verification.as_audit(primary_only=self.options.primary_only),
            **_compared(self.survey),
            "bytes": _bytes(self.traffic),
            "started_at": self.started_at,
            "seconds": self.seconds,
        }
        if self.plan is not None:
            document["plan"] = _planned(self.plan)
            document["versions"] = _versions(self.plan)
        if self.registry_written is not None:
            document["registry_written"] = self.registry_written
        return document | self._failure()


@dataclass(slots=True, kw_only=True)
class FileAudit(Audit):
    """The account of one file.

    Attributes:
        file, remote_file: Its places.
        changed: Whether the two differ, None before they are compared.
        local, remote_facts: What was seen of each; None for one that is not there.
    """

    file: str
    remote_file: str
    changed: bool | None = None
    local: Facts | None = None
    remote_facts: Facts | None = None

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "action": self.action,
            "transfer_state": self.state,
            "file": self.file,
            "remote_file": self.remote_file,
            "remote": self.remote,
            "verify": {"primary": self.requested} if self.verification is None else self.verification.as_audit(),
            "started_at": self.started_at,
        }
        if self.changed is not None:
            primary = {"changed": self.changed, "local": self.local, "remote": self.remote_facts}
            document |= {"changed": self.changed, "primary": primary}
        return document | ({} if self.traffic is None else self._measured()) | self._failure()


def _compared(survey: Survey) -> dict[str, Any]:
    """Return what a survey found, section by section."""
    local, remote, history = survey.local, survey.remote, survey.history

    def changed(section: str) -> bool:
        return any(in_section(names, section) for names in (local.only, remote.only, survey.differing))

    found: dict[str, Any] = {
        "primary": {"changed": changed(RECORDS), "local": local.base, "remote": remote.base},
        "meta": {"changed": changed(META)},
        EVENT_LOG: {
            "changed": history.relation != "equal" or EVENT_LOG in survey.differing,
            "local": local.log.size,
            "remote": remote.log.size,
            "local_head": history.local.as_audit(),
            "remote_head": history.remote.as_audit(),
            "relation": history.relation,
        },
    }
    for section in FOLDER_SECTIONS:
        found[section] = {
            "changed": changed(section),
            "local_files": _count(local.files, section),
            "remote_files": _count(remote.files, section),
            "local_only": in_section(local.only, section),
            "remote_only": in_section(remote.only, section),
            "differing": in_section(survey.differing, section),
        }
    found["links"] = {
        "local": list(local.listing.links),
        "remote": list(remote.listing.links),
        "followed": sorted(local.listing.linked),
    }
    return found


def _planned(plan: TransferPlan) -> dict[str, Any]:
    """Return what a transfer moves, and which names of the side that takes it puts aside."""
    aside = sorted({*plan.retire, *plan.keep} - plan.kept.keys())
    return {"files": len(plan.copy), "bytes": plan.bytes, "events": plan.lines.count(b"\n"), "put_aside": aside}


def _versions(plan: TransferPlan) -> dict[str, int]:
    """Return the version of the copy that takes, before the transfer and after it: the numbers of its last events."""
    return {"before": plan.taker.head.seq, "after": plan.after}


def _bytes(traffic: Traffic | None) -> dict[str, int]:
    used = traffic or Traffic()
    return {"sent": used.sent, "received": used.received, "total": used.sent + used.received}


def _count(files: Mapping[str, object], section: str) -> int:
    return sum(1 for name in in_section(files, section) if travels(name))
