"""Finishing or undoing the change of an interrupted writer, under the lock only; and the note of it.

The change that finds the leftovers may itself be refused; the note of what recovery did must not be lost with it, so
it is kept until an event can tell it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from pathlib import Path

from usr_core.commit.apply import apply_operations, clean_up, reverse_operations, touch_log
from usr_core.commit.file_tree import find_records
from usr_core.commit.log_end import mend_log, write_line
from usr_core.commit.record import CommitRecord, HeldRecord, log_state
from usr_core.fs.durable import remove_tree, sync_folder
from usr_core.fs.errors import LinkInsideDataset
from usr_core.fs.files import open_regular, share_descriptor
from usr_core.roots.layout import COMMIT_PREFIX, EVENT_LOG, STAGING

__all__ = [
    "RECOVERY_NOTES",
    "RUN_DAYS",
    "RUN_PREFIX",
    "TRANSFER_DAYS",
    "forget_notes",
    "keep_notes",
    "recover",
    "stale_staging",
    "take_back",
]

TRANSFER_DAYS = 7
RUN_DAYS = 14
RUN_PREFIX = "map-"
_KEPT = {"pull-": TRANSFER_DAYS, "push-": TRANSFER_DAYS, RUN_PREFIX: RUN_DAYS}
"""Staging folders that others go on with, by how their names begin, and the days without a change that they have."""


def recover(folder: Path) -> list[str]:
    """Bring the dataset into a state that is whole, and return what was done, a line each.

    Abort files are undone to the end. A record is applied to the end, whether or not its event is in the log yet;
    if other bytes stand in its place, it is a stale holder's and is discarded. Staging folders that no record names are
    removed, except for those of transfers younger than `TRANSFER_DAYS`, and of runs in which something has happened in
    the last `RUN_DAYS`. A torn last line of the log is repaired.

    Raises:
        CommitRecordUnreadable: A record is of another format, or leads out of the dataset.
        StagedFileLost: A committed change can't be finished, as a file of it was removed.
        LateHolder: While this process was paused, somebody else settled a record.
        LinkInsideDataset: The staging folder is a symbolic link.
        OSError: The file system refuses; what was not finished stays for the next try.
    """
    if (folder / STAGING).is_symlink():
        raise LinkInsideDataset(path=folder / STAGING)
    commits, aborts = find_records(folder)
    told: list[str] = []
    for path in aborts:
        with HeldRecord.take(folder, path) as held:
            take_back(held)
            told.append(f"undid change {held.record.seq} that a writer had begun to take back")
    for path in commits:
        with HeldRecord.take(folder, path) as held:
            told.append(_settle(held))
    for place in stale_staging(folder):
        _remove_unless_claimed(folder, place)
    for temporary in folder.glob(f"{COMMIT_PREFIX}*.tmp"):
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        (folder / STAGING).rmdir()
    told.extend(mend_log(folder / EVENT_LOG))
    return told


def take_back(held: HeldRecord) -> None:
    """Undo a change to the end: under its abort name, so that a reader sees the old state from here on.

    Raises:
        LateHolder: Somebody else has settled the record; nothing more was done.
        OSError: The file system refuses; the next open for writing goes on.
    """
    if held.path.name != held.record.abort_name():
        held.turn_into_abort()
        sync_folder(held.folder)
    reverse_operations(held)
    clean_up(held.folder, held.path, held.record)


def stale_staging(folder: Path) -> list[Path]:
    """Return the entries of the staging folder that nobody will use again."""
    staging = folder / STAGING
    try:
        if not stat.S_ISDIR(os.lstat(staging).st_mode):
            return [staging]  # a link or a file in its place
    except FileNotFoundError:
        return []
    return [place for place in sorted(staging.iterdir()) if not _is_kept(place)]


def _is_kept(place: Path) -> bool:
    days = next((days for prefix, days in _KEPT.items() if place.name.startswith(prefix)), None)
    if days is None:
        return False
    # A run's own folder does not change with its shards; its input is the base, as old as that is.
    try:
        inside = place.iterdir() if place.name.startswith(RUN_PREFIX) else ()
        last = max(one.lstat().st_mtime for one in (place, *inside) if one.name != "input.parquet")
    except FileNotFoundError:  # somebody is at it
        return True
    return bool(last > time.time() - days * 86_400)


def _settle(held: HeldRecord) -> str:
    folder, record = held.folder, held.record
    log = folder / EVENT_LOG
    state = log_state(record, log)
    if state == "foreign":
        held.check()
        held.path.unlink(missing_ok=True)
        remove_tree(record.staging(folder))
        return f"discarded change {record.seq} of a writer that came too late"
    apply_operations(held, strict=state == "open")
    if state == "open":
        held.check()
        if record.line:
            write_line(log, record)
        else:
            touch_log(log)
    clean_up(folder, held.path, record)
    return f"finished change {record.seq} that a writer had committed"


def _remove_unless_claimed(folder: Path, place: Path) -> None:
    """Remove a staging folder, unless a writer whom we took for dead has just committed it.

    It gets another name first. Whoever links a record looks for its staged files after that, and we
    look for records after this: one of the two sees the other.
    """
    if place.parent != folder / STAGING:
        remove_tree(place)
        return
    doomed = place.with_name(f"dead-{secrets.token_hex(8)}")
    with contextlib.suppress(FileNotFoundError):
        os.rename(place, doomed)  # noqa: PTH104
        if any(_names_staging(path, place.name) for path in find_records(folder)[0]):
            os.rename(doomed, place)  # noqa: PTH104
            return
    remove_tree(doomed)


def _names_staging(path: Path, txn: str) -> bool:
    try:
        return CommitRecord.read(path).txn == txn
    except FileNotFoundError:
        return False


RECOVERY_NOTES = ".usr.recovered"
_MAX_BYTES = 1 << 16


def keep_notes(folder: Path, told: list[str]) -> list[str]:
    """Add `told` to the notes and return all that no event has told yet, oldest first.

    On a full disk the notes of this call live in memory only.
    """
    path = folder / RECOVERY_NOTES
    # Not through a link: what it points to would end up in the event log.
    earlier: list[str] = []
    with contextlib.suppress(OSError):
        descriptor = open_regular(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as notes:
            earlier = notes.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    if told:
        with contextlib.suppress(OSError):
            descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
            share_descriptor(descriptor, like=folder)
            with os.fdopen(descriptor, "ab") as notes:
                notes.write("".join(f"{line}\n" for line in told).encode())
    return [*earlier, *told]


def forget_notes(folder: Path) -> None:
    """Drop the notes: an event has told them."""
    with contextlib.suppress(OSError):
        (folder / RECOVERY_NOTES).unlink(missing_ok=True)
