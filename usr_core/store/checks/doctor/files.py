"""What the doctor says about the files of a dataset: links, what a group can't use, what transfers have put aside."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from usr_core.commit.file_tree import FileTree
from usr_core.fs.durable import temporaries_of
from usr_core.plugin.specs import Finding
from usr_core.roots.find_root import REGISTRY_FILE
from usr_core.roots.layout import LEASE, REPLACED
from usr_core.store.checks.doctor.cleaning import exports_left, put_aside
from usr_core.store.checks.doctor.odd_places import odd_places

__all__ = ["judge_places", "judge_root", "judge_sharing", "judge_size_aside"]

_SHOWN = 20
_IN_USE_SECONDS = 600.0


def judge_places(folder: Path, *, root: Path) -> Iterator[Finding]:
    """Yield a warning for each link (it is read, and no change touches what it stands for) and each special file."""
    for place in odd_places(folder, FileTree(folder).walk(), root=root):
        file = str(root / place.relative) if place.in_root else place.relative
        yield Finding(code="USR-DOCTOR-009", message=place.message, severity="warning", file=file, hint=place.fix)


def judge_sharing(folder: Path) -> Iterator[Finding]:
    """Yield a warning where the folder is a group's and something in it can't be read, or written to, by that group.

    Files need what the folder has (reading, writing), folders all three; machinery counts too: who can't open the lock
    file can't change anything.
    """
    top = folder.stat()
    if not top.st_mode & stat.S_IWGRP:
        return
    locked_out = [name for name, found in _everything(folder) if _locks_out(found, top)]
    if locked_out:
        shown = ", ".join(locked_out[:_SHOWN])
        more = f" and {len(locked_out) - _SHOWN:,} more" if len(locked_out) > _SHOWN else ""
        yield Finding(
            code="USR-DOCTOR-010",
            message=f"the folder is shared by its group, which can't read or write {shown}{more}",
            severity="warning",
            file=locked_out[0],
            hint=f"Their owners run: chgrp -R --reference={folder} {folder} && chmod -R g+rwX {folder}",
        )


def judge_size_aside(folder: Path) -> Iterator[Finding]:
    """Yield a note of what pulls and pushes have put aside, which nothing removes by itself."""
    aside = put_aside(folder)
    if aside:
        size, oldest = sum(one.size_bytes for one in aside), max(one.age_seconds for one in aside)
        transfers = "1 transfer" if len(aside) == 1 else f"{len(aside):,} transfers"
        yield Finding(
            code="USR-DOCTOR-011",
            message=f"{REPLACED}/ holds what {transfers} put aside: {size:,} bytes, the oldest {oldest / 86_400:.0f} "
            "days old",
            severity="note",
            file=REPLACED,
            hint="Look whether something in it is still wanted; `usr doctor DATASET --clean` removes what is older "
            "than 30 days (--older-than).",
        )


def judge_root(root: Path) -> Iterator[Finding]:
    """Yield a finding for each temporary file in a root that a killed registration, export or cursor left."""
    for left in temporaries_of(root / REGISTRY_FILE):
        yield Finding(
            code="USR-DOCTOR-012",
            message=f"{left.name}: a temporary file of a registration that was killed",
            severity="warning",
            file=left.name,
            hint="The next `usr namespace register` removes it, and so does `usr doctor DATASET --clean`.",
        )
    for left, age in exports_left(root):
        name = left.relative_to(root).as_posix()
        yield Finding(
            code="USR-DOCTOR-012",
            message=f"{name}: a temporary file of an export, or of a cursor, that was last written {age / 60:,.0f} "
            "minutes ago",
            severity="warning" if age >= _IN_USE_SECONDS else "note",
            file=name,
            hint="If nothing writes to it any more, remove it; `usr doctor DATASET --clean` removes what is older than "
            "30 days (--older-than).",
        )


def _everything(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield name and status of every file and folder below, links left out; what can't be entered is not."""
    for place, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            path = Path(place) / name
            found = path.lstat() if os.path.lexists(path) else None
            if found is not None and not stat.S_ISLNK(found.st_mode) and name != LEASE:
                yield path.relative_to(folder).as_posix(), found


def _locks_out(found: os.stat_result, top: os.stat_result) -> bool:
    wanted = stat.S_IRGRP | stat.S_IWGRP
    if stat.S_ISDIR(found.st_mode):
        wanted |= stat.S_IXGRP
    return found.st_gid != top.st_gid or found.st_mode & wanted != wanted
