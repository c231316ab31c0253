"""Commit jobs as a sync sends them: the four files that `CommitRequest` describes, and a dataset to try them on."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from usr_core.commit.record import CommitRecord, Publish, Retire
from usr_core.plugin.transports import CommitRequest
from usr_core.roots.layout import EVENT_LOG, RECORDS, STAGING
from usr_core.sync.jobs import JOB_FILES, write_job
from usr_core.testing.far_side import FarSide

__all__ = ["Job", "job_files"]


def job_files(record: CommitRecord) -> dict[str, bytes]:
    """Return the four files of a job by name."""
    with tempfile.TemporaryDirectory(prefix="usr-job-") as folder:
        write_job(Path(folder), record)
        return {name: (Path(folder) / name).read_bytes() for name in JOB_FILES}


@dataclass
class Job:
    """A dataset on the remote side, and a change to it that is ready to be committed.

    The change publishes over an existing file, publishes a new one (with an odd name, in a new folder), retires one,
    and retires one whose name a new file gets; ``live`` and ``after`` are the dataset before and after it.

    Attributes:
        remote: The remote side.
        line: What the log gets.
        same_folder: Whether the job's files lie in the staging folder itself.
    """

    remote: FarSide
    line: bytes = b'{"seq": 3}\n'
    same_folder: bool = False
    txn: str = "push-0123abcd"
    seq: int = 3
    live: dict[str, bytes] = field(
        default_factory=lambda: {
            EVENT_LOG: b'{"seq": 1}\n{"seq": 2}\n',
            RECORDS: b"old records",
            "_derived/few/part-1.parquet": b"a part to retire",
            "_derived/few/part-2.parquet": b"a part to keep",
            "_derived/same.parquet": b"an overlay to replace by name",
            "meta.md": b"untouched",
        }
    )
    staged: dict[str, bytes] = field(
        default_factory=lambda: {"0.parquet": b"new records", "1.parquet": b"a new part", "2.parquet": b"overlay, new"}
    )
    operations: tuple[Publish | Retire, ...] = (
        Retire(final="_derived/few/part-1.parquet", target=".usr.replaced/now/_derived/few/part-1.parquet"),
        Retire(final="_derived/same.parquet", target=f"{STAGING}/push-0123abcd/retired-0"),
        Publish(staged="0.parquet", final=RECORDS, undo="undo-0"),
        Publish(staged="1.parquet", final="_derived/n'e w/part *$(x).parquet", undo=None),
        Publish(staged="2.parquet", final="_derived/same.parquet", undo=None),
    )

    @property
    def folder(self) -> str:
        """The dataset's folder."""
        return f"{self.remote.root}/ns/data set"

    @property
    def staging(self) -> str:
        """The staging folder, relative to the dataset."""
        return f"{STAGING}/{self.txn}"

    @property
    def job(self) -> str:
        """The folder of the job's files, relative to the dataset."""
        return self.staging if self.same_folder else f"{STAGING}/push-job"

    @property
    def offset(self) -> int:
        """Where the line goes."""
        return len(self.live.get(EVENT_LOG, b""))

    @property
    def after(self) -> dict[str, bytes]:
        """The dataset's files when the change is done."""
        files = dict(self.live)
        for operation in self.operations:
            if isinstance(operation, Retire):
                content = files.pop(operation.final)
                if not operation.target.startswith(f"{STAGING}/"):
                    files[operation.target] = content
            else:
                files[operation.final] = self.staged[operation.staged]
        if self.line:
            files[EVENT_LOG] = files.get(EVENT_LOG, b"") + self.line
        return files

    def record(self) -> CommitRecord:
        """Return the record of the change."""
        return CommitRecord(
            seq=self.seq,
            txn=self.txn,
            operations=self.operations,
            folders=("_derived/n'e w", ".usr.replaced", ".usr.replaced/now"),
            line=self.line,
            offset=self.offset,
        )

    def request(self, action: Literal["commit", "finish", "undo", "discard"] = "commit") -> CommitRequest:
        """Return the request that asks for `action`."""
        return CommitRequest(
            folder=self.folder,
            job=self.job,
            staging=self.staging,
            seq=self.seq,
            offset=self.offset,
            length=len(self.line),
            action=action,
        )

    def lay_out(self, *, without: str = "") -> None:
        """Write the dataset, what is staged, and the job; leave one file out, named relative to the dataset."""
        files = self.live | {f"{self.staging}/{name}": content for name, content in self.staged.items()}
        for name, content in files.items():
            if name != without:
                self.put(name, content)
        self.lay_out_job()

    def lay_out_job(self) -> None:
        """Write the job's four files."""
        for name, content in job_files(self.record()).items():
            self.put(f"{self.job}/{name}", content)

    def lay_out_half_done(
        self, operations: int, *, line_bytes: int = 0, record_name: str | None = None, undone: int = 0
    ) -> None:
        """Write the state that a writer leaves that died after the record was linked.

        Args:
            operations: How many were done.
            line_bytes: How much of the line is in the log.
            record_name: What the record is called; by default, as it is linked.
            undone: How many of the operations that were done have been taken back, the last ones first.
        """
        files = dict(self.live)
        files |= {f"{self.staging}/{name}": content for name, content in self.staged.items()}
        for operation in self.operations:
            if isinstance(operation, Publish) and operation.undo is not None:
                files[f"{self.staging}/{operation.undo}"] = files[operation.final]
        for operation in self.operations[:operations]:
            if isinstance(operation, Retire):
                files[operation.target] = files.pop(operation.final)
            else:
                files[operation.final] = files.pop(f"{self.staging}/{operation.staged}")
        files[EVENT_LOG] = self.live[EVENT_LOG] + self.line[:line_bytes]
        for operation in reversed(self.operations[operations - undone : operations]):
            if isinstance(operation, Retire):
                files[operation.final] = files.pop(operation.target)
            elif operation.undo is not None:
                files[operation.final] = files.pop(f"{self.staging}/{operation.undo}")
            else:
                files.pop(operation.final)
        files[record_name or self.record().name()] = self.record().encode()
        for name, content in files.items():
            self.put(name, content)
        self.lay_out_job()

    def put(self, name: str, content: bytes) -> None:
        """Write a file of the dataset."""
        self.remote.write(f"{self.folder}/{name}", content)

    def found(self) -> dict[str, bytes]:
        """Return the dataset's files as they are, without the lock's and without what is staged."""
        return {
            name: self.remote.read(f"{self.folder}/{name}")
            for name in self.remote.names(self.folder)
            if name not in (".usr.lock", ".usr.lease") and not name.startswith(f"{STAGING}/")
        }
