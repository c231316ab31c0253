"""A validation's outcome as ``usr validate`` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from usr_core.api import Finding, visible
from usr_core.api.commands import Format, emit_json, emit_text, resolve_format

if TYPE_CHECKING:
    from usr_core.api.results import ValidationReport

__all__ = ["emit_report", "finding_lines", "report_document", "report_lines"]

_NO_LIMIT = sys.maxsize - 1


def emit_report(report: ValidationReport, fmt: Format, *, quiet: bool) -> None:
    """Print a report: findings and a closing line, or one JSON document; `quiet` leaves notes out of the text."""
    if resolve_format(fmt) is Format.JSON:
        emit_json(report_document(report))
    else:
        emit_text("\n".join(report_lines(report, quiet=quiet)))


def report_document(report: ValidationReport) -> dict[str, object]:
    """Return the JSON form of a report."""
    return {
        "dataset": report.dataset,
        "ok": report.ok,
        "registry_mode": report.mode,
        "strict": report.strict,
        "records": report.rows,
        "overlay_files": report.overlays,
        "seconds": round(report.seconds, 3),
        "findings": [
            {
                "severity": finding.severity,
                "code": finding.code,
                "message": finding.message,
                "file": finding.file,
                "rows": list(finding.rows),
                "count": finding.count,
                "hint": finding.hint,
            }
            for finding in report.findings
        ],
    }


def report_lines(report: ValidationReport, *, quiet: bool = False) -> list[str]:
    """Return the text form of a report."""
    lines: list[str] = []
    for finding in report.findings:
        if not (quiet and finding.severity == "note"):
            lines += finding_lines(finding)
    counts = [
        _counted(sum(finding.severity == severity for finding in report.findings), severity)
        for severity in ("error", "warning")
    ]
    told = ", ".join(count for count in counts if count)
    checked = f"{_number(report.rows, 'record')}, {_number(report.overlays, 'overlay file')}"
    if report.ok:
        lines.append(f"ok: {checked}{f' ({told})' if told else ''}")
    else:
        lines.append(f"not valid: {told} in {checked}")
    return lines


def finding_lines(finding: Finding) -> Iterator[str]:
    """Yield the lines of one finding: what it is, where, and what to do."""
    yield f"{finding.severity:<7}  {finding.code}  {visible(finding.message, limit=_NO_LIMIT)}"
    where = []
    if finding.file:
        where.append(f"file: {visible(finding.file, limit=1000)}")
    if finding.rows:
        shown = ", ".join(str(row) for row in finding.rows)
        more = f", … ({finding.count:,} in all)" if finding.count > len(finding.rows) else ""
        where.append(f"rows: {shown}{more}")
    if where:
        yield f"         {'  '.join(where)}"
    if finding.hint:
        yield f"         hint: {visible(finding.hint, limit=_NO_LIMIT)}"


def _counted(count: int, severity: str) -> str:
    return "" if not count else _number(count, severity)


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
