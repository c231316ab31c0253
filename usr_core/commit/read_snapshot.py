"""Reading without a lock, and never half of a change.

A reader notes the log's inode, size and time, and the live records, opens every file it needs, and looks
again: if anything moved, it starts over. A live record is seen as if applied, an abort file as if
taken back, so what a reader sees is always the old state or the new, across any number of files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from usr_core.commit.errors import DatasetBusy
from usr_core.commit.file_tree import FileTree
from usr_core.commit.record import CommitRecord, Publish, find_records, log_state
from usr_core.roots.layout import EVENT_LOG

__all__ = ["TRIES", "read_consistent", "resolve_tree"]

TRIES = 5

_Opened = TypeVar("_Opened")
_Mark = tuple[tuple[int, int, int] | None, tuple[str, ...]]


def read_consistent(folder: Path, opener: Callable[[FileTree], _Opened]) -> _Opened:
    """Let `opener` open what it needs from one state of the dataset and return what it returned.

    Args:
        folder: The dataset's folder.
        opener: Opens every file it will read before it returns; it may be called several times, and
            what it returns must close itself when it is dropped.

    Raises:
        DatasetBusy: The dataset changed `TRIES` times in a row.
    """
    failure: OSError | None = None
    for _ in range(TRIES):
        before = _mark(folder)
        try:
            opened = opener(resolve_tree(folder))
        except FileNotFoundError as error:
            if _mark(folder) == before and not before[1]:
                raise  # nothing moved and no change is under way: the file is really missing
            failure = error
            continue
        if _mark(folder) == before:
            return opened
    raise DatasetBusy(folder, tries=TRIES) from failure


def resolve_tree(folder: Path) -> FileTree:
    """Return the dataset's files with live records resolved."""
    moved: dict[str, Path] = {}
    absent: set[str] = set()
    commits, aborts = find_records(folder)
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
    staging = record.staging(folder)
    for operation in record.operations:
        if isinstance(operation, Publish):
            staged = staging / operation.staged
            if staged.exists():
                moved[operation.final] = staged
        else:
            absent.add(operation.final)
            if (folder / operation.final).exists():
                moved[operation.target] = folder / operation.final


def _as_reversed(folder: Path, record: CommitRecord, moved: dict[str, Path], absent: set[str]) -> None:
    staging = record.staging(folder)
    for operation in record.operations:
        if isinstance(operation, Publish):
            if (staging / operation.staged).exists():
                continue
            if operation.undo is None:
                absent.add(operation.final)
            elif (staging / operation.undo).exists():
                moved[operation.final] = staging / operation.undo
        elif (folder / operation.target).exists():
            moved[operation.final] = folder / operation.target
            absent.add(operation.target)


def _read_or_none(path: Path) -> CommitRecord | None:
    try:
        return CommitRecord.read(path)
    except FileNotFoundError:
        return None  # cleaned up since it was listed; the second look will notice


def _mark(folder: Path) -> _Mark:
    commits, aborts = find_records(folder)
    try:
        stat = (folder / EVENT_LOG).stat()
        # The time as well: a change that was taken back leaves the size as it was, and touches the log.
        log: tuple[int, int, int] | None = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    except FileNotFoundError:
        log = None
    return log, tuple(path.name for path in (*commits, *aborts))
