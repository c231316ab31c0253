"""The names of the files inside one dataset's folder.

Only `holds_dataset` and `has_log` touch the disk. A relative path is written with ``/`` and relative to the dataset's
folder; that is also how events, commit records and audits name files.
"""

from __future__ import annotations

import errno
import os
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
    "FOLDERS",
    "HISTORY",
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
    "has_log",
    "holds_dataset",
    "is_machinery",
]

RECORDS = "records.parquet"
DERIVED = "_derived"
ARCHIVED = "_derived/_archived"
REGISTRY_FOLDER = "_registry"
SNAPSHOTS = "_snapshots"
ARTIFACTS = "_artifacts"
HISTORY = ".history"
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

FOLDERS = (DERIVED, ARCHIVED, REGISTRY_FOLDER, SNAPSHOTS, ARTIFACTS, HISTORY)
"""Names that only folders have."""

_SCHEMA_KEY = b"usr:schema_version"


@dataclass(frozen=True, slots=True)
class DatasetLayout:
    """Paths inside one dataset's folder.

    Example:
        >>> from usr_core.api.places import DatasetLayout
        >>> layout = DatasetLayout(dataset.path)
        >>> layout.records.relative_to(root).as_posix()
        'demo/promoters/records.parquet'
        >>> layout.overlay_file("lab"), layout.overlay_folder("lab")
        ('_derived/lab.parquet', '_derived/lab')
        >>> layout.overlay_part("lab", "20260102T030405000006", "a1b2")
        '_derived/lab/part-20260102T030405000006-a1b2.parquet'
        >>> layout.records.name, layout.derived.name, layout.event_log.name, layout.lock.name, layout.meta.name
        ('records.parquet', '_derived', '.events.log', '.usr.lock', 'meta.md')
    """

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
        """Return the relative path of a frozen registry.

        Example:
            >>> from usr_core.api.registry import read_registry
            >>> path = dataset.layout.frozen_registry(read_registry(root).hash)
            >>> (dataset.path / path).is_file(), path.startswith("_registry/registry.")
            (True, True)
        """
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
    """Tell whether a folder is a dataset.

    It is one if its log is not empty, if its ``records.parquet`` carries ``usr:schema_version`` (a copy without
    hidden files has no log), or if a commit record is about to create them (an interrupted first change leaves
    such a record). A folder of other Parquet files, of whatever names, is not a dataset.

    Raises:
        OSError: The folder can't be read.
    """
    if has_log(folder):
        return True
    if any(path.suffix == ".json" for path in folder.glob(f"{COMMIT_PREFIX}*")):
        return True
    return (folder / RECORDS).is_file() and _is_base(folder / RECORDS)


def has_log(folder: Path) -> bool:
    """Tell whether a folder holds an event log that is not empty; a link that leads nowhere counts as one."""
    try:
        # Asked of each folder of a root: joining two paths takes longer than the question.
        return os.stat(f"{folder}/{EVENT_LOG}").st_size > 0  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return (folder / EVENT_LOG).is_symlink()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _is_base(path: Path) -> bool:
    """Tell whether a Parquet file's footer has our key; nothing heavy is imported to find out."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 8))
            length = int.from_bytes(file.read(4), "little")
            if file.read(4) != b"PAR1" or length > size - 12:
                return False
            file.seek(size - 8 - length)
            return _SCHEMA_KEY in file.read(length)
    except PermissionError:
        return True  # the reader reports it
