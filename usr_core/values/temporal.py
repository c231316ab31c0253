"""Dates and timestamps to ISO 8601 text and back, over the whole range that Arrow can hold.

Years outside 0000 to 9999 are written with a sign (``+12345-01-01``). Timestamps of a zoned column are
instants: their text carries ``Z`` or an offset, always ``Z`` on writing. Fractions have as many digits as
the unit holds. Nothing is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from usr_core.records.python_arrays import flat_array
from usr_core.values.bad_cell import BadCell

__all__ = ["format_dates", "format_timestamps", "parse_dates", "parse_timestamps"]

_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_DAY = 86_400
_FEW = 64
"""Up to so many are written one by one: Arrow's compute functions take longer to import."""
# 0000-01-01 and 10000-01-01 in days since 1970.
_FIRST_DAY, _LAST_DAY = -719_528, 2_932_897
_DATE = r"(?P<year>[0-9]{4}|[+-][0-9]{4,})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
_ISO_DATE = re.compile(_DATE)
_ISO_TIMESTAMP = re.compile(
    _DATE
    + r"(?:[T ](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?)?)?)?"
    r"(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)


def parse_dates(column: pa.StringArray) -> pa.Array:
    """Return date32 values from ``YYYY-MM-DD``; null stays null.

    Raises:
        BadCell: A text is not a date.
    """
    try:
        return column.cast(pa.date32())
    except pa.ArrowInvalid:
        return flat_array(_each(column, _date_number), pa.int32()).cast(pa.date32())


def parse_timestamps(column: pa.StringArray, kind: pa.TimestampType) -> pa.Array:
    """Return timestamps of type `kind` from ISO 8601 text; null stays null.

    Raises:
        BadCell: A text is not a timestamp, is finer than the unit or beyond its range, lacks an offset in
            a zoned column, or has one in a column without zone.
    """
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        numbers = _each(column, lambda text: _timestamp_number(text, kind))
        return flat_array(numbers, pa.int64()).cast(kind)


def format_dates(column: pa.Array) -> list[str | None]:
    """Return ISO 8601 text for date32 values."""
    days = column.view(pa.int32())
    if len(column) > _FEW and _between(days, _FIRST_DAY, _LAST_DAY):
        texts: list[str | None] = column.cast(pa.string()).to_pylist()
        return texts
    return [None if day is None else _date_text(day) for day in days.to_pylist()]


def format_timestamps(column: pa.Array) -> list[str | None]:
    """Return ISO 8601 text for timestamps, with ``Z`` where their type has a zone."""
    kind = column.type
    suffix = "" if kind.tz is None else "Z"
    digits = _DIGITS[kind.unit]
    numbers = column.view(pa.int64())
    a_day = _DAY * 10**digits
    if len(column) <= _FEW:
        return [None if number is None else _timestamp_text(number, digits) + suffix for number in numbers.to_pylist()]
    if kind.unit == "ns" or _between(numbers, _FIRST_DAY * a_day, _LAST_DAY * a_day):
        # By way of int64, as a cast from a zone would need the zone's rules.
        texts = numbers.cast(pa.timestamp(kind.unit)).cast(pa.string()).to_pylist()
        return [None if text is None else f"{text[:10]}T{text[11:]}{suffix}" for text in texts]
    return [None if number is None else _timestamp_text(number, digits) + suffix for number in numbers.to_pylist()]


def _between(numbers: pa.Array, first: int, end: int) -> bool:
    import pyarrow.compute as pc

    bounds = pc.min_max(numbers)
    low, high = bounds["min"].as_py(), bounds["max"].as_py()
    return low is None or (first <= low and high < end)


def _each(column: pa.StringArray, convert: Callable[[str], int]) -> list[int | None]:
    numbers: list[int | None] = []
    for index, text in enumerate(column.to_pylist()):
        try:
            numbers.append(None if text is None else convert(text))
        except ValueError as error:
            raise BadCell(index, text, str(error)) from None
    return numbers


def _date_number(text: str) -> int:
    found = _ISO_DATE.fullmatch(text)
    if found is None:
        raise ValueError("it is not a date like 2026-01-31")
    day = _day_number(found)
    if not -(2**31) <= day < 2**31:
        raise ValueError("it is beyond the range of date32")
    return day


def _timestamp_number(text: str, kind: pa.TimestampType) -> int:
    found = _ISO_TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"it is not a timestamp like 2026-01-31T12:00:00{'' if kind.tz is None else 'Z'}")
    if kind.tz is not None and found["offset"] is None:
        raise ValueError("it needs an offset or Z, as the column has a time zone")
    if kind.tz is None and found["offset"] is not None:
        raise ValueError("it has an offset, and the column has no time zone")
    hour, minute, second = (int(found[part] or 0) for part in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("there is no such time of day")
    fraction, digits = found["fraction"] or "", _DIGITS[kind.unit]
    if fraction[digits:].strip("0"):
        raise ValueError(f"it is finer than the column's unit, {kind.unit}")
    seconds = _day_number(found) * _DAY + hour * 3600 + minute * 60 + second - _offset_seconds(found["offset"])
    number: int = seconds * 10**digits + int(fraction[:digits].ljust(digits, "0") or 0)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"it is beyond the range of timestamps in {kind.unit}")
    return number


def _offset_seconds(offset: str | None) -> int:
    if offset is None or offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("there is no such offset")
    return (hours * 3600 + minutes * 60) * (-1 if offset[0] == "-" else 1)


def _day_number(found: re.Match[str]) -> int:
    """Return days since 1970-01-01 in the Gregorian calendar extended both ways.

    The arithmetic runs over years that begin in March, so that the leap day is a year's last.
    """
    if len(found["year"]) > 20:
        raise ValueError("its year is beyond any range")
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    if not 1 <= month <= 12 or not 1 <= day <= _month_length(year, month):
        raise ValueError("there is no such day")
    if month <= 2:
        year -= 1
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719_468


def _month_length(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31


def _date_text(day: int) -> str:
    era, of_era = divmod(day + 719_468, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = era * 400 + year_of_era + (month <= 2)
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"
    return f"{shown}-{month:02d}-{of_year - (153 * shifted + 2) // 5 + 1:02d}"


def _timestamp_text(number: int, digits: int) -> str:
    seconds, fraction = divmod(number, 10**digits)
    day, of_day = divmod(seconds, _DAY)
    text = f"{_date_text(day)}T{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"
    return f"{text}.{fraction:0{digits}d}" if digits else text
