"""What the doctor saw, as ``usr doctor`` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from usr_core.api import Finding, counted, visible
from usr_core.api.commands import Format, emit_json, emit_text, resolve_format

if TYPE_CHECKING:
    from usr_core.api.results import CacheSize, DatasetHealth, DoctorReport, Removed

__all__ = ["emit_health", "health_document", "health_lines"]

_NO_LIMIT = sys.maxsize - 1


def emit_health(report: DoctorReport, fmt: Format, *, removed: Sequence[Removed] = (), dry_run: bool = False) -> None:
    """Print a report: what was seen and removed, then findings and a closing line; or one JSON document."""
    if resolve_format(fmt) is Format.JSON:
        emit_json({**health_document(report, removed), "dry_run": dry_run})
    else:
        emit_text("\n".join([*_removed_lines(removed, dry_run=dry_run), *health_lines(report)]))


def health_document(report: DoctorReport, removed: Sequence[Removed] = ()) -> dict[str, object]:
    """Return the JSON form of a report."""
    return {
        "ok": report.ok,
        "root": report.root,
        "registry_hash": report.registry_hash,
        "file_system": report.file_system,
        "versions": dict(report.versions),
        "requirements": [
            {
                "name": one.name,
                "admitted": one.admitted,
                "installed": one.installed,
                "extra": one.extra,
                "ok": one.installed is not None and one.problem is None,
                "pinned_by": list(one.pinned_by),
            }
            for one in report.requirements
        ],
        "tools": dict(report.tools),
        "dataset": report.dataset,
        "folder": list(report.folder),
        "cache": report.cache
        and {
            "folder": str(report.cache.folder),
            "files": report.cache.files,
            "size_bytes": report.cache.size_bytes,
        },
        "removed": [{"file": one.relative, "size_bytes": one.size_bytes} for one in removed],
        "findings": [
            {
                "severity": finding.severity,
                "code": finding.code,
                "message": finding.message,
                "file": finding.file,
                "hint": finding.hint,
            }
            for finding in report.findings
        ],
    }


def health_lines(report: DoctorReport) -> list[str]:
    """Return the text form of a report."""
    lines = [
        f"root         {_shown(report.root) or 'none'}",
        f"registry     {_shown(report.registry_hash) or 'none'}",
        f"file system  {_shown(report.file_system) or 'unknown'}",
        f"versions     {_each(report.versions)}",
        f"admitted     {', '.join(f'{one.name} {one.admitted}' for one in report.requirements) or 'unknown'}",
        f"tools        {_each(report.tools)}",
        f"cache        {'off' if report.cache is None else _cache_text(report.cache)}",
    ]
    if report.dataset is not None:
        lines += _dataset_lines(report.dataset)
    lines += [f"{ability.name:<11}  {_shown(ability.told)}" for ability in report.folder if ability.works]
    for finding in report.findings:
        lines += _finding_lines(finding)
    problems = sum(finding.severity != "note" for finding in report.findings)
    found = "1 problem found" if problems == 1 else f"{problems} problems found"
    lines.append("ok: no problem found" if report.ok else found)
    return lines


def _cache_text(cache: CacheSize) -> str:
    return f"{counted(cache.files, 'file')}, {cache.size_bytes:,} bytes in {_shown(str(cache.folder))}"


def _removed_lines(removed: Sequence[Removed], *, dry_run: bool) -> Iterator[str]:
    for one in removed:
        yield f"{'would remove' if dry_run else 'removed     '} {_shown(one.relative)} ({one.size_bytes:,} bytes)"


def _dataset_lines(dataset: DatasetHealth) -> Iterator[str]:
    snapshots = dataset.snapshots
    yield f"dataset      {_shown(dataset.name)} in {_shown(dataset.path)}, {counted(dataset.events, 'event')}"
    holder = _shown(dataset.lock.holder) or "somebody"
    yield f"lock         held by {holder}" if dataset.lock.held else "lock         free"
    yield (
        f"snapshots    {snapshots.files}, {snapshots.links} of them links to the base and no copies; "
        f"{snapshots.extra_bytes:,} bytes beyond it"
    )
    yield f"history      {dataset.history.told if dataset.history is not None else 'not kept'}"


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.severity:<7}  {finding.code}  {_shown(finding.message)}"
    if finding.hint:
        yield f"         fix: {_shown(finding.hint)}"


def _each(found: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {_shown(value) or 'missing'}" for name, value in found.items())


def _shown(text: str | None) -> str:
    return visible(text or "", limit=_NO_LIMIT)
