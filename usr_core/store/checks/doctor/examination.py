"""`usr doctor`: what is wrong around a dataset, and with the place where it lies. Nothing is repaired here.

The next command that writes cleans up after an interrupted writer; the doctor says what that will be. The changes
that are made on request are in `adoption` and `cleaning`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from usr_core.commit.file_tree import find_records
from usr_core.commit.read_snapshot import resolve_tree
from usr_core.errors import UsrError, counted
from usr_core.events.log import LogHead, read_head
from usr_core.fs.errors import FileSystemError, file_system_error
from usr_core.fs.lock import file_system_of
from usr_core.plugin.specs import Finding, HealthRequest
from usr_core.registry.errors import RegistryMissing
from usr_core.registry.store import load_registry
from usr_core.requirements import Requirement, VersionNotAdmitted, read_requirements
from usr_core.roots.dataset_id import DatasetRef, list_unfinished
from usr_core.roots.errors import PullUnfinished
from usr_core.roots.layout import EVENT_LOG, LOCK, SYNC_LOG, DatasetLayout
from usr_core.store.checks.doctor.files import judge_places, judge_root, judge_sharing, judge_size_aside
from usr_core.store.checks.doctor.folder import FolderAbility, try_folder
from usr_core.store.checks.doctor.leftovers import find_leftovers
from usr_core.store.checks.doctor.lock import LockState, read_lock
from usr_core.store.checks.doctor.machine import TOOLS, find_tools, read_versions
from usr_core.store.checks.doctor.snapshots import SnapshotUse, read_snapshots
from usr_core.store.errors import CopyIncomplete
from usr_core.store.history.files import History, HistoryUse
from usr_core.store.history.keeping import SETTING
from usr_core.store.ids.position_cache.catalogue import CacheSize, cache_size
from usr_core.store.parts.present import overlay_paths, refuse_partial_copy

__all__ = ["DatasetHealth", "DoctorReport", "examine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetHealth:
    """What was seen of one dataset.

    Attributes:
        name: Its id.
        path: Its folder.
        lock: Who holds it.
        snapshots: What its snapshots take.
        events: Number of the last event.
        history: What is kept of its past, or None where that is nothing.

    Example:
        >>> from usr_core.api.results import examine
        >>> health = examine(root, ref=dataset.ref).dataset
        >>> health.name, health.events, health.lock.held
        ('demo/promoters', 3, False)
    """

    name: str
    path: str
    lock: LockState
    snapshots: SnapshotUse
    events: int
    history: HistoryUse | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """Everything that was looked at.

    Attributes:
        root: The root, or None where there is none.
        registry_hash: Hash of its registry, or None where that can't be read.
        file_system: Type of the file system that holds the dataset or the root, or None where nobody tells.
        versions: Of Python and the libraries; None for a missing one.
        requirements: The libraries with the ranges that USR admits.
        tools: Paths of programs; None for a missing one.
        dataset: What was seen of the dataset, or None where none was named.
        folder: What the folder of ``--fs`` can do; empty without it.
        cache: What USR remembers of large datasets, all of this user; None where that is switched off.
        findings: What is wrong, each with its fix.

    Example:
        >>> from usr_core.api.results import examine
        >>> report = examine(root)
        >>> report.root == str(root), len(report.registry_hash), "pyarrow" in report.versions, report.dataset
        (True, 64, True, None)
        >>> report.ok == all(finding.severity == "note" for finding in report.findings)
        True
    """

    root: str | None
    registry_hash: str | None
    file_system: str | None
    versions: Mapping[str, str | None]
    requirements: tuple[Requirement, ...]
    tools: Mapping[str, str | None]
    dataset: DatasetHealth | None = None
    folder: tuple[FolderAbility, ...] = field(default=())
    cache: CacheSize | None = None
    findings: tuple[Finding, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether there is no problem; notes do not count."""
        return all(finding.severity == "note" for finding in self.findings)


