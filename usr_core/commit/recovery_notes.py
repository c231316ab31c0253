"""What recovery did, kept until an event can tell it.

The change that finds the leftovers of an interrupted writer may itself be refused; the note must not be lost with it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from usr_core.fs.regular import open_regular
from usr_core.fs.sharing import share_descriptor

__all__ = ["RECOVERY_NOTES", "forget_notes", "keep_notes"]

RECOVERY_NOTES = ".usr.recovered"
_MAX_BYTES = 1 << 16


def keep_notes(folder: Path, told: list[str]) -> list[str]:
    """Add `told` to the notes and return all that no event has told yet, oldest first.

    On a full disk the notes of this call live in memory only.
    """
    path = folder / RECOVERY_NOTES
    # Not through a link: what it points to would end up in the event log.
    earlier: list[str] = []
    with contextlib.suppress(OSError):
        descriptor = open_regular(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as notes:
            earlier = notes.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    if told:
        with contextlib.suppress(OSError):
            descriptor = open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
            share_descriptor(descriptor, like=folder)
            with os.fdopen(descriptor, "ab") as notes:
                notes.write("".join(f"{line}\n" for line in told).encode())
    return [*earlier, *told]


def forget_notes(folder: Path) -> None:
    """Drop the notes: an event has told them."""
    with contextlib.suppress(OSError):
        (folder / RECOVERY_NOTES).unlink(missing_ok=True)
