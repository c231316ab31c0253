"""From the keys of an attachment to base rows and their ids, by either backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usr_core.commit.file_tree import FileTree
from usr_core.store.changes.attach.errors import AttachBackendError, AttachKeyMissing
from usr_core.store.ids.duckdb_positions import DuckdbPositions
from usr_core.store.ids.keys import base_cell, base_index, keys_from_sequences, one_bio_type, open_key_index
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.words import ids_at_rows
from usr_core.store.parts.files import KEYS, OverlayKey

if TYPE_CHECKING:
    from usr_core.store.view.merged_view import MergedView

__all__ = ["Backend", "Lookup", "check_backend", "open_key_view", "open_lookup"]

Backend = Literal["pyarrow", "duckdb"]
Positions = npt.NDArray[np.int64]


class _Finder(Protocol):
    def positions(self, keys: pa.Array) -> npt.NDArray[np.int32]: ...


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

    def __init__(self, key: OverlayKey, finder: _Finder, ids: BaseIndex, base: pq.ParquetFile) -> None:
        self.key = key
        self._finder, self._ids, self._base = finder, ids, base

    def positions(self, keys: pa.Array) -> Positions:
        found = self._finder.positions(keys).astype(np.int64)
        if self.key == "sequence":
            exact = pc.equal(keys, pc.utf8_trim_whitespace(keys)).fill_null(False)
            found[~exact.to_numpy(zero_copy_only=False)] = -1
        return found

    def others(self, positions: Positions) -> Positions:
        return np.full(len(positions), -1, np.int64)  # the index was refused where two records had one key

    def ids_at(self, positions: Positions) -> pa.Array:
        return ids_at_rows(self._ids.words, positions)

    def key_at(self, position: int) -> str:
        return base_cell(self._base, "id" if self.key == "id" else "sequence", position)

    def normalize(self, text: str) -> str:
        if self.key == "sequence_norm":
            return text.strip()
        # Only ASCII letters have two cases here; bytes know no other.
        return text.strip().encode().upper().decode() if self.key == "sequence_ci" else text


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


def open_lookup(base: pq.ParquetFile, key: str, *, backend: str = "pyarrow", view: MergedView | None = None) -> Lookup:
    """Return a lookup of the base's rows under `key`.

    Args:
        base: The base; it is streamed.
        key: One of the four keys, or a column of `view`.
        backend: ``pyarrow`` keeps an index of 28 bytes a row in memory; ``duckdb`` joins, and may spill to disk.
        view: What `open_key_view` returned for this key.

    Raises:
        KeyNeedsOneBioType, KeyNeedsDna4, BaseKeysNotUnique: The dataset can't be keyed so.
    """
    ids = base_index(base)
    if view is not None:
        from usr_core.store.changes.attach.column_keys import ColumnLookup

        return ColumnLookup(view, key, ids.words)
    kind = next(name for name in KEYS if name == key)
    index = open_key_index(base, kind, ids=ids)
    if backend == "pyarrow" or kind == "sequence_ci":
        return _BaseLookup(kind, index, ids, base)
    bio_type = None if kind == "id" else one_bio_type(base, kind)
    return _BaseLookup(kind, _Joined(DuckdbPositions(base), bio_type), ids, base)


class _Joined:
    """Sequence keys become ids before they are joined."""

    def __init__(self, joined: DuckdbPositions, bio_type: str | None) -> None:
        self._joined, self._bio_type = joined, bio_type

    def positions(self, keys: pa.Array) -> npt.NDArray[np.int32]:
        if self._bio_type is not None:
            keys = keys_from_sequences(keys, bio_type=self._bio_type, upper=False)
        return self._joined.positions(keys)
