"""What ``usr doctor`` looks at: the named dataset or the one we are in, else the root alone, else only the machine."""

from __future__ import annotations

from pathlib import Path

from usr_core.api.places import DatasetRef, NoDatasetHere, RootUnknown, find_root, locate_dataset

__all__ = ["find_target"]


def find_target(text: str | None, *, root: Path | None) -> tuple[Path | None, DatasetRef | None]:
    """Return the root and the dataset, each None where there is none.

    Args:
        text: A dataset's id or folder, or None for the one that the current folder is in, if any.
        root: The root given on the command line, or None.

    Raises:
        DatasetMissing, AmbiguousDataset, InvalidDatasetId: `text` names no dataset.
        RootMissing, RootNotAFolder: The given root does not exist, or is not a folder.
    """
    if text is None and root is not None:
        return find_root(root), None
    try:
        ref = locate_dataset(text, root=root)
    except NoDatasetHere:
        try:
            return find_root(root), None
        except RootUnknown:
            return None, None
    return ref.root, ref
