"""Base rows by id through a join in DuckDB, which may spill to disk: for attachments larger than memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.interrupts import native_calls
from usr_core.records.arrays import fixed_array
from usr_core.records.duckdb_sources import open_database, register_source
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.row_finder import SeenIds

__all__ = ["DuckdbPositions"]

_MEMORY_LIMIT = "512MB"
_ROWS = 131_072


class DuckdbPositions:
    """A temporary table of ids and row numbers, joined with each batch of keys.

    DuckDB only finds positions; values never pass through it, as it would change some of their types.
    """

    def __init__(self, base: OpenParquet) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="usr-duckdb-")
        self._connection = open_database(
            str(Path(self._folder.name) / "positions.db"), memory_limit=_MEMORY_LIMIT, spill=self._folder.name
        )
        self._connection.execute("create table base (id varchar, position integer)")
        self._seen = SeenIds()
        self.repeated = False
        start = 0
        for batch in base.reader().iter_batches(_ROWS, columns=["id"], use_threads=False):
            numbers = fixed_array(np.arange(start, start + batch.num_rows, dtype=np.int32), pa.int32())
            with native_calls():
                register_source(self._connection, "rows", pa.table({"id": batch.column(0), "position": numbers}))
                self._connection.execute("insert into base select id, position from rows")
                self._connection.unregister("rows")
            start += batch.num_rows

    def positions(self, ids: pa.Array) -> npt.NDArray[np.int64]:
        """Return the base row of each id, -1 where no record has it; order is kept."""
        found = np.full(len(ids), -1, dtype=np.int64)
        numbers = fixed_array(np.arange(len(ids), dtype=np.int32), pa.int32())
        with native_calls():
            register_source(self._connection, "asked", pa.table({"key": ids, "number": numbers}))
            pairs: pa.Table = self._connection.sql(
                "select number, position from asked join base on asked.key = base.id"
            ).to_arrow_table()
            self._connection.unregister("asked")
        found[pairs.column("number").to_numpy()] = pairs.column("position").to_numpy()
        self.repeated |= len(pairs) > int(np.count_nonzero(found >= 0))
        self._seen.add(found, ids)
        return found

    def ids_at(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return the ids that stand in these rows, of those that were found so far."""
        return self._seen.ids_at(rows)
