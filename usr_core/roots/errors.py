"""Errors about where things are: roots, dataset ids and dataset folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, visible

__all__ = [
    "AmbiguousDataset",
    "ArchivedPath",
    "DatasetExists",
    "DatasetMissing",
    "InvalidDatasetId",
    "NestedDataset",
    "NoDatasetHere",
    "OutsideRoot",
    "PullUnfinished",
    "RootMissing",
    "RootNotAFolder",
    "RootUnknown",
]


class InvalidDatasetId(UsrError, ValueError):
    """A text is not a dataset id."""

    code = "USR-ROOTS-001"
    exit_code = ExitCode.USAGE

    def __init__(self, text: str, *, reason: str) -> None:
        super().__init__(
            f"{visible(text)!r} is not a dataset id: {reason}.",
            hint="Write `dataset` or `namespace/dataset`; each name begins with a letter or digit and holds "
            "letters, digits, '.', '_' and '-'.",
            facts={"value": visible(text)},
        )
        self.text, self.reason = text, reason


class ArchivedPath(UsrError, ValueError):
    """An id or a path leads into an `archived/` folder, a layout that is no longer read."""

    code = "USR-ROOTS-002"
    exit_code = ExitCode.USAGE

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{visible(text)!r} is in a folder `archived/`, which is not read; archived datasets live in `_archive/`.",
            hint="Move it to <root>/_archive/, then bring it back with `usr unarchive`.",
            facts={"value": visible(text)},
        )
        self.text = text


class DatasetMissing(UsrError, FileNotFoundError):
    """No dataset has that name, or lies at that path."""

    code = "USR-ROOTS-003"
    exit_code = ExitCode.MISSING

    def __init__(self, text: str, *, place: Path, near: Sequence[str] = (), hint: str | None = None) -> None:
        offer = f"Did you mean {' or '.join(near)}? " if near else ""
        super().__init__(
            f"There is no dataset {visible(text)!r} in {place}.",
            hint=hint or f"{offer}Look at `usr ls` for the datasets, or make one with `usr init`.",
            facts={"dataset": visible(text), "root": place},
        )
        self.text, self.place, self.near = text, place, tuple(near)


class PullUnfinished(DatasetMissing):
    """The first pull of a dataset did not come to its end, so it is not a dataset yet.

    Attributes:
        remote: Where it was pulled from; ``""`` where that is not known.
    """

    code = "USR-ROOTS-012"

    def __init__(self, text: str, *, place: Path, remote: str) -> None:
        super().__init__(text, place=place)
        origin = f" from {visible(remote)}" if remote else ""
        self.message = (
            f"{visible(text)!r} is not a dataset yet: its first pull{origin} has not come to its end "
            "(it was interrupted, or still runs)."
        )
        self.hint = (
            f"Run `usr pull {visible(text)} {visible(remote) or 'REMOTE'}`: it goes on from what has arrived. "
            "To make another dataset of that name, remove the folder first."
        )
        self.remote = remote

    def __str__(self) -> str:
        return self.message


class AmbiguousDataset(UsrError, LookupError):
    """An unqualified name ends more than one dataset's id."""

    code = "USR-ROOTS-004"
    exit_code = ExitCode.USAGE

    def __init__(self, text: str, *, candidates: Sequence[str]) -> None:
        super().__init__(
            f"{visible(text)!r} may be any of {', '.join(candidates)}.",
            hint="Give the whole id, or the path of the dataset's folder.",
            facts={"value": visible(text), "candidates": ", ".join(candidates)},
        )
        self.text, self.candidates = text, tuple(candidates)


class OutsideRoot(UsrError, ValueError):
    """An id leads out of its root through a symbolic link."""

    code = "USR-ROOTS-005"
    exit_code = ExitCode.USAGE

    def __init__(self, text: str, *, root: Path, target: Path) -> None:
        super().__init__(
            f"Dataset {visible(text)!r} leads out of the root, to {target}.",
            hint="Remove the link, or give the dataset's own path.",
            facts={"dataset": visible(text), "root": root, "target": target},
        )
        self.text, self.root, self.target = text, root, target


class NestedDataset(UsrError, ValueError):
    """An id lies inside another dataset's folder."""

    code = "USR-ROOTS-006"
    exit_code = ExitCode.USAGE

    def __init__(self, text: str, *, outer: str) -> None:
        super().__init__(
            f"{visible(text)!r} lies inside the dataset {outer!r}, and datasets do not nest.",
            hint="Choose another name.",
            facts={"dataset": visible(text), "inside": outer},
        )
        self.text, self.outer = text, outer


class DatasetExists(UsrError, FileExistsError):
    """A new dataset's place is taken."""

    code = "USR-ROOTS-007"

    def __init__(self, text: str, *, path: Path, reason: str) -> None:
        super().__init__(
            f"{visible(text)!r} can't be made: {reason}.",
            hint="Choose another name, or put the old one away with `usr archive`.",
            facts={"dataset": visible(text), "file": path},
        )
        self.text, self.path = text, path


class NoDatasetHere(UsrError, LookupError):
    """No dataset was named, and the current folder is not inside one."""

    code = "USR-ROOTS-008"
    exit_code = ExitCode.USAGE

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"No dataset was named, and {folder} is not inside one.",
            hint="Give a dataset id, or change into a dataset's folder.",
            facts={"folder": folder},
        )
        self.folder = folder


class RootUnknown(UsrError, LookupError):
    """No root was given and none was found upward of the current folder, or a folder lies in no known root."""

    code = "USR-ROOTS-009"
    exit_code = ExitCode.USAGE

    def __init__(self, folder: Path, *, given: Path | None = None, hint: str | None = None) -> None:
        what = "No root was given" if given is None else f"{folder} is not inside the root {given}"
        super().__init__(
            f"{what}, and no folder from {folder} upward holds registry.yaml or datasets/registry.yaml.",
            hint=hint or "Give --root DIR or set USR_ROOT; `usr --root DIR namespace register` begins a root.",
            facts={"folder": folder},
        )
        self.folder = folder


class RootMissing(UsrError, FileNotFoundError):
    """The root that was given does not exist."""

    code = "USR-ROOTS-010"
    exit_code = ExitCode.MISSING

    def __init__(self, root: Path, *, origin: str) -> None:
        super().__init__(
            f"The root {visible(str(root))} ({origin}) does not exist.",
            hint="Make the folder first, or correct the path.",
            facts={"file": root},
        )
        self.root, self.origin = root, origin


class RootNotAFolder(UsrError, NotADirectoryError):
    """The root that was given is not a folder."""

    code = "USR-ROOTS-011"
    exit_code = ExitCode.USAGE

    def __init__(self, root: Path, *, origin: str) -> None:
        super().__init__(
            f"The root {visible(str(root))} ({origin}) is not a folder.",
            hint="Give the folder that holds registry.yaml and the datasets.",
            facts={"file": root},
        )
        self.root, self.origin = root, origin
