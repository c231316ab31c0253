"""The files below `.history`: which there are, and where the content lies that a file had at an earlier version.

A version is the number of an event. What the commit of event N replaces or removes is kept as ``.history/N/<name>``,
the name being the one that the file had in the dataset. Of a base that was extended, only what the new one does not
begin with is kept, as ``.history/N/records.tail``. ``.history/setting.json`` says whether a dataset keeps anything.
"""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from usr_core.commit.file_tree import FileTree, check_inside
from usr_core.errors import UsrError, counted, size_text
from usr_core.roots.layout import ARCHIVED, DERIVED, HISTORY, RECORDS
from usr_core.store.history.keeping import TAIL, Setting

__all__ = ["History", "HistoryUse", "KeptFile", "kept_name", "kept_told", "read_history_use", "version_kept"]

_EVENT = re.compile(r"[1-9][0-9]*")


def kept_name(version: int, relative: str) -> str:
    """Return the name under which the file `relative` is kept that the commit of event `version` replaced."""
    return f"{HISTORY}/{version}/{relative}"


def kept_told(change: Mapping[str, Any]) -> str | None:
    """Return the name under which an event says that a file is kept; None where it says none inside the dataset."""
    told = change.get("kept")
    with contextlib.suppress(ValueError):
        return check_inside(told) if isinstance(told, str) else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """One file below `.history`.

    Attributes:
        version: The event whose commit replaced or removed it.
        relative: The name it had; `TAIL` for the end of a base.
        path: Where it is.
        size_bytes: Its size.
    """

    version: int
    relative: str
    path: Path
    size_bytes: int

    @property
    def name(self) -> str:
        """Its name in the dataset now."""
        return kept_name(self.version, self.relative)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryUse:
    """What a dataset keeps of its past.

    Attributes:
        history: ``keep`` where changes keep what they replace, else ``none``.
        since: The oldest version from which on everything can be brought back.
        versions: Older versions that can be, too.
        files: How many files are kept.
        size_bytes: Their sizes, added; what has a second name elsewhere in the dataset takes no further space.
    """

    history: str
    since: int
    versions: tuple[int, ...]
    files: int
    size_bytes: int

    @property
    def told(self) -> str:
        """The same in one line."""
        older = f", and of {', '.join(map(str, self.versions))}" if self.versions else ""
        ended = "" if self.history == "keep" else "; no longer kept"
        return (
            f"{size_text(self.size_bytes)} in {counted(self.files, 'file')}, from version {self.since} on{older}{ended}"
        )


