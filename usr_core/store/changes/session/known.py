"""Which records a dataset has, kept up to date while a session and others write to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.ids.keys import base_index
from usr_core.store.ids.position_index import BaseIndex

__all__ = ["BaseMark", "KnownIds", "base_mark"]

BaseMark = tuple[int, int, int, int]
"""Another one for each base that a dataset has had."""

_MOST_EXTRA = 100_000


def base_mark(records: Path) -> BaseMark:
    """Return what tells this base from every other one: device, inode, size in bytes, time of writing."""
    found = records.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class KnownIds:
    """The ids of a base: an index of 28 bytes a record, and the few that came since it was built.

    The digest of the event log's last line tells whether the base may have changed: while it stays, nothing is read.
    Where it does not, the base's own file tells: a base is never modified in place, and an event that left it as it
    was (an attachment, a tool's own event) costs no reading.
    """

    def __init__(self, records: Path) -> None:
        self._records = records
        self._index: BaseIndex | None = None
        self._extra: dict[str, int] = {}
        self._digest: str | None = None
        self._mark: BaseMark | None = None
        self.rows = 0

    def refresh(self, digest: str) -> None:
        """Read the base's ids again if the log's head is not `digest`'s any more, or too many came since."""
        if len(self._extra) <= max(_MOST_EXTRA, self.rows // 4):
            if digest == self._digest:
                return
            if self._mark == base_mark(self._records):
                self._digest = digest
                return
        # Looked at first: a base that is replaced meanwhile has another mark, and is read again.
        mark = base_mark(self._records)
        with pq.ParquetFile(self._records) as base:
            self._index = base_index(base)
            self.rows = base.metadata.num_rows
        self._extra.clear()
        self._digest, self._mark = digest, mark

    def accept(self, digest: str, mark: BaseMark, ids: list[str]) -> None:
        """Take in the records that our own commit put behind the others.

        Args:
            digest: That of the log's last line, which is the commit's.
            mark: The new base's, taken under the lock.
            ids: The new records, in order.
        """
        self._extra.update(zip(ids, range(self.rows, self.rows + len(ids)), strict=True))
        self._digest, self._mark = digest, mark
        self.rows += len(ids)

    def positions(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """Return the base row of each id, -1 where the dataset has no such record."""
        if self._index is None:
            raise RuntimeError("refresh comes first")
        found = self._index.positions(ids).astype(np.int64)
        if self._extra:
            for row in np.flatnonzero(found < 0).tolist():
                found[row] = self._extra.get(ids[row].as_py(), -1)
        return found
