"""Which records a dataset has, kept up to date while a session and others write to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.store.index.keys import base_index
from usr_core.store.index.position_index import BaseIndex

__all__ = ["KnownIds"]

_MOST_EXTRA = 100_000


class KnownIds:
    """The ids of a base: an index of 28 bytes a record, and the few that came since it was built.

    The digest of the event log's last line tells whether the base may have changed: while it stays, nothing is read.
    """

    def __init__(self, records: Path) -> None:
        self._records = records
        self._index: BaseIndex | None = None
        self._extra: set[str] = set()
        self._digest: str | None = None
        self.rows = 0

    def refresh(self, digest: str) -> None:
        """Read the base's ids again if the log's head is not `digest`'s any more, or too many came since."""
        if digest == self._digest and len(self._extra) <= max(_MOST_EXTRA, self.rows // 4):
            return
        with pq.ParquetFile(self._records) as base:
            self._index = base_index(base)
            self.rows = base.metadata.num_rows
        self._extra.clear()
        self._digest = digest

    def accept(self, digest: str, ids: list[str]) -> None:
        """Take in the records of our own commit, after which the log's head is `digest`."""
        self._extra.update(ids)
        self._digest = digest
        self.rows += len(ids)

    def mask(self, ids: pa.Array) -> npt.NDArray[np.bool_]:
        """Return, for each id, whether the dataset has that record."""
        if self._index is None:
            raise RuntimeError("refresh comes first")
        found: npt.NDArray[np.bool_] = self._index.positions(ids) >= 0
        if self._extra:
            found |= np.fromiter((one in self._extra for one in ids.to_pylist()), np.bool_, len(ids))
        return found
