"""Names inside a dataset, as a commit may use them: relative, plain, and not leading out through a link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from usr_core.fs.errors import LinkInsideDataset
from usr_core.fs.regular import require_regular

__all__ = ["check_inside", "refuse_linked_file", "refuse_links"]


def check_inside(name: object) -> str:
    """Return `name` as text if it names something below the dataset's folder.

    Raises:
        ValueError: `name` is absolute, or has an empty part, ``.`` or ``..``.
    """
    text = str(name)
    if "\0" in text or any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"{text!r} is not a name inside the dataset")
    return text


def refuse_links(folder: Path, relative: str) -> None:
    """Refuse a name whose folders lead through a symbolic link: a write would land somewhere else.

    The last part is not looked at: where a commit record says so, a link is replaced or moved itself, never followed.

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
            raise LinkInsideDataset(path=place)


def refuse_linked_file(folder: Path, relative: str) -> None:
    """Refuse to replace, extend, move or remove a file that is a link, or that lies in a linked folder.

    What such a link points to belongs to somebody else (git-annex, DVC, a scratch disk): it is read, and the link
    is left to the person who made it.

    Raises:
        LinkInsideDataset: The file, or a folder on the way, is a link; a dangling one too.
        SpecialFile: A FIFO, socket or device has the name.
    """
    refuse_links(folder, relative)
    place = folder / relative
    try:
        mode = os.lstat(place).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise LinkInsideDataset(path=place)
    if not stat.S_ISDIR(mode):
        require_regular(place)
