"""Errors about where things are: roots, dataset ids and dataset folders."""

from __future__ import annotations

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
    template = "{text:quoted} is not a dataset id: {reason}."
    hint_template = (
        "{versioned}Write `dataset` or `namespace/dataset`; each name begins with a letter or digit and holds letters, "
        "digits, '.', '_' and '-'."
    )
    shown = ("value={text:visible}",)
    text: str

    @property
    def versioned(self) -> str:
        """How a version is asked for, where the text looks like one."""
        import shlex

        dataset, at, version = self.text.partition("@")
        if not (dataset and at and version):
            return ""
        words = f"{visible(shlex.quote(dataset))} --at {visible(shlex.quote(version))}"
        return f"Commands that read a version take it as an option: `{words}`. "


class ArchivedPath(UsrError, ValueError):
    """An id or a path leads into an `archived/` folder, a layout that is no longer read."""

    code = "USR-ROOTS-002"
    exit_code = ExitCode.USAGE
    template = "{text:quoted} is in a folder `archived/`, which is not read; archived datasets live in `_archive/`."
    hint_template = "Move it to <root>/_archive/, then bring it back with `usr unarchive`."
    shown = ("value={text:visible}",)


class DatasetMissing(UsrError, FileNotFoundError):
    """No dataset has that name, or lies at that path."""

    code = "USR-ROOTS-003"
    exit_code = ExitCode.MISSING
    template = "There is no dataset {text:quoted} in {place}."
    hint_template = "{offer}Look at `usr ls` for the datasets, or make one with `usr init`."
    shown = ("dataset={text:visible}", "root={place}")
    near: tuple[str, ...] = ()

    @property
    def offer(self) -> str:
        """A question, where there are datasets of similar names."""
        return f"Did you mean {' or '.join(self.near)}? " if self.near else ""


class PullUnfinished(DatasetMissing):
    """The first pull of a dataset did not come to its end, so it is not a dataset yet.

    Attributes:
        remote: Where it was pulled from; ``""`` where that is not known.
    """

    code = "USR-ROOTS-012"
    template = (
        "{text:quoted} is not a dataset yet: its first pull{origin} has not come to its end (it was interrupted, or "
        "still runs)."
    )
    hint_template = (
        "Run `usr pull {text:visible} {giver}`: it goes on from what has arrived. To make another dataset of that "
        "name, remove the folder first."
    )
    remote: str

    @property
    def origin(self) -> str:
        """Where it comes from, as the end of a phrase."""
        return f" from {visible(self.remote)}" if self.remote else ""

    @property
    def giver(self) -> str:
        """The remote, as an argument of a command."""
        return visible(self.remote) or "REMOTE"


class AmbiguousDataset(UsrError, LookupError):
    """An unqualified name ends more than one dataset's id."""

    code = "USR-ROOTS-004"
    exit_code = ExitCode.USAGE
    template = "{text:quoted} may be any of {candidates:join, }."
    hint_template = "Give the whole id, or the path of the dataset's folder."
    shown = ("value={text:visible}", "candidates={candidates:join, |}")


class OutsideRoot(UsrError, ValueError):
    """An id leads out of its root through a symbolic link."""

    code = "USR-ROOTS-005"
    exit_code = ExitCode.USAGE
    template = "Dataset {text:quoted} leads out of the root, to {target}."
    hint_template = "Remove the link, or give the dataset's own path."
    shown = ("dataset={text:visible}", "root", "target")


class NestedDataset(UsrError, ValueError):
    """An id lies inside another dataset's folder."""

    code = "USR-ROOTS-006"
    exit_code = ExitCode.USAGE
    template = "{text:quoted} lies inside the dataset {outer!r}, and datasets do not nest."
    hint_template = "Choose another name."
    shown = ("dataset={text:visible}", "inside={outer}")


class DatasetExists(UsrError, FileExistsError):
    """A new dataset's place is taken."""

    code = "USR-ROOTS-007"
    template = "{text:quoted} can't be made: {reason}."
    hint_template = "Choose another name, or put the old one away with `usr archive`."
    shown = ("dataset={text:visible}", "file={path}")


class NoDatasetHere(UsrError, LookupError):
    """No dataset was named, and the current folder is not inside one.

    Example:
        >>> from usr_core.api.places import locate_dataset
        >>> locate_dataset(None, root=root)
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.NoDatasetHere: No dataset was named, and ... is not inside one.
    """

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
    """No root was given and none was found upward of the current folder, or a folder lies in no known root.

    Example:
        >>> from usr_core.api.places import find_root
        >>> find_root()
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.RootUnknown: No root was given, and no folder from ... upward holds registry.yaml ...
    """

    code = "USR-ROOTS-009"
    exit_code = ExitCode.USAGE

    def __init__(self, folder: Path, *, given: Path | None = None, hint: str | None = None) -> None:
        what = "No root was given" if given is None else f"{folder} is not inside the root {given}"
        super().__init__(
            f"{what}, and no folder from {folder} upward holds registry.yaml or datasets/registry.yaml.",
            hint=hint
            or "Give --root DIR or set USR_ROOT; `usr init DATASET --new-root` begins a root here, and "
            "`usr --root . pull DATASET REMOTE` begins one with a dataset of a remote.",
            facts={"folder": folder},
        )
        self.folder = folder


class _RootGiven(UsrError):
    """A root that was given can't be used.

    Attributes:
        origin: How it was given, such as ``--root``; empty for an argument of a function.
    """

    origin: str = ""

    @property
    def told(self) -> str:
        """How it was given, as the end of a phrase."""
        return f" ({self.origin})" if self.origin else ""


class RootMissing(_RootGiven, FileNotFoundError):
    """The root that was given does not exist.

    Example:
        >>> from pathlib import Path
        >>> from usr_core.api.places import find_root
        >>> find_root(Path("elsewhere"))
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.RootMissing: The root elsewhere (--root) does not exist.
    """

    code = "USR-ROOTS-010"
    exit_code = ExitCode.MISSING
    template = "The root {root!s:visible}{told} does not exist."
    hint_template = (
        "Correct the path, or make a root there: `usr init DATASET --new-root`, in Python `Root.init(path)`."
    )
    shown = ("file={root}",)


class RootNotAFolder(_RootGiven, NotADirectoryError):
    """The root that was given is not a folder."""

    code = "USR-ROOTS-011"
    exit_code = ExitCode.USAGE
    template = "The root {root!s:visible}{told} is not a folder."
    hint_template = "Give the folder that holds registry.yaml and the datasets."
    shown = ("file={root}",)
