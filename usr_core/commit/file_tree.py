"""The files of a dataset as a reader has to see them: on disk, with a live commit resolved as if applied."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from usr_core.fs.regular import require_folder, require_regular
from usr_core.roots.layout import is_machinery

__all__ = ["FileTree", "TreeEntry"]


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
    """

    folder: Path
    moved: Mapping[str, Path] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

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
        if final.is_file() or final.is_dir():
            return final
        if final.exists():
            require_regular(final)
        return None

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the direct children of `folder` (files and folders), sorted; [] if it is not there.

        ``""`` is the dataset's own folder, whose names include those of USR's machinery.

        Raises:
            SpecialFile: Something else than a folder has the name, such as a FIFO, or a link that leads nowhere.
        """
        found: set[str] = set()
        prefix = f"{folder}/" if folder else ""
        place = self.folder / folder
        if not self._gone(folder) and require_folder(place):
            found.update(entry.name for entry in place.iterdir() if not self._gone(f"{prefix}{entry.name}"))
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
        parts = relative.split("/")
        return any("/".join(parts[: end + 1]) in self.absent for end in range(len(parts)))
