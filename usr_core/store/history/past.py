"""Which files a rollback has to bring back and to take away, and where the content of each one is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usr_core.commit.file_tree import FileTree
from usr_core.events.files_told import ADOPT, changes_told
from usr_core.events.log import line_seq
from usr_core.events.tail import tail_events
from usr_core.roots.layout import ARCHIVED, DERIVED, EVENT_LOG, RECORDS
from usr_core.store.history.errors import VersionNotKept
from usr_core.store.history.files import History, kept_told
from usr_core.store.history.keeping import TAIL
from usr_core.store.parts.present import overlay_paths

__all__ = ["PastFile", "PastFiles", "past_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFile:
    """A file of an overlay that was another one, or is not there any more.

    Attributes:
        path: Where its content is.
        size_bytes, sha256: What an event says of it.
    """

    path: Path
    size_bytes: int | None
    sha256: str | None


@dataclass(slots=True, kw_only=True)
class PastFiles:
    """What makes an earlier version of the dataset as it is.

    Attributes:
        base: The base has been replaced since.
        brought: The files of overlays that have to be brought back, by name.
        gone: Names that had no file then, and have one now.
    """

    base: bool = False
    brought: dict[str, PastFile] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def past_files(tree: FileTree, history: History, version: int, *, dataset: str) -> PastFiles:
    """Say what has to be done to have the files of `version` again; nothing is read but the log since then.

    Raises:
        VersionNotKept: Something that the version consists of is not there any more.
    """
    _require_kept(history, version, dataset=dataset)
    there = {path for paths in overlay_paths(tree).values() for path in paths}
    now = frozenset(there)
    first: dict[str, tuple[int, Mapping[str, Any] | None]] = {}
    later, of_base = [], []
    for line in tail_events(tree.folder / EVENT_LOG, n=0, since=version):
        seq = line_seq(line.event)
        if line.event is None or seq is None or line.event.get("action") == ADOPT:
            reason = f"the log begins anew behind it, or is damaged (line {line.number})"
            raise VersionNotKept(dataset=dataset, version=version, reason=reason)
        removed, added = _shown(changes_told(line.event, "removed")), _shown(changes_told(line.event, "added"))
        for name in (*removed, *added):
            first.setdefault(name, (seq, removed.get(name)))
        unknown = next((name for name, told in added.items() if name not in removed and _may_replace(name, told)), None)
        if unknown is not None:
            reason = f"event {seq} wrote {unknown} anew, and the old one is not kept"
            raise VersionNotKept(dataset=dataset, version=version, reason=reason)
        if RECORDS in added:
            of_base.append(seq)
        later.append((set(removed), set(added)))
    for gone, come in reversed(later):
        there = (there - come) | gone
    there.discard(RECORDS)
    _require_base(history, of_base, version=version, dataset=dataset)
    found = PastFiles(base=bool(of_base), gone=tuple(sorted(now - there)))
    for name in sorted(there & set(first)):
        seq, change = first[name]
        where = _kept(tree, history, name, seq, change)
        if where is None:
            reason = f"event {seq} replaced or removed {name}, and it is not kept"
            raise VersionNotKept(dataset=dataset, version=version, reason=reason)
        known = change or {}
        found.brought[name] = PastFile(path=where, size_bytes=known.get("size_bytes"), sha256=known.get("sha256"))
    return found


def _require_kept(history: History, version: int, *, dataset: str) -> None:
    """Refuse a version that was given up, or that is older than all that is kept."""
    setting = history.setting
    if not setting.holds(version):
        kept = "nothing is kept of its past" if setting.since is None else f"it is kept from version {setting.since} on"
        if setting.versions:
            kept += f", and version{'s' * (len(setting.versions) > 1)} {', '.join(map(str, setting.versions))}"
        raise VersionNotKept(dataset=dataset, version=version, reason=kept)


def _may_replace(name: str, told: Mapping[str, Any]) -> bool:
    """Tell whether a file of one name for all its contents may have stood there before it was written.

    A dataset that keeps tells of the old file, and the digest of the new one; where it does neither, nothing is known.
    """
    return name != RECORDS and name.count("/") == 1 and "sha256" not in told


def _require_base(history: History, events: Iterable[int], *, version: int, dataset: str) -> None:
    """Refuse where the bytes of the base are not all there: up to the commit that kept it whole, each kept a tail."""
    for seq in events:
        kept = history.kept_by(seq)
        if RECORDS in kept:
            return
        if TAIL not in kept:
            reason = f"event {seq} wrote the base anew, and the old one is not kept"
            raise VersionNotKept(dataset=dataset, version=version, reason=reason)


def _kept(tree: FileTree, history: History, name: str, seq: int, change: Mapping[str, Any] | None) -> Path | None:
    """Return where the content is that a file had until event `seq` replaced or removed it."""
    if change is None:
        return None
    told = kept_told(change)
    found = tree.path(told) if told is not None and name not in history.kept_by(seq) else None
    return history.kept_from(name, seq) if found is None else found


def _shown(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the changes of files that a version consists of: the base, and overlays that are not archived."""
    return {
        name: change
        for name, change in changes.items()
        if name == RECORDS or (name.startswith(f"{DERIVED}/") and not name.startswith(f"{ARCHIVED}/"))
    }
