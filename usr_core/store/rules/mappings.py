"""Records given as mappings, as the batches that an import takes."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from usr_core.records.arrays import text_array
from usr_core.store.rules.errors import RecordsExpected, RowWithoutSequence

__all__ = ["batches_of_rows", "checked_rows", "columns_of_rows"]

_RECORDS_HINT = "Give a mapping a record, in a list: add_sequences([{'sequence': 'ACGT'}])."
_ROWS = 65_536
_CHARACTERS = 64 << 20
_Rows = Sequence[Mapping[str, object]]


def checked_rows(rows: object) -> list[Mapping[str, object]]:
    """Return the records that were handed over, in order.

    Raises:
        RecordsExpected: `rows` are not mappings with names as keys, but a text, a table or a single mapping.
    """
    kind = type(rows).__name__
    if hasattr(rows, "__arrow_c_stream__"):
        to_rows = "to_dict('records')" if hasattr(rows, "iterrows") else "to_pylist()"
        to_rows = "to_dicts()" if hasattr(rows, "to_dicts") else to_rows
        raise RecordsExpected(f"this is a {kind}", hint=f"Give its rows: add_sequences(table.{to_rows}).")
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise RecordsExpected(f"this is a {kind}", hint=_RECORDS_HINT, value=rows)
    held = list(rows)
    for number, row in enumerate(held, start=1):
        fault = "" if isinstance(row, Mapping) else f"is a {type(row).__name__}"
        if not fault and not all(isinstance(name, str) for name in row):
            fault = "has a key that is not text"
        if fault:
            raise RecordsExpected(f"record {number} {fault}", hint=_RECORDS_HINT, row=number, value=row)
    return held


def columns_of_rows(rows: _Rows) -> list[str]:
    """Return the names that occur, in order of appearance; ``sequence`` even where there are no rows."""
    return list(dict.fromkeys(name for row in rows for name in row)) or ["sequence"]


def batches_of_rows(rows: _Rows, wanted: Sequence[str], *, label: str) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns as text; a time becomes RFC 3339, and a ``length`` may be a number.

    Raises:
        RowWithoutSequence: A value is not text.
    """
    for start, stop in _chunks(rows):
        part = rows[start:stop]
        columns = [
            text_array([_text(row.get(name), label, start + index + 1, name) for index, row in enumerate(part)])
            for name in wanted
        ]
        yield pa.RecordBatch.from_arrays(columns, names=list(wanted))


def _chunks(rows: _Rows) -> Iterator[tuple[int, int]]:
    """Yield bounds of chunks, each of so many rows or so much text at most, or of one row."""
    start = size = 0
    for stop, row in enumerate(rows):
        letters = sum(len(value) for value in row.values() if isinstance(value, str))
        if stop > start and (stop - start >= _ROWS or size + letters > _CHARACTERS):
            yield start, stop
            start, size = stop, 0
        size += letters
    if start < len(rows):
        yield start, len(rows)


def _text(value: object, label: str, row: int, column: str) -> str | None:
    if value is None:
        return value
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise RowWithoutSequence(label=label, row=row, column=column, value=value, reason="is not Unicode text")
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if column == "length" and isinstance(value, numbers.Real) and not isinstance(value, bool):
        return str(value)
    raise RowWithoutSequence(label=label, row=row, column=column, value=value, reason="is not text")
