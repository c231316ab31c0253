"""The ``created_at`` of imported rows: a point in time with a zone, kept in UTC microseconds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from usr_core.records.arrays import fixed_array
from usr_core.records.base_schema import CREATED_AT_TYPE
from usr_core.store.rules.columns import empty_as_null, text_column
from usr_core.store.rules.errors import InvalidCreatedAt, WrongColumnType
from usr_core.values.bad_cell import BadCell
from usr_core.values.scalars import first_refused
from usr_core.values.temporal import parse_timestamps

__all__ = ["created_at_column"]

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
