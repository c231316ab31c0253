"""Python values as strict JSON."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath

__all__ = ["json_line", "json_text", "plain_value"]

PlainValue = None | bool | int | float | str | list["PlainValue"] | dict[str, "PlainValue"]


def json_text(value: object, *, ascii_only: bool = False) -> str:
    """Return a document over several lines.

    Example:
        >>> from usr_core.api.commands import json_text
        >>> print(json_text({"motif": "TATAAT"}))
        {
          "motif": "TATAAT"
        }
    """
    return json.dumps(plain_value(value), ensure_ascii=ascii_only, allow_nan=False, indent=2)


def json_line(value: object) -> str:
    """Return a value on one line.

    Example:
        >>> from usr_core.api.commands import json_line
        >>> json_line({"motif": "TATAAT", "at": (7, 13)})
        '{"motif": "TATAAT", "at": [7, 13]}'
    """
    return json.dumps(plain_value(value), ensure_ascii=False, allow_nan=False)


def plain_value(value: object) -> PlainValue:  # noqa: PLR0911 - one line a type
    """Return `value` as what JSON can hold.

    Times become RFC 3339 in UTC with Z (one without a zone is taken as UTC), dates ISO 8601, durations
    seconds, bytes base64, floats without a JSON form ``NaN``, ``Infinity`` and ``-Infinity``, enums
    their value, decimals and paths text, dataclasses objects. Numpy scalars become Python's.

    Raises:
        TypeError: The value has no JSON form.
    """
    if isinstance(value, Enum):
        return plain_value(value.value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        # A lone surrogate (an undecodable file name) is not text that UTF-8 could hold.
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(plain_value(key)): plain_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain_value(item) for item in value]
    return _special(value)


def _special(value: object) -> PlainValue:  # noqa: PLR0911 - one line a type
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(bytes(value)).decode("ascii")
    if isinstance(value, (Decimal, PurePath)):
        return plain_value(str(value))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_value(getattr(value, field.name)) for field in fields(value)}
    for name in ("as_py", "item"):  # Arrow and numpy scalars, without importing either
        convert = getattr(value, name, None)
        if callable(convert):
            return plain_value(convert())
    raise TypeError(f"{type(value).__name__} has no JSON form")
