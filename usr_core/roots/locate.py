"""A dataset as a person names it: an id, a path to its folder, or nothing inside one."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from usr_core.errors import UsrError
from usr_core.roots.dataset_id import ARCHIVE, DatasetRef, parse_dataset_id, resolve_dataset
from usr_core.roots.errors import (
    ArchivedPath,
    DatasetMissing,
    InvalidDatasetId,
    NoDatasetHere,
    PullUnfinished,
    RootUnknown,
)
from usr_core.roots.find_root import REGISTRY_FILE, find_root
from usr_core.roots.layout import holds_dataset
from usr_core.roots.unfinished import unfinished_pull

__all__ = ["locate_dataset", "refuse_archived_path"]

_PATH_STARTS = (".", "/", "~")


def locate_dataset(text: str | None, *, root: Path | None) -> DatasetRef:
    """Return the existing dataset that `text` means.

    None is the dataset whose folder (or a folder inside it) we stand in. Text that begins with ``.``,
    ``/`` or ``~`` is a path; other text is an id in the root, and a path only where no dataset has that id.
    The root of a path is the folder holding ``registry.yaml`` one or two levels above it, else `root` if the
    dataset is inside it, else the folder above the dataset.

    Args:
        text: An id, a path to a dataset's folder, or None.
        root: The root given on the command line, None where none was given (see `find_root`).

    Raises:
        NoDatasetHere: Nothing was named, and we are in no dataset.
        ArchivedPath: The id or the path leads into an ``archived/`` folder.
        DatasetMissing: The dataset does not exist.
        PullUnfinished: The dataset's first pull has not come to its end.
        AmbiguousDataset, InvalidDatasetId, OutsideRoot, NestedDataset: See `resolve_dataset`.
        RootMissing, RootNotAFolder, RootUnknown: See `find_root`.

    Example:
        >>> from usr_core.api.places import locate_dataset
        >>> locate_dataset("demo/promoters", root=root).path == dataset.path
        True
        >>> locate_dataset("./root/demo/promoters", root=None).name
        'demo/promoters'
        >>> locate_dataset("demo/promotors", root=root)
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.DatasetMissing: There is no dataset 'demo/promotors' in .../root.
    """
    if text is None:
        return _around(Path.cwd(), root)
    if text.startswith(_PATH_STARTS):
        return _at_path(text, Path(text).expanduser(), root)
    try:
        parse_dataset_id(text)
        return resolve_dataset(find_root(root), text)
    except (DatasetMissing, InvalidDatasetId, RootUnknown):
        refuse_archived_path(Path(text), text)
        if not _holds_dataset(text):
            raise
        return _at_path(text, Path(text), root)


def refuse_archived_path(path: Path, text: str | None = None) -> None:
    """Refuse a path into ``datasets/archived`` or ``usr/archived``: a folder, or a file in one, there or not.

    Every command that takes a path calls this before it looks at it; a link that leads there is refused too.

    Args:
        path: The path.
        text: As it was given, for the error; by default the path's own text.

    Raises:
        ArchivedPath: The path leads into such a folder.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.places import refuse_archived_path
        >>> refuse_archived_path(Path("more.csv"))
        >>> refuse_archived_path(Path("datasets/archived/demo/promoters"))
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.ArchivedPath: 'datasets/archived/demo/promoters' is in a folder `archived/`, which ...
    """
    try:
        places = (Path(os.path.abspath(path)), Path(os.path.realpath(path)))  # noqa: PTH100 - resolves ``..``
    except (OSError, ValueError):
        return  # not a path at all; the one who uses it reports that
    for place in places:
        if any(above in {"datasets", "usr"} and name == "archived" for above, name in itertools.pairwise(place.parts)):
            raise ArchivedPath(text=str(path) if text is None else text)


def _holds_dataset(text: str) -> bool:
    try:
        return holds_dataset(Path(text))
    except (OSError, ValueError):  # a name too long, or with a null byte
        return False


def _around(folder: Path, root: Path | None) -> DatasetRef:
    for place in (folder, *folder.parents):
        if holds_dataset(place):
            return _at_path(str(place), place, root)
    raise NoDatasetHere(folder)


def _at_path(text: str, path: Path, root: Path | None) -> DatasetRef:
    if "\0" in text:
        raise InvalidDatasetId(text=text, reason="it holds a null byte")
    refuse_archived_path(path, text)
    folder = Path(os.path.realpath(path))
    if not _holds_dataset(str(folder)):
        remote = unfinished_pull(folder)
        if remote is not None:
            raise PullUnfinished(text=text, place=folder.parent, remote=remote)
        raise DatasetMissing(text=text, place=folder.parent)
    base = _root_of(folder, root)
    return DatasetRef(root=base, name=folder.relative_to(base).as_posix(), path=folder)


def _root_of(folder: Path, root: Path | None) -> Path:
    # root/dataset, root/namespace/dataset, and both below root/_archive.
    above = [place for place in folder.parents[:3] if _names_dataset(place, folder)]
    for place in above:
        if (place / REGISTRY_FILE).is_file():
            return place
    try:
        given = find_root(root)
    except UsrError:
        given = None
    if given in above:
        return given
    return folder.parent


def _names_dataset(place: Path, folder: Path) -> bool:
    name = folder.relative_to(place).as_posix().removeprefix(f"{ARCHIVE}/")
    try:
        parse_dataset_id(name)
    except UsrError:
        return False
    return True