class HealthCheck(Protocol):
    """What `PluginHost.health_checks` gives."""

    @property
    def plugin(self) -> str: ...

    @property
    def run(self) -> Callable[[HealthRequest], Iterable[Finding]]: ...


def examine(
    root: Path | None,
    *,
    ref: DatasetRef | None = None,
    folder: Path | None = None,
    checks: Sequence[HealthCheck] = (),
) -> DoctorReport:
    """Look at this machine, a root, a dataset and a folder. Reads only; test files in `folder` are removed again.

    Args:
        root: The root, or None where there is none.
        ref: A dataset to look at.
        folder: A folder whose file system is tried out.
        checks: Those of plugins; one that fails is a finding.

    Raises:
        FolderMissing: `folder` is not a folder.

    Example:
        >>> from usr_core.api.results import examine
        >>> report = examine(root, ref=dataset.ref)
        >>> report.dataset.name, report.dataset.snapshots.files, report.folder
        ('demo/promoters', 0, ())
    """
    findings: list[Finding] = []
    tried = tuple(try_folder(folder)) if folder is not None else ()
    versions, tools, requirements = read_versions(), find_tools(), read_requirements()
    _judge_machine(versions, tools, requirements, findings)
    registry_hash = _look_at_registry(root, findings)
    _look_for_unfinished_pulls(root, findings)
    if root is not None:
        findings += judge_root(root)
    dataset = _look_at_dataset(ref, findings) if ref is not None else None
    for ability in tried:
        if not ability.works:
            findings.append(
                Finding(
                    code="USR-DOCTOR-008",
                    message=f"{folder}: {ability.name}: {ability.told}",
                    severity="warning" if ability.name in ("space", "inodes") else "error",
                    file=str(folder),
                    hint=ability.fix,
                )
            )
    request = HealthRequest(root=root, dataset=None if ref is None else ref.path)
    for check in checks:
        findings += _found_by(check, request)
    place = ref.path if ref is not None else root
    return DoctorReport(
        root=None if root is None else str(root),
        registry_hash=registry_hash,
        file_system=None if place is None else file_system_of(place),
        versions=versions,
        requirements=requirements,
        tools=tools,
        dataset=dataset,
        folder=tried,
        cache=cache_size(),
        findings=tuple(findings),
    )


def _found_by(check: HealthCheck, request: HealthRequest) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(check.run(request))
    except UsrError as error:
        cause = error.facts.get("cause")
        message = f"{error.message}: {cause}" if cause else error.message
        found.append(Finding(code=error.code, message=message, hint=error.hint))
    return found


def _judge_machine(
    versions: Mapping[str, str | None],
    tools: Mapping[str, str | None],
    requirements: Sequence[Requirement],
    findings: list[Finding],
) -> None:
    findings.extend(
        Finding(code=VersionNotAdmitted.code, message=one.problem, hint=one.fix)
        for one in requirements
        if one.problem is not None
    )
    for name, found in versions.items():
        if found is None:
            findings.append(
                Finding(
                    code="USR-DOCTOR-001",
                    message=f"the library {name} is not installed",
                    hint="Install USR again: pip install --force-reinstall universal-sequence-record",
                )
            )
    for name, path in tools.items():
        if path is None:
            findings.append(
                Finding(
                    code="USR-DOCTOR-002",
                    message=f"{name} is not on PATH; it is needed by {TOOLS[name]}",
                    severity="note",
                    hint=f"Install {name} if you need that.",
                )
            )


def _look_at_registry(root: Path | None, findings: list[Finding]) -> str | None:
    if root is None:
        findings.append(
            Finding(
                code="USR-DOCTOR-003",
                message="no root was found: there is no registry.yaml here or above",
                severity="note",
                hint="Give --root DIR or set USR_ROOT; the first `usr namespace register` makes a folder a root.",
            )
        )
        return None
    try:
        return load_registry(root).hash
    except UsrError as error:
        missing = isinstance(error, RegistryMissing)
        findings.append(
            Finding(
                code=error.code,
                message=error.message,
                severity="note" if missing else "error",
                file=str(error.facts.get("file", root)),
                hint=error.hint,
            )
        )
        return None


