"""How many snapshots a dataset has, and what they take beyond the base itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from usr_core.roots.layout import RECORDS, SNAPSHOTS

__all__ = ["SnapshotUse", "read_snapshots"]

_BLOCK = 512  # what st_blocks counts, on every file system


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotUse:
    """The snapshots of a dataset.

    Attributes:
        files: How many there are.
        links: How many of them are the base under another name: no second copy.
        apparent_bytes: Their sizes, added.
        extra_bytes: What they take on disk beyond the base, each file counted once. Blocks that a file system shares
            between files (reflinks) are counted all the same: it does not tell.
    """

    files: int
    links: int
    apparent_bytes: int
    extra_bytes: int


def read_snapshots(folder: Path) -> SnapshotUse:
    """Look at a dataset's snapshots."""
    base = _stat(folder / RECORDS)
    seen = {(base.st_dev, base.st_ino)} if base is not None else set()
    files = links = apparent = extra = 0
    try:
        entries = sorted(os.scandir(folder / SNAPSHOTS), key=lambda entry: entry.name)
    except OSError:  # there are none, or something else is there, which is a finding of its own
        entries = []
    for entry in entries:
        found = _stat(Path(entry.path))
        if found is None or not entry.is_file(follow_symlinks=False):
            continue
        files += 1
        apparent += found.st_size
        links += base is not None and (found.st_dev, found.st_ino) == (base.st_dev, base.st_ino)
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            extra += found.st_blocks * _BLOCK
    return SnapshotUse(files=files, links=links, apparent_bytes=apparent, extra_bytes=extra)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None
