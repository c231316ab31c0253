"""The copy here."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.commit.transaction import Transaction
from usr_core.fs.errors import FileSystemError
from usr_core.fs.files import open_regular, read_regular
from usr_core.plugin.specs import Fingerprint
from usr_core.roots.layout import EVENT_LOG, RECORDS, DatasetLayout
from usr_core.sync.history import LogBytes, local_log
from usr_core.sync.listing import Listing, list_local, mark_of
from usr_core.sync.request import Action
from usr_core.sync.verification import Verification

__all__ = ["LocalSide", "sha256_of"]

_BLOCK = 1 << 18
_SHARE_FILES, _SHARE_BYTES = 64, 1 << 22


@dataclass(slots=True)
class LocalSide:
    """A dataset's folder here.

    Attributes:
        folder: The dataset's folder; it need not exist.
        lock_timeout: Seconds to wait for another writer.
        tree: Where the files of the last listing are.
    """

    folder: Path
    lock_timeout: float
    tree: FileTree = field(init=False)
    name: Literal["local"] = field(default="local", init=False)

    def __post_init__(self) -> None:
        self.tree = FileTree(self.folder)

    @property
    def layout(self) -> DatasetLayout:
        return DatasetLayout(self.folder)

    def listing(self, action: Action, *, lock: bool) -> tuple[Listing, LogBytes]:
        """List the files and note the log's end; with `lock` under the lock, where the folder can be written.

        What an interrupted writer left is finished first.

        Raises:
            LockTimeout: Another writer held the lock.
            NameNotSyncable: A file's name can't be handed on.
        """
        if not self.folder.is_dir():
            return Listing(exists=False, files={}), local_log(self.layout.event_log)
        if not lock or not os.access(self.folder, os.W_OK):
            return self._unlocked_listing()
        try:
            with Transaction(self.layout, command=action, lock_timeout=self.lock_timeout) as txn:
                self.tree = txn.tree
                return list_local(txn.tree), local_log(self.layout.event_log)
        except FileSystemError:
            return self._unlocked_listing()

    def _unlocked_listing(self) -> tuple[Listing, LogBytes]:
        """List the files of one state of the dataset without its lock; nothing is written."""

        def look(tree: FileTree) -> tuple[FileTree, Listing, LogBytes]:
            return tree, list_local(tree), local_log(tree.path(EVENT_LOG) or self.layout.event_log)

        self.tree, listing, log = read_consistent(self.folder, look)
        return listing, log

    def path(self, name: str) -> Path:
        """Return where the content of a file is."""
        if not self.tree.moved and not self.tree.absent:
            return self.folder / name
        return self.tree.path(name) or self.folder / name

    def digests(
        self,
        names: Iterable[str],
        done: Callable[[int], None] | None = None,
        *,
        expected: Callable[[], Mapping[str, str]] | None = None,
    ) -> dict[str, str]:
        """Return the SHA-256 of files, on all cores; files that have gone are left out. Nothing `expected` is used."""
        return sha256_of({name: self.path(name) for name in names}, done, follow=True)

    def fingerprint(self, listing: Listing, verification: Verification) -> Fingerprint:
        """Return what the chosen strategy sees of the base."""
        return verification.local_facts(self.path(RECORDS))

    def read(self, name: str) -> bytes:
        """Return the content of a small file."""
        return read_regular(self.path(name))

    def stop(self) -> None:
        """Nothing here waits for another."""

    def changed(self, listing: Listing, names: Iterable[str]) -> list[str]:
        """Return which of `names` are not what they were when they were listed."""
        found = []
        for name in names:
            entry = listing.files.get(name)
            try:
                mark = mark_of(self.path(name).stat())
            except FileNotFoundError:
                mark = None
            if mark != (None if entry is None else entry.mark):
                found.append(name)
        return found


def sha256_of(
    paths: Mapping[str, Path], done: Callable[[int], None] | None = None, *, follow: bool = False
) -> dict[str, str]:
    """Return the SHA-256 of files by name, the largest first, on all cores; those that have gone are left out.

    What has arrived from elsewhere is never read through a link; with `follow`, files of our own dataset are.
    """
    stopped = threading.Event()
    flags = os.O_RDONLY if follow else os.O_RDONLY | os.O_NOFOLLOW

    def digests(items: list[tuple[str, Path]]) -> list[tuple[str, str]]:
        block = memoryview(bytearray(_BLOCK))
        return [(name, digest) for name, path in items if (digest := digest_of(path, block)) is not None]

    def digest_of(path: Path, block: memoryview) -> str | None:
        try:
            with os.fdopen(open_regular(path, flags), "rb", buffering=0) as handle:
                found = hashlib.sha256()
                while (size := handle.readinto(block)) and not stopped.is_set():
                    found.update(block[:size])
                if done is not None:
                    done(handle.tell())
                return found.hexdigest()
        except FileNotFoundError:
            return None

    workers = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, "usr-digest") as pool:
        try:
            return {name: text for found in pool.map(digests, _shares(paths)) for name, text in found}
        except BaseException:
            # An interrupt does not wait for the files that are being read.
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _shares(paths: Mapping[str, Path]) -> Iterator[list[tuple[str, Path]]]:
    """Yield the files, the largest first and alone, many small ones together: a task for each would be dearer."""

    def size(path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError:
            return 0

    share: list[tuple[str, Path]] = []
    held = 0
    for many, name in sorted(((size(path), name) for name, path in paths.items()), reverse=True):
        share.append((name, paths[name]))
        held += many
        if len(share) == _SHARE_FILES or held >= _SHARE_BYTES:
            yield share
            share, held = [], 0
    if share:
        yield share
