"""A commit as files: what a transport needs to do, finish or take back a change on the remote side."""

from __future__ import annotations

from pathlib import Path

from usr_core.commit.record import CommitRecord, Publish, Retire
from usr_core.roots.layout import STAGING

__all__ = ["JOB_FILES", "write_job"]

JOB_FILES = ("line", "operations", "record.json", "reversed")


def write_job(folder: Path, record: CommitRecord) -> None:
    """Write the four files of a job into `folder`; see `usr_core.plugin.transports.CommitRequest`."""
    operations = [_line(record.txn, operation) for operation in record.operations]
    (folder / "record.json").write_bytes(record.encode())
    (folder / "line").write_bytes(record.line)
    (folder / "operations").write_text("".join(operations), encoding="utf-8")
    (folder / "reversed").write_text("".join(reversed(operations)), encoding="utf-8")


def _line(txn: str, operation: Publish | Retire) -> str:
    if isinstance(operation, Retire):
        return f"retire\t{operation.final}\t{operation.target}\n"
    undo = "-" if operation.undo is None else f"{STAGING}/{txn}/{operation.undo}"
    return f"publish\t{STAGING}/{txn}/{operation.staged}\t{operation.final}\t{undo}\n"
