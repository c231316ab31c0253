"""From the keys of an attachment to base rows and their ids, by either backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.records.arrow_calls import call_arrow
from usr_core.records.bulk_ids import IdHasher, trimmed
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.attach.errors import AttachBackendError, AttachKeyMissing
from usr_core.store.ids.keys import base_cell, base_index, keys_from_sequences, one_bio_type, open_key_index
from usr_core.store.ids.row_finder import FEWEST_ROWS_AN_ID, FinderOfRows, RowFinder
from usr_core.store.ids.row_numbers import true_rows
from usr_core.store.ids.words import ids_at_rows
from usr_core.store.parts.files import KEYS, OverlayKey

if TYPE_CHECKING:
    from usr_core.store.view.merged_view import MergedView

__all__ = ["Backend", "Lookup", "check_backend", "open_key_view", "open_lookup"]

Backend = Literal["pyarrow", "duckdb"]
Positions = npt.NDArray[np.int64]


class Lookup(Protocol):
    """Finds base rows by one kind of key, and gives back their ids."""

    def positions(self, keys: pa.Array) -> Positions:
        """Return the base row of each key, -1 where no record has it. Order is kept."""

    def others(self, positions: Positions) -> Positions:
        """Return, for each of these base rows, another one that has its key as well, or -1."""

    def ids_at(self, positions: Positions) -> pa.Array:
        """Return the ids of the records in these rows, in this order."""

    def key_at(self, position: int) -> str:
        """Return the key of the record in one row, for an error; the base must still be open."""

    def normalize(self, text: str) -> str:
        """Return what makes two keys of this kind the same one."""


class _BaseLookup:
    """One of the four keys of the base.

    ``sequence`` compares what is written, so white space around a key makes it another key;
    ``sequence_norm`` strips it; ``sequence_ci`` also ignores the case of ASCII letters.
    """

    def __init__(self, key: OverlayKey, finder: FinderOfRows, base: OpenParquet, *, bio_type: str | None) -> None:
        self.key = key
        self._finder, self._base, self._bio_type = finder, base, bio_type
        self._hasher: IdHasher | None = None

    def positions(self, keys: pa.Array) -> Positions:
        ids = keys
        if self._bio_type is not None:
            if self._hasher is None:
                many = len(keys) * FEWEST_ROWS_AN_ID > self._base.rows
                self._hasher = IdHasher(expected_rows=self._base.rows if many else 0)
            ids = keys_from_sequences(keys, bio_type=self._bio_type, upper=False, hasher=self._hasher)
        found = self._finder.positions(ids)
        if self._finder.repeated:
            open_key_index(self._base.reader(), self.key)  # which says which ones
        stripped = trimmed(keys) if self.key == "sequence" else keys
        if stripped is not keys:
            found = np.where(true_rows(call_arrow("equal", keys, stripped)), found, -1)
        return found

    def others(self, positions: Positions) -> Positions:
        return np.full(len(positions), -1, np.int64)  # refused where two records have one key

    def ids_at(self, positions: Positions) -> pa.Array:
        return self._finder.ids_at(positions)

    def key_at(self, position: int) -> str:
        return base_cell(self._base.reader(), "id" if self.key == "id" else "sequence", position)

    def normalize(self, text: str) -> str:
        if self.key == "sequence_norm":
            return text.strip()
        # Only ASCII letters have two cases here; bytes know no other.
        return text.strip().encode().upper().decode() if self.key == "sequence_ci" else text


class _UpperCased:
    """Finds rows by the ids that the upper-cased sequences would have."""

    repeated = False

    def __init__(self, base: OpenParquet) -> None:
        self._ids = base_index(base)
        self._index = open_key_index(base.reader(), "sequence_ci", ids=self._ids)

    def positions(self, ids: pa.Array) -> Positions:
        return self._index.positions(ids).astype(np.int64)

    def ids_at(self, rows: Positions) -> pa.Array:
        return ids_at_rows(self._ids.words, rows)


def check_backend(backend: str) -> None:
    """Refuse a backend that does not exist.

    Raises:
        AttachBackendError: It does not exist.
    """
    if backend not in get_args(Backend):
        raise AttachBackendError(backend=backend, reason="there is no such backend")


def open_key_view(tree: FileTree, key: str) -> MergedView | None:
    """Return the view whose column `key` is, or None where it is one of the four keys that need none.

    Raises:
        AttachKeyMissing: It is no such key, and no text column of the dataset.
    """
    if key in KEYS:
        return None
    from usr_core.store.changes.attach.column_keys import text_columns
    from usr_core.store.view.merged_view import MergedView

    view = MergedView.open(tree)
    try:
        columns = text_columns(view)
        if key not in columns:
            schema = view.schema()
            kind = str(schema.field(key).type) if key in schema.names else None
            raise AttachKeyMissing(key, columns=columns, kind=kind)
    except BaseException:
        view.close()
        raise
    return view


def open_lookup(base: OpenParquet, key: str, *, backend: str = "pyarrow", view: MergedView | None = None) -> Lookup:
    """Return a lookup of the base's rows under `key`.

    Args:
        base: The base, which stays open meanwhile.
        key: One of the four keys, or a column of `view`.
        backend: ``pyarrow`` seeks a few keys among the base's ids, and keeps an index of 28 bytes a row for more;
            ``duckdb`` joins, and may spill to disk.
        view: What `open_key_view` returned for this key.

    Raises:
        KeyNeedsOneBioType, KeyNeedsDna4: The dataset can't be keyed so.
        BaseKeysNotUnique: Two records have a key; without ``sequence_ci`` the lookup raises it, for a key that is
            asked for.
    """
    if view is not None:
        from usr_core.store.changes.attach.column_keys import ColumnLookup

        return ColumnLookup(view, key, base_index(base).words)
    kind = next(name for name in KEYS if name == key)
    if kind == "sequence_ci":
        return _BaseLookup(kind, _UpperCased(base), base, bio_type=None)
    bio_type = None if kind == "id" else one_bio_type(base.reader(), kind)
    return _BaseLookup(kind, _finder(base, backend), base, bio_type=bio_type)


def _finder(base: OpenParquet, backend: str) -> FinderOfRows:
    if backend == "pyarrow":
        return RowFinder(base)
    from usr_core.store.ids.duckdb_positions import DuckdbPositions

    return DuckdbPositions(base)
