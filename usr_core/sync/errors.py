"""Errors of sync."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError, counted, visible

__all__ = [
    "ChangeUnderWay",
    "CopiesDamaged",
    "DatasetOnlyOption",
    "FileNotRegular",
    "FileOfDataset",
    "GiverDamaged",
    "HistoriesDiverged",
    "HistoryAhead",
    "HistoryMissing",
    "LogNotSyncable",
    "NameNotSyncable",
    "NamesClash",
    "NothingToSync",
    "PathNotMapped",
    "RemoteFolderIsLink",
    "RemoteInsideRoot",
    "RemoteRecordUnreadable",
    "SourceChanging",
    "StrictBootstrap",
    "SyncError",
    "TransferDamaged",
    "VerifyImpossible",
]

_SHOWN = 20


class SyncError(UsrError):
    """Two copies can't be compared or brought together."""

    code = "USR-SYNC-001"


class NameNotSyncable(SyncError, ValueError):
    """A file's name holds control characters, or leads out of the dataset."""

    code = "USR-SYNC-002"
    template = "A file's name {side} can't be handed on safely, as {reason}: {path:quoted}."
    hint_template = "Rename it, or move it out of the dataset."
    shown = ("file={path}",)
    reason: str = "it holds a line break or a control character"


class NothingToSync(SyncError):
    """The side that is to give has no such dataset or file."""

    code = "USR-SYNC-003"
    exit_code = ExitCode.MISSING
    template = "{what} is not there."
    shown = ("place",)


class HistoryAhead(SyncError):
    """The side that would be written has events that the other lacks."""

    code = "USR-SYNC-004"
    exit_code = ExitCode.DIVERGED

    def __init__(self, *, action: str, events: Sequence[str]) -> None:
        where, other = ("here", "push") if action == "pull" else ("on the remote", "pull")
        super().__init__(
            f"A {action} would go back over {_counted(events)} that only the copy {where} has.",
            hint=f"Run `usr {other}` instead.",
            facts={f"only {where}": _shown(events)},
        )


class HistoriesDiverged(SyncError):
    """Both sides have events that the other lacks."""

    code = "USR-SYNC-005"
    exit_code = ExitCode.DIVERGED

    def __init__(self, *, common: int, here: Sequence[str], there: Sequence[str], compare: str) -> None:
        facts = {"only here": _shown(here), "only there": _shown(there)}
        if common == 0:
            super().__init__(
                "The copies have no event in common: they are two datasets of one name, and neither takes the other's "
                "place.",
                hint="Give one of them another name (rename its folder), or use a remote with another base_dir; "
                "`usr maintenance merge` takes records of one over into the other.",
                facts=facts,
            )
            return
        super().__init__(
            f"Both copies were changed since event {common}, so neither can take the other's place.",
            hint=f"`usr compare {compare}` shows what differs in values. Decide which copy goes on, and move the other "
            "to a name of its own; then take over what it alone has (`usr maintenance merge`, `usr attach`) and sync "
            "again. docs/operations/sync.md has the commands.",
            facts=facts,
        )


class CopiesDamaged(SyncError):
    """Two copies with one history differ: one of them was damaged or edited by hand."""

    code = "USR-SYNC-006"
    exit_code = ExitCode.DIVERGED

    def __init__(self, *, action: str, files: Sequence[str]) -> None:
        super().__init__(
            "Both copies have the same events and yet differ, so one of them was damaged or edited by hand.",
            hint=f"`usr validate` and `usr events verify` on both sides tell which; `usr {action} --repair` then takes "
            f"the {'remote' if action == 'pull' else 'local'} copy's files, and keeps what they replace.",
            facts={"files": _shown(files)},
        )


class TransferDamaged(SyncError):
    """What arrived is not what was sent."""

    code = "USR-SYNC-007"
    exit_code = ExitCode.DIVERGED

    def __init__(self, *, files: Sequence[str], reason: str) -> None:
        super().__init__(
            f"What arrived is not what was sent ({reason}); nothing was changed.",
            hint="Run it again: only these files are transferred anew. If it persists, look at both disks.",
            facts={"files": _shown(files)},
        )


class SourceChanging(SyncError):
    """The copy that gives, or the one that takes, kept changing while it was read."""

    code = "USR-SYNC-008"
    exit_code = ExitCode.DIVERGED
    template = "{what} changed while it was being transferred; nothing was changed here."
    hint_template = "Run it again; what arrived is kept, so that only the rest travels."


class VerifyImpossible(SyncError):
    """The comparison asked for needs something that the remote lacks."""

    code = "USR-SYNC-009"
    exit_code = ExitCode.REMOTE

    def __init__(self, strategy: str, *, lacks: str, remote: str) -> None:
        needed = {"sha256": "a program for SHA-256 (sha256sum)", "parquet": "python3 with pyarrow"}.get(lacks, lacks)
        super().__init__(
            f"The remote can't do the comparison {strategy!r}: it lacks {needed}.",
            hint=f"Install it there (`usr remotes doctor --remote {remote}` says how), or choose --verify auto.",
            facts={"lacks": lacks},
        )


class StrictBootstrap(SyncError):
    """A dataset that is not here yet has to be named in full."""

    code = "USR-SYNC-010"
    exit_code = ExitCode.USAGE
    template = "{name:quoted} is not here yet, and a strict first pull needs its full id."
    hint_template = "Name it as namespace/dataset, or leave out --strict-bootstrap-id (USR_SYNC_STRICT_BOOTSTRAP_ID)."
    shown = ("dataset={name}",)


