"""One writer at a time: an exclusive flock, and on network file systems (the mounts tell them) a lease as well.

This module hides the lock library (``filelock``); nothing else imports it. The lock file is never
unlinked, so that two writers can't hold locks on two files of one name.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from usr_core.errors import UsrError
from usr_core.fs.errors import LockTimeout, file_system_error
from usr_core.fs.files import open_regular, read_regular, share_descriptor

__all__ = [
    "LEASE_SECONDS",
    "LOCK_SECONDS",
    "MOUNT_TABLE",
    "NETWORK_FILE_SYSTEMS",
    "file_system_of",
    "hold_lock",
    "is_network_place",
    "read_holder",
]

NETWORK_FILE_SYSTEMS = frozenset(
    {
        "nfs",
        "nfs4",
        "lustre",
        "gpfs",
        "beegfs",
        "beegfs_nodev",
        "fuse.beegfs",
        "cifs",
        "smb3",
        "ceph",
        "fuse.sshfs",
        "afs",
        "glusterfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.juicefs",
        "gfs2",
        "ocfs2",
        "panfs",
        "wekafs",
    }
)
MOUNT_TABLE = Path("/proc/self/mountinfo")


def file_system_of(path: Path, mount_table: Path = MOUNT_TABLE) -> str | None:
    """Return the type of the file system that holds `path` (``ext4``, ``nfs4``), or None where no mount table tells.

    Example:
        >>> from usr_core.api.files import file_system_of
        >>> print(file_system_of(tmp_path, mount_table=tmp_path / "more.csv"))
        None
    """
    try:
        table = mount_table.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    place = os.path.realpath(path)
    best, kind = "", None
    for line in table.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = _unescape(fields[4])
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        # The later of two mounts on one point hides the earlier, so equal lengths replace.
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ", 1)[0]
    return kind


def is_network_place(path: Path, mount_table: Path = MOUNT_TABLE) -> bool:
    """Tell whether `path` is on a file system that several hosts write, where flock alone may not reach them all."""
    return file_system_of(path, mount_table) in NETWORK_FILE_SYSTEMS


def _unescape(field: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, char)
    return field


LOCK_SECONDS = 60.0
"""Seconds that a change waits for another writer, unless it is told otherwise."""

# Half of the default wait for the lock: a waiter outlives the lease of a host that died.
LEASE_SECONDS = 30.0
_POLL_SECONDS = 0.02
_LONGEST_LABEL = 1 << 16


@contextlib.contextmanager
def hold_lock(
    path: Path,
    *,
    timeout: float,
    command: str,
    name: str | None = None,
    lease: Path | None = None,
    mount_table: Path = MOUNT_TABLE,
) -> Iterator[None]:
    """Hold the exclusive lock on `path` for the length of the block.

    Args:
        path: The lock file; created if missing, with the group bits of its folder, which must exist.
        timeout: Seconds to wait for another holder; 0 tries once.
        command: What we do; shown to those who wait for us.
        name: What is locked, such as a dataset's id; by default the folder's name.
        lease: A lease file to hold too where `path` lies on a network file system.
        mount_table: Where to look that up.

    Raises:
        LockTimeout: Another writer held the lock all the time.
        FileSystemError: The lock file can't be opened or locked, or the lease can't be taken.

    Example:
        >>> from usr_core.api.files import hold_lock
        >>> with hold_lock(dataset.layout.lock, timeout=5.0, command="gc 1.0", name=dataset.name):
        ...     print("nobody else changes the dataset")
        nobody else changes the dataset
        >>> lock = dataset.layout.lock
        >>> with hold_lock(lock, timeout=0, command="gc 1.0"), hold_lock(lock, timeout=0, command="gc 1.1"):
        ...     pass
        Traceback (most recent call last):
            ...
        usr_core.fs.errors.LockTimeout: promoters is locked by another writer; waited 0 s.
    """
    deadline = time.monotonic() + timeout
    name = name or path.parent.name
    descriptor = _acquire(path, deadline, timeout, name)
    try:
        with _held_lease(lease if is_network_place(path, mount_table) else None, deadline, timeout, name):
            _tell_holder(descriptor, command)
            try:
                yield
            finally:
                # The lock file is emptied, so that a waiter does not hear of a holder that has gone.
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, 0)
    finally:
        # Closing releases the lock even if it fails, and what was done under the lock stays done.
        with contextlib.suppress(OSError):
            os.close(descriptor)


def read_holder(path: Path) -> str:
    """Return what the lock file says of its holder, one line, or ``""``; it does not tell whether the lock is held."""
    try:
        told = json.loads(read_regular(path, _LONGEST_LABEL).decode("utf-8", "replace"))
        return f"{told['command']} (pid {told['pid']} on {told['host']}, since {told['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _acquire(path: Path, deadline: float, timeout: float, name: str) -> int:
    from filelock import lock_descriptor

    while True:
        try:
            descriptor = _open(path)
        except UsrError:
            raise
        except OSError as error:
            raise file_system_error(error, path, "open the lock file") from error
        try:
            while not lock_descriptor(descriptor, blocking=False):
                if time.monotonic() >= deadline:
                    raise LockTimeout(path, seconds=timeout, holder=read_holder(path), name=name)
                time.sleep(_POLL_SECONDS)
            # Someone may have removed the folder (a failed init) while we waited: a lock on a file
            # that has lost its name would exclude nobody.
            if _still_named(descriptor, path):
                return descriptor
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError) and not isinstance(error, UsrError):
                raise file_system_error(error, path, "lock the dataset") from error
            raise
        os.close(descriptor)


def _open(path: Path) -> int:
    # Not through a link: the holder's name is written over what the file holds.
    flags = os.O_RDWR | os.O_NOFOLLOW
    try:
        return open_regular(path, flags)
    except FileNotFoundError:
        descriptor = open_regular(path, flags | os.O_CREAT)
    with contextlib.suppress(OSError):
        share_descriptor(descriptor, like=path.parent)
    return descriptor


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _held_lease(lease: Path | None, deadline: float, timeout: float, name: str) -> Iterator[None]:
    if lease is None:
        yield
        return
    from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

    wait = max(0.0, deadline - time.monotonic())
    claim = SoftFileLease(lease, lease_duration=LEASE_SECONDS)
    try:
        claim.acquire(timeout=wait)
    except Timeout as error:
        raise LockTimeout(lease, seconds=timeout, holder=_lease_holder(lease), name=name) from error
    except LeaseSettingsMismatch as error:  # a version of USR with another duration holds it
        raise LockTimeout(lease, seconds=0, holder=_lease_holder(lease), name=name) from error
    except OSError as error:
        raise file_system_error(error, lease, "take the lease") from error
    try:
        yield
    finally:
        # A lease that can't be given back runs out by itself.
        with contextlib.suppress(OSError):
            claim.release()


def _lease_holder(lease: Path) -> str:
    """Return what the lease file says of its holder, on one line."""
    try:
        return " ".join(read_regular(lease, _LONGEST_LABEL).decode("utf-8", "replace").split())[:200]
    except OSError:
        return ""


def _tell_holder(descriptor: int, command: str) -> None:
    told = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "command": command,
        "since": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }
    # On a full disk the lock still holds; only its label is missing.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(told).encode() + b"\n", 0)
