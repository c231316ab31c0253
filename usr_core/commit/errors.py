"""Errors of changing a dataset and of reading it meanwhile."""

from __future__ import annotations

from pathlib import Path

from usr_core.errors import ExitCode, UsrError

__all__ = ["CommitPending", "CommitRecordUnreadable", "DatasetBusy", "LateHolder"]


class LateHolder(UsrError):
    """Another writer took over while this one was paused; nothing of this change was kept."""

    code = "USR-COMMIT-001"
    exit_code = ExitCode.LOCKED

    def __init__(self, dataset: str, *, seq: int) -> None:
        super().__init__(
            f"{dataset}: another writer committed change {seq} while this one was paused; nothing was written.",
            hint="Run the command again.",
            facts={"dataset": dataset, "seq": seq},
        )
        self.seq = seq


class CommitPending(UsrError):
    """A change failed half-way and could not be undone; the next open for writing finishes undoing it."""

    code = "USR-COMMIT-002"

    def __init__(self, dataset: str, *, seq: int, cause: BaseException) -> None:
        super().__init__(
            f"{dataset}: change {seq} failed, and undoing it failed too ({cause}). Readers see the dataset as it was.",
            hint="Mend the file system (space, permissions), then run any command that writes, or `usr doctor`.",
            facts={"dataset": dataset, "seq": seq},
        )
        self.seq = seq


class CommitRecordUnreadable(UsrError):
    """A commit record is there that this version can't read, so nobody may write."""

    code = "USR-COMMIT-003"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path.name} can't be read ({reason}); it was not written by this version of USR.",
            hint="Use the version that wrote it, or restore the dataset from a copy.",
            facts={"file": str(path)},
        )
        self.path = path


class DatasetBusy(UsrError):
    """A dataset kept changing while it was opened for reading."""

    code = "USR-COMMIT-004"
    exit_code = ExitCode.LOCKED

    def __init__(self, folder: Path, *, tries: int) -> None:
        super().__init__(
            f"{folder.name} changed {tries} times while it was being opened.",
            hint="Wait until the writer pauses, then read again.",
            facts={"dataset": str(folder)},
        )
        self.tries = tries
