"""A commit record that we act on, with the means to notice that somebody else has settled it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType

from usr_core.commit.errors import LateHolder
from usr_core.commit.record import CommitRecord

__all__ = ["HeldRecord"]


class HeldRecord:
    """The record under its present name.

    Its file stays open meanwhile: an inode that is open is not given to another file, so name and
    inode together tell our record from a later one of the same number. Whoever is paused for long
    (another writer may have taken the lock over) finds out before the next operation, not after it.

    Args:
        folder: The dataset's folder.
        record: What it says.
        path: Its name now.
        descriptor: The open file; closed with this object.
    """

    def __init__(self, folder: Path, record: CommitRecord, path: Path, descriptor: int) -> None:
        self.folder = folder
        self.record = record
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path, path: Path) -> HeldRecord:
        """Open the record of that name.

        Raises:
            FileNotFoundError: The record does not exist.
            CommitRecordUnreadable: The record is of another format, or leads out of the dataset.
        """
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            return cls(folder, CommitRecord.read(path), path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def __enter__(self) -> HeldRecord:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An error of closing does not undo what was done under the record.
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def follow(self, folder: Path) -> None:
        """Use `folder` from now on: the dataset's folder has been moved there."""
        self.folder, self.path = folder, folder / self.path.name

    def alive(self) -> bool:
        """Tell whether the file of this name is still our record."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False

    def check(self) -> None:
        """Go on only while the record is ours to settle.

        Raises:
            LateHolder: Somebody else has settled the record.
        """
        if not self.alive():
            raise LateHolder(dataset=self.folder.name, seq=self.record.seq)

    def turn_into_abort(self) -> None:
        """Give the record the name that says: this change is being taken back. The folder is not fsynced.

        Raises:
            LateHolder: Somebody else has settled the record.
        """
        self.check()
        abort = self.folder / self.record.abort_name()
        try:
            os.rename(self.path, abort)  # noqa: PTH104
        except FileNotFoundError as error:
            raise LateHolder(dataset=self.folder.name, seq=self.record.seq) from error
        self.path = abort
