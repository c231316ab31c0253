"""Rows by key: the position index under any of the four keys of an overlay.

Sequence keys are turned into ids, so the index of the base's ids serves them; ``sequence_ci`` has an
index of its own, over the ids that the upper-cased sequences would have.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.arrays import text_scalar
from usr_core.records.arrow_calls import call_arrow
from usr_core.records.normalize import CASE_FOLD_ALPHABET
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import only_where, true_rows, valid_mask
from usr_core.store.ids.words import IdWordsBuilder, words_of_ids
from usr_core.store.parts.errors import BaseKeysNotUnique, KeyNeedsDna4, KeyNeedsOneBioType
from usr_core.store.parts.files import OverlayKey

if TYPE_CHECKING:
    from usr_core.records.bulk_ids import IdHasher

__all__ = ["KeyIndex", "base_cell", "base_index", "keys_from_sequences", "one_bio_type", "open_key_index"]

_ROWS = 32_768
_THREADS = 2
_WHOLE_IN_STATISTICS = 32


class KeyIndex:
    """Finds base rows by one kind of key."""

    def __init__(self, key: OverlayKey, index: BaseIndex, *, bio_type: str | None = None) -> None:
        self.key = key
        self.index = index
        self._bio_type = bio_type

    @property
    def rows(self) -> int:
        """Rows of the base."""
        return self.index.rows

    def positions(self, keys: pa.Array | pa.ChunkedArray, *, expected: int | None = None) -> npt.NDArray[np.int32]:
        """Return the base row of each key, int32, in the order asked; -1 where no record has it.

        Args:
            keys: Strings, below 2 GiB a chunk; nulls are not found.
            expected: A row at which these keys may stand in exactly this order; if so, nothing is searched.
        """
        if self._bio_type is not None:
            keys = keys_from_sequences(keys, bio_type=self._bio_type, upper=self.key == "sequence_ci")
        return self.index.positions(keys, expected=expected)


def open_key_index(base: pq.ParquetFile, key: OverlayKey, *, ids: BaseIndex | None = None) -> KeyIndex:
    """Return an index of the base's rows under `key`.

    Args:
        base: The base file; for one thread. It is streamed: only the index stays in memory, 28 bytes a row.
        key: For a sequence key, also the conditions for it are checked.
        ids: The index of the base's ids, where the caller has it already.

    Raises:
        KeyNeedsOneBioType: A sequence key, and records of several bio_types.
        KeyNeedsDna4: ``sequence_ci``, and a record that is not ``dna_4``.
        BaseKeysNotUnique: Two records have the same key.
    """
    if key == "id":
        return KeyIndex(key, _unique(base, key, ids or base_index(base)))
    bio_type = one_bio_type(base, key)
    if key != "sequence_ci":
        return KeyIndex(key, _unique(base, key, ids or base_index(base)), bio_type=bio_type)
    _check_dna4(base)
    upper = BaseIndex.from_ids(
        keys_from_sequences(chunk, bio_type=bio_type, upper=True) for chunk in _column(base, "sequence")
    )
    return KeyIndex(key, _unique(base, key, upper), bio_type=bio_type)


def base_index(base: OpenParquet | pq.ParquetFile) -> BaseIndex:
    """Return the index of the base's id column, streamed: the column itself is never held.

    Args:
        base: An open file is read on two threads; of a bare reader, which is for one thread, only the
            conversion of ids is.
    """
    from concurrent.futures import ThreadPoolExecutor

    metadata = (base.file if isinstance(base, OpenParquet) else base).metadata
    words = IdWordsBuilder(metadata.num_rows)
    with ThreadPoolExecutor(_THREADS, "usr-index") as pool:
        if isinstance(base, OpenParquet):
            ends = np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)])
            list(
                pool.map(
                    lambda group: _put_group(words, base, group, int(ends[group - 1]) if group else 0),
                    range(metadata.num_row_groups),
                )
            )
        else:
            done, waiting = 0, []
            for chunk in _column(base, "id"):
                waiting.append(pool.submit(_put_chunk, words, done, chunk))
                done += len(chunk)
                if len(waiting) > _THREADS:
                    waiting.pop(0).result()
            for one in waiting:
                one.result()
    return BaseIndex(words.finish())


def keys_from_sequences(
    sequences: pa.Array | pa.ChunkedArray, *, bio_type: str, upper: bool, hasher: IdHasher | None = None
) -> pa.Array:
    """Return the ids that records of these sequences have; null stays null.

    Args:
        sequences: Strings as somebody wrote them; white space around them does not count.
        bio_type: The dataset's.
        upper: Put ASCII letters into upper case first, for ``sequence_ci``.
        hasher: One for all calls, where many follow: it changes to a faster engine after the first rows.
    """
    from usr_core.records.bulk_ids import IdHasher, trimmed

    chunks = sequences.chunks if isinstance(sequences, pa.ChunkedArray) else [sequences]
    ids = []
    with contextlib.nullcontext(hasher) if hasher is not None else IdHasher() as engine:
        for chunk in chunks:
            text = chunk if pa.types.is_string(chunk.type) else chunk.cast(pa.string())
            text = trimmed(text)
            text = call_arrow("ascii_upper", text) if upper else text
            hashed = engine.ids(bio_type, call_arrow("coalesce", text, text_scalar("")) if text.null_count else text)
            ids.append(only_where(hashed, valid_mask(text)))
    return pa.concat_arrays(ids) if ids else pa.nulls(0, pa.string())


def one_bio_type(base: pq.ParquetFile, key: OverlayKey) -> str:
    """Return the bio_type of all records (``dna`` where there are none).

    Raises:
        KeyNeedsOneBioType: The records have several.
    """
    noted = _noted_bio_type(base.metadata)
    if noted is not None:
        return noted
    found: dict[str, None] = {}
    for chunk in _column(base, "bio_type"):
        found.update(dict.fromkeys(chunk.unique().to_pylist()))
        if len(found) > 1:
            raise KeyNeedsOneBioType(key, bio_types=sorted(str(name) for name in found))
    return next(iter(found), "dna")


def _noted_bio_type(metadata: pq.FileMetaData) -> str | None:
    """Return the bio_type of all records where the footer tells it: least and greatest are the same everywhere."""
    leaf = next((at for at in range(metadata.num_columns) if metadata.schema.column(at).path == "bio_type"), None)
    found: set[str] = set()
    for group in range(metadata.num_row_groups if leaf is not None else 0):
        facts = metadata.row_group(group).column(leaf).statistics
        if facts is None or not facts.has_min_max or facts.null_count != 0:
            return None
        found.update((str(facts.min), str(facts.max)))
    # Other writers cut long values short.
    return found.pop() if len(found) == 1 and len(min(found)) <= _WHOLE_IN_STATISTICS else None


def _check_dna4(base: pq.ParquetFile) -> None:
    done = 0
    for chunk in _column(base, "alphabet"):
        if chunk.unique().to_pylist() != [CASE_FOLD_ALPHABET]:
            at = int(true_rows(call_arrow("equal", chunk, text_scalar(CASE_FOLD_ALPHABET))).argmin())
            raise KeyNeedsDna4(row=done + at + 1, alphabet=str(chunk[at].as_py()))
        done += len(chunk)


def _unique(base: pq.ParquetFile, key: OverlayKey, index: BaseIndex) -> BaseIndex:
    repeats = index.duplicates()
    if len(repeats):
        row, first = int(repeats.rows[0]), int(repeats.firsts[0])
        column = "id" if key == "id" else "sequence"
        raise BaseKeysNotUnique(
            key=key, rows=(first + 1, row + 1), value=base_cell(base, column, row), count=len(repeats)
        )
    return index


def base_cell(base: pq.ParquetFile, column: str, row: int) -> str:
    """Return one cell of the base as text, for an error message."""
    for chunk in _column(base, column):
        if row < len(chunk):
            return str(chunk[row].as_py())
        row -= len(chunk)
    return ""


def _put_group(words: IdWordsBuilder, base: OpenParquet, group: int, start: int) -> None:
    for batch in base.reader().iter_batches(_ROWS, row_groups=[group], columns=["id"], use_threads=False):
        _put_chunk(words, start, batch.column(0))
        start += len(batch)


def _put_chunk(words: IdWordsBuilder, start: int, ids: pa.Array) -> None:
    words.put(start, words_of_ids(ids))


def _column(base: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    for batch in base.iter_batches(_ROWS, columns=[name], use_threads=False):
        if len(batch):
            yield batch.column(0)
