"""Dataset ids: their grammar, and the folders they lead to.

An id is ``dataset`` or ``namespace/dataset``. What makes a folder a dataset: `usr_core.roots.layout.holds_dataset`.
Nothing here writes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from usr_core.roots.errors import (
    AmbiguousDataset,
    ArchivedPath,
    DatasetExists,
    DatasetMissing,
    InvalidDatasetId,
    NestedDataset,
    OutsideRoot,
    PullUnfinished,
)
from usr_core.roots.find_root import existing_root
from usr_core.roots.layout import RECORDS, has_log, holds_dataset
from usr_core.roots.unfinished import unfinished_pull

__all__ = [
    "ARCHIVE",
    "DatasetRef",
    "list_datasets",
    "list_unfinished",
    "new_dataset",
    "parse_dataset_id",
    "resolve_dataset",
]

ARCHIVE = "_archive"

# Where an older layout kept what was put away; its datasets would look alive.
_REFUSED = "archived"
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# The longest file name on common file systems, in bytes; segments are ASCII.
_LONGEST_SEGMENT = 255


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """One dataset's place.

    Attributes:
        root: The root, absolute with links resolved.
        name: The id inside the root, with ``/``; ``_archive/…`` for a dataset that was put away.
        path: The dataset's folder, ``root / name``.

    Example:
        >>> from usr_core.api.places import locate_dataset
        >>> ref = locate_dataset("demo/promoters", root=root)
        >>> ref.name, ref.path == ref.root / ref.name
        ('demo/promoters', True)
    """

    root: Path
    name: str
    path: Path


def parse_dataset_id(text: str) -> str:
    """Return `text` if it is a dataset id.

    Raises:
        ArchivedPath: It begins with ``archived/``.
        InvalidDatasetId: It is not one or two well-formed names.
    """
    if not text:
        raise InvalidDatasetId(text=text, reason="it is empty")
    segments = text.split("/")
    if segments[0] == _REFUSED:
        raise ArchivedPath(text=text)
    if len(segments) > 2:
        raise InvalidDatasetId(text=text, reason=f"it has {len(segments)} parts, and two are the most")
    for segment in segments:
        if reason := _fault(segment):
            raise InvalidDatasetId(text=text, reason=reason)
    return text


def resolve_dataset(root: Path, text: str) -> DatasetRef:
    """Return the existing dataset that an id names.

    A name without namespace is found when exactly one dataset's id ends in it.

    Raises:
        InvalidDatasetId, ArchivedPath: `text` is not an id.
        AmbiguousDataset: Several datasets end in the name; all are listed.
        DatasetMissing: No dataset has that id; similar names are in the hint.
        RootMissing, RootNotAFolder: There is no such root.
        PullUnfinished: Its first pull has not come to its end.
        NestedDataset: It lies in another dataset's folder.
        OutsideRoot: A link leads it out of `root`.
    """
    name = parse_dataset_id(text)
    root = root.resolve()
    if "/" not in name:
        matches = [ref.name for ref in list_datasets(root) if ref.name.rpartition("/")[2] == name]
        if len(matches) > 1:
            raise AmbiguousDataset(text=text, candidates=matches)
        name = matches[0] if matches else name
    path = root / name
    _check_inside(root, name, path)
    if not holds_dataset(path):
        existing_root(root)
        for ref, remote in list_unfinished(root):
            if name in (ref.name, ref.name.rpartition("/")[2]):
                raise PullUnfinished(text=ref.name, place=root, remote=remote)
        raise DatasetMissing(text=text, place=root, near=_near(root, name))
    _check_not_nested(root, name)
    return DatasetRef(root=root, name=name, path=path)


def new_dataset(root: Path, text: str) -> DatasetRef:
    """Return the place of a dataset to be made; nothing is created.

    Its folder may exist already if it holds neither ``records.parquet`` nor a log.

    Raises:
        InvalidDatasetId, ArchivedPath: `text` is not an id.
        DatasetExists: The dataset exists already, a file stands in the way, or the name is a folder of datasets.
        NestedDataset: It would lie in another dataset's folder.
        OutsideRoot: A link leads it out of `root`.
        RootMissing, RootNotAFolder: There is no such root.
    """
    name = parse_dataset_id(text)
    root = existing_root(root)
    path = root / name
    _check_inside(root, name, path)
    _check_not_nested(root, name)
    for place in (path.parent, path):
        if place.exists() and not place.is_dir():
            raise DatasetExists(text=text, path=place, reason="a file of that name is in the way")
    if has_log(path) or os.path.lexists(path / RECORDS):
        reason = "a dataset of that name exists" if holds_dataset(path) else f"that folder holds some other {RECORDS}"
        raise DatasetExists(text=text, path=path, reason=reason)
    if "/" not in name and (inner := _datasets_in(root, path, name)):
        raise DatasetExists(text=text, path=path, reason=f"that folder holds the dataset {inner[0].name!r}")
    return DatasetRef(root=root, name=name, path=path)


def list_datasets(root: Path, archived: bool = False) -> list[DatasetRef]:
    """Return the datasets of a root, sorted by name; of its ``_archive/`` instead if `archived`.

    Looks two folders deep. Names that are not ids (beginning with ``_`` or ``.``) are passed over, as are
    links that lead out of the root. A missing folder holds no datasets.
    """
    root = root.resolve()
    top = root / ARCHIVE if archived else root
    prefix = f"{ARCHIVE}/" if archived else ""
    found: list[DatasetRef] = []
    for folder in _folders(root, top):
        name = prefix + folder.name
        if folder.name == _REFUSED:
            continue
        if holds_dataset(folder):
            found.append(DatasetRef(root=root, name=name, path=folder))
        else:
            found.extend(_datasets_in(root, folder, name))
    return sorted(found, key=lambda ref: ref.name)


def list_unfinished(root: Path, *, known: Collection[str] = ()) -> list[tuple[DatasetRef, str]]:
    """Return the places of a root where a first pull has not come to its end, with the remote; sorted by name.

    Args:
        root: The root.
        known: Names of datasets, which need no look.
    """
    root = root.resolve()
    found: list[tuple[DatasetRef, str]] = []
    for folder in _folders(root, root):
        if folder.name in known:
            continue
        places = [(folder.name, folder)]
        if not holds_dataset(folder):
            inner = [name for name in _folder_names(root, folder) if f"{folder.name}/{name}" not in known]
            places += [(f"{folder.name}/{name}", folder / name) for name in inner]
        for name, place in places:
            remote = unfinished_pull(place)
            if remote is not None:
                found.append((DatasetRef(root=root, name=name, path=place), remote))
    return sorted(found, key=lambda one: one[0].name)


def _datasets_in(root: Path, folder: Path, name: str) -> list[DatasetRef]:
    return [
        DatasetRef(root=root, name=f"{name}/{inner.name}", path=inner)
        for inner in _folders(root, folder)
        if holds_dataset(inner)
    ]


def _folders(root: Path, top: Path) -> list[Path]:
    return [top / name for name in _folder_names(root, top)]


def _folder_names(root: Path, top: Path) -> list[str]:
    if not top.is_dir():
        return []
    with os.scandir(top) as entries:  # thousands of them: most are told to be folders without asking for each
        names = [
            entry.name
            for entry in entries
            if _is_segment(entry.name) and (entry.is_dir(follow_symlinks=False) or _is_linked_folder(root, top / entry))
        ]
    return sorted(names)


def _is_linked_folder(root: Path, path: Path) -> bool:
    return path.is_symlink() and path.is_dir() and _inside(root, path)


def _is_segment(name: str) -> bool:
    return _SEGMENT.fullmatch(name) is not None and len(name) <= _LONGEST_SEGMENT


def _fault(segment: str) -> str:
    """Return why `segment` is not a name of a dataset or namespace folder; empty if it is one."""
    odd = next((letter for letter in segment if not (letter.isascii() and (letter.isalnum() or letter in "._-"))), "")
    faults = {
        "a part of it is empty": not segment,
        "it may not lead to other folders with '.' or '..'": segment in {".", ".."},
        "names beginning with '_' are kept for USR itself": segment.startswith("_"),
        f"a name may not begin with {segment[:1]!r}": segment.startswith((".", "-")),
        f"{odd!r} is not allowed in it": not _SEGMENT.fullmatch(segment),
        f"a name is longer than {_LONGEST_SEGMENT} letters": len(segment) > _LONGEST_SEGMENT,
    }
    return next((reason for reason, applies in faults.items() if applies), "")


def _inside(root: Path, path: Path) -> bool:
    return _real(path).is_relative_to(root)


def _real(path: Path) -> Path:
    # Path.resolve raises RuntimeError on a loop of links; realpath goes as far as it can.
    return Path(os.path.realpath(path))


def _check_inside(root: Path, name: str, path: Path) -> None:
    if not _inside(root, path):
        raise OutsideRoot(text=name, root=root, target=_real(path))


def _check_not_nested(root: Path, name: str) -> None:
    outer, slash, _ = name.partition("/")
    if slash and holds_dataset(root / outer):
        raise NestedDataset(text=name, outer=outer)


def _near(root: Path, name: str) -> list[str]:
    import difflib  # a fifth of what `usr events tail` costs to start, for an error only

    ids = [ref.name for ref in list_datasets(root)]
    spellings = {full: full for full in ids}
    if "/" not in name:
        spellings |= {full.rpartition("/")[2]: full for full in ids}
    close = difflib.get_close_matches(name, spellings, n=3, cutoff=0.6)
    return list(dict.fromkeys(spellings[match] for match in close))
