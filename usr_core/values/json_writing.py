"""Arrow values to JSON that `from_json` reads back to the same bits."""

from __future__ import annotations

import json
import math
from binascii import b2a_base64
from collections.abc import Callable

import pyarrow as pa
import pyarrow.types as kinds

from usr_core.errors import visible
from usr_core.values.forms import Form, form_of
from usr_core.values.temporal import format_dates, format_timestamps

__all__ = ["dumps", "to_json", "value_text"]

_FEW = 64
"""Up to so many floats are looked at one by one: Arrow's compute functions take longer to import."""

_SHOWN = 80
"""Letters of a value that a message shows."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def to_json(array: pa.Array) -> list[object]:
    """Return one JSON-ready Python value a row; null is None.

    Floats that are not finite become the texts ``NaN``, ``Infinity``, ``-Infinity`` (as in Protobuf's JSON);
    float32 gets the shortest digits that read back to it. Binary becomes base64, dates and timestamps ISO 8601
    text (``Z`` where the type has a zone, as many digits as the unit holds), lists become lists and structs
    objects with all their keys in order. Integers keep every digit.

    Args:
        array: An array, sliced or not, of a type that the registry knows.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import to_json
        >>> to_json(pa.array([0.1, float("nan"), None], pa.float32()))
        [0.1, 'NaN', None]
    """
    return _WRITERS[form_of(array.type)](array)


def dumps(value: object) -> str:
    """Return compact JSON for one value of `to_json`, letters outside ASCII as they are.

    Raises:
        ValueError: The value holds a float that is not finite.

    Example:
        >>> from usr_core.api.arrow import dumps
        >>> dumps({"motif": "TATAAT", "at": [7, 13]})
        '{"motif":"TATAAT","at":[7,13]}'
    """
    return _ENCODER.encode(value)


def value_text(array: pa.Array, row: int) -> str:
    """Return one value as a message shows it: text as it is, all else as JSON; control characters visible, cut."""
    value = to_json(array.slice(row, 1))[0]
    return visible(value if isinstance(value, str) else dumps(value), limit=_SHOWN)


def _floats(array: pa.Array) -> list[object]:
    if kinds.is_float32(array.type):
        array = _shortest(array)
    values: list[object] = array.to_pylist()
    # The sum is finite unless something in it is not (or overflows, which costs one needless look).
    if len(values) > _FEW and math.isfinite(_sum(array)):
        return values
    return [value if value is None or math.isfinite(value) else _spelled(value) for value in values]  # type: ignore[arg-type]


def _sum(array: pa.Array) -> float:
    import pyarrow.compute as pc

    total = pc.sum(array.cast(pa.float64())).as_py()
    return 0.0 if total is None else float(total)


def _spelled(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _shortest(array: pa.Array) -> pa.Array:
    """Return float64 values whose shortest text reads back to each float32 (0.1, not 0.10000000149011612)."""
    import pyarrow.compute as pc

    widened = array.cast(pa.float64())
    short = array.cast(pa.string()).cast(pa.float64())
    # Text to float64 to float32 rounds twice; where that matters the exact value is kept. NaN is never equal.
    return pc.if_else(pc.equal(short.cast(pa.float32()), array), short, widened)


def _lists(array: pa.ListArray) -> list[object]:
    offsets = array.offsets.to_pylist()
    first, last = offsets[0], offsets[-1]
    items = to_json(array.values.slice(first, last - first))
    starts = (offset - first for offset in offsets[:-1])
    ends = (offset - first for offset in offsets[1:])
    rows: list[object] = [items[start:end] for start, end in zip(starts, ends, strict=True)]
    return _with_nulls(rows, array)


def _fixed_lists(array: pa.FixedSizeListArray) -> list[object]:
    size = array.type.list_size
    items = to_json(array.values.slice(array.offset * size, len(array) * size))
    rows: list[object] = [items[start : start + size] for start in range(0, len(items), size)]
    return _with_nulls(rows, array)


def _structs(array: pa.StructArray) -> list[object]:
    names = [array.type.field(index).name for index in range(array.type.num_fields)]
    parts = [to_json(array.field(index)) for index in range(array.type.num_fields)]
    rows: list[object] = [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)]
    return _with_nulls(rows, array)


def _with_nulls(rows: list[object], array: pa.Array) -> list[object]:
    if array.null_count == 0:
        return rows
    return [row if valid else None for row, valid in zip(rows, array.is_valid().to_pylist(), strict=True)]


def _plain(array: pa.Array) -> list[object]:
    values: list[object] = array.to_pylist()
    return values


def _base64(array: pa.Array) -> list[object]:
    return [None if value is None else b2a_base64(value, newline=False).decode() for value in array.to_pylist()]


_WRITERS: dict[Form, Callable[[pa.Array], list[object]]] = {
    "text": _plain,
    "integer": _plain,
    "boolean": _plain,
    "float": _floats,
    "binary": _base64,
    "date": lambda array: list(format_dates(array)),
    "timestamp": lambda array: list(format_timestamps(array)),
    "list": _lists,
    "fixed_list": _fixed_lists,
    "struct": _structs,
}
