"""One namespace's part of the merged view, a window of base rows at a time.

Per key and column the newest value wins, null is not a value, and a column that a part lacks says
nothing; over a materialized column the overlay wins where it has a value. Parts are read forwards,
only their requested columns, each page once; what is held grows with the window and the number of
parts, not with rows (a part that is not in the base's order is the exception, see `SortedRows`).

Where the merged columns are numbers and fit into the same memory whole, one part after the other is
assigned to them, and windows are slices: with many parts that holds less than a reader for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import conform, row_width
from usr_core.store.parts.errors import OverlayUnreadable
from usr_core.store.parts.files import OverlayPart
from usr_core.store.view.contributions import Contribution, ScalarColumn, merge_column, scalar_bits
from usr_core.store.view.placement import Placement
from usr_core.store.view.sorted_rows import RowSource, RowStream, SortedRows

__all__ = ["DECODED_BYTES", "NamespaceMerge", "bytes_per_row"]

DECODED_BYTES = 64 << 20
"""What the decoded batches of one namespace's parts may take together."""

_LEAST_BATCH = 1_024
_MOST_BATCH = 32_768
_PARTS_AT_ONCE = 4
"""From so many parts on, columns that fit are merged whole."""


class NamespaceMerge:
    """Merges the requested columns of one namespace, window after window; for one thread at a time.

    Args:
        placements: The namespace's parts in write order, oldest first; parts without any of `columns` may be missing.
        columns: Name and plain type of each requested column.
        rows: Rows of the base, where none of `columns` is materialized; None never merges columns whole.
        decoded_bytes: What decoded batches may take, or else the columns merged whole.
        batch_bytes: What each of these batches may take.

    Raises:
        OverlayKeyFault: A part that has one of `columns` has a record in several rows.
    """

    def __init__(
        self,
        placements: Sequence[Placement],
        columns: Mapping[str, pa.DataType],
        *,
        rows: int | None = None,
        decoded_bytes: int = DECODED_BYTES,
        batch_bytes: int = DECODED_BYTES,
    ) -> None:
        self._kinds = dict(columns)
        self._whole: dict[str, pa.Array] = {}
        self._rows = rows
        shares = max(1, len(placements))
        self._cursors: list[_PartCursor] = []
        for placement in placements:
            names = [field.name for field in placement.part.columns if field.name in self._kinds]
            if names and placement.part.rows:
                placement.refuse_repeats()
                width = bytes_per_row(placement.part, {name: self._kinds[name] for name in names})
                batch = min(_MOST_BATCH, max(_LEAST_BATCH, min(decoded_bytes // shares, batch_bytes) // width))
                self._cursors.append(_PartCursor(placement, names, batch))
        self._at_once = len(self._cursors) >= _PARTS_AT_ONCE and self._fits(decoded_bytes)

    def window(self, start: int, stop: int, below: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """Return the merged columns for the base rows from `start` up to `stop`.

        Args:
            start: Not before the `stop` of an earlier call.
            stop: The row after the window.
            below: Materialized columns of these rows, of plain type; values there show where no part has one.
        """
        if self._at_once:
            if not self._whole:
                self._whole = self._merge_whole()
            return {name: values.slice(start, stop - start) for name, values in self._whole.items()}
        width = stop - start
        found: dict[str, list[Contribution]] = {name: [] for name in self._kinds}
        for name, values in below.items():
            found[name].append(Contribution(slice(0, width), values))
        for cursor in self._cursors:
            for piece in cursor.window(start, stop):
                for name in cursor.names:
                    values = conform(piece.batch.column(name), self._kinds[name])
                    found[name].append(Contribution(piece.rows, values, piece.picked))
        return {name: merge_column(self._kinds[name], width, found[name]) for name in self._kinds}

    def _fits(self, budget: int) -> bool:
        if self._rows is None or any(scalar_bits(kind) is None for kind in self._kinds.values()):
            return False
        return self._rows * sum(row_width(kind) + 1 for kind in self._kinds.values()) <= budget

    def _merge_whole(self) -> dict[str, pa.Array]:
        rows = self._rows or 0
        merged = {name: ScalarColumn(kind, rows) for name, kind in self._kinds.items()}
        while self._cursors:
            cursor = self._cursors.pop(0)  # its reader is not needed any more
            for piece in cursor.window(0, rows):
                for name in cursor.names:
                    values = conform(piece.batch.column(name), self._kinds[name])
                    merged[name].put(Contribution(piece.rows, values, piece.picked))
        return {name: column.array() for name, column in merged.items()}


def bytes_per_row(part: OverlayPart, columns: Mapping[str, pa.DataType]) -> int:
    """Estimate the bytes that one row of `columns` takes in memory, at least 1."""
    stored = part.source.column_bytes(frozenset(columns)) // max(1, part.rows)
    return max(1, stored, sum(row_width(kind) for kind in columns.values()))


@dataclass(frozen=True, slots=True)
class _Piece:
    rows: slice | npt.NDArray[np.int32]  # of the window
    picked: npt.NDArray[np.int32] | None  # rows of the batch; None for all
    batch: pa.RecordBatch


class _PartCursor:
    """Walks through one part in step with the windows."""

    def __init__(self, placement: Placement, names: Sequence[str], batch_rows: int) -> None:
        self.names = tuple(names)
        self._placement = placement
        self._source: RowSource
        if placement.ordered:
            self._source = RowStream(placement.part.source, names, batch_rows=batch_rows)
        else:
            assert placement.rows is not None
            self._source = SortedRows(placement.part.source, names, placement.rows)

    def window(self, start: int, stop: int) -> Iterator[_Piece]:
        """Yield what the part has for the base rows from `start` up to `stop`."""
        try:
            yield from self._pieces(start, stop)
        except (pa.ArrowException, OSError) as error:
            raise OverlayUnreadable(file=self._placement.part.relative, cause=error) from error

    def _pieces(self, start: int, stop: int) -> Iterator[_Piece]:
        low, high = self._placement.span(start, stop)
        if low == high:
            return
        if self._placement.ordered and self._placement.rows is not None:
            yield from self._with_gaps(self._placement.rows, low, high, start)
            return
        for first, batch in self._source.rows(low, high):
            yield _Piece(self._window_rows(first, first + len(batch), start), None, batch)

    def _with_gaps(self, rows: npt.NDArray[np.int32], low: int, high: int, start: int) -> Iterator[_Piece]:
        """Yield pieces of a part some of whose rows match no record."""
        wanted = rows[low:high]
        for first, batch in self._source.rows(int(wanted[0]), int(wanted[-1]) + 1):
            left, right = (int(at) for at in np.searchsorted(wanted, (first, first + len(batch))))
            if left == right:
                continue
            picked = None if right - left == len(batch) else wanted[left:right] - np.int32(first)
            yield _Piece(self._window_rows(low + left, low + right, start), picked, batch)

    def _window_rows(self, left: int, right: int, start: int) -> slice | npt.NDArray[np.int32]:
        """Return where the placed rows from `left` up to `right` stand in the window that begins at `start`."""
        positions = self._placement.positions
        if positions is None:
            shift = (self._placement.start or 0) - start
            return slice(left + shift, right + shift)
        first, last = int(positions[left]), int(positions[right - 1])
        if self._placement.ordered and last - first + 1 == right - left:
            return slice(first - start, last + 1 - start)
        return positions[left:right] - np.int32(start)
