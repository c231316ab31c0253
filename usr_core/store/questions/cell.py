"""One cell of the merged view, by the row that `head` shows it in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from usr_core.store.questions.errors import CellOutOfRange
from usr_core.store.view.merged_view import MergedView

__all__ = ["read_cell"]


def read_cell(view: MergedView, row: int, column: str) -> pa.Scalar:
    """Return the cell of `column` in the live record number `row`, counted from 0 in the base's order.

    Without tombstones no more is read than the row group that holds it, and of each part what a point lookup
    needs; with tombstones the base's ids as well, to know which rows count.

    Raises:
        CellOutOfRange: The dataset has no such live record.
        UnknownColumn: The view has no such column.
    """
    view.schema([column])
    deleted = view.deleted_rows()
    live = view.rows - len(deleted)
    if not 0 <= row < live:
        raise CellOutOfRange(row, rows=live)
    # Before the deleted row number k (from 0), deleted[k] - k rows are live.
    skipped = int(np.searchsorted(deleted - np.arange(len(deleted)), row, side="right"))
    return view.rows_at(np.array([row + skipped], np.int64), [column]).column(0)[0]
