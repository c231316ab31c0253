"""Cells of a workbook as text that the core reads back to the same values."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pyarrow.types as kinds

__all__ = ["address", "spelled"]

_EXACT = 2.0**53
"""Below it every whole number is a double of its own."""


def spelled(value: object, kind: pa.DataType | None = None) -> str | None:
    """Return a cell's value as text; an empty cell is null.

    Whole numbers have no point, other numbers the shortest digits that read back to the same bits. Dates are RFC 3339
    in the form that `kind`, the type that is wanted, is read from; a workbook knows no time zones, so the time is UTC
    where the type has a zone.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, datetime.date):
        return _date(value, kind)
    return value.isoformat() if isinstance(value, datetime.time) else str(value)


def address(row: int, column: int) -> str:
    """Return where a cell stands, as a spreadsheet says it; both count from 0.

    Example:
        >>> address(6, 1), address(0, 27)
        ('B7', 'AB1')
    """
    letters, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def _date(value: datetime.date, kind: pa.DataType | None) -> str:
    if kind is not None and kinds.is_timestamp(kind):
        moment = (
            value if isinstance(value, datetime.datetime) else datetime.datetime(value.year, value.month, value.day)
        )
        return moment.isoformat() + ("Z" if kind.tz else "")
    if isinstance(value, datetime.datetime) and kind is not None and kinds.is_date(kind) and not _time_of_day(value):
        return value.date().isoformat()
    return value.isoformat()


def _time_of_day(value: datetime.datetime) -> bool:
    return value.time() != datetime.time()


def _duration(value: datetime.timedelta) -> str:
    """Return hours, minutes and seconds; the hours may be more than a day's."""
    sign = "-" if value < datetime.timedelta() else ""
    seconds, fraction = divmod(abs(value) // datetime.timedelta(microseconds=1), 1_000_000)
    text = f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}" if fraction else text
