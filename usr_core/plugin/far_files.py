"""What a transport's author writes: operations on the files of a remote side, and nothing of a protocol.

`PosixFarSide` makes a whole transport of an object that has these methods. All paths are absolute POSIX paths that have
been checked: no empty part, no ``.`` or ``..``, no control character.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from usr_core.errors import UsrError, visible
from usr_core.plugin.transport_errors import (
    RemoteChanged,
    RemoteNameRefused,
    RemoteRefused,
    RemoteUnreachable,
    TransportError,
)
from usr_core.plugin.transports import Probe, RemoteEntry

__all__ = ["FarFiles", "check_names", "check_path", "check_staging_name", "remote_error"]

_PATH_BYTES = 4096
"""What systems take of a path at most, its final zero included."""
_STAGING = re.compile(r"(?:(?:pull|push)-[A-Za-z0-9-]+|[0-9a-f]{8,64})", re.ASCII)
_GONE = {errno.ENOENT, errno.ENOTDIR}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_LOST = {
    *(errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH),
    *(errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED, errno.EPIPE, errno.ENODEV, errno.ENXIO),
}


class FarFiles(Protocol):
    """Operations on the files of one remote side.

    What fails is an `OSError` with its ``errno``, or a `TransportError`; a missing file or folder is a
    `FileNotFoundError`, a name that is taken a `FileExistsError`. No method follows a symbolic link, neither in the
    last part of a path nor on the way to it below the remote's root. One thread at a time, but for `close`.

    Attributes:
        name: What the remote is called in messages: a host, a folder.
        abilities: What the remote side can do, of the ``ABILITY_…`` constants.

    Example:
        >>> from usr_core.api.transports import FarFiles
        >>> from usr_core.testing import MemoryFiles, MemoryRemote
        >>> files: FarFiles = MemoryFiles(MemoryRemote())
        >>> files.make_folder("/remote/root/demo")
        >>> [entry.path for entry in files.entries("/remote/root")]
        ['demo']
    """

    @property
    def name(self) -> str:
        """What the remote is called in messages."""
        ...

    @property
    def abilities(self) -> frozenset[str]:
        """What the remote side can do; connects if need be."""
        ...

    def probe(self, folder: str) -> Probe:
        """Return what the remote side has, for a report."""
        ...

    def entry(self, path: str) -> RemoteEntry | None:
        """Return what has that path, with the path ``""``; None where nothing has, or a file is on the way."""
        ...

    def entries(self, folder: str) -> Iterable[RemoteEntry]:
        """Return what is directly in a folder, each with its bare name as path."""
        ...

    def read(self, path: str, offset: int, length: int | None) -> bytes:
        """Return the bytes of a file, or of a range of it."""
        ...

    def get(self, path: str, *, basis: Path | None) -> Iterator[bytes]:
        """Yield a file's bytes, piece by piece.

        Args:
            path: The file on the remote side.
            basis: A file here that is likely alike, and may not exist, so that only what differs need travel; it never
                decides what arrives.
        """
        ...

    def put(self, path: str, pieces: Iterator[bytes], *, basis: str | None) -> None:
        """Write a file of these bytes, whose name is free, and make its content durable.

        Args:
            path: The file on the remote side; its folder is there.
            pieces: Its bytes; empty for an empty file.
            basis: A file there that is likely alike, and may not exist.
        """
        ...

    def write_at(self, path: str, offset: int, content: bytes) -> None:
        """Write into a file, which is made if missing, and make that durable."""
        ...

    def truncate(self, path: str, size: int) -> None:
        """Cut a file to that size and make that durable; its time of change moves also where the size stays."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder in one that is there."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Rename a file or a link, replacing a file or a link; atomic."""
        ...

    def link(self, old: str, new: str) -> None:
        """Give a file a second name, atomically, and never one that is taken: the fence between two writers.

        Where the answer of the first try was lost, a second that finds the name taken by this very file has succeeded.
        """
        ...

    def remove(self, path: str) -> None:
        """Remove a file or a link."""
        ...

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; an error, of any kind, where something is in it."""
        ...

    def sync(self, folder: str) -> None:
        """Make the names in a folder durable; nothing to do where the remote side can't be asked for that."""
        ...

    def lock(self, folder: str, *, timeout: float, label: str) -> AbstractContextManager[object]:
        """Hold the lock of a dataset's folder, ``.usr.lock`` in it, inside ``with``.

        The lock ends with the connection, and after that every call inside the block fails.

        Raises:
            TimeoutError: Another writer held it all the time; `RemoteLocked` tells who.
        """
        ...

    def digest(self, folder: str, names: Sequence[str], kind: str) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts of one of the `abilities`, by name, as `DigestRequest` says; missing files are left out."""
        ...

    def close(self) -> None:
        """End the connection. It may come from another thread while `digest` runs, which then ends with an error."""
        ...


def remote_error(error: Exception, *, remote: str, path: str, doing: str) -> UsrError:
    """Return the error of a transport for what an operation on files raised.

    Args:
        error: What was raised; an error of USR's own is returned as it is.
        remote: What the remote is called.
        path: What it was about.
        doing: What was to be done: "send a file".

    Example:
        >>> import errno, os
        >>> from usr_core.api.transports import remote_error
        >>> full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        >>> print(remote_error(full, remote="lab", path="/srv/usr", doing="send a file").message)
        Could not send a file: no space is left on lab.
    """
    if isinstance(error, UsrError):
        return error
    number = getattr(error, "errno", None) or 0
    facts = {"remote": remote, "path": path, "answer": os.strerror(number) if number else str(error)}
    kind: type[TransportError] = RemoteRefused
    if number in _GONE or isinstance(error, FileNotFoundError):
        kind, message = RemoteChanged, f"Could not {doing} on {remote}: it is not there any more."
        hint = "Somebody has changed it meanwhile; run the command again."
    elif number in _LOST or isinstance(error, ConnectionError):
        kind, message = RemoteUnreachable, f"Could not {doing}: {remote} does not answer any more."
        hint = "Look at the connection or the mount, then run the command again: what has arrived is kept."
    elif number in _FULL:
        message = f"Could not {doing}: no space is left on {remote}."
        hint = "Free space or get more quota there, then run the command again."
    elif number == errno.EFBIG:
        message = f"Could not {doing}: it is larger than a file can be on {remote}."
        hint = "FAT takes files under 4 GiB only: use another file system there."
    elif number in (errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG):
        message = f"Could not {doing}: {remote} can't have that name: {visible(path)}."
        hint = "Rename it on this side: the file system there refuses its length or one of its characters."
    elif number == errno.EROFS:
        message = f"Could not {doing}: {remote} is read-only."
        hint = "Mount it writable; pull and diff work all the same."
    elif number in (errno.EACCES, errno.EPERM):
        message = f"Could not {doing}: you have no permission for that on {remote}."
        hint = f"Ask the owner of {visible(path)} for permission."
    elif number == errno.ELOOP:
        message = f"Could not {doing} on {remote}: a symbolic link is in the way, and none is followed."
        hint = "Put a real folder or file in its place there."
    else:
        message = f"Could not {doing}: the file system of {remote} refused."
        hint = "Look at space, quota and permissions there, then run the command again."
    return kind(message, hint=hint, facts=facts)


def check_path(path: str) -> str:
    """Return an absolute path on the remote side; ``/`` alone is refused.

    Raises:
        RemoteNameRefused: The path is relative, has 4,096 bytes or more, or holds a control character, an empty part,
            ``.`` or ``..``.

    Example:
        >>> from usr_core.api.transports import check_path
        >>> check_path("/srv/usr/demo")
        '/srv/usr/demo'
        >>> check_path("/srv/usr/../etc")
        Traceback (most recent call last):
            ...
        usr_core.plugin.transport_errors.RemoteNameRefused: '/srv/usr/../etc' can't be used as a remote's path.
    """
    if (length := len(path.encode("utf-8", "surrogateescape"))) >= _PATH_BYTES:
        raise RemoteNameRefused(
            f"A path on the remote has {length:,} bytes, and systems take fewer than {_PATH_BYTES:,}: "
            f"{visible(path, limit=80)}.",
            hint="Shorten the folder's or file's name, or the remote's base_dir.",
            facts={"value": path},
        )
    if path.startswith("/") and _is_plain(path[1:]):
        return path
    raise _refused("path", path, "absolute paths without control characters and without . or .. in them")


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names inside a folder.

    Raises:
        RemoteNameRefused: A name is absolute, holds a control character, or an empty part, ``.`` or ``..``.

    Example:
        >>> from usr_core.api.transports import check_names
        >>> check_names(["records.parquet", "_derived/lab/part.parquet"])
        ('records.parquet', '_derived/lab/part.parquet')
    """
    checked = tuple(names)
    for name in checked:
        if not _is_plain(name):
            raise _refused("file name", name, "names inside the folder, without control characters")
    return checked


def check_staging_name(name: str) -> str:
    """Return the name of a staging folder: that of a transfer, or of a transaction.

    Raises:
        RemoteNameRefused: The name is neither.

    Example:
        >>> from usr_core.api.transports import check_staging_name
        >>> check_staging_name("push-1")
        'push-1'
    """
    if _STAGING.fullmatch(name):
        return name
    raise _refused("staging folder", name, "push-…, pull-… or the hexadecimal number of a change")


def _is_plain(relative: str) -> bool:
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in relative):
        return False
    return all(part not in ("", ".", "..") for part in relative.split("/"))


def _refused(what: str, value: str, allowed: str) -> RemoteNameRefused:
    return RemoteNameRefused(
        f"{visible(value, limit=80)!r} can't be used as a remote's {what}.",
        hint=f"Use {allowed}; look at the remotes file (usr remotes show).",
        facts={"value": value},
    )
