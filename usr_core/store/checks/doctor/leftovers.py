"""What an interrupted writer left in a dataset's folder: commit records, staging, temporary files. Removes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from usr_core.commit.file_tree import find_records
from usr_core.commit.record import CommitRecord
from usr_core.commit.recovery import RUN_PREFIX, TRANSFER_DAYS, stale_staging
from usr_core.errors import UsrError
from usr_core.roots.layout import ARTIFACTS, COMMIT_PREFIX, JOURNALS, LOCK, STAGING
from usr_core.store.checks.doctor.lock import read_lock

__all__ = ["TEMPORARY", "Leftover", "find_leftovers"]

TEMPORARY = ".tmp"

_NEXT_WRITE = "The next command that writes settles it: nothing is lost, and readers see one whole state meanwhile."


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One thing that is there and should not be.

    Attributes:
        relative: Its name below the dataset's folder.
        message: What it is.
        fix: What to do.
        abandoned: Nobody is at work on it; False for what a writer that is running, or a transfer that can be
            resumed, still needs.
    """

    relative: str
    message: str
    fix: str
    abandoned: bool = True


def find_leftovers(folder: Path) -> list[Leftover]:
    """Return the leftovers of a dataset; while a writer holds the lock, what is its own counts as work under way."""
    found = list(_leftovers(folder, idle=True))
    # In this order: a writer that began meanwhile holds the lock by now, and one that ended took its files along.
    if found and read_lock(folder / LOCK).held:
        found = list(_leftovers(folder, idle=False))
    return [leftover for leftover in found if os.path.lexists(folder / leftover.relative)]


def _leftovers(folder: Path, *, idle: bool) -> Iterator[Leftover]:
    commits, aborts = find_records(folder)
    named: set[str] = set()
    for path in (*commits, *aborts):
        what = "a change that is being taken back" if path in aborts else "a committed change, not cleaned up after"
        fix = _NEXT_WRITE if idle else "Wait for the writer that holds the lock."
        try:
            named.add(CommitRecord.read(path).txn)
        except FileNotFoundError:
            continue
        except UsrError as error:
            what, fix = f"a commit record that can't be read ({error.message})", error.hint
        yield Leftover(relative=path.name, message=f"{path.name}: {what}", fix=fix, abandoned=idle)
    yield from _staging(folder, named, idle=idle)
    yield from _journals(folder)
    for relative in _temporaries(folder):
        own = relative.startswith(COMMIT_PREFIX)
        yield Leftover(
            relative=relative,
            message=f"{relative}: a temporary file",
            fix=_NEXT_WRITE if own else "Remove it: an interrupted writer, or another program, left it.",
            abandoned=idle,
        )


def _staging(folder: Path, named: set[str], *, idle: bool) -> Iterator[Leftover]:
    staging = folder / STAGING
    if staging.is_symlink():
        fix = "Put a folder in its place, or remove the link: every change is refused meanwhile."
        yield Leftover(relative=STAGING, message=f"{STAGING} is a symbolic link", fix=fix)
        return
    stale = {place.name for place in stale_staging(folder)}
    names = sorted(entry.name for entry in os.scandir(staging)) if staging.is_dir() else []
    for name in names:
        if name in named:
            continue  # the record that names it was told
        if name in stale:
            yield Leftover(
                relative=f"{STAGING}/{name}",
                message=f"{STAGING}/{name}: staged files of a change that was never committed",
                fix=_NEXT_WRITE if idle else "Wait for the writer that holds the lock.",
                abandoned=idle,
            )
        elif name.startswith(RUN_PREFIX):
            # A committed run keeps a few bytes, by which the same question is answered.
            if not (staging / name / "committed.json").exists():
                yield Leftover(
                    relative=f"{STAGING}/{name}",
                    message=f"{STAGING}/{name}: a run of `usr map` that is not committed",
                    fix=f"Go on with it: usr map resume {name.removeprefix(RUN_PREFIX)}, or: usr map discard.",
                    abandoned=False,
                )
        else:
            yield Leftover(
                relative=f"{STAGING}/{name}",
                message=f"{STAGING}/{name}: a transfer that was interrupted less than {TRANSFER_DAYS} days ago",
                fix="Run the same pull or push again: it goes on from there.",
                abandoned=False,
            )


def _journals(folder: Path) -> Iterator[Leftover]:
    for segment in sorted((folder / JOURNALS).glob("*/*.journal")):
        place = segment.parent
        if not read_lock(place / "lock").held:
            relative = segment.relative_to(folder).as_posix()
            yield Leftover(
                relative=relative,
                message=f"{relative}: rows of a writer session that ended before it committed them",
                fix="Open the session of that name again and close it (ds.writer): they are added then.",
                abandoned=False,
            )


def _temporaries(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        relative = Path(place).relative_to(folder)
        if relative == Path():
            folders[:] = [name for name in folders if name not in (STAGING, ARTIFACTS)]
        folders.sort()
        for name in sorted(files):
            if name.endswith(TEMPORARY):
                yield (relative / name).as_posix()
