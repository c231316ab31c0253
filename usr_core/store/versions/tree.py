"""The files of a dataset as they were at a version, so far as they are still there.

Rows are only ever added behind others, and parts are never changed: as long as nothing else came after a version, its
files are those of today: of the base the first rows, of the parts those that are older. What a later change replaced
or removed is looked for where such files are kept.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.events.event import file_stamp
from usr_core.events.files_told import changes_told
from usr_core.events.log import object_in
from usr_core.events.seek import event_time_us, events_backwards, line_of_seq
from usr_core.roots.layout import DERIVED, EVENT_LOG, RECORDS, SNAPSHOTS
from usr_core.store.history.files import History
from usr_core.store.parts.present import overlay_paths
from usr_core.store.parts.stamps import read_stamp
from usr_core.store.versions.errors import VersionMissing, VersionNotShown
from usr_core.store.versions.later import LaterEvent, LaterEvents, events_after
from usr_core.store.versions.version import Version

__all__ = ["files_of", "tree_at"]

_PART = re.compile(r"part-(\d{8}T\d{12})-[0-9a-f]{8}\.parquet", re.ASCII)
_SNAPSHOT = re.compile(r"records-(\d{8}T\d{12})\.parquet", re.ASCII)
_MOST_TRIED = 64


class _Lost(Exception):
    """What a version had is not there any more: which file, and which event took it."""

    def __init__(self, path: str, by: LaterEvent, reason: str) -> None:
        super().__init__(reason)
        self.path, self.by = path, by


def files_of(tree: FileTree, version: Version | None, *, dataset: str) -> FileTree:
    """Return the files that count of a dataset's: all of them, or those of a version; see `tree_at`."""
    return tree if version is None else tree_at(tree, version, dataset=dataset)


def tree_at(tree: FileTree, version: Version, *, dataset: str) -> FileTree:
    """Return the files of `version`, and how many rows of the base count.

    Args:
        tree: The dataset's files, as `read_consistent` gives them.
        version: The version.
        dataset: The dataset's name, for errors.

    Raises:
        VersionMissing: The log does not hold the version any more.
        VersionNotShown: A later change took something away that is not kept.
        AmbiguousOverlay: A namespace is both a file and a folder of parts.
        OSError: The log can't be read.
    """
    line = line_of_seq(tree.folder / EVENT_LOG, version.seq)
    if line is None or line.event != version.event:
        raise VersionMissing(dataset=dataset, text=str(version.seq), reason="the log was replaced by another one")
    try:
        return _Past(tree, Version.of(line, version.seq)).tree()
    except _Lost as lost:
        near = _nearest(tree, version.seq, lost)
        raise VersionNotShown(dataset=dataset, seq=version.seq, reason=str(lost), nearest=near) from None