def _look_for_unfinished_pulls(root: Path | None, findings: list[Finding]) -> None:
    for ref, remote in list_unfinished(root) if root is not None else ():
        told = PullUnfinished(text=ref.name, place=ref.root, remote=remote)
        findings.append(
            Finding(code=told.code, message=told.message, severity="note", file=str(ref.path), hint=told.hint)
        )


def _look_at_dataset(ref: DatasetRef, findings: list[Finding]) -> DatasetHealth:
    layout = DatasetLayout(ref.path)
    overlay_paths(
        resolve_tree(ref.path),
        on_problem=lambda error: findings.append(
            Finding(code=error.code, message=error.message, hint=error.hint, file=str(error.facts.get("file", "")))
        ),
    )
    try:
        refuse_partial_copy(ref.name, ref.path, doing="changed")
    except CopyIncomplete as told:
        findings.append(Finding(code=told.code, message=told.message, severity="note", hint=told.hint))
    except FileSystemError as error:
        findings.append(_told(error, SYNC_LOG))
    lock = read_lock(layout.lock)
    if lock.problem:
        findings.append(
            Finding(
                code="USR-DOCTOR-004",
                message=lock.problem,
                file=LOCK,
                hint="Ask the owner of the folder for permission, or move the dataset to another file system.",
            )
        )
    if lock.held:
        findings.append(
            Finding(
                code="USR-DOCTOR-005",
                message=f"locked by {lock.holder or 'a writer that did not say who it is'}",
                severity="note",
                file=LOCK,
                hint="Wait for it; the lock ends with its process, whatever happens to it.",
            )
        )
    findings += [
        Finding(
            code="USR-DOCTOR-006",
            message=leftover.message,
            severity="warning" if leftover.abandoned else "note",
            file=leftover.relative,
            hint=leftover.fix,
        )
        for leftover in find_leftovers(ref.path)
    ]
    findings += judge_places(ref.path, root=ref.root)
    findings += judge_sharing(ref.path)
    findings += judge_size_aside(ref.path)
    try:
        head = read_head(layout.event_log)
    except OSError as error:
        findings.append(_told(file_system_error(error, layout.event_log, "read the event log"), EVENT_LOG))
        head = None
    if head is not None and not lock.held:
        _judge_log(ref, head, findings)
    return DatasetHealth(
        name=ref.name,
        path=str(ref.path),
        lock=lock,
        snapshots=read_snapshots(ref.path),
        events=0 if head is None else head.seq,
        history=_look_at_history(ref, findings),
    )


def _look_at_history(ref: DatasetRef, findings: list[Finding]) -> HistoryUse | None:
    try:
        return History(resolve_tree(ref.path)).use()
    except UsrError as error:
        findings.append(_told(error, SETTING))
        return None


def _judge_log(ref: DatasetRef, head: LogHead, findings: list[Finding]) -> None:
    layout = DatasetLayout(ref.path)
    if not head.seq and layout.records.exists() and not any(find_records(ref.path)):
        findings.append(
            Finding(
                code="USR-DOCTOR-013",
                message=f"{EVENT_LOG} is {'empty' if layout.event_log.exists() else 'missing'}; changes are refused",
                file=EVENT_LOG,
                hint=f"Restore it from a copy, or pull the dataset; else `usr doctor {ref.name} --adopt` begins one.",
            )
        )
    if head.torn:
        findings.append(
            Finding(
                code="USR-DOCTOR-007",
                message=f"the last line of {EVENT_LOG} is cut off ({counted(len(head.torn), 'byte')})",
                severity="warning",
                file=EVENT_LOG,
                hint="The next command that writes cuts it, and says so in its event.",
            )
        )


def _told(error: UsrError, file: str) -> Finding:
    return Finding(code=error.code, message=error.message, file=file, hint=error.hint)
