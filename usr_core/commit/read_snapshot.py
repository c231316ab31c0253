"""Reading without a lock, and never half of a change.

A reader notes the log's inode, size and time, and the live records, opens every file it needs, and looks
again: if anything moved, it starts over. A live record is seen as if applied, an abort file as if
taken back, so what a reader sees is always the old state or the new, across any number of files.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from usr_core.commit.errors import DatasetBusy
from usr_core.commit.file_tree import FileTree, find_records
from usr_core.fs.durable import name_exists
from usr_core.fs.errors import file_system_error
from usr_core.roots.layout import EVENT_LOG

if TYPE_CHECKING:
    from usr_core.commit.record import CommitRecord

__all__ = ["TRIES", "read_consistent", "resolve_tree"]

TRIES = 5

# Seconds before the second, third, … try: a writer at work is given time to finish a burst.
_PAUSES = (0.0, 0.002, 0.01, 0.05)
_MOVED_AWAY = {errno.ENOENT, errno.ESTALE}

_Opened = TypeVar("_Opened")
_Mark = tuple[tuple[int, ...], tuple[list[str], list[str]]]
"""What the log is, and the names of the live commit records and abort files."""


def read_consistent(folder: Path, opener: Callable[[FileTree], _Opened]) -> _Opened:
    """Let `opener` open what it needs from one state of the dataset and return what it returned.

    Args:
        folder: The dataset's folder.
        opener: Opens every file it will read before it returns; it may be called several times, and
            what it returns must close itself when it is dropped.

    Raises:
        DatasetBusy: The dataset changed `TRIES` times in a row.
        FileNotFoundError: `opener` did not find a file, and nothing had moved meanwhile.
        CommitRecordUnreadable: This version can't read the record of a change under way.
    """
    failure: OSError | None = None
    for attempt in range(TRIES):
        if attempt:
            time.sleep(_PAUSES[attempt - 1])
        before = _mark(folder)
        try:
            opened = opener(_resolved(folder, *(list(map(folder.joinpath, names)) for names in before[1])))
        except OSError as error:
            if error.errno not in _MOVED_AWAY and not isinstance(error, FileNotFoundError):
                raise
            # Under a live record a file may be on its way from one name to the other. If it is still
            # nowhere at the last try, with all else unmoved, then it is really missing.
            if _mark(folder) == before and (not any(before[1]) or attempt == TRIES - 1):
                raise
            failure = error
            continue
        if _mark(folder) == before:
            return opened
    raise DatasetBusy(folder=folder, tries=TRIES) from failure


def resolve_tree(folder: Path) -> FileTree:
    """Return the dataset's files with live records resolved."""
    return _resolved(folder, *find_records(folder))


def _resolved(folder: Path, commits: Sequence[Path], aborts: Sequence[Path]) -> FileTree:
    moved: dict[str, Path] = {}
    absent: set[str] = set()
    if commits or aborts:
        from usr_core.commit.record import log_state
    for path in commits:
        record = _read_or_none(path)
        if record is not None and log_state(record, folder / EVENT_LOG) != "foreign":
            _as_applied(folder, record, moved, absent)
    for path in aborts:
        record = _read_or_none(path)
        if record is not None:
            _as_reversed(folder, record, moved, absent)
    return FileTree(folder, moved, frozenset(absent - set(moved)))


def _as_applied(folder: Path, record: CommitRecord, moved: dict[str, Path], absent: set[str]) -> None:
    from usr_core.commit.record import Publish, Retire

    staging = record.staging(folder)
    published = set()
    for operation in record.operations:
        if isinstance(operation, Publish):
            published.add(operation.final)
            if name_exists(staging / operation.staged):
                moved[operation.final] = staging / operation.staged
        elif not name_exists(folder / operation.target) and name_exists(folder / operation.final):
            moved[operation.target] = folder / operation.final
    # A name that is retired and published at once holds the new file.
    absent.update(op.final for op in record.operations if isinstance(op, Retire) and op.final not in published)


def _as_reversed(folder: Path, record: CommitRecord, moved: dict[str, Path], absent: set[str]) -> None:
    from usr_core.commit.record import Retire

    staging = record.staging(folder)
    retired = set()
    for operation in record.operations:
        if isinstance(operation, Retire):
            retired.add(operation.final)
            if name_exists(folder / operation.target):
                moved[operation.final] = folder / operation.target
            absent.add(operation.target)
    for operation in record.operations:
        if isinstance(operation, Retire) or operation.final in retired:
            continue  # the old file is in its place, or found where it was moved to
        if name_exists(staging / operation.staged):
            continue
        if operation.undo is None:
            absent.add(operation.final)
        elif name_exists(staging / operation.undo):
            moved[operation.final] = staging / operation.undo


def _read_or_none(path: Path) -> CommitRecord | None:
    from usr_core.commit.record import CommitRecord

    try:
        return CommitRecord.read(path)
    except FileNotFoundError:
        return None  # cleaned up since it was listed; the second look will notice


def _mark(folder: Path) -> _Mark:
    commits, aborts = find_records(folder)
    try:
        stat = os.stat(f"{folder}/{EVENT_LOG}")  # noqa: PTH116 - twice for each dataset that `usr ls` lists
        # The time as well: a change that was taken back leaves the size as it was, and touches the log.
        log: tuple[int, ...] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    except FileNotFoundError:
        # No event yet: a first change that came and went shows in the folder's own time.
        try:
            own = folder.stat()
            log = (own.st_ino, own.st_mtime_ns)
        except FileNotFoundError:
            log = ()
    except OSError as error:
        raise file_system_error(error, folder / EVENT_LOG, "look at the event log") from error
    return log, ([path.name for path in commits], [path.name for path in aborts])