@dataclass(frozen=True)
class History:
    """What a dataset keeps, as one state of its files shows it; folders are listed when they are asked for."""

    tree: FileTree
    _listed: dict[int, Mapping[str, Path]] = field(default_factory=dict, compare=False)

    @cached_property
    def setting(self) -> Setting:
        """Whether the dataset keeps anything.

        Raises:
            HistoryUnreadable: The file that says so is damaged.
        """
        return Setting.read(self.tree)

    @cached_property
    def versions(self) -> tuple[int, ...]:
        """The events whose commits kept something, ascending; a folder `03` is not one that a commit made."""
        return tuple(sorted(int(name) for name in self.tree.names(HISTORY) if _EVENT.fullmatch(name)))

    def later_than(self, version: int) -> tuple[int, ...]:
        """Return the events after `version` whose commits kept something, ascending."""
        return self.versions[bisect_right(self.versions, version) :]

    def kept_by(self, version: int) -> Mapping[str, Path]:
        """Return the files that the commit of event `version` kept: by the names they had, where they are."""
        if version not in self._listed:
            self._listed[version] = dict(self._walk(f"{HISTORY}/{version}", ""))
        return self._listed[version]

    def kept_from(self, relative: str, version: int) -> Path | None:
        """Return where the content is that event `version` replaced or removed under the name `relative`.

        No two parts of a namespace have one name, so of a part it is whatever has that name; None where nothing does.
        """
        found = self.kept_by(version).get(relative)
        return self.file_at(relative, version) if found is None and relative.count("/") > 1 else found

    def replaced_by(self, relative: str, version: int) -> int | None:
        """Return the first event after `version` whose commit kept the file `relative`; None where none did."""
        return next((later for later in self.later_than(version) if relative in self.kept_by(later)), None)

    def file_at(self, relative: str, version: int) -> Path | None:
        """Return where the content is that a file of `version` had; for the base, of one that begins with its rows.

        It is what the first later commit kept that replaced or removed the file, else the file itself, else, for a
        part of an overlay, what was archived under its name. Whether the file was there at that version is for the
        log to say. None where nothing has it.
        """
        later = self.replaced_by(relative, version)
        if later is not None:
            return self.kept_by(later)[relative]
        return self.tree.path(relative) or self._archived(relative)

    def tails_after(self, version: int) -> tuple[tuple[int, Path], ...]:
        """Return the tails that lead from `file_at` of the base back to its bytes at `version`, the newest first.

        Each with the event whose commit kept it.
        """
        end = self.replaced_by(RECORDS, version)
        found = [
            (later, self.kept_by(later)[TAIL])
            for later in self.later_than(version)
            if (end is None or later < end) and TAIL in self.kept_by(later)
        ]
        return tuple(reversed(found))

    def files(self) -> Iterator[KeptFile]:
        """Yield every file that is kept, in the order of events."""
        for version in self.versions:
            for relative, path in self.kept_by(version).items():
                size = path.stat().st_size
                yield KeptFile(version=version, relative=relative, path=path, size_bytes=size)

    @property
    def size_bytes(self) -> int:
        """The bytes that are kept; what shares its blocks with another file counts as well."""
        return sum(kept.size_bytes for kept in self.files())

    def use(self) -> HistoryUse | None:
        """Return what is kept, or None where nothing ever was.

        Raises:
            HistoryUnreadable: The file that says so is damaged.
        """
        if self.setting.since is None:
            return None
        sizes = [kept.size_bytes for kept in self.files()]
        return HistoryUse(
            history="keep" if self.setting.keep else "none",
            since=self.setting.since,
            versions=self.setting.versions,
            files=len(sizes),
            size_bytes=sum(sizes),
        )

    def _walk(self, folder: str, prefix: str) -> Iterator[tuple[str, Path]]:
        for name in self.tree.names(folder):
            path = self.tree.path(f"{folder}/{name}")
            if path is None or path.is_dir():  # a folder that a commit under way makes is not there yet
                yield from self._walk(f"{folder}/{name}", f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", path

    def _archived(self, relative: str) -> Path | None:
        """Return where a part lies that was put into the archive: no two parts of a namespace have one name."""
        pieces = relative.split("/")
        if len(pieces) != 3 or pieces[0] != DERIVED:  # a namespace in one file has one name for all its contents
            return None
        _, namespace, name = pieces
        stamps = self.tree.names(f"{ARCHIVED}/{namespace}")
        found = (self.tree.path(f"{ARCHIVED}/{namespace}/{stamp}/{name}") for stamp in reversed(stamps))
        return next((path for path in found if path is not None), None)


def version_kept(folder: Path, version: int) -> bool:
    """Tell whether the dataset in a folder has kept what `version` consists of, by what it says of itself.

    No file but that one is looked at; where it can't be read, nothing counts as kept.

    Example:
        >>> from usr_core.api.events import version_kept
        >>> version_kept(dataset.path, 2), dataset.gc(keep_seconds=0).since, version_kept(dataset.path, 2)
        (True, 3, False)
    """
    with contextlib.suppress(UsrError, OSError):
        return Setting.read(FileTree(folder)).holds(version)
    return False


def read_history_use(folder: Path) -> HistoryUse | None:
    """Return what the dataset in a folder keeps; None where it keeps nothing, and where that can't be read."""
    with contextlib.suppress(UsrError, OSError):
        return History(FileTree(folder)).use()
    return None