class LogNotSyncable(SyncError):
    """The event log of the side that gives is broken."""

    code = "USR-SYNC-011"
    exit_code = ExitCode.DIVERGED
    template = "The event log {side} can't be continued: {reason}."
    hint_template = "`usr events verify` on that side names the line and what was done to it."


class DatasetOnlyOption(SyncError):
    """An option about datasets was given with a file."""

    code = "USR-SYNC-012"
    exit_code = ExitCode.USAGE
    template = "{option} is about datasets, and the target is a file."
    hint_template = "Leave it out, or name a dataset."


class PathNotMapped(SyncError):
    """It is not known where a local file is on the remote."""

    code = "USR-SYNC-013"
    exit_code = ExitCode.USAGE
    template = "It is not known where {path!s:visible} is on the remote: {reason}."
    hint_template = (
        "Give --remote-path, or set repo_root in the remotes file and --repo-root (or USR_REPO_ROOT, or "
        "local_repo_root) here."
    )
    shown = ("file={path}",)


class HistoryMissing(SyncError):
    """The side that would be written has a base and no events, so it is not known where it comes from."""

    code = "USR-SYNC-014"
    exit_code = ExitCode.DIVERGED

    def __init__(self, *, action: str) -> None:
        where = "here" if action == "pull" else "on the remote"
        super().__init__(
            f"The copy {where} has a base table that differs and no events, so it is not known where it comes from.",
            hint=f"If it was made by --primary-only, or can go: `usr {action} --repair` puts it aside and takes the "
            "other.",
        )


class FileOfDataset(SyncError):
    """File mode would write a file that a dataset's history decides about."""

    code = "USR-SYNC-015"
    exit_code = ExitCode.USAGE
    template = "{path:visible} belongs to the dataset in {dataset:visible}, and its history decides what it holds."
    hint_template = "Name the dataset instead of the file."
    shown = ("file={path}",)


class ChangeUnderWay(SyncError):
    """The remote's dataset is in the middle of a change, and a comparison must not finish it."""

    code = "USR-SYNC-016"
    exit_code = ExitCode.LOCKED
    template = "A change of the remote copy is under way, or was left half done by a writer that died."
    hint_template = (
        "Try again. If it persists: the next `usr` that writes there finishes it, and so does a pull or push."
    )
    shown = ("folder",)


class NamesClash(SyncError):
    """One side has a file where the other has a folder of that name."""

    code = "USR-SYNC-017"
    exit_code = ExitCode.DIVERGED
    template = "{name:visible} is a file on one side and a folder on the other."
    hint_template = "Rename one of the two, or move it out of the dataset."
    shown = ("file={name}",)


class RemoteFolderIsLink(SyncError):
    """The dataset's folder on the remote is a symbolic link."""

    code = "USR-SYNC-018"
    template = "{folder:visible} on the remote is a symbolic link, which leads out of the root there."
    hint_template = "Put the dataset's folder itself there, or make a remote whose base_dir leads to where it is."
    shown = ("folder",)


class GiverDamaged(SyncError):
    """A Parquet file is damaged on the side that gives."""

    code = "USR-SYNC-019"
    exit_code = ExitCode.DIVERGED

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(
            "The copy that gives is damaged: it has Parquet files that are not whole. Nothing was changed.",
            hint="`usr validate` on that side says more; if the other copy is sound, `--repair` in the other direction "
            "takes its files.",
            facts={"files": _shown(files)},
        )


class FileNotRegular(SyncError):
    """A link or a special file stands in place of a file that sync would read or write."""

    code = "USR-SYNC-020"

    def __init__(self, name: str, *, side: str, folder: str | None = None) -> None:
        where = "" if folder is None else f" in {visible(folder)}"
        super().__init__(
            f"{visible(name)} {side} is a link that can't be followed, or a special file, and is neither copied nor "
            "replaced. Nothing was changed.",
            hint=f"Put a regular file or folder in its place{where} (`cp -L` makes one of a link), or "
            "move it out of the dataset.",
            facts={"file": name if folder is None else f"{folder}/{name}"},
        )


class RemoteInsideRoot(SyncError, ValueError):
    """The folder of a remote is the root here, or lies in it: a copy there would be no second copy.

    Example:
        >>> from usr_core.api.sync import Remote, RemoteInsideRoot
        >>> disk = Remote(name="disk", type="folder", base_dir=str(root / "copies"))
        >>> if disk.lies_in(root):
        ...     raise RemoteInsideRoot(remote=disk.name, base_dir=disk.base_dir, root=root)
        Traceback (most recent call last):
            ...
        usr_core.sync.errors.RemoteInsideRoot: The folder of the remote 'disk' lies in the root itself: ...
    """

    code = "USR-REMOTES-101"
    exit_code = ExitCode.USAGE
    template = "The folder of the remote {remote:quoted} lies in the root itself: a copy there would be no second one."
    hint_template = "Give the remote a base_dir outside the root: on the share or the disk that is to have the copy."
    shown = ("base_dir", "root={root!s}")


class RemoteRecordUnreadable(SyncError):
    """The remote's dataset has a commit record that can't be read, so its change can't be finished or taken back."""

    code = "USR-SYNC-021"
    template = "The remote copy has a commit record that can't be read ({reason}): {path:visible}."
    hint_template = "Use the version of USR that wrote it, there; or restore the remote copy, or push to another place."
    shown = ("file={path}",)


def _counted(events: Sequence[str]) -> str:
    return counted(len(events), "event")


def _shown(items: Sequence[str]) -> str:
    more = f" … and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return "; ".join(items[:_SHOWN]) + more
