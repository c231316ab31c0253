"""Errors of the file system itself, said in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from usr_core.errors import ExitCode, UsrError

__all__ = [
    "DiskFull",
    "FileSystemError",
    "LinkInsideDataset",
    "LinkRefused",
    "LinksUnsupported",
    "LockTimeout",
    "PermissionRefused",
    "ReadOnlyPlace",
    "SpecialFile",
    "TooManyOpenFiles",
    "file_system_error",
]


class FileSystemError(UsrError, OSError):
    """A file operation failed for a reason that has no better name."""

    code = "USR-FS-001"


class DiskFull(FileSystemError):
    """No space, no quota or no inode was left."""

    code = "USR-FS-002"


class ReadOnlyPlace(FileSystemError):
    """The place is mounted read-only, or the file is marked immutable."""

    code = "USR-FS-003"


class PermissionRefused(FileSystemError, PermissionError):
    """The user running this may not read or write there."""

    code = "USR-FS-004"


class TooManyOpenFiles(FileSystemError):
    """The process has reached its limit of open files."""

    code = "USR-FS-005"


class LinksUnsupported(FileSystemError):
    """The file system has no hard links, so a commit can't be made create-only there."""

    code = "USR-FS-006"


class LinkRefused(FileSystemError):
    """A symbolic link stands where a file of USR's own should be; it is not followed."""

    code = "USR-FS-007"


class SpecialFile(FileSystemError):
    """A FIFO, socket, device, folder or file stands where something else should be; it is not opened."""

    code = "USR-FS-009"
    errno = errno.EINVAL
    template = "{path.name} is a {kind}, where a {expected} should be."
    hint_template = "Move it away; restore the {shape} from a copy if there was one."
    shown = ("file={path!s}",)
    kind: str
    expected = "regular file"

    @property
    def shape(self) -> str:
        """The last word of what was expected."""
        return self.expected.rsplit(maxsplit=1)[-1]


class LinkInsideDataset(UsrError):
    """A file or folder that would be written, moved or removed is a symbolic link."""

    code = "USR-COMMIT-006"
    template = (
        "{path.name} is a symbolic link: USR reads what it points to, and does not replace, extend, move or remove it."
    )
    hint_template = (
        'Put what it points to in its place (a file: `cp --remove-destination "$(readlink -f {path.name})" '
        "{path.name}`), then run the command again."
    )
    shown = ("file={path!s}",)


class LockTimeout(UsrError, TimeoutError):
    """Another writer held the lock for longer than we were told to wait.

    Attributes:
        holder: What the lock file says of its holder, or ``""``.

    Example:
        >>> from usr_core.api.files import LockTimeout, hold_lock
        >>> try:
        ...     with hold_lock(dataset.layout.lock, timeout=0, command="gc 1.0"):
        ...         dataset.lock_timeout = 0
        ...         dataset.delete(ids)
        ... except LockTimeout as error:
        ...     print(error.code, error.exit_code.name, error.path.name)
        USR-LOCK-001 LOCKED .usr.lock
    """

    code = "USR-LOCK-001"
    exit_code = ExitCode.LOCKED

    def __init__(self, path: Path, *, seconds: float, holder: str, name: str | None = None) -> None:
        super().__init__(
            f"{name or path.parent.name} is locked by another writer; waited {seconds:g} s.",
            hint="Wait for it to finish, or give a longer --lock-timeout.",
            facts={"file": str(path), "holder": holder or "unknown"},
        )
        self.path, self.holder = path, holder


def file_system_error(error: OSError, path: Path, doing: str) -> FileSystemError:
    """Return the typed error for `error`, met while `doing` something ("write the new part") at `path`.

    An error that has its type already is returned as it is.

    Example:
        >>> from usr_core.api.files import file_system_error
        >>> try:
        ...     (tmp_path / "missing" / "part.parquet").write_bytes(b"")
        ... except OSError as error:
        ...     print(file_system_error(error, tmp_path / "missing", "write the new part").code)
        USR-FS-001
    """
    if isinstance(error, FileSystemError):
        return error
    number = error.errno or 0
    facts = {"file": str(path), "cause": os.strerror(number) if number else str(error)}
    if number in (errno.ENOSPC, errno.EDQUOT):
        kind: type[FileSystemError] = DiskFull
        message, hint = f"No space left to {doing}.", "Free space, quota or inodes there, then run the command again."
    elif number == errno.EROFS:
        kind = ReadOnlyPlace
        message, hint = f"USR could not {doing}: the file system is read-only.", "Mount it writable, or work on a copy."
    elif number in (errno.EACCES, errno.EPERM):
        kind = PermissionRefused
        message, hint = f"You are not allowed to {doing}.", "Ask the owner for permission, or run this as another user."
    elif number == errno.ELOOP:
        kind = LinkRefused
        message = f"USR could not {doing}: a symbolic link stands where USR keeps a file of its own."
        hint = "Remove the link; USR writes only real files below a dataset's own folder."
    elif number == errno.ENOTDIR:
        kind = FileSystemError
        message = f"USR could not {doing}: something else stands where a folder should be."
        hint = "Look at each part of the path; `usr doctor DATASET` names what is wrong in a dataset."
    elif number in (errno.EMFILE, errno.ENFILE):
        kind = TooManyOpenFiles
        message = f"USR could not {doing}: too many files are open."
        hint = "Raise the limit (ulimit -n), or compact the overlays (usr maintenance overlay-compact)."
    else:
        kind = FileSystemError
        message, hint = f"USR could not {doing}.", "Check the file system; `usr doctor --fs DIR` tests a folder."
    failure = kind(message, hint=hint, facts=facts)
    failure.errno = error.errno
    return failure
