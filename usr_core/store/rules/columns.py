"""The columns that an importer delivers, brought to bounded chunks of plain Arrow strings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.bulk_ids import string_parts
from usr_core.store.base.arrow_types import conform, is_any_list, plain_type
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.rules.errors import WrongColumnType

__all__ = ["CHUNK_BYTES", "IMPORT_COLUMNS", "bounded", "first_empty", "given_lengths", "text_column"]

CHUNK_BYTES = 16 << 20
"""Bytes of input that are checked and hashed at a time; a single longer sequence is a chunk of its own."""

IMPORT_COLUMNS: tuple[str, ...] = ("id", "bio_type", "sequence", "alphabet", "length", "source", "created_at")
"""What an import looks at in a file; ``id`` and ``length`` are only compared. Everything else is ignored."""


def bounded(batches: Iterator[pa.RecordBatch], *, limit: int = CHUNK_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in the same order, in batches of at most `limit` bytes or one row; no empty ones."""
    for batch in batches:
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            if part.num_rows > 1 and _size(part) > limit:
                middle = part.num_rows // 2
                waiting += [part.slice(middle), part.slice(0, middle)]
            elif part.num_rows:
                yield part


def _size(batch: pa.RecordBatch) -> int:
    """Return the bytes of a batch as plain values; that of encoded ones is estimated.

    A slice of a dictionary or of views counts all that it shares with the whole, and would never be small.
    """
    return sum(_column_size(column) for column in batch.columns)


def _column_size(column: pa.Array) -> int:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _column_size(column.storage)
    if pa.types.is_dictionary(kind):
        entry = _column_size(column.dictionary) // max(1, len(column.dictionary))
        return int(column.indices.nbytes + entry * len(column))
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        # A view is 16 bytes, of which the first four are the length; Arrow has no function that tells it.
        views = np.frombuffer(column.buffers()[1], np.int32).reshape(-1, 4)[column.offset :][: len(column)]
        lengths = views[:, 0]
        if column.null_count:
            lengths = lengths[valid_mask(column)]
        return int(lengths.sum(dtype=np.int64)) + 4 * len(column)
    if pa.types.is_struct(kind):
        return sum(_column_size(column.field(index)) for index in range(kind.num_fields))
    if is_any_list(kind) or pa.types.is_fixed_size_list(kind):
        return _column_size(column.flatten()) + 4 * len(column)
    return int(column.nbytes)


def text_column(batch: pa.RecordBatch, name: str, *, label: str) -> pa.Array | None:
    """Return a column as plain strings, or None where the batch has none of that name.

    Raises:
        WrongColumnType: The column holds something else than text.
    """
    index = batch.schema.get_field_index(name)
    if index < 0:
        return None
    column = batch.column(index)
    if pa.types.is_null(column.type) or plain_type(column.type) == pa.string():
        return conform(column, pa.string())
    raise WrongColumnType(label, column=name, found=str(column.type), expected="text")


def given_lengths(batch: pa.RecordBatch, *, label: str) -> pa.Array | None:
    """Return the column ``length`` as numbers or plain strings, or None where the batch has none of that name.

    Raises:
        WrongColumnType: The column holds neither numbers nor text.
    """
    index = batch.schema.get_field_index("length")
    if index < 0:
        return None
    column = batch.column(index)
    plain = plain_type(column.type)
    known = (pa.types.is_integer, pa.types.is_floating, pa.types.is_string, pa.types.is_null)
    if any(is_kind(plain) for is_kind in known):
        return conform(column, plain)
    raise WrongColumnType(label, column="length", found=str(column.type), expected="whole numbers")


def first_empty(column: pa.Array) -> int | None:
    """Return the index of the first null or empty value of a string column, else None."""
    offsets, _ = string_parts(column)
    empty: npt.NDArray[np.bool_] = np.diff(offsets) == 0
    if column.null_count:
        empty |= np.fromiter((value is None for value in column.to_pylist()), dtype=np.bool_, count=len(column))
    return int(np.argmax(empty)) if empty.any() else None
