"""Names inside a dataset, as a commit may use them: relative, plain, and not leading out through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from usr_core.commit.errors import LinkInsideDataset

__all__ = ["check_inside", "refuse_links"]


def check_inside(name: object) -> str:
    """Return `name` as text if it names something below the dataset's folder.

    Raises:
        ValueError: It is absolute, or has an empty part, ``.`` or ``..``.
    """
    text = str(name)
    if "\0" in text or any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"{text!r} is no name inside the dataset")
    return text


def refuse_links(folder: Path, relative: str) -> None:
    """Refuse a name whose folders lead through a symbolic link: a write would land somewhere else.

    The last part may be a link; it is replaced or moved itself, never followed.

    Raises:
        LinkInsideDataset: A folder on the way is a link.
    """
    place = folder
    for part in relative.split("/")[:-1]:
        place /= part
        try:
            mode = os.lstat(place).st_mode
        except FileNotFoundError:
            return
        if stat.S_ISLNK(mode):
            raise LinkInsideDataset(place)
