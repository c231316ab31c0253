"""What only a remote that is a folder can lack."""

from __future__ import annotations

from usr_core.api.transports import RemoteToolMissing, RemoteUnreachable

__all__ = ["FolderLacksLinks", "FolderLacksLocks", "FolderMissing"]


class FolderMissing(RemoteUnreachable):
    """The base folder of a remote is not there: the share or the disk is perhaps not mounted."""

    code = "USR-TRANSPORT-101"
    template = "The folder {path} of the remote {remote} is not there: the share or the disk may not be mounted."
    hint_template = "{way_out}"
    shown = ("remote", "path")
    found: str | None = None

    @property
    def way_out(self) -> str:
        """What to do about what has the name instead."""
        if self.found is not None:
            return f"It is {self.found}: correct base_dir of the remote (`usr remotes show {self.remote}`)."
        return f"Mount it, or make the folder (`mkdir {self.path}`), then run the command again."

    path: str
    remote: str


class FolderLacksLocks(RemoteToolMissing):
    """The file system of the folder has no flock, so that two writers could not be kept apart."""

    code = "USR-TRANSPORT-102"
    template = "The file system of {path} has no locks (flock), which a push needs there: {answer}."
    hint_template = (
        "Mount the share with locks (NFS: without nolock; SMB: without nobrl), or use a remote of type ssh for the "
        "host that holds the files. A pull from a read-only mount needs no lock."
    )
    shown = ("remote", "path", "answer")


class FolderLacksLinks(RemoteToolMissing):
    """The file system of the folder has no hard links, by which a change is committed."""

    code = "USR-TRANSPORT-103"
    template = "The file system of {path} has no hard links, by which a change is committed: {answer}."
    hint_template = (
        "FAT, exFAT and some shares have none: use a disk with ext4, XFS, APFS or another file system with hard links, "
        "or a remote of type ssh. `usr doctor --fs {path}` tests a folder."
    )
    shown = ("remote", "path", "answer")
