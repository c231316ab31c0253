"""What of a dataset is in its folder, told by names and logs alone: overlays, and what a pull left out.

Which files are overlays is what `ls` needs, and what every view opens; nothing heavy is imported for it.

A copy lacks history and overlays that was pulled with ``--primary-only``, and on request snapshots. Such a copy can be
read. A change there would begin a history of its own beside records that another one tells of, and no later pull could
join the two; so changes and pushes are refused until a whole pull has brought the rest. The receipt of the pull in
``.sync.log`` tells such a copy, as long as the log still ends where it did then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.fs.errors import SpecialFile, file_system_error
from usr_core.registry.document import is_namespace
from usr_core.roots.layout import DERIVED, RECORDS, SYNC_LOG, DatasetLayout
from usr_core.store.errors import CopyIncomplete
from usr_core.store.parts.errors import AmbiguousOverlay

__all__ = [
    "PART_GLOB",
    "PartialCopy",
    "overlay_paths",
    "partial_copy",
    "refuse_partial_copy",
    "snapshots_left_out",
]

PART_GLOB = "part-*.parquet"

_SUFFIX = ".parquet"


def overlay_paths(
    tree: FileTree, *, on_problem: Callable[[UsrError], None] | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the relative names of every namespace's overlay files, sorted; nothing is opened.

    Args:
        tree: The dataset's files.
        on_problem: Takes an error instead of its being raised; that namespace is left out.

    Raises:
        AmbiguousOverlay: A namespace is both a file and a folder that holds a part.
        SpecialFile: A FIFO, a device or a link that leads nowhere stands where a folder of overlays should be.
    """
    found: dict[str, tuple[str, ...]] = {}
    names = _listed(tree, DERIVED, on_problem)
    for name in names:
        if is_namespace(name):
            folder = f"{DERIVED}/{name}"
            listed = _listed(tree, folder, on_problem)
            parts = tuple(f"{folder}/{part}" for part in listed if fnmatchcase(part, PART_GLOB))
            if parts:
                found[name] = parts
    for name in names:
        namespace = name.removesuffix(_SUFFIX)
        if not name.endswith(_SUFFIX) or not is_namespace(namespace):
            continue
        file = f"{DERIVED}/{name}"
        if namespace not in found:
            found[namespace] = (file,)
            continue
        problem = AmbiguousOverlay(namespace=namespace, file=file, folder=f"{DERIVED}/{namespace}")
        if on_problem is None:
            raise problem
        on_problem(problem)
        del found[namespace]
    return dict(sorted(found.items()))


def _listed(tree: FileTree, folder: str, on_problem: Callable[[UsrError], None] | None) -> list[str]:
    """Return the names in a folder; none where a file stands in place of a namespace's folder."""
    try:
        return tree.names(folder)
    except SpecialFile as error:
        if error.kind == "file" and folder != DERIVED:
            return []
        if on_problem is None:
            raise
        on_problem(error)
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialCopy:
    """Where the rest of a copy is.

    Attributes:
        remote: Name of the remote that it was pulled from.
        events: Number of the last event there when it was pulled; the base here has its state.
        events_here: Number of the last event here.
        base_sha256: Digest of the base that was pulled, or None where none was computed.
    """

    remote: str
    events: int
    events_here: int
    base_sha256: str | None = None


def partial_copy(folder: Path) -> PartialCopy | None:
    """Return what a dataset's folder lacks of the copy that it was pulled from, or None where it lacks nothing.

    Raises:
        SpecialFile: A FIFO, folder or device stands in place of one of the two logs.
        FileSystemError: One of them can't be read.
    """
    from usr_core.events.log import read_head, read_last

    try:
        receipt = read_last(folder / SYNC_LOG) or {}
    except OSError as error:
        raise file_system_error(error, folder / SYNC_LOG, "read the receipts of pulls and pushes") from error
    if (receipt.get("action"), receipt.get("transfer_state"), receipt.get("primary_only")) != (
        "pull",
        "TRANSFERRED",
        True,
    ):
        return None
    log = _part(receipt, ".events.log")
    here, there = _part(log, "local_head"), _part(log, "remote_head")
    head = read_head(DatasetLayout(folder).event_log)
    if here.get("digest") != head.digest or there.get("digest") in (None, head.digest):
        return None
    if not (folder / RECORDS).exists():
        return None
    digest = _part(_part(receipt, "primary"), "remote").get("sha256")
    return PartialCopy(
        remote=str(receipt.get("remote", "REMOTE")),
        events=_number(there.get("seq")),
        events_here=head.seq,
        base_sha256=digest if isinstance(digest, str) else None,
    )


def refuse_partial_copy(name: str, folder: Path, *, doing: str) -> None:
    """Refuse what needs a whole copy: to be ``changed``, ``adopted`` or ``pushed``.

    Raises:
        SpecialFile, FileSystemError: As `partial_copy`.
        CopyIncomplete: The copy was pulled with ``--primary-only``, and the rest has not been pulled since.
    """
    found = partial_copy(folder)
    if found is not None:
        raise CopyIncomplete(name, remote=found.remote, events=found.events - found.events_here, doing=doing)


def snapshots_left_out(folder: Path) -> str:
    """Return when (RFC 3339, UTC) the last pull was begun that left snapshots out, ``""`` where a later one did not.

    Raises:
        FileSystemError: The receipts can't be read.
    """
    from usr_core.events.log import read_lines

    left_out = ""
    try:
        for line in read_lines(folder / SYNC_LOG):
            receipt = line.event or {}
            if (receipt.get("action"), receipt.get("transfer_state")) == ("pull", "TRANSFERRED"):
                left_out = str(receipt.get("started_at", "")) if receipt.get("skip_snapshots") is True else ""
    except OSError as error:
        raise file_system_error(error, folder / SYNC_LOG, "read the receipts of pulls and pushes") from error
    return left_out


def _part(receipt: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = receipt.get(key)
    return part if isinstance(part, Mapping) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
