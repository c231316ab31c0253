"""The form of the event log, and under ``--strict`` its chain and what it says of the base."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from usr_core.events.chain import verify_chain, verify_form
from usr_core.events.event import EVENT_VERSION
from usr_core.events.log import object_in, read_head, read_lines
from usr_core.fs.errors import FileSystemError
from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.layout import EVENT_LOG, RECORDS, SYNC_LOG
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.checks.validate.report import FIRST_ROWS, FindingList
from usr_core.store.errors import CopyIncomplete
from usr_core.store.parts.present import refuse_partial_copy

__all__ = ["check_chain", "check_copy_is_whole", "check_fingerprint", "check_log_form"]

_RESTORE = "Restore .events.log from a copy; `usr events verify` says where it was changed."


def check_log_form(log: Path, findings: FindingList, *, under_way: bool) -> None:
    """Check that each line is a JSON object with ``event_version`` and ``action``; memory holds one line.

    Args:
        log: The file.
        findings: Takes a finding for each kind of fault, rows being line numbers.
        under_way: A commit record is there: its event may be half written, which is not a fault.
    """
    head = read_head(log)
    if not head.seq and not under_way:
        findings.add(
            "USR-VALID-080",
            f"{EVENT_LOG} {'is empty' if log.exists() else 'is missing'}: the history of the dataset is not known",
            hint="Restore it from a copy; where there is none, `usr doctor DATASET --adopt` begins a new one.",
            file=EVENT_LOG,
        )
        return
    torn = bool(head.torn)
    faults: dict[str, list[int]] = {}
    last = 0
    for line in read_lines(log):
        last = line.number
        if line.event is None:
            faults.setdefault("USR-VALID-081", []).append(line.number)
    for fault in verify_form(log):
        faults.setdefault(_FORM_CODES[fault.kind], []).append(fault.line)
    if torn and faults.get("USR-VALID-081", [])[-1:] == [last]:
        faults["USR-VALID-081"].pop()
        if not under_way:
            findings.add(
                "USR-VALID-084",
                f"the last line, {last:,}, is cut off: a writer was interrupted, or the disk was full",
                hint="The next command that writes cuts it, and says so in its event.",
                file=EVENT_LOG,
                severity="warning",
                rows=(last,),
            )
    for code, lines in sorted(faults.items()):
        if lines:
            count = "1 line" if len(lines) == 1 else f"{len(lines):,} lines"
            findings.add(
                code,
                f"{_FORMS[code]} in {count}, first in line {lines[0]:,}",
                hint=_RESTORE,
                file=EVENT_LOG,
                rows=lines[:FIRST_ROWS],
                count=len(lines),
            )


def check_copy_is_whole(ref: DatasetRef, findings: FindingList) -> bool:
    """Warn of a copy that was pulled with ``--primary-only``; its base and its log are not of one state."""
    try:
        refuse_partial_copy(ref.name, ref.path, doing="changed")
    except CopyIncomplete as told:
        findings.add(told.code, told.message, hint=told.hint, severity="warning")
        return False
    except FileSystemError as error:
        findings.add_error(error, file=SYNC_LOG)
    return True


def check_chain(log: Path, findings: FindingList) -> None:
    """Report every break of the chain."""
    for fault in verify_chain(log):
        if fault.kind == "torn":
            continue  # `check_log_form` has told
        findings.add(
            "USR-VALID-085", f"{fault.message} ({fault.kind})", hint=_RESTORE, file=EVENT_LOG, rows=(fault.line,)
        )


def check_fingerprint(last: Mapping[str, Any], base: OpenParquet, findings: FindingList) -> None:
    """Compare the base with what the `last` event says of it: rows, columns, bytes, and its digest where that is told.

    Nothing else shows that somebody replaced the base by one that is valid in itself, with fewer records.
    """
    told = object_in(last, "fingerprint")
    found: dict[str, object] = {"rows": base.rows, "cols": len(base.schema), "size_bytes": int(base.handle.size())}
    differing = [
        f"{name} {told[name]} there, {found[name]} here" for name in found if told.get(name, found[name]) != found[name]
    ]
    if not differing and told.get("sha256") and told["sha256"] != _digest(base):
        differing = ["as many bytes, and other ones"]
    if differing:
        findings.add(
            "USR-VALID-086",
            f"the base is not the one of the last event ({'; '.join(differing)})",
            hint="Restore it from `_snapshots/` or a remote copy; if it was replaced on purpose, "
            "`usr doctor DATASET --adopt` takes it as it is.",
            file=RECORDS,
        )


def _digest(base: OpenParquet) -> str:
    digest, size = hashlib.sha256(), int(base.handle.size())
    for offset in range(0, size, _BLOCK):
        digest.update(base.handle.read_at(min(_BLOCK, size - offset), offset))
    return digest.hexdigest()


_BLOCK = 1 << 24
_FORMS = {
    "USR-VALID-081": "no JSON object",
    "USR-VALID-082": f"event_version is not {EVENT_VERSION}",
    "USR-VALID-083": "no action",
}
_FORM_CODES = {"version": "USR-VALID-082", "action": "USR-VALID-083"}
