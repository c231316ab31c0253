"""What ``usr doctor`` changes on request: ``--adopt``, ``--clean`` and ``--drop-cache``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from usr_core.api import counted
from usr_core.api.commands import warn

if TYPE_CHECKING:
    from usr_core.api import Dataset
    from usr_core.api.results import DoctorReport, Removed

__all__ = ["adopt_files", "clean_up", "drop_what_is_remembered", "once_repaired"]

_LINE_CUT_OFF, _LOG_LOST = "USR-DOCTOR-007", "USR-DOCTOR-013"
"""Findings of a log that the next change cuts, and of one that an adoption begins."""


def adopt_files(dataset: Dataset, *, dry_run: bool = False) -> None:
    """Take the dataset's files as they are found, and say on stderr what the event lists, or would list."""
    event = dataset.adopt(dry_run=dry_run)
    if event is None:
        warn(f"{dataset.name}: the log tells exactly these files; there is nothing to adopt")
        return
    files = event["metrics"]["files"]
    lists = "an event would list" if dry_run else f"event {event['seq']} lists"
    warn(f"{dataset.name}: {lists} {files:,} {'file' if files == 1 else 'files'} as found")


def clean_up(dataset: Dataset, age: float, *, dry_run: bool = False) -> tuple[Removed, ...]:
    """Remove what was put aside longer ago than `age` seconds, and what interrupted writers left."""
    return tuple(dataset.clean(older_than_seconds=age, dry_run=dry_run))


def once_repaired(report: DoctorReport, removed: Sequence[Removed], *, adopted: bool) -> DoctorReport:
    """Return a report without what a repair that was only tried would have settled."""
    gone = {one.relative for one in removed}
    settled = {_LINE_CUT_OFF, *([_LOG_LOST] if adopted else [])}
    rest = tuple(one for one in report.findings if one.code not in settled and one.file not in gone)
    return replace(report, findings=rest)


def drop_what_is_remembered(*, dry_run: bool) -> None:
    """Remove the cache of row numbers, and say on stderr what it took."""
    from usr_core.api.results import drop_cache

    found = drop_cache(dry_run=dry_run)
    if found is None:
        warn("the cache is switched off; there is nothing to drop")
    else:
        dropped = "would drop" if dry_run else "dropped"
        warn(f"{dropped} {counted(found.files, 'file')} of the cache ({found.size_bytes:,} bytes)")
