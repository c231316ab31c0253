"""What an error of Arrow means for a Parquet file that is read: cut off, damaged, or a column that can't be taken."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.api import SourceFile, SourceFileError, SourceTruncated, SourceUnreadable
from usr_core.api.formats import other_content

__all__ = ["damaged_footer", "not_opened", "unreadable_group", "unreadable_value"]

_MAGIC = b"PAR1"
_LOOK = 1000
"""Bytes at the beginning that tell a file of another kind."""
_LISTS_HINT = (
    "Write the column as a list of any length. DuckDB writes fixed arrays with a null so that their pages disagree: "
    "cast them where the file is written, for example CAST({name} AS FLOAT[])."
)


def not_opened(source: SourceFile, error: Exception) -> SourceFileError:
    """Return the error for a file whose footer can't be read."""
    os.lseek(source.descriptor, 0, os.SEEK_SET)
    start = os.read(source.descriptor, _LOOK)
    head = start[: len(_MAGIC)]
    if head == _MAGIC and not isinstance(error, pa.ArrowNotImplementedError):
        return damaged_footer(source, error)
    if head == _MAGIC:
        reason = f"A column has a type that Arrow can't read: {_first_line(error)}."
        return SourceUnreadable(
            source.path, reason, hint="Cast that column where the file is written, or leave it out."
        )
    other = other_content(start)
    if other is not None:
        return SourceUnreadable(source.path, other.reason, hint=other.hint, line=other.line)
    reason = "The file is empty." if not head else "The file is not a Parquet file."
    return SourceUnreadable(source.path, reason, hint="Give the importer that fits the file: --from csv, --from jsonl.")


def damaged_footer(source: SourceFile, error: Exception) -> SourceTruncated:
    """Return the error for a footer that is not there, or is damaged."""
    return SourceTruncated(source.path, f"its footer is missing or damaged ({_first_line(error)})")


def unreadable_group(
    source: SourceFile, file: pq.ParquetFile, group: int, names: Sequence[str], error: Exception, *, row: int
) -> SourceUnreadable:
    """Return the error for rows that can't be read; the column at fault is looked for.

    Args:
        source, file: The file.
        group: The row group.
        names: The columns that were read.
        error: What was raised.
        row: The first row that was not read, from 1.
    """
    name, cause = next(
        ((name, found) for name in names if (found := _failure(file, group, name)) is not None), (None, error)
    )
    reason = _first_line(cause)
    hint = "Copy or write the file again."
    if name is None or isinstance(cause, OSError):
        told = f"The file is damaged at or behind this row: {reason}."
    elif isinstance(cause, pa.ArrowNotImplementedError):
        told = f"The column {name!r} has a type that Arrow can't read: {reason}."
        hint = "Cast the column where the file is written, for example to text, or leave it out."
    elif pa.types.is_nested(file.schema_arrow.field(name).type) and "list" in reason.lower():
        told = f"The lengths of the lists in column {name!r} don't fit their values: {reason}."
        hint = _LISTS_HINT.format(name=name)
    else:
        told = f"The file is damaged at or behind this row: {reason}."
    return SourceUnreadable(source.path, told, hint=hint, row=row, column=name)


def unreadable_value(source: SourceFile, name: str, value: pa.Array, error: Exception, *, row: int) -> SourceUnreadable:
    """Return the error for a value that is not what its type says: mostly text in another encoding.

    Args:
        source: The file.
        name: The column.
        value: The value alone, in an array.
        error: What Arrow says of it.
        row: Its row, from 1.
    """
    if not pa.types.is_string(value.type):
        reason = f"The column {name!r} has a value that is not one of its type: {_first_line(error)}."
        return SourceUnreadable(source.path, reason, hint="Write the file again.", row=row, column=name)
    return SourceUnreadable(
        source.path,
        f"The text in column {name!r} is not UTF-8, which Parquet's text has to be.",
        hint="Write the column as UTF-8, or as binary where it is not text.",
        row=row,
        column=name,
        value=value.cast(pa.binary())[0].as_py().decode("utf-8", "backslashreplace"),
    )


def _failure(file: pq.ParquetFile, group: int, name: str) -> Exception | None:
    try:
        for _ in file.iter_batches(row_groups=[group], columns=[name], use_threads=False):
            pass
    except (pa.ArrowException, OSError) as error:
        return error
    return None


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
