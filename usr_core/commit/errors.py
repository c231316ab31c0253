"""Errors of changing a dataset and of reading it meanwhile."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "ArchiveNameTaken",
    "ClockExhausted",
    "CommitPending",
    "CommitRecordUnreadable",
    "DatasetBusy",
    "LateHolder",
    "StagedFileLost",
]


class LateHolder(UsrError):
    """Another writer took over while this one was paused; nothing of this change was kept."""

    code = "USR-COMMIT-001"
    exit_code = ExitCode.LOCKED
    template = "{dataset}: another writer took over while change {seq} of this one was paused; nothing was written."
    hint_template = "Run the command again."
    shown = ("dataset", "seq")


class CommitPending(UsrError):
    """A change failed half-way and could not be undone; the next open for writing settles it."""

    code = "USR-COMMIT-002"
    template = "{dataset}: change {seq} failed, and undoing it failed too ({cause})."
    hint_template = "Fix the file system (space, permissions); the next command that writes finishes or undoes it."
    shown = ("dataset", "seq")


class CommitRecordUnreadable(UsrError):
    """The dataset has a commit record that this version can't read, so no change is allowed."""

    code = "USR-COMMIT-003"
    template = "{path.name} can't be read ({reason}); it was not written by this version of USR."
    hint_template = "Use the version that wrote it, or restore the dataset from a copy."
    shown = ("file={path!s}",)
    reason: str


class DatasetBusy(UsrError):
    """A dataset kept changing while it was opened for reading."""

    code = "USR-COMMIT-004"
    exit_code = ExitCode.LOCKED
    template = "{folder.name} changed {tries} times while it was being opened."
    hint_template = "Wait until the writer pauses, then read again."
    shown = ("dataset={folder!s}",)


class StagedFileLost(UsrError):
    """A change was committed, but somebody removed a file of it before it was in its place."""

    code = "USR-COMMIT-005"
    template = "{record.name}: the new {final} is neither staged nor in its place; somebody removed it."
    hint_template = "Restore .usr.tmp or {final} from a copy; to give the change up, remove {record.name}."
    shown = ("file={record!s}", "value={final}")


class ArchiveNameTaken(UsrError, FileExistsError):
    """A file is to be moved to a name that is already in use."""

    code = "USR-COMMIT-007"
    template = "{source} can't be moved to {path.name}: a file of that name exists."
    hint_template = "Move that file away, then run the command again."
    shown = ("file={path!s}",)


class ClockExhausted(UsrError, OverflowError):
    """A file or event is stamped with the last possible time, so nothing can be written after it."""

    code = "USR-COMMIT-008"

    def __init__(self, dataset: str, *, stamped: str = "a file's stamp") -> None:
        hints = {
            "a file's stamp": "`usr validate` names the file; write it again with a true `usr:overlay_created_at`, or "
            "move it away.",
            "the last event's clock": "Restore `.events.log` from a copy: no writer sets its clock to that.",
            "this machine's clock": "Set the clock right, then run the command again.",
        }
        super().__init__(
            f"{dataset}: {stamped} is at the end of the year 9999 or behind it; nothing can come after that.",
            hint=hints[stamped],
            facts={"dataset": dataset},
        )