@dataclass(slots=True)
class _Past:
    """The files of one version."""

    now: FileTree
    version: Version
    _history: History = field(init=False)

    def __post_init__(self) -> None:
        self._history = History(self.now)

    def tree(self) -> FileTree:
        """Return them.

        Raises:
            _Lost: One is not there any more.
        """
        later = events_after(self.now, self.version, self._history)
        base, rows = self._base(later)
        moved, absent = dict(self.now.moved), set(self.now.absent)
        if base is not None:
            moved[RECORDS] = base
            absent.discard(RECORDS)
        for path in (path for paths in overlay_paths(self.now).values() for path in paths):
            if path in later.added or path in later.removed or self._is_newer(path):
                moved.pop(path, None)
                absent.add(path)
        for path, by in later.removed.items():
            if path.startswith(f"{DERIVED}/") and not self._is_newer(path, self._history.kept_from(path, by.seq)):
                self._bring_back(path, by, later, moved, absent)
        for path, by in later.added.items():
            if path.count("/") == 1 and self._was_there(path):
                kept = self._history.kept_from(path, by.seq)
                if kept is None:
                    raise _Lost(path, by, f"{by} replaced {path}, and the old file was not kept")
                moved[path] = kept
        return FileTree(self.now.folder, moved, frozenset(absent - set(moved)), rows)

    def _base(self, later: LaterEvents) -> tuple[Path | None, int]:
        """Return where the base is, None where it is in its place, and how many of its rows count."""
        rows = self._rows()
        if later.untold is not None:
            reason = f"event {later.untold.seq} is an older writer's, which does not tell what it changed"
            raise _Lost(RECORDS, later.untold, reason)
        by = later.rewritten
        if by is None:
            return None, rows
        kept = self._history.kept_by(by.seq).get(RECORDS)
        if kept is None:  # one that only added rows may have kept the base whole as well
            earlier = self._history.replaced_by(RECORDS, self.version.seq)
            kept = None if earlier is None or earlier > by.seq else self._history.kept_by(earlier)[RECORDS]
        if kept is not None:
            return kept, rows
        # A snapshot from the time between begins with the same rows; that of a change itself has the base before it.
        written = self._written_us()
        for name in self.now.names(SNAPSHOTS):
            stamp = _SNAPSHOT.fullmatch(name)
            kept = self.now.path(f"{SNAPSHOTS}/{name}")
            if stamp is not None and kept is not None and file_stamp(written) < stamp[1] <= file_stamp(by.time_us):
                return kept, rows
        raise _Lost(RECORDS, by, f"{by} wrote all records anew, and the old file was not kept")

    def _written_us(self) -> int:
        """Return when the base of the version was written."""
        seq = _last_touch(self.now, RECORDS, self.version.seq)
        line = None if seq is None else line_of_seq(self.now.folder / EVENT_LOG, seq)
        return self.version.time_us if line is None else event_time_us(line.event) or 0

    def _rows(self) -> int:
        event = self.version.event
        told = object_in(event, "fingerprint").get("rows")
        if isinstance(told, int):
            return told
        by = LaterEvent(self.version.seq, str(event.get("action")), self.version.time_us)
        raise _Lost(RECORDS, by, "its event does not tell how many records there were")

    def _bring_back(
        self, path: str, by: LaterEvent, later: LaterEvents, moved: dict[str, Path], absent: set[str]
    ) -> None:
        """Let a file of an overlay be there again that a later event removed."""
        kept = self._history.kept_from(path, by.seq)
        if kept is not None:
            moved[path] = kept
            return
        removed, added = later.together[by.seq]
        if by.action == "compact_overlay":
            same = [part for part in added if self.now.path(part) is not None]
            if same and all(one in later.removed and not self._is_newer(one) for one in removed):
                absent.difference_update(same)  # one part, which has the values of all of them
                return
            raise _Lost(path, by, f"{by} merged {path} with others, and the old files were not kept")
        if path.count("/") == 1:
            part = self._as_part(path, added)
            if part is not None:
                absent.discard(part)
                return
        raise _Lost(path, by, f"{by} removed {path}, which was not kept")

    def _as_part(self, path: str, added: Iterable[str]) -> str | None:
        """Return the part as which a namespace's single file went on: an attachment moves it into the folder."""
        folder = f"{path.removesuffix('.parquet')}/"
        for part in added:
            if part.startswith(folder) and self.now.path(part) is not None and not self._is_newer(part):
                return part
        return None

    def _is_newer(self, path: str, found: Path | None = None) -> bool:
        """Tell whether a part was written after the version; a single file is told of by the log alone.

        `found` is where it lies, if that is not in its place.
        """
        if path.count("/") == 1:
            return False
        stamp = _PART.fullmatch(path.rsplit("/", 1)[-1])
        if stamp is not None:
            return stamp[1] > file_stamp(self.version.time_us)
        # Another writer's name: the footer tells, and where it does not, the view will say what is wrong.
        found = found or self.now.path(path)
        with contextlib.suppress(UsrError, OSError, ValueError):
            return found is not None and _stamp_us(found, path) > self.version.time_us
        return False

    def _was_there(self, path: str) -> bool:
        """Tell whether the log up to the version has a file in this place."""
        return _last_touch(self.now, path, self.version.seq) is not None


def _stamp_us(path: Path, relative: str) -> int:
    from usr_core.store.base.parquet import OpenParquet, usr_metadata  # the library is loaded for such a file only

    with contextlib.closing(OpenParquet.open(path)) as file:
        return read_stamp(usr_metadata(file.schema), file.schema.names, relative=relative)[1]


def _last_touch(tree: FileTree, path: str, seq: int) -> int | None:
    """Return the last event up to `seq` that wrote a file, or None where none did, or the last one removed it."""
    for line in events_backwards(tree.folder / EVENT_LOG, holding=f'"{path}"'.encode()):
        if line.number > seq:
            continue
        if path in changes_told(line.event, "added"):
            return line.number
        if path in changes_told(line.event, "removed"):
            return None
    return None


def _nearest(tree: FileTree, seq: int, lost: _Lost) -> str:
    """Return a sentence that says which versions before and after `seq` can be shown."""
    before = None
    touched = _last_touch(tree, lost.path, seq) if lost.path != RECORDS else None
    if touched is not None and touched > 1 and _loss(tree, touched - 1) is None:
        before = touched - 1
    after: int | None = lost.by.seq
    for _ in range(_MOST_TRIED):
        again = _loss(tree, after) if after is not None else None
        if again is None:
            break
        after = again.by.seq if again.by.seq > (after or 0) else None
    else:
        after = None
    near = [str(one) for one in (before, after) if one is not None]
    if not near:
        return "`--at now` shows the dataset as it is."
    return f"The nearest that can be shown {'are' if len(near) > 1 else 'is'} {' and '.join(near)}."


def _loss(tree: FileTree, seq: int) -> _Lost | None:
    line = line_of_seq(tree.folder / EVENT_LOG, seq)
    if line is None:
        return None
    try:
        _Past(tree, Version.of(line, seq)).tree()
    except _Lost as lost:
        return lost
    return None
