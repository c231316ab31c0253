"""Times as the format writes them, and the hybrid clock that orders changes.

Instants are whole microseconds since 1970 (UTC) inside, RFC 3339 with six decimals and ``Z`` in
events and metadata, and ``YYYYMMDDThhmmssffffff`` in file names.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

__all__ = ["LAST_INSTANT_US", "file_stamp", "next_clock", "now_us", "parse_rfc3339", "rfc3339"]

LAST_INSTANT_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999, behind which no stamp can be written."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def now_us() -> int:
    """Return the wall clock in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def next_clock(now: int, *floors: int | None) -> int:
    """Return the hybrid clock: `now`, or one microsecond past the highest of `floors`, whichever is later.

    Laptops and clusters disagree about the time; the later commit must win all the same
    (docs/adr/0007). All values are microseconds since 1970.
    """
    return max([now, *(floor + 1 for floor in floors if floor is not None)])


def rfc3339(us: int) -> str:
    """Return ``2026-01-31T09:00:00.000000Z`` for microseconds since 1970."""
    return _datetime(us).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_rfc3339(text: str, *, naive_is_utc: bool = False) -> int:
    """Return microseconds since 1970 for an RFC 3339 text with an offset or ``Z``, letters in either case.

    Args:
        text: Surrounding white space does not count.
        naive_is_utc: Take a text without an offset as UTC, as older writers left it out.

    Raises:
        ValueError: `text` is not such a time, or has no offset.
    """
    instant = datetime.fromisoformat(text.strip().upper())
    if instant.tzinfo is None:
        if not naive_is_utc:
            raise ValueError(f"{text!r} has no time zone")
        instant = instant.replace(tzinfo=UTC)
    return (instant - _EPOCH) // _MICROSECOND


def file_stamp(us: int) -> str:
    """Return ``20260131T090000000000`` for microseconds since 1970."""
    # `%Y` does not pad years before 1000 everywhere.
    return _datetime(us).strftime("%Y%m%dT%H%M%S%f").rjust(21, "0")


def _datetime(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
