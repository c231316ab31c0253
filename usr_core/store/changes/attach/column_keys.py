"""From the values of a text column of the dataset to base rows: what the lab calls its records."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import text_scalar
from usr_core.records.bulk_ids import IdHasher
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import only_where, valid_mask
from usr_core.store.ids.words import IdWords, ids_at_rows, words_of_ids
from usr_core.store.view.merged_view import MergedView

__all__ = ["ColumnLookup", "text_columns"]

Positions = npt.NDArray[np.int64]

_HASHED_AS = "key"
"""Stands before each value where it is hashed; any word does."""


def text_columns(view: MergedView) -> list[str]:
    """Return the columns of the merged view that hold texts, base columns first."""
    return [field.name for field in view.schema() if pa.types.is_string(field.type)]


class ColumnLookup:
    """Finds base rows by a text column of the merged view, as it is written.

    Several records may have one value; `others` tells for which rows that is so. Live records come before deleted
    ones, which are found only by values that no live record has. Values are kept as digests of 20 bytes: 28 bytes
    for each record that has one, 8 more for its row, and a few times that for a moment while they are sorted.

    Args:
        view: The merged view; it is streamed once.
        column: One of its `text_columns`.
        ids: The ids of the base's rows.
    """

    def __init__(self, view: MergedView, column: str, ids: IdWords) -> None:
        self._view, self._column, self._ids = view, column, ids
        rows, words = _digests(view, column)
        dead = np.isin(rows, view.deleted_rows())
        order = np.argsort(dead, kind="stable")
        self._rows = rows[order]
        self._index = BaseIndex(words.at(order))
        live = len(rows) - int(dead.sum())
        repeats = self._index.duplicates()
        # A deleted record that shares its value with a live one is in nobody's way.
        rivals = (repeats.firsts >= live) | (repeats.rows < live)
        firsts, at = np.unique(repeats.firsts[rivals], return_index=True)
        self._other = np.full(view.rows, -1, np.int64)
        self._other[self._rows[firsts]] = self._rows[repeats.rows[rivals][at]]

    def positions(self, keys: pa.Array) -> Positions:
        """Return the base row of each key, -1 where no record has it, the first one where several have."""
        found = self._index.positions(_hashed(keys)).astype(np.int64)
        hit = found >= 0
        found[hit] = self._rows[found[hit]]
        return found

    def others(self, positions: Positions) -> Positions:
        """Return, for each of these base rows, another one that has its value as well, or -1; -1 stays so."""
        found = np.full(len(positions), -1, np.int64)
        hit = positions >= 0
        found[hit] = self._other[positions[hit]]
        return found

    def ids_at(self, positions: Positions) -> pa.Array:
        """Return the ids of the records in these rows, in this order."""
        return ids_at_rows(self._ids, positions)

    def key_at(self, position: int) -> str:
        """Return the value of the record in one row."""
        return str(self._view.rows_at(np.array([position], np.int64), [self._column]).column(0)[0].as_py())

    def normalize(self, text: str) -> str:
        """Return `text`: two keys are the same one only where they are written so."""
        return text


def _digests(view: MergedView, column: str) -> tuple[Positions, IdWords]:
    """Return the base rows that have a value, deleted ones included, and the digests of the values."""
    rows, words = [np.empty(0, np.int64)], [IdWords.join([])]
    start = 0
    for values in _values(view, column):
        rows.append(start + np.flatnonzero(valid_mask(values)))
        words.append(words_of_ids(_hashed(values.drop_null())))
        start += len(values)
    return np.concatenate(rows), IdWords.join(words)


def _values(view: MergedView, column: str) -> Iterator[pa.Array]:
    for batch in view.batches([column], include_deleted=True):
        yield batch.column(0)


def _hashed(values: pa.Array) -> pa.Array:
    """Return a digest for each value as 40 hexadecimal digits; null stays null."""
    with IdHasher() as hasher:
        if not values.null_count:
            return hasher.ids(_HASHED_AS, values)
        import pyarrow.compute as pc

        return only_where(hasher.ids(_HASHED_AS, pc.fill_null(values, text_scalar(""))), valid_mask(values))
