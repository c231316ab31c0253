"""Copies that a pull left a part of out: with ``--primary-only`` history and overlays, on request snapshots.

Such a copy can be read. A change there would begin a history of its own beside records that another one tells of, and
no later pull could join the two; so changes and pushes are refused until a whole pull has brought the rest. The
receipt of the pull in ``.sync.log`` tells such a copy, as long as the log still ends where it did then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usr_core.events.log import read_head, read_last, read_lines
from usr_core.fs.errors import file_system_error
from usr_core.roots.layout import RECORDS, SYNC_LOG, DatasetLayout
from usr_core.store.errors import CopyIncomplete

__all__ = ["PartialCopy", "partial_copy", "refuse_partial_copy", "snapshots_left_out"]


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
