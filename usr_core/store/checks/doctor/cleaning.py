"""`usr doctor DATASET --clean`: remove what was put aside long ago, and leftovers of interrupted writers."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from usr_core.commit.transaction import Transaction
from usr_core.errors import UsrError
from usr_core.events.event import now_us, parse_rfc3339
from usr_core.fs.durable import remove_temporaries, remove_tree, temporaries_in, temporaries_of
from usr_core.fs.errors import file_system_error
from usr_core.fs.lock import hold_lock
from usr_core.roots.find_root import REGISTRY_FILE
from usr_core.roots.layout import LOCK, REPLACED, holds_dataset
from usr_core.store.checks.doctor.leftovers import find_leftovers
from usr_core.store.mutation import Site
from usr_core.values.showing import Shown

__all__ = ["PutAside", "Removed", "clean_dataset", "exports_left", "put_aside"]

_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAside:
    """What one transfer has put aside: a folder of ``.usr.replaced/``.

    Attributes:
        relative: Its name below the dataset's folder.
        files, size_bytes: What it holds.
        age_seconds: How long ago, by the stamp in its name, else by the folder's own time.
    """

    relative: str
    files: int
    size_bytes: int
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Removed(Shown):
    """Something that was removed, relative to the dataset's folder or the root, and its bytes.

    Example:
        >>> aside = dataset.path / ".usr.replaced" / "20260102T030405-pull"
        >>> aside.mkdir(parents=True)
        >>> size = (aside / "meta.md").write_text("Boxes of sigma factors.")
        >>> dataset.clean(older_than_seconds=0)
        [Removed(relative='.usr.replaced/20260102T030405-pull', size_bytes=23)]
    """

    relative: str
    size_bytes: int


def put_aside(folder: Path) -> list[PutAside]:
    """Return what transfers have put aside in a dataset, oldest name first; a link in its place is not entered."""
    place = folder / REPLACED
    if place.is_symlink() or not place.is_dir():
        return []
    found = []
    for entry in sorted(place.iterdir()):
        with contextlib.suppress(FileNotFoundError):
            sizes = list(_sizes(entry))
            found.append(
                PutAside(
                    relative=f"{REPLACED}/{entry.name}",
                    files=len(sizes),
                    size_bytes=sum(sizes),
                    age_seconds=_age(entry),
                )
            )
    return found


def clean_dataset(site: Site, *, older_than_seconds: float) -> list[Removed]:
    """Remove what transfers have put aside before then, and what no writer will come back for; under the locks.

    That is: folders of ``.usr.replaced/``; staging of interrupted writers, and of transfers that were interrupted more
    than seven days ago; temporary files in the dataset and beside the root's registry; and temporary files of exports
    and cursors in the root, where they were last written before then. A change that was committed is finished, not
    removed, and rows in a session's journal stay. Where it is only tried, no lock is taken, and nothing is removed.

    Raises:
        LockTimeout: A writer holds the dataset or the root.
        LinkInsideDataset: The staging folder is a link.
        FileSystemError: Something can't be removed.
    """
    if site.dry_run:
        return _cleanable(site, older_than_seconds)
    folder = site.ref.path
    left = [leftover.relative for leftover in find_leftovers(folder) if leftover.abandoned]
    sizes = {relative: sum(_sizes(folder / relative)) for relative in left}
    removed = []
    with Transaction(site.layout, command="doctor --clean", name=site.ref.name, lock_timeout=site.lock_timeout):
        for relative in (name for name in left if name.endswith(".tmp")):
            _remove(folder / relative)
        for aside in put_aside(folder):
            if aside.age_seconds >= older_than_seconds:
                _remove(folder / aside.relative)
                removed.append(Removed(relative=aside.relative, size_bytes=aside.size_bytes))
        with contextlib.suppress(OSError):
            (folder / REPLACED).rmdir()
    gone = [relative for relative in left if not (folder / relative).exists()]
    removed += [Removed(relative=relative, size_bytes=sizes[relative]) for relative in gone]
    return removed + _clean_root(site) + _clean_exports(site.ref.root, older_than_seconds)


def _cleanable(site: Site, older_than_seconds: float) -> list[Removed]:
    """Return what would be removed now."""
    folder, root = site.ref.path, site.ref.root
    aside = [one for one in put_aside(folder) if one.age_seconds >= older_than_seconds]
    left = [leftover.relative for leftover in find_leftovers(folder) if leftover.abandoned]
    elsewhere = [*temporaries_of(root / REGISTRY_FILE)]
    elsewhere += [path for path, age in exports_left(root) if age >= older_than_seconds]
    return [
        *(Removed(relative=one.relative, size_bytes=one.size_bytes) for one in aside),
        *(Removed(relative=name, size_bytes=sum(_sizes(folder / name))) for name in left),
        *(Removed(relative=one.relative_to(root).as_posix(), size_bytes=one.lstat().st_size) for one in elsewhere),
    ]


def exports_left(root: Path) -> list[tuple[Path, float]]:
    """Return temporary files of exports and cursors in a root and its folders of datasets, with their ages in seconds.

    What ends a process at once leaves one behind; a process that still writes to its own keeps it young.
    """
    own = set(temporaries_of(root / REGISTRY_FILE))
    found = []
    with contextlib.suppress(OSError):
        folders = [root, *sorted(place for place in root.iterdir() if place.is_dir() and not place.is_symlink())]
        for place in (one for folder in folders if not holds_dataset(folder) for one in temporaries_in(folder)):
            if place not in own and place.is_file() and not place.is_symlink():
                found.append((place, time.time() - place.stat().st_mtime))
    return found


def _clean_exports(root: Path, older_than_seconds: float) -> list[Removed]:
    removed = []
    for path, age in exports_left(root):
        if age >= older_than_seconds:
            size = path.lstat().st_size
            _remove(path)
            removed.append(Removed(relative=path.relative_to(root).as_posix(), size_bytes=size))
    return removed


def _clean_root(site: Site) -> list[Removed]:
    registry = site.ref.root / REGISTRY_FILE
    if not temporaries_of(registry):
        return []
    with hold_lock(site.ref.root / LOCK, timeout=site.lock_timeout, command="doctor --clean"):
        found = [Removed(relative=left.name, size_bytes=left.lstat().st_size) for left in temporaries_of(registry)]
        remove_temporaries(registry)
    return found


def _remove(path: Path) -> None:
    try:
        remove_tree(path)
    except UsrError:
        raise
    except OSError as error:
        raise file_system_error(error, path, "remove what was left") from error


def _sizes(place: Path) -> Iterator[int]:
    """Yield the bytes of each file at or below a place, links not followed; none where it is gone."""
    if place.is_symlink() or place.is_file():
        yield place.lstat().st_size
    elif place.is_dir():
        for child in place.iterdir():
            yield from _sizes(child)


def _age(place: Path) -> float:
    stamp = _STAMP.match(place.name)
    if stamp is not None:
        with contextlib.suppress(ValueError):
            text = "{}-{}-{}T{}:{}:{}Z".format(*stamp.groups())
            return (now_us() - parse_rfc3339(text)) / 1e6
    return time.time() - place.lstat().st_mtime
