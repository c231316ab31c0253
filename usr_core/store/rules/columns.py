"""The columns that an importer delivers, brought to bounded chunks of plain Arrow strings, and ``created_at`` to times.

A point in time has a zone and is kept in UTC microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import (
    boolean_array,
    conform,
    constant_text,
    fixed_array,
    fixed_values,
    is_any_list,
    plain_type,
    text_scalar,
)
from usr_core.records.base_schema import CREATED_AT_TYPE
from usr_core.records.bulk_ids import string_parts
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.ids.texts import texts_of
from usr_core.store.rules.errors import InvalidCreatedAt, WrongColumnType
from usr_core.values.bad_cell import BadCell
from usr_core.values.scalars import first_refused
from usr_core.values.temporal import parse_timestamps

__all__ = [
    "CHUNK_BYTES",
    "IMPORT_COLUMNS",
    "LETTER_BYTES",
    "FewTexts",
    "bounded",
    "created_at_column",
    "empty_as_null",
    "given_lengths",
    "text_column",
]

_EXPECTED = "a timestamp with a time zone, or RFC 3339 text such as 2026-01-31T12:00:00Z"


def created_at_column(batch: pa.RecordBatch, *, label: str, first_row: int, default_us: int) -> pa.Array:
    """Return the column of a chunk, without nulls; null and empty cells get `default_us`.

    A time without a zone is refused, in text and in typed columns alike: guessing UTC would move
    records by hours without anyone noticing. So is a time finer than a microsecond.

    Raises:
        InvalidCreatedAt: A cell is not such a point in time.
        WrongColumnType: The column holds neither text nor timestamps with a zone.
    """
    index = batch.schema.get_field_index("created_at")
    if index < 0:
        return fixed_array(np.full(batch.num_rows, default_us, dtype=np.int64), CREATED_AT_TYPE)
    column = batch.column(index)
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise WrongColumnType(
                label=label, column="created_at", found=f"{column.type} without a time zone", expected=_EXPECTED
            )
    elif pa.types.is_temporal(column.type) or pa.types.is_primitive(column.type):
        raise WrongColumnType(label=label, column="created_at", found=str(column.type), expected=_EXPECTED)
    else:
        column = empty_as_null(text_column(batch, "created_at", label=label))
    try:
        if pa.types.is_timestamp(column.type):
            stamps = column.cast(CREATED_AT_TYPE)
        else:
            stamps = parse_timestamps(column, CREATED_AT_TYPE)
    except BadCell as bad:
        raise _invalid(label, bad.reason, row=first_row + bad.index, value=str(bad.value)) from None
    except pa.ArrowInvalid:
        fine = first_refused(column, CREATED_AT_TYPE)
        raise _invalid(
            label, "it is finer than a microsecond, or out of range", row=first_row + fine, value=str(column[fine])
        ) from None
    if not stamps.null_count:
        return stamps
    return stamps.fill_null(fixed_array(np.array([default_us], dtype=np.int64), CREATED_AT_TYPE)[0])


def _invalid(label: str, reason: str, *, row: int, value: str) -> InvalidCreatedAt:
    return InvalidCreatedAt(
        label=label,
        reason=f"The cell can't be a created_at: {reason}.",
        hint="Write it as RFC 3339 with a zone and at most 6 decimals: 2026-01-31T12:00:00.123456Z.",
        row=row,
        column="created_at",
        value=value,
    )


CHUNK_BYTES = 16 << 20
"""Bytes of input that are checked and hashed at a time; a single longer sequence is a chunk of its own."""

IMPORT_COLUMNS: tuple[str, ...] = ("id", "bio_type", "sequence", "alphabet", "length", "source", "created_at")
"""What an import looks at in a file; ``id`` and ``length`` are only compared. Everything else is ignored."""

LETTER_BYTES = np.zeros(256, dtype=np.bool_)
"""Which bytes are ASCII letters: what begins and ends with one has no white space around it."""
LETTER_BYTES[ord("A") : ord("Z") + 1] = LETTER_BYTES[ord("a") : ord("z") + 1] = True


def bounded(batches: Iterator[pa.RecordBatch], *, limit: int = CHUNK_BYTES) -> Iterator[pa.RecordBatch]:
    """Yield the same rows in the same order, in batches of at most `limit` bytes or one row; no empty ones.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import bounded
        >>> batch = pa.record_batch({"length": pa.array(range(1000), pa.int64())})
        >>> [part.num_rows for part in bounded(iter([batch]), limit=4000)]
        [500, 500]
    """
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
    vectors = pa.types.is_fixed_size_list(kind)
    if vectors or is_any_list(kind):
        # Flattening vectors copies those that are null among them.
        length = kind.list_size if vectors else 0
        items = column.values.slice(column.offset * length, len(column) * length) if vectors else column.flatten()
        return _column_size(items) + 4 * len(column)
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
    raise WrongColumnType(label=label, column=name, found=str(column.type), expected="text")


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
    raise WrongColumnType(label=label, column="length", found=str(column.type), expected="whole numbers")


@dataclass(frozen=True, slots=True)
class FewTexts:
    """A column of texts of which few are distinct.

    Attributes:
        column: A string array, or a dictionary; without nulls.
        values: The distinct texts.
        codes: The place of each row's text among them; None where all rows have the first.
    """

    column: pa.Array
    values: tuple[str, ...]
    codes: npt.NDArray[np.int32] | None

    @classmethod
    def constant(cls, value: str, rows: int) -> FewTexts:
        """Return a column that has `value` in each of `rows` rows."""
        return cls(constant_text(value, rows), (value,), None)

    @classmethod
    def of(cls, column: pa.Array) -> FewTexts:
        """Return a column of at least one row, of texts in any spelling; a null becomes the empty text."""
        if not pa.types.is_dictionary(column.type):
            column = conform(column, pa.string())
            if column.null_count:
                column = column.fill_null(text_scalar(""))
            offsets, values = string_parts(column)
            content = bytes(values)  # a memoryview compares byte by byte
            first = content[: int(offsets[1])]
            if content == first * len(column) and bool((np.diff(offsets) == len(first)).all()):
                return cls(column, (first.decode("utf-8"),), None)
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        texts, codes = tuple(texts_of(conform(encoded.dictionary, pa.string()))), fixed_values(encoded.indices)
        used = np.flatnonzero(np.bincount(codes))
        return cls(column, texts, codes) if len(used) > 1 else cls(column, (texts[used[0]],), None)

    @property
    def only(self) -> str | None:
        """The text that all rows have, or None where they have several."""
        return self.values[0] if self.codes is None else None

    def at(self, row: int) -> str:
        """Return the text of a row."""
        return self.values[0 if self.codes is None else int(self.codes[row])]

    def texts(self) -> pa.Array:
        """Return the column as strings."""
        return conform(self.column, pa.string())

    def numbers(self, known: Sequence[str]) -> npt.NDArray[np.int8]:
        """Return the place of each row's text among `known` (-1: it is none of them); one for all rows if it can."""
        found = np.array([known.index(value) if value in known else -1 for value in self.values], np.int8)
        return found if self.codes is None else found[self.codes]


def empty_as_null(column: pa.Array) -> pa.Array:
    """Return a string column with null in place of every empty text."""
    empty = np.diff(string_parts(column)[0]) == 0
    if not empty.any():
        return column
    import pyarrow.compute as pc

    return pc.replace_with_mask(column, boolean_array(empty), pa.nulls(1, pa.string())[0])
