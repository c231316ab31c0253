"""Turning what was staged and retired into operations: fsynced, with undo copies, before anything can be seen."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from usr_core.commit.errors import ArchiveNameTaken
from usr_core.commit.record import Publish, Retire
from usr_core.events.event import FileChange
from usr_core.fs.durable import link_or_copy, name_exists, sync_file
from usr_core.fs.sharing import keep_access, share
from usr_core.roots.layout import STAGING, is_machinery

__all__ = ["missing_folders", "prepare_retired", "prepare_staged"]


def prepare_staged(
    folder: Path, staging: Path, staged: Mapping[str, str], *, retired: Container[str]
) -> tuple[tuple[Publish, ...], tuple[FileChange, ...]]:
    """Fsync the staged files and link those they replace as undo copies.

    Args:
        folder: The dataset's folder.
        staging: The staging folder; fsyncing it is left to the caller.
        staged: Relative final names to names in `staging`.
        retired: Final names whose old file is moved away in the same change, which needs no undo copy then.

    Returns:
        The operations in the order of `staged`, and the files as an event names them.

    Raises:
        OSError: A staged file was not written, or can't be fsynced.
    """
    publishes, added = [], []
    for index, (relative, name) in enumerate(staged.items()):
        path, final = staging / name, folder / relative
        undo = None
        if relative not in retired and name_exists(final):
            undo = f"undo-{index}"
            link_or_copy(final, staging / undo)
            keep_access(path, like=final)  # a file that was made private stays private
        else:
            share(path, like=folder)
        sync_file(path)
        added.append(FileChange(path=relative, size_bytes=path.stat().st_size))
        publishes.append(Publish(staged=name, final=relative, undo=undo))
    return tuple(publishes), tuple(added)


def prepare_retired(folder: Path, retired: Sequence[Retire]) -> tuple[tuple[Retire, ...], tuple[FileChange, ...]]:
    """Check that the retired files are there and nothing has their new names.

    Raises:
        ArchiveNameTaken: One of the new names is in use.
        OSError: A retired file does not exist any more.
    """
    removed = []
    for retire in retired:
        target = folder / retire.target
        if name_exists(target):
            raise ArchiveNameTaken(path=target, source=retire.final)
        size = (folder / retire.final).lstat().st_size
        # Events name the dataset's artifacts only; a journal that goes with the change is not one.
        if not is_machinery(retire.final):
            removed.append(FileChange(path=retire.final, size_bytes=size))
    return tuple(retired), tuple(removed)


def missing_folders(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return the folders, relative and in no certain order, that have to be made for files of these names."""
    missing: dict[str, None] = {}
    for name in names:
        place = (folder / name).parent
        while place != folder and not place.exists():
            relative = place.relative_to(folder).as_posix()
            if relative != STAGING and not relative.startswith(f"{STAGING}/"):
                missing[relative] = None
            place = place.parent
    return tuple(missing)
