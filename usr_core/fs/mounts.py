"""Which file system a path lies on, as far as locking cares."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["MOUNT_TABLE", "NETWORK_FILE_SYSTEMS", "file_system_of", "is_network_place"]

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
    """Return the type of the file system that holds `path` (``ext4``, ``nfs4``), or None where no mount table tells."""
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
