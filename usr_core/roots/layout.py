"""The names of the files inside one dataset's folder.

Only `holds_dataset` touches the disk. A relative path is written with ``/`` and relative to the dataset's
folder; that is also how events, commit records and audits name files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ABORT_PREFIX",
    "ARCHIVED",
    "ARTIFACTS",
    "CHAIN_MARK",
    "COMMIT_PREFIX",
    "DERIVED",
    "EVENT_LOG",
    "JOURNALS",
    "LEASE",
    "LOCK",
    "META",
    "RECORDS",
    "REGISTRY_FOLDER",
    "REPLACED",
    "SNAPSHOTS",
    "STAGING",
    "SYNC_LOG",
    "DatasetLayout",
    "holds_dataset",
    "is_machinery",
]

RECORDS = "records.parquet"
DERIVED = "_derived"
ARCHIVED = "_derived/_archived"
REGISTRY_FOLDER = "_registry"
SNAPSHOTS = "_snapshots"
ARTIFACTS = "_artifacts"
META = "meta.md"
EVENT_LOG = ".events.log"
SYNC_LOG = ".sync.log"
LOCK = ".usr.lock"
LEASE = ".usr.lease"
STAGING = ".usr.tmp"
JOURNALS = ".usr.journal"
REPLACED = ".usr.replaced"
CHAIN_MARK = ".usr.chain"
COMMIT_PREFIX = ".usr.commit."
ABORT_PREFIX = ".usr.abort."


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """Paths inside one dataset's folder."""

    path: Path

    @property
    def records(self) -> Path:
        return self.path / RECORDS

    @property
    def derived(self) -> Path:
        return self.path / DERIVED

    @property
    def registry_folder(self) -> Path:
        return self.path / REGISTRY_FOLDER

    @property
    def snapshots(self) -> Path:
        return self.path / SNAPSHOTS

    @property
    def meta(self) -> Path:
        return self.path / META

    @property
    def event_log(self) -> Path:
        return self.path / EVENT_LOG

    @property
    def lock(self) -> Path:
        return self.path / LOCK

    @property
    def staging(self) -> Path:
        return self.path / STAGING

    def frozen_registry(self, registry_hash: str) -> str:
        """Return the relative path of a frozen registry."""
        return f"{REGISTRY_FOLDER}/registry.{registry_hash}.yaml"

    def overlay_file(self, namespace: str) -> str:
        """Return the relative path of a namespace kept as one file."""
        return f"{DERIVED}/{namespace}.parquet"

    def overlay_folder(self, namespace: str) -> str:
        """Return the relative path of the folder that holds a namespace's parts."""
        return f"{DERIVED}/{namespace}"

    def overlay_part(self, namespace: str, stamp: str, token: str) -> str:
        """Return the relative path of a part created at `stamp` (``YYYYMMDDThhmmssffffff``, UTC)."""
        return f"{DERIVED}/{namespace}/part-{stamp}-{token}.parquet"


def is_machinery(relative: str) -> bool:
    """Tell whether a relative path is USR's own machinery, which is never read as content nor synced."""
    first = relative.split("/", 1)[0]
    return first == SYNC_LOG or first.startswith(".usr.")


def holds_dataset(folder: Path) -> bool:
    """Tell whether a folder is a dataset: its base is there, or a commit record that is about to put it there.

    The second is what a writer leaves that dies in the middle of the first change; readers and writers resolve it.
    """
    if (folder / RECORDS).is_file():
        return True
    return any(path.suffix == ".json" for path in folder.glob(f"{COMMIT_PREFIX}*"))
