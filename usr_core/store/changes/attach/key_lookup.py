"""From the keys of an attachment to base rows and their ids, by either backend."""

from __future__ import annotations

from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from usr_core.store.changes.attach.errors import AttachBackendError, AttachKeyMissing
from usr_core.store.ids.at_rows import ids_at_rows
from usr_core.store.ids.duckdb_positions import DuckdbPositions
from usr_core.store.ids.keys import base_cell, base_index, keys_from_sequences, one_bio_type, open_key_index
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.parts.files import KEYS, OverlayKey

__all__ = ["Backend", "KeyLookup", "check_lookup", "open_lookup"]

Backend = Literal["pyarrow", "duckdb"]
Positions = npt.NDArray[np.int64]


class _Finder(Protocol):
    def positions(self, keys: pa.Array) -> npt.NDArray[np.int32]: ...


class KeyLookup:
    """Finds base rows by one kind of key, and gives back their ids.

    ``sequence`` compares what is written, so white space around a key makes it another key;
    ``sequence_norm`` strips it; ``sequence_ci`` also ignores the case of ASCII letters.
    """

    def __init__(self, key: OverlayKey, finder: _Finder, ids: BaseIndex, base: pq.ParquetFile) -> None:
        self.key = key
        self._finder, self._ids, self._base = finder, ids, base

    def positions(self, keys: pa.Array) -> Positions:
        """Return the base row of each key, -1 where no record has it. Order is kept."""
        found = self._finder.positions(keys).astype(np.int64)
        if self.key == "sequence":
            exact = pc.equal(keys, pc.utf8_trim_whitespace(keys)).fill_null(False)
            found[~exact.to_numpy(zero_copy_only=False)] = -1
        return found

    def ids_at(self, positions: Positions) -> pa.Array:
        """Return the ids of the records in these rows, in this order."""
        return ids_at_rows(self._ids.words, positions)

    def key_at(self, position: int) -> str:
        """Return the key of the record in one row, for an error; the base must still be open."""
        return base_cell(self._base, "id" if self.key == "id" else "sequence", position)

    def normalize(self, text: str) -> str:
        """Return what makes two keys of this kind the same one."""
        if self.key == "sequence_norm":
            return text.strip()
        # Only ASCII letters have two cases here; bytes know no other.
        return text.strip().encode().upper().decode() if self.key == "sequence_ci" else text


def check_lookup(key: str, backend: str) -> OverlayKey:
    """Return `key`; refuse one, or a backend, that does not exist, before any file is looked at.

    Raises:
        AttachKeyMissing, AttachBackendError: The key or the backend does not exist.
    """
    known = next((name for name in KEYS if name == key), None)
    if known is None:
        raise AttachKeyMissing(key)
    if backend not in get_args(Backend):
        raise AttachBackendError(backend=backend, reason="there is no such backend")
    return known


def open_lookup(base: pq.ParquetFile, key: str, *, backend: str = "pyarrow") -> KeyLookup:
    """Return a lookup of the base's rows under `key`.

    Args:
        base: The base; it is streamed.
        key: One of the four keys.
        backend: ``pyarrow`` keeps an index of 28 bytes a row in memory; ``duckdb`` joins, and may spill to disk.

    Raises:
        AttachKeyMissing, AttachBackendError: The key or the backend does not exist.
        KeyNeedsOneBioType, KeyNeedsDna4, BaseKeysNotUnique: The dataset can't be keyed so.
    """
    kind = check_lookup(key, backend)
    ids = base_index(base)
    index = open_key_index(base, kind, ids=ids)
    if backend == "pyarrow" or kind == "sequence_ci":
        return KeyLookup(kind, index, ids, base)
    bio_type = None if kind == "id" else one_bio_type(base, kind)
    return KeyLookup(kind, _Joined(DuckdbPositions(base), bio_type), ids, base)


class _Joined:
    """Sequence keys become ids before they are joined."""

    def __init__(self, joined: DuckdbPositions, bio_type: str | None) -> None:
        self._joined, self._bio_type = joined, bio_type

    def positions(self, keys: pa.Array) -> npt.NDArray[np.int32]:
        if self._bio_type is not None:
            keys = keys_from_sequences(keys, bio_type=self._bio_type, upper=False)
        return self._joined.positions(keys)
