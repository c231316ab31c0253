"""Errors about the remotes file and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, near_names, offered, visible

__all__ = [
    "RemoteExists",
    "RemoteKeyUnset",
    "RemoteUnknown",
    "RemoteValueRefused",
    "RemotesFileInvalid",
    "RemotesFileMissing",
    "RemotesFileUnnamed",
]

_HOW_TO_MAKE_ONE = (
    "`usr remotes wizard --preset generic --name NAME --user USER --host HOST --base-dir DIR` "
    "(for a share or a disk: `--preset folder --name NAME --base-dir DIR`)"
)


class RemotesFileUnnamed(UsrError):
    """Neither an option nor ``USR_REMOTES_PATH`` says where the remotes file is."""

    code = "USR-REMOTES-001"
    exit_code = ExitCode.USAGE
    template = "No remotes file is named: USR_REMOTES_PATH is not set."
    hint_template = (
        "export USR_REMOTES_PATH=~/.config/usr/remotes.yaml (or give --remotes-config FILE); "
        f"then {_HOW_TO_MAKE_ONE} makes the file."
    )


class RemotesFileMissing(UsrError, FileNotFoundError):
    """The remotes file that was named is not there."""

    code = "USR-REMOTES-002"
    exit_code = ExitCode.MISSING
    template = "The remotes file, which --remotes-config or USR_REMOTES_PATH names, does not exist."
    hint_template = f"{_HOW_TO_MAKE_ONE} makes it."
    shown = ("file={path}",)


class RemotesFileInvalid(UsrError, ValueError):
    """The remotes file can't be read as one, or one remote in it can't.

    Attributes:
        path: The file.
        reason: What is wrong.
        key: Where, as ``remotes.NAME.key``; None where it concerns the whole file.
        line: Where, counted from 1.
        remote: The remote whose fault it is, while the others can be used; None where it concerns the whole file.
        cause: What the YAML library says, in its own words.
    """

    code = "USR-REMOTES-003"
    exit_code = ExitCode.USAGE
    template = "{what} can't be used: {reason}."
    hint_template = "Correct that line of the file in an editor; docs/reference/remotes.md shows the form."
    shown = ("file={path}", "line", "key", "cause")
    reason: str
    key: str | None = None
    line: int | None = None
    remote: str | None = None
    cause: str | None = None

    @property
    def what(self) -> str:
        """The file, or the one remote."""
        return "The remotes file" if self.remote is None else f"The remote {visible(self.remote)!r}"


class RemoteUnknown(UsrError, LookupError):
    """The remotes file has no remote of that name."""

    code = "USR-REMOTES-004"
    exit_code = ExitCode.MISSING
    template = "There is no remote {name:quoted}."
    hint_template = "{offer}."
    shown = ("file={path}",)
    name: str
    known: Sequence[str]

    @property
    def offer(self) -> str:
        """The remotes that there are, or how to add the first one."""
        known = ", ".join(self.known)
        if not known:
            return f"There is none yet; {_HOW_TO_MAKE_ONE} adds one"
        near = near_names(self.name, self.known)
        meant = f"Did you mean {offered(near)}? " if near else ""
        order = "Give the dataset first, then the remote" if "/" in self.name else "Give one of"
        return f"{meant}{order}: {known}"


class RemoteValueRefused(UsrError, ValueError):
    """A setting of a remote is missing, or is not one that is safe to hand on.

    Attributes:
        key: The setting, as it is called in the file.
        value: What it was, or None where it is missing.
        reason: What is wrong with it.

    Example:
        >>> from usr_core.api.sync import Remote, RemoteValueRefused
        >>> try:
        ...     Remote(name="lab-server", type="ssh", host="lab.example.org", base_dir="usr")
        ... except RemoteValueRefused as error:
        ...     print(error.code, error.key, error.value, error.reason, sep="; ")
        USR-REMOTES-005; base_dir; usr; has to be an absolute path
    """

    code = "USR-REMOTES-005"
    exit_code = ExitCode.USAGE

    def __init__(
        self,
        key: str,
        value: object,
        reason: str,
        *,
        remote: str | None = None,
        path: Path | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(
            f"The remote's {key} {reason}.",
            hint=f"Give another {key}; docs/reference/remotes.md says what each setting may hold.",
            facts={"file": path, "line": line, "remote": remote, "key": key, "value": value},
        )
        self.key, self.value, self.reason = key, value, reason


class RemoteExists(UsrError, ValueError):
    """A remote was to be added under a name that another one has."""

    code = "USR-REMOTES-006"
    template = "There is a remote {name!r} already, with other settings; nothing was changed."
    hint_template = "Choose another name, or replace it with `usr remotes add {name} … --overwrite`."
    shown = ("file={path}",)


class RemoteKeyUnset(UsrError, LookupError):
    """The environment variable that should hold the path of a remote's ssh key is not set.

    Example:
        >>> from usr_core.api.sync import Remote, RemoteKeyUnset
        >>> remote = Remote(name="lab-server", type="ssh", host="lab", base_dir="/srv/usr", ssh_key_env="LAB_KEY")
        >>> try:
        ...     remote.settings({})
        ... except RemoteKeyUnset as error:
        ...     print(error.code, error.exit_code.name, error.variable)
        USR-REMOTES-007 USAGE LAB_KEY
    """

    code = "USR-REMOTES-007"
    exit_code = ExitCode.USAGE

    def __init__(self, variable: str, *, remote: str) -> None:
        super().__init__(
            f"The remote {remote!r} takes its ssh key from the variable {variable}, which is not set.",
            hint=f"export {variable}=PATH-OF-THE-KEY, or take ssh_key_env out of the remote to use ssh's own keys.",
            facts={"remote": remote, "variable": variable},
        )
        self.variable, self.remote = variable, remote
