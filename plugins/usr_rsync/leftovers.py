"""What rsync leaves here of a try that was cut off: its temporary files go, and partial ones once all is there."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from usr_core.api.files import file_system_error

__all__ = ["prepare", "sweep"]

_TEMPORARY = ".rsync-tmp"
_PARTIAL = ".rsync-partial"


def prepare(folder: Path) -> None:
    """Give rsync an empty folder for its temporary files.

    Raises:
        FileSystemError: The file system refuses.
    """
    place = folder / _TEMPORARY
    try:
        if place.is_symlink():
            place.unlink()
        elif place.exists():
            shutil.rmtree(place)
        place.mkdir()
    except OSError as error:
        raise file_system_error(error, place, "make a folder for the files") from error


def sweep(folder: Path) -> None:
    """Remove what only a further try would have used."""
    for place in [folder / _TEMPORARY, *folder.rglob(_PARTIAL)]:
        with contextlib.suppress(OSError):
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
