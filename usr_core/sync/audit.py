"""The account of a comparison or transfer: one JSON document, whose keys are documented and stable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from usr_core.plugin.transports import Traffic
from usr_core.roots.layout import EVENT_LOG, META, RECORDS
from usr_core.sync.plan import TransferPlan
from usr_core.sync.request import Action, SyncOptions
from usr_core.sync.sections import FOLDER_SECTIONS, section_of
from usr_core.sync.survey import Survey
from usr_core.sync.verification import Verification

__all__ = ["TransferState", "as_bytes", "audit_of", "failed_audit", "plan_in_audit"]

TransferState = Literal["TRANSFERRED", "NO-OP", "DRY-RUN", "DIFF-ONLY", "FAILED"]


def audit_of(
    action: Action,
    *,
    dataset: str,
    remote: str,
    verification: Verification,
    survey: Survey,
    options: SyncOptions,
    started_at: str,
) -> dict[str, Any]:
    """Return the audit of a survey; ``transfer_state``, ``bytes`` and ``seconds`` are filled in by who moves."""
    history = survey.history
    audit: dict[str, Any] = {
        "action": action,
        "transfer_state": "DIFF-ONLY",
        "dataset": dataset,
        "remote": remote,
        "changed": survey.changed,
        "primary_only": options.primary_only,
        "skip_snapshots": options.skip_snapshots,
        "verify": verification.as_audit(primary_only=options.primary_only),
        "primary": {
            "changed": bool(survey.differences.in_section(RECORDS)),
            "local": survey.primary["local"],
            "remote": survey.primary["remote"],
        },
        "meta": {"changed": bool(survey.differences.in_section(META))},
        EVENT_LOG: {
            "changed": history.relation != "equal" or EVENT_LOG in survey.differences.differing,
            "local": survey.local_log.size,
            "remote": survey.remote_log.size,
            "local_head": history.local.as_audit(),
            "remote_head": history.remote.as_audit(),
            "relation": history.relation,
        },
    }
    for section in FOLDER_SECTIONS:
        found = survey.differences.in_section(section)
        audit[section] = {
            "changed": bool(found),
            "local_files": _count(survey.local.files, section),
            "remote_files": _count(survey.remote.files, section),
            "local_only": list(found.local_only),
            "remote_only": list(found.remote_only),
            "differing": list(found.differing),
        }
    audit["links"] = {
        "local": list(survey.local.links),
        "remote": list(survey.remote.links),
        "followed": sorted(survey.local.linked),
    }
    audit["bytes"] = as_bytes(Traffic())
    audit["started_at"] = started_at
    audit["seconds"] = 0.0
    return audit


def plan_in_audit(plan: TransferPlan) -> dict[str, Any]:
    """Return what a transfer moves, and which names of the side that takes it puts aside."""
    aside = sorted({*plan.retire, *plan.keep})
    return {"files": len(plan.copy), "bytes": plan.bytes, "events": plan.lines.count(b"\n"), "put_aside": aside}


def failed_audit(
    action: Action, *, dataset: str, remote: str, requested: str, started_at: str, error: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the audit of a sync that ended before there was a survey."""
    return {
        "action": action,
        "transfer_state": "FAILED",
        "dataset": dataset,
        "remote": remote,
        "verify": {"primary": requested},
        "started_at": started_at,
        "error": dict(error),
    }


def as_bytes(traffic: Traffic) -> dict[str, int]:
    """Return what went over the connection as an audit names it."""
    return {"sent": traffic.sent, "received": traffic.received, "total": traffic.sent + traffic.received}


def _count(files: Mapping[str, object], section: str) -> int:
    return sum(1 for name in files if section_of(name) == section and name != EVENT_LOG)
