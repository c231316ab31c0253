"""The rows that a run is about: counted, sampled, and copied where they can't be read from the base as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from usr_core.fs.durable import sync_file
from usr_core.runs.shard import ROW
from usr_core.store.base.file import ParquetOutput
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.questions.row_filter import open_filter
from usr_core.store.view.merged_view import MergedView

__all__ = ["ChosenRows"]

_MOST_RANGES = 1000
"""More pieces of the base than that are copied, so that a plan and a shard stay small."""
_COPY_GROUP = 16_384
_COPY_BYTES = 32 << 20


class ChosenRows:
    """The rows of a view that a run is about, found by reading what decides that and nothing else.

    Args:
        view: The view; it stays open meanwhile.
        into: The columns that the run makes.
        every: Whether rows are chosen that have a value in each of these.
        where: A condition in SQL, or "".
    """

    def __init__(self, view: MergedView, into: Sequence[str], *, every: bool, where: str) -> None:
        self.view = view
        known = view.schema()
        self._made = [name for name in into if known.get_field_index(name) >= 0]
        self._all = every or len(self._made) < len(into)
        self._filter = open_filter(where, known) if where else None

    @property
    def reads(self) -> list[str]:
        """The columns that decide."""
        looked_at = [] if self._filter is None else list(self._filter.columns)
        return list(dict.fromkeys([*looked_at, *([] if self._all else self._made)]))

    def count(self) -> tuple[int, list[tuple[int, int]] | None]:
        """Return how many rows are chosen, and which, as ranges of base rows; None where these are too many."""
        deleted = self.view.deleted_rows()
        if not self.reads and not len(deleted):
            return self.view.rows, [(0, self.view.rows)] if self.view.rows else []
        rows, scattered = 0, False
        ranges: list[tuple[int, int]] = []
        for start, _, mask in self.masks([]):
            rows += int(np.count_nonzero(mask))
            if not scattered:
                _extend(ranges, start, mask)
                scattered = len(ranges) > _MOST_RANGES
        return rows, None if scattered else ranges

    def masks(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch, np.ndarray]]:
        """Yield the view's batches of these columns, with the first row of each and which of its rows are chosen."""
        deleted, start = self.view.deleted_rows(), 0
        wanted = list(dict.fromkeys([*columns, *self.reads])) or ["id"]
        for batch in self.view.batches(wanted, include_deleted=True):
            mask = np.ones(batch.num_rows, np.bool_)
            low, high = np.searchsorted(deleted, (start, start + batch.num_rows))
            mask[deleted[low:high] - start] = False
            if not self._all:
                mask &= ~np.logical_and.reduce([valid_mask(batch.column(name)) for name in self._made])
            if self._filter is not None:
                mask &= self._filter.mask(batch).to_numpy(zero_copy_only=False)
            yield start, batch, mask
            start += batch.num_rows

    def first(self, most: int) -> np.ndarray:
        """Return the numbers of the first rows that are chosen."""
        found: list[np.ndarray] = []
        count = 0
        for start, _, mask in self.masks([]):
            found.append(np.flatnonzero(mask)[: most - count] + start)
            count += len(found[-1])
            if count >= most:
                break
        return np.concatenate(found).astype(np.int64)

    def copy(self, path: Path, columns: Sequence[str]) -> None:
        """Write the chosen rows, each with its row of the base."""
        names = list(dict.fromkeys(["id", *columns]))
        schema = self.view.schema(names).append(pa.field(ROW, pa.int64()))
        with ParquetOutput(path, schema, compression="zstd", compression_level=1) as output:
            held: list[pa.RecordBatch] = []
            rows = size = 0
            for start, batch, mask in self.masks(names):
                numbers = np.flatnonzero(mask)
                if not len(numbers):
                    continue
                kept = batch.select(names).take(pa.array(numbers))
                held.append(
                    pa.RecordBatch.from_arrays([*kept.columns, pa.array(numbers + start, pa.int64())], schema=schema)
                )
                rows, size = rows + len(numbers), size + kept.nbytes
                if rows >= _COPY_GROUP or size >= _COPY_BYTES:
                    output.write_table(pa.Table.from_batches(held, schema), row_group_size=_COPY_GROUP * 4)
                    held, rows, size = [], 0, 0
            if held:
                output.write_table(pa.Table.from_batches(held, schema))
        sync_file(path)


def _extend(ranges: list[tuple[int, int]], start: int, mask: np.ndarray) -> None:
    """Add what is chosen of a batch, joined to what ends where it begins."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if ranges and ranges[-1][1] == start + first:
            ranges[-1] = (ranges[-1][0], start + last)
        else:
            ranges.append((start + first, start + last))
