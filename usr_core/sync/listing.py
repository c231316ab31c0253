"""What one side has: its files by name, with what is needed to see that one has changed."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from usr_core.commit.file_tree import FileTree
from usr_core.plugin.transports import RemoteEntry
from usr_core.roots.layout import ABORT_PREFIX, COMMIT_PREFIX, EVENT_LOG, is_machinery
from usr_core.sync.errors import NameNotSyncable

__all__ = ["Entry", "Listing", "check_name", "list_local", "list_remote", "mark_of"]

# Control characters, halves of surrogate pairs, and what some tools take for the end of a line.
_REFUSED = {"Cc", "Cs", "Zl", "Zp"}
_RECORD = re.compile(rf"(?:{re.escape(COMMIT_PREFIX)}|{re.escape(ABORT_PREFIX)})[0-9]+\.json")
_OUTSIDE = {"", ".", ".."}
_RSYNC = {".rsync-partial", ".rsync-tmp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A regular file.

    Attributes:
        size_bytes: Its size.
        mark: Changes whenever its content may have; of one side only, for equality only.
    """

    size_bytes: int
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of one copy of a dataset.

    Attributes:
        exists: Whether the dataset's folder is there.
        files: Regular files by relative name, sorted, the log included, machinery left out.
        links: Relative names of links and of what is not a file; they never travel. Here, of links only those that
            lead to no file of a dataset.
        linked: The links here that were followed, by relative name, and where each leads: their content travels.
        records: Names of live commit records and abort files, left by a writer at work or by an interrupted one.
    """

    exists: bool
    files: Mapping[str, Entry]
    links: tuple[str, ...] = ()
    linked: Mapping[str, str] = field(default_factory=dict)
    records: tuple[str, ...] = ()

    def is_linked(self, path: str) -> bool:
        """Tell whether a file here is a link, or lies in a linked folder."""
        return any(path == link or path.startswith(f"{link}/") for link in self.linked)

    def size(self, path: str) -> int:
        """Return the size of a file in bytes, 0 if it is not there."""
        entry = self.files.get(path)
        return 0 if entry is None else entry.size_bytes

    @property
    def log_size(self) -> int:
        """Bytes of the event log."""
        return self.size(EVENT_LOG)


def list_local(tree: FileTree) -> Listing:
    """List a dataset here, a live commit resolved as if applied, links followed.

    Raises:
        NameNotSyncable: A file's name holds control characters or is not UTF-8.
    """
    if not tree.folder.is_dir():
        return Listing(exists=False, files={})
    files: dict[str, Entry] = {}
    links: list[str] = []
    linked: dict[str, str] = {}
    for entry in tree.walk():
        if entry.found is None:
            links.append(entry.relative)
            continue
        name = check_name(entry.relative, side="here")
        files[name] = Entry(size_bytes=entry.found.st_size, mark=mark_of(entry.found))
        if entry.link is not None:
            linked[entry.link] = os.path.realpath(tree.folder / entry.link)
    return Listing(exists=True, files=dict(sorted(files.items())), links=tuple(sorted(links)), linked=linked)


def list_remote(entries: Iterable[RemoteEntry], *, exists: bool, staging: bool = False) -> Listing:
    """Turn what a transport's walk yields into a listing.

    Args:
        entries: Everything below a folder.
        exists: Whether the folder is there.
        staging: The folder is a staging folder, whose names are ours and what a transport left.

    Raises:
        NameNotSyncable: A file's name holds control characters, or leads out of the folder.
    """
    files: dict[str, Entry] = {}
    links: list[str] = []
    records: list[str] = []
    for entry in entries:
        if _RECORD.fullmatch(entry.path):
            records.append(entry.path)
        if is_machinery(entry.path) or entry.kind == "folder":
            continue
        if entry.kind == "file":
            name = entry.path if staging else check_name(entry.path, side="there")
            files[name] = Entry(size_bytes=entry.size_bytes, mark=entry.mark)
        else:
            links.append(entry.path)
    return Listing(exists=exists, files=dict(sorted(files.items())), links=tuple(sorted(links)), records=tuple(records))


def mark_of(found: os.stat_result) -> str:
    """Return a text that changes whenever a local file's content may have."""
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def check_name(path: str, *, side: str) -> str:
    """Return `path` if it names something below a folder and can be shown and listed line by line.

    Raises:
        NameNotSyncable: The path leads out of the folder, or can't be shown and listed line by line.
    """
    parts = set(path.split("/"))
    if parts & _OUTSIDE:
        raise NameNotSyncable(path=path, side=side, reason="it leads out of the folder")
    # What can be printed has no letter of these categories.
    if not path.isprintable() and any(unicodedata.category(letter) in _REFUSED for letter in path):
        raise NameNotSyncable(path=path, side=side)
    if parts & _RSYNC:
        raise NameNotSyncable(path=path, side=side, reason="rsync keeps what is under way in folders of that name")
    return path
