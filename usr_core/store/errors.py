"""Errors of the files of one dataset that several verbs share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, first_line, near_names, offered, visible
from usr_core.roots.layout import SYNC_LOG

__all__ = [
    "BaseColumnHasNulls",
    "BaseMissing",
    "BaseUnreadable",
    "CopyIncomplete",
    "DatasetArchived",
    "EventNotRecordable",
    "ExportFormatMissing",
    "LogMissing",
    "MaintenanceRequired",
    "NamespaceReservedHere",
    "TargetExists",
    "TargetFolderMissing",
    "TargetInDataset",
    "TargetNotAFile",
    "TargetUnsuitable",
    "ToolActionInvalid",
    "UnknownColumn",
    "columns_there",
]


class BaseUnreadable(UsrError, ValueError):
    """The base is not a whole Parquet file."""

    code = "USR-BASE-001"

    def __init__(self, path: Path, reason: str | Exception, *, cause: Exception | None = None) -> None:
        """Take our own `reason`, or the Parquet library's exception, whose words stand beside ours as ``cause``."""
        if isinstance(reason, Exception):
            told, cause = "it is damaged, or of a kind that is not read", reason
        else:
            told = reason
        super().__init__(
            f"{path.name} can't be read as Parquet: {told}.",
            hint="Restore it from `_snapshots/` or from a remote copy (usr pull).",
            facts={"file": str(path), "cause": None if cause is None else first_line(cause)},
        )
        self.path = path


class MaintenanceRequired(UsrError, RuntimeError):
    """A method that rewrites the base was called outside a maintenance block."""

    code = "USR-MAINTENANCE-001"
    template = "{verb} rewrites the base and needs a maintenance block."
    hint_template = "Write `with ds.maintenance(reason=…): ds.{verb}(…)`."


class NamespaceReservedHere(UsrError, ValueError):
    """A reserved namespace was given where only namespaces of tools are allowed."""

    code = "USR-OVERLAY-101"
    template = "{verb} does not touch the reserved namespace {namespace!r}."
    hint_template = "Use `usr delete`, `usr restore` and `usr state` for these columns."
    shown = ("namespace",)


class ExportFormatMissing(UsrError, ValueError):
    """No format is named, and what is written to has no ending that tells it."""

    code = "USR-EXPORT-006"
    exit_code = ExitCode.USAGE
    template = "No format is named, and the name of the output tells none."
    hint_template = "Name a format with --fmt, or give --out a file with the ending of one, such as .csv."


class TargetExists(UsrError, FileExistsError):
    """A file that would be written exists already."""

    code = "USR-EXPORT-001"
    exit_code = ExitCode.FAILED
    template = "{path} exists."
    hint_template = "Give another --out, or --overwrite to replace it."
    shown = ("file={path!s}",)


class TargetFolderMissing(UsrError, FileNotFoundError):
    """A file would be written into a folder that does not exist."""

    code = "USR-EXPORT-002"
    exit_code = ExitCode.MISSING
    template = "There is no folder {path.parent}."
    hint_template = "Make the folder first, or give another --out."
    shown = ("file={path!s}",)


class TargetInDataset(UsrError, ValueError):
    """A file would be written over the files of a dataset or a root, or where they are looked for."""

    code = "USR-EXPORT-003"
    exit_code = ExitCode.USAGE
    template = "{path.name} has a meaning of its own in {place}; an export does not go there."
    hint_template = "Give an --out with another name, or in another folder."
    shown = ("file={path!s}",)


class TargetNotAFile(UsrError, ValueError):
    """The name of a file to be written belongs to a link, a folder, a device, a pipe or a socket."""

    code = "USR-EXPORT-004"
    exit_code = ExitCode.USAGE
    template = "{path} is {kind}; an export replaces regular files only."
    shown = ("file={path!s}",)


class TargetUnsuitable(UsrError, ValueError):
    """A format can't be written as the target asks (compressed, to standard output), or the target has no name."""

    code = "USR-EXPORT-005"
    exit_code = ExitCode.USAGE


