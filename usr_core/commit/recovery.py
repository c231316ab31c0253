"""Finishing or undoing what a dead writer left. Called under the lock only."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from usr_core.commit.apply import apply_operations, clean_up, reverse_operations, write_line
from usr_core.commit.record import CommitRecord, find_records, log_state
from usr_core.fs.durable import remove_tree
from usr_core.roots.layout import COMMIT_PREFIX, EVENT_LOG, STAGING

__all__ = ["TRANSFER_DAYS", "recover", "stale_staging"]

TRANSFER_DAYS = 7
_TRANSFER_PREFIXES = ("pull-", "push-")


def recover(folder: Path) -> list[str]:
    """Bring the dataset into a state that is whole, and return what was done, a line each.

    Abort files are undone to the end. A record whose event is not in the log yet, or is, is applied
    to the end; one with other bytes in its place is a stale holder's and is discarded. Staging
    folders that no record names are removed, but for those of transfers younger than `TRANSFER_DAYS`.
    """
    commits, aborts = find_records(folder)
    told: list[str] = []
    for path in aborts:
        record = CommitRecord.read(path)
        reverse_operations(folder, record)
        clean_up(folder, path, record)
        told.append(f"undid change {record.seq} that a writer had begun to take back")
    for path in commits:
        record = CommitRecord.read(path)
        told.append(_settle(folder, path, record))
    for place in stale_staging(folder):
        remove_tree(place)
    for temporary in folder.glob(f"{COMMIT_PREFIX}*.tmp"):
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        (folder / STAGING).rmdir()
    return told


def stale_staging(folder: Path) -> list[Path]:
    """Return the staging folders that nobody will come back for."""
    staging = folder / STAGING
    if not staging.is_dir():
        return []
    oldest = time.time() - TRANSFER_DAYS * 86_400
    return [
        place
        for place in sorted(staging.iterdir())
        if not (place.name.startswith(_TRANSFER_PREFIXES) and place.lstat().st_mtime > oldest)
    ]


def _settle(folder: Path, path: Path, record: CommitRecord) -> str:
    log = folder / EVENT_LOG
    state = log_state(record, log)
    if state == "foreign":
        clean_up_discarded(folder, path, record)
        return f"discarded change {record.seq} of a writer that came too late"
    apply_operations(folder, record)
    if state == "open":
        write_line(log, record)
    clean_up(folder, path, record)
    return f"finished change {record.seq} that a writer had committed"


def clean_up_discarded(folder: Path, path: Path, record: CommitRecord) -> None:
    """Remove a stale holder's record and staging; nothing of it is applied."""
    path.unlink(missing_ok=True)
    remove_tree(record.staging(folder))
