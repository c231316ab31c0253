"""First pulls that did not come to their end: a folder with staged files, and no dataset yet.

The next pull goes on from what is staged. Until then the folder is not a dataset, and commands report that.
"""

from __future__ import annotations

from pathlib import Path

from usr_core.fs.files import read_regular
from usr_core.roots.layout import STAGING, holds_dataset

__all__ = ["ORIGIN", "unfinished_pull"]

ORIGIN = "origin"
"""File in a staging folder that names the other copy: ``<remote>:<folder>``."""

_LONGEST = 8192


def unfinished_pull(folder: Path) -> str | None:
    """Return the remote from which a first pull into `folder` was begun, or None where none is unfinished.

    The result is ``""`` where the staging does not tell the remote. One that still runs counts too.
    """
    try:
        if holds_dataset(folder):
            return None
        places = sorted(place for place in (folder / STAGING).glob("pull-*") if place.is_dir())
    except OSError:
        return None
    return _remote(places[-1]) if places else None


def _remote(place: Path) -> str:
    try:
        return read_regular(place / ORIGIN, _LONGEST).decode("utf-8").partition(":")[0]
    except (OSError, ValueError):
        return ""