class ToolActionInvalid(UsrError, ValueError):
    """An event's action is not one that a tool may use."""

    code = "USR-EVENT-001"
    template = "{action:quoted} can't be the action of a tool's event."
    hint_template = "Name it <tool>_<word>, in lower-case letters and digits, such as densegen_health."
    shown = ("value={action:visible}",)


class EventNotRecordable(UsrError, ValueError):
    """The event of a tool holds something that can't be stored in the log."""

    code = "USR-EVENT-002"
    template = "The event can't be recorded: {reason}."
    hint_template = "Give metrics and args as mappings of texts, numbers, lists and mappings; no NaN, 64 KiB at most."


class CopyIncomplete(UsrError):
    """A copy was pulled with ``--primary-only``, so its history is not here and nothing may be changed.

    Attributes:
        remote: Where the rest is.
        events: How many events are missing here.
    """

    code = "USR-EVENT-004"

    def __init__(self, dataset: str, *, remote: str, events: int, doing: str) -> None:
        missing = "1 event" if events == 1 else f"{events:,} events"
        # To adopt it would begin a second history of the same records, which no pull could join with the first.
        lost = ""
        if doing == "adopted":
            lost = (
                f" Where {visible(remote)} is lost for good, move {SYNC_LOG} away: then --adopt begins a new history."
            )
        super().__init__(
            f"{dataset} was pulled with --primary-only: the rest of it ({missing}, with their overlays) is still on "
            f"{visible(remote)}, so it can be read but not {doing}.",
            hint=f"Run `usr pull {dataset} {visible(remote)}` first: it brings the rest.{lost}",
            facts={"dataset": dataset, "remote": remote},
        )
        self.remote, self.events = remote, events


class LogMissing(UsrError, FileNotFoundError):
    """A dataset has records and no event that tells where they come from, so nothing may be changed."""

    code = "USR-EVENT-003"
    template = (
        "{dataset} has {rows:counted record} and no event log: it was lost, or left behind by a copy without hidden "
        "files."
    )
    hint_template = (
        "Restore {path.name} from a copy, or pull the dataset; where there is none, `usr doctor {dataset} --adopt` "
        "begins a new log with the files as they are."
    )
    shown = ("file={path!s}",)


class UnknownColumn(UsrError, KeyError):
    """The view does not have a requested column."""

    code = "USR-VIEW-001"

    def __init__(self, column: str, *, known: Sequence[str]) -> None:
        near = near_names(column, known)
        shown = visible(column, limit=80)
        super().__init__(
            f"There is no column {shown!r}.",
            hint=f"Did you mean {offered(near)}?" if near else f"Give one of: {columns_there(column, known)}",
            facts={"column": shown},
        )
        self.column, self.near = column, tuple(near)


def columns_there(asked: str, known: Sequence[str]) -> str:
    """Return the end of a hint about a column that is not there: those that are, and when a registered one is."""
    shown = [name for name in known if not name.startswith("usr__")]
    told = f"{offered(shown)}."
    if "__" in asked.strip("_"):
        told += " A registered column is there once a record has a value in it: `usr attach` adds values."
    return told


class BaseMissing(UsrError, FileNotFoundError):
    """The dataset's folder holds no ``records.parquet``."""

    code = "USR-BASE-002"
    exit_code = ExitCode.MISSING
    template = "There are no records here: {file} is missing."
    hint_template = "Create the dataset with `usr init`, or restore the file from a copy."
    shown = ("file",)


class BaseColumnHasNulls(UsrError, ValueError):
    """One of the seven base columns holds a null, which is not allowed."""

    code = "USR-BASE-003"
    template = "Column {column} of the records must not hold nulls."
    hint_template = "Run `usr validate` to see what is wrong with the file; restore it from a snapshot."
    shown = ("file", "row", "column")


class DatasetArchived(UsrError, ValueError):
    """A dataset in ``_archive/`` can't be changed, or archived again."""

    code = "USR-ARCHIVE-001"
    template = "{live:quoted} is archived: it can be read by its path, but not changed."
    hint_template = "Bring it back first: usr unarchive {live:visible}"
    shown = ("dataset={name}",)
