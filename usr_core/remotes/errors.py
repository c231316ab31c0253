"""Errors about the remotes file and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.errors import ExitCode, UsrError, visible

__all__ = [
    "RemoteExists",
    "RemoteKeyUnset",
    "RemoteUnknown",
    "RemoteValueRefused",
    "RemotesFileInvalid",
    "RemotesFileMissing",
    "RemotesFileUnnamed",
]

_HOW_TO_MAKE_ONE = "`usr remotes wizard --preset generic --name NAME --user USER --host HOST --base-dir DIR`"


class RemotesFileUnnamed(UsrError):
    """Neither an option nor ``USR_REMOTES_PATH`` says where the remotes file is."""

    code = "USR-REMOTES-001"
    exit_code = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "No remotes file is named: USR_REMOTES_PATH is not set.",
            hint="export USR_REMOTES_PATH=~/.config/usr/remotes.yaml (or give --remotes-config FILE); "
            f"then {_HOW_TO_MAKE_ONE} makes the file.",
        )


class RemotesFileMissing(UsrError, FileNotFoundError):
    """The remotes file that was named is not there."""

    code = "USR-REMOTES-002"
    exit_code = ExitCode.MISSING

    def __init__(self, path: Path) -> None:
        super().__init__(
            "The remotes file, which --remotes-config or USR_REMOTES_PATH names, does not exist.",
            hint=f"{_HOW_TO_MAKE_ONE} makes it.",
            facts={"file": path},
        )
        self.path = path

    def __str__(self) -> str:
        return self.message


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

    def __init__(
        self,
        path: Path,
        reason: str,
        *,
        key: str | None = None,
        line: int | None = None,
        remote: str | None = None,
        cause: str | None = None,
    ) -> None:
        what = "The remotes file" if remote is None else f"The remote {visible(remote)!r}"
        super().__init__(
            f"{what} can't be used: {reason}.",
            hint="Correct that line of the file in an editor; docs/reference/remotes.md shows the form.",
            facts={"file": path, "line": line, "key": key, "cause": cause},
        )
        self.path, self.reason, self.key, self.line, self.remote, self.cause = path, reason, key, line, remote, cause

    def __str__(self) -> str:
        return self.message


class RemoteUnknown(UsrError, LookupError):
    """The remotes file has no remote of that name."""

    code = "USR-REMOTES-004"
    exit_code = ExitCode.MISSING

    def __init__(self, name: str, *, path: Path, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no remote {visible(name)!r}.",
            hint=f"Give one of: {', '.join(known)}." if known else f"There is none yet; {_HOW_TO_MAKE_ONE} adds one.",
            facts={"file": path},
        )
        self.name, self.path, self.known = name, path, tuple(known)


class RemoteValueRefused(UsrError, ValueError):
    """A setting of a remote is missing, or is not one that is safe to hand on.

    Attributes:
        key: The setting, as it is called in the file.
        value: What it was, or None where it is missing.
        reason: What is wrong with it.
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

    def __str__(self) -> str:
        return self.message


class RemoteExists(UsrError, ValueError):
    """A remote was to be added under a name that another one has."""

    code = "USR-REMOTES-006"

    def __init__(self, name: str, *, path: Path) -> None:
        super().__init__(
            f"There is a remote {name!r} already, with other settings; nothing was changed.",
            hint=f"Choose another name, or replace it with `usr remotes add {name} … --overwrite`.",
            facts={"file": path},
        )
        self.name, self.path = name, path


class RemoteKeyUnset(UsrError, LookupError):
    """The environment variable that should hold the path of a remote's ssh key is not set."""

    code = "USR-REMOTES-007"
    exit_code = ExitCode.USAGE

    def __init__(self, variable: str, *, remote: str) -> None:
        super().__init__(
            f"The remote {remote!r} takes its ssh key from the variable {variable}, which is not set.",
            hint=f"export {variable}=PATH-OF-THE-KEY, or take ssh_key_env out of the remote to use ssh's own keys.",
            facts={"remote": remote, "variable": variable},
        )
        self.variable, self.remote = variable, remote
