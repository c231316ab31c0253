"""Links, FIFOs, devices and the like in a dataset, and in place of the files that USR keeps for itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from usr_core.commit.file_tree import TreeEntry
from usr_core.commit.recovery import RECOVERY_NOTES
from usr_core.fs.files import kind_of
from usr_core.roots.find_root import REGISTRY_FILE
from usr_core.roots.layout import (
    CHAIN_MARK,
    FOLDERS,
    JOURNALS,
    LEASE,
    LOCK,
    REPLACED,
    SYNC_LOG,
    is_machinery,
)

__all__ = ["OddPlace", "odd_places"]

_OWN_FILES = (SYNC_LOG, LOCK, LEASE, CHAIN_MARK, RECOVERY_NOTES)
_OWN_FOLDERS = (JOURNALS, REPLACED)  # what is wrong with the staging folder is told as a leftover


@dataclass(frozen=True, slots=True, kw_only=True)
class OddPlace:
    """Something that is not the file or folder that its name stands for.

    Attributes:
        relative: Its name below the dataset's folder, or below the root where `in_root` says so.
        message: What it is.
        fix: What to do.
        in_root: It is a file of the root.
    """

    relative: str
    message: str
    fix: str
    in_root: bool = False


def odd_places(folder: Path, entries: Iterable[TreeEntry], *, root: Path | None) -> Iterator[OddPlace]:
    """Yield the links of a dataset, and what is neither a file nor a folder; nothing is opened.

    Args:
        folder: The dataset's folder.
        entries: Every file of the dataset.
        root: Its root, whose registry and lock are looked at as well, or None.
    """
    links: dict[str, bool] = {}
    special = []
    for entry in entries:
        if entry.link is not None:
            links[entry.link] = links.get(entry.link, False) or entry.found is not None
        elif entry.found is None:
            special.append(entry.relative)
    for link in _linked_folders(folder):
        links.setdefault(link, True)  # it leads to a folder that holds no file
    for link, leads in links.items():
        what = "a symbolic link" if leads else "a symbolic link that leads to no file of a dataset"
        fix = "Put what it points to in its place." if leads else "Restore what it points to, or remove the link."
        yield OddPlace(relative=link, message=f"{link} is {what}", fix=fix)
    for name in special:
        message = f"{name} is a FIFO, socket or device; a dataset holds files"
        yield OddPlace(relative=name, message=message, fix="Remove it.")
    for name in (*FOLDERS, *_OWN_FOLDERS, *_OWN_FILES):
        if name not in links and name not in special:
            yield from _misfit(folder, name, "regular file" if name in _OWN_FILES else "folder")
    if root is not None:
        for name in (REGISTRY_FILE, LOCK):
            for found in _misfit(root, name, "regular file"):
                yield OddPlace(relative=name, message=f"{found.message} (in the root)", fix=found.fix, in_root=True)


def _linked_folders(folder: Path) -> Iterator[str]:
    for place, folders, _ in os.walk(folder):
        relative = Path(place).relative_to(folder)
        if relative == Path():
            folders[:] = [name for name in folders if not is_machinery(name)]
        folders.sort()
        yield from ((relative / name).as_posix() for name in folders if (Path(place) / name).is_symlink())


def _misfit(folder: Path, name: str, expected: str) -> Iterator[OddPlace]:
    try:
        mode = os.lstat(folder / name).st_mode
    except OSError:  # it is missing, or stands in something that is not a folder, which is a finding itself
        return
    if not (stat.S_ISDIR(mode) if expected == "folder" else stat.S_ISREG(mode)):
        fix = f"Put a {expected} in its place, or move it away: a change that needs it is refused meanwhile."
        yield OddPlace(relative=name, message=f"{name} is a {kind_of(mode)}, where a {expected} should be", fix=fix)
