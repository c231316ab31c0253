"""The files of a dataset as a reader has to see them: on disk, with a live commit resolved as if applied.

A name that a commit may use is relative and plain, and does not lead out of the dataset through a link.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usr_core.fs.errors import LinkInsideDataset
from usr_core.fs.files import require_folder, require_regular
from usr_core.roots.layout import ABORT_PREFIX, COMMIT_PREFIX, is_machinery

__all__ = [
    "FileTree",
    "TreeEntry",
    "check_inside",
    "find_records",
    "refuse_linked_file",
    "refuse_links",
]

_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """Something in a dataset that is not a folder.

    Attributes:
        relative: Its name.
        path: Where its content is.
        found: The status of the regular file that it is, or leads to; None where there is no such file: a dangling
            link, a link that leads back to the dataset or above it, a FIFO, socket or device.
        link: It is a symbolic link, or lies in a linked folder; for the latter `relative` begins with `link`.
    """

    relative: str
    path: Path
    found: os.stat_result | None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class FileTree:
    """For each relative name, the path that holds its content right now.

    Attributes:
        folder: The dataset's folder.
        moved: Relative names whose content lies elsewhere (a staged file of a live commit, or an undo copy).
        absent: Relative names, of files or of folders with all that is in them, that count as removed.
        base_rows: How many rows of the base count, from its first one on; None where all do. Less than all is an
            earlier version of the dataset.
    """

    folder: Path
    moved: Mapping[str, Path] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    base_rows: int | None = None

    def path(self, relative: str) -> Path | None:
        """Return where to open `relative` (a folder too), or None where there is no such file; links are followed.

        Raises:
            SpecialFile: The name belongs to a FIFO, socket or device; opening one may hang.
        """
        if relative in self.moved:
            return self.moved[relative]
        if self._gone(relative):
            return None
        final = self.folder / relative
        try:
            mode = final.stat().st_mode
        except ValueError:
            return None
        except OSError as error:
            if error.errno in _NOTHING_THERE:
                return None
            raise
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            require_regular(final)
        return final

    def status(self, relative: str) -> os.stat_result | None:
        """Return what is to be known of `relative` without opening it, or None where there is no such file.

        Raises:
            SpecialFile: As `path`.
        """
        if relative not in self.moved and not self._gone(relative):
            with contextlib.suppress(OSError, ValueError):
                # Asked of each dataset of a root: joining two paths takes longer than the question.
                found = os.stat(f"{self.folder}/{relative}")  # noqa: PTH116
                if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
                    return found
        path = self.path(relative)
        return None if path is None else path.stat()

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the direct children of `folder` (files and folders), sorted; [] if it is not there.

        ``""`` is the dataset's own folder, whose names include those of USR's machinery.

        Raises:
            SpecialFile: Something else than a folder has the name, such as a FIFO, or a link that leads nowhere.
        """
        found: set[str] = set()
        prefix = f"{folder}/" if folder else ""
        if not self._gone(folder):
            place = f"{self.folder}/{folder}"
            try:
                there = os.listdir(place)  # noqa: PTH208 - names
            except OSError as error:
                there = []
                missing = isinstance(error, FileNotFoundError) and not os.path.islink(place)  # noqa: PTH114
                if not missing and require_folder(self.folder / folder):
                    raise
            found.update(there if not self.absent else (one for one in there if not self._gone(f"{prefix}{one}")))
        found.update(name[len(prefix) :].split("/", 1)[0] for name in self.moved if name.startswith(prefix))
        return sorted(found)

    def walk(self) -> Iterator[TreeEntry]:
        """Yield the files of the dataset, machinery left out, a folder at a time in the order of names.

        Links are followed, except for those to a folder that holds the dataset, or that the walk is in already.
        """
        yield from self._walk("", (os.path.realpath(self.folder),), None)

    def _walk(self, folder: str, inside: tuple[str, ...], link: str | None) -> Iterator[TreeEntry]:
        for name in self.names(folder):
            relative = f"{folder}/{name}" if folder else name
            if is_machinery(relative):
                continue
            path = self.moved.get(relative, self.folder / relative)
            try:
                own = path.lstat()
            except FileNotFoundError:
                if self.names(relative):  # a folder of which only moved files exist yet
                    yield from self._walk(relative, inside, link)
                continue
            linked = relative if stat.S_ISLNK(own.st_mode) else link
            found = own
            if linked == relative:
                try:
                    found = path.stat()
                except OSError:  # it leads nowhere, or round in circles
                    yield TreeEntry(relative=relative, path=path, found=None, link=linked)
                    continue
            if not stat.S_ISDIR(found.st_mode):
                regular = found if stat.S_ISREG(found.st_mode) else None
                yield TreeEntry(relative=relative, path=path, found=regular, link=linked)
                continue
            place = os.path.realpath(path) if linked else str(path)
            if linked and any(f"{known}/".startswith(f"{place.rstrip('/')}/") for known in inside):
                yield TreeEntry(relative=relative, path=path, found=None, link=linked)
            else:
                yield from self._walk(relative, (*inside, place) if linked else inside, linked)

    def _gone(self, relative: str) -> bool:
        if not self.absent:
            return False
        parts = relative.split("/")
        return any("/".join(parts[: end + 1]) in self.absent for end in range(len(parts)))


def find_records(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the commit records and the abort files in a dataset's folder, each sorted by number.

    Example:
        >>> from usr_core.api.events import find_records
        >>> find_records(dataset.path)
        ([], [])
    """
    commits: list[tuple[int, Path]] = []
    aborts: list[tuple[int, Path]] = []
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names only, and readers call this twice
    except FileNotFoundError:
        return [], []
    for name in names:
        if not name.startswith((COMMIT_PREFIX, ABORT_PREFIX)):
            continue
        for prefix, found in ((COMMIT_PREFIX, commits), (ABORT_PREFIX, aborts)):
            number = name.removeprefix(prefix).removesuffix(".json")
            if name == f"{prefix}{number}.json" and number.isascii() and number.isdecimal():
                found.append((int(number), folder / name))
    return [path for _, path in sorted(commits)], [path for _, path in sorted(aborts)]


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
