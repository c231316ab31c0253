"""JSON to Arrow values, strictly: nothing is rounded to an integer, dropped, or taken for something else."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate, chain

import pyarrow as pa

from usr_core.records.python_arrays import flat_array
from usr_core.values.bad_cell import BadCell
from usr_core.values.forms import Form, form_of
from usr_core.values.scalars import (
    INTEGER_BOUNDS,
    infinite_rows,
    parse_base64,
    parse_scalars,
    refuse_inexact,
    refuse_vanished,
)

__all__ = ["from_json", "loads"]

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MAX_ITEMS = 2**31 - 1
_NOTHING = type(None)


def loads(text: str) -> object:
    """Read one JSON value, as `from_json` takes it.

    Repeated keys are refused. The literals ``NaN``, ``Infinity`` and ``-Infinity``, which are not JSON but which
    many programs write, become those texts. A number beyond float64 becomes infinity, which `from_json` refuses.
    The integer ``-0`` keeps its sign for a column of floats.

    Raises:
        ValueError: The text is not JSON, or nests too deep to be read.

    Example:
        >>> from usr_core.api.arrow import loads
        >>> loads('{"motif": "TATAAT", "score": NaN}')
        {'motif': 'TATAAT', 'score': 'NaN'}
        >>> loads('{"motif": "TATAAT"')
        Traceback (most recent call last):
            ...
        ValueError: it ends too early
    """
    try:
        signed = "-0" in text and _NEGATIVE_ZERO.search(text) is not None
        return (_SIGNED_DECODER if signed else _DECODER).decode(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except json.JSONDecodeError as error:
        ends = error.pos >= len(text.rstrip())
        raise ValueError("it ends too early" if ends else f"letter {error.pos + 1} can't stand there") from None
    except _KeyRepeated:
        raise
    except ValueError:
        # Python's own limit for whole numbers (sys.get_int_max_str_digits).
        raise ValueError("a number has too many digits") from None


def from_json(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Return JSON values as an Arrow array of the type `kind`; None is null, at every level.

    Integers are whole JSON numbers without point or exponent, and not truth values. Floats are any JSON number (a
    whole one without point and exponent only where the float equals it), or the texts ``NaN``, ``Infinity``,
    ``-Infinity``; binary is base64, dates and timestamps ISO 8601 text. A fixed-size list has exactly its length.
    A struct's key may be missing (null), and none may be unknown.

    Args:
        values: What `loads` gives, one a row.
        kind: An Arrow type that the registry knows.

    Raises:
        BadCell: A value does not fit; ``path`` says where inside the row, such as ``[2].a``.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import from_json
        >>> from_json([[1, 2.5], None, ["NaN"]], pa.list_(pa.float64())).to_pylist()
        [[1.0, 2.5], None, [nan]]
        >>> from_json([[1, 2.5]], pa.list_(pa.int64()))
        Traceback (most recent call last):
            ...
        usr_core.values.bad_cell.BadCell: row 0, at [1]: 2.5: it is not a whole number
    """
    return _READERS[form_of(kind)](values, kind)


def _only(values: Sequence[object], *allowed: type, reason: str) -> set[type]:
    """Return the Python types among `values`, None left out; BadCell for the first that is not allowed."""
    found = set(map(type, values)) - {_NOTHING}
    if not found <= set(allowed):
        for index, value in enumerate(values):
            if value is not None and type(value) not in allowed:
                raise BadCell(index, value, reason)
    return found


def _floats(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    found = _only(values, float, int, str, _NegativeZero, _TooSmall, reason="it is not a number")
    if _TooSmall in found:
        index = next(index for index, value in enumerate(values) if type(value) is _TooSmall)
        raise BadCell(index, str(values[index]), "it is too small for float64, which would hold 0")
    written: frozenset[int] = frozenset()
    floats = values
    if not found <= {float}:
        floats, written = _as_floats(values)
    numbers = flat_array(floats, kind)
    for index in infinite_rows(numbers):
        if index not in written:
            raise BadCell(index, values[index], f"it is beyond the range of float{kind.bit_width}")
    if int in found:
        refuse_inexact(numbers, values)
    refuse_vanished(numbers, values)
    return numbers


def _as_floats(values: Sequence[object]) -> tuple[list[float | None], frozenset[int]]:
    """Return floats, and the rows in which infinity is meant."""
    floats: list[float | None] = []
    written = set()
    for index, value in enumerate(values):
        if isinstance(value, str):
            if value not in _NON_FINITE:
                raise BadCell(index, value, "it is not a number")
            written.add(index)
            floats.append(_NON_FINITE[value])
        else:
            try:
                floats.append(None if value is None else float(value))  # type: ignore[arg-type]
            except OverflowError:
                raise BadCell(index, value, "it is beyond the range of float64") from None
    return floats, frozenset(written)


def _integers(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    _only(values, int, _NegativeZero, reason="it is not a whole number")
    try:
        return flat_array(values, kind)
    except OverflowError:
        low, high = INTEGER_BOUNDS[str(kind)]
        for index, value in enumerate(values):
            if isinstance(value, int) and not low <= value <= high:
                raise BadCell(index, value, f"it is beyond the range of {kind}, {low} to {high}") from None
        raise


def _texts(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    _only(values, str, reason="it is not text")
    try:
        return flat_array(values, kind)
    except UnicodeEncodeError:
        for index, value in enumerate(values):
            if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise BadCell(index, value, "it holds half of a surrogate pair") from None
        raise


def _booleans(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    _only(values, bool, reason="it is not true or false")
    return flat_array(values, kind)


def _binaries(values: Sequence[object], _kind: pa.DataType) -> pa.Array:
    return parse_base64(_texts(values, pa.string()).to_pylist())


def _times(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    return parse_scalars(_texts(values, pa.string()), kind)


def _lists(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    rows = _rows(values)
    offsets = list(accumulate(map(len, rows), initial=0))
    if offsets[-1] > _MAX_ITEMS:
        raise BadCell(bisect_right(offsets, _MAX_ITEMS) - 1, "", "there are more than 2^31 items up to here")
    try:
        items = from_json(list(chain.from_iterable(rows)), kind.value_type)
    except BadCell as error:
        row = bisect_right(offsets, error.index) - 1
        raise _deeper(error, row, f"[{error.index - offsets[row]}]") from None
    return pa.ListArray.from_arrays(flat_array(offsets, pa.int32()), items, type=kind, mask=_nulls(values))


def _fixed_lists(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    size = kind.list_size
    blank = [None] * size
    rows = [blank if value is None else row for value, row in zip(values, _rows(values), strict=True)]
    for index, row in enumerate(rows):
        if len(row) != size:
            raise BadCell(index, row, f"it has {len(row)} items, not {size}")
    try:
        items = from_json(list(chain.from_iterable(rows)), kind.value_type)
    except BadCell as error:
        raise _deeper(error, error.index // size, f"[{error.index % size}]") from None
    return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=_nulls(values))


def _rows(values: Sequence[object]) -> list[list[object]]:
    _only(values, list, reason="it is not a list")
    return [[] if value is None else value for value in values]  # type: ignore[misc]


def _structs(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    _only(values, dict, reason="it is not an object")
    fields = [kind.field(index) for index in range(kind.num_fields)]
    names = {field.name for field in fields}
    rows: list[dict[str, object]] = [{} if value is None else value for value in values]  # type: ignore[misc]
    for index, row in enumerate(rows):
        if not row.keys() <= names:
            unknown = next(name for name in row if name not in names)
            raise BadCell(index, row, f"it has the unknown key {unknown!r}")
    parts = []
    for field in fields:
        try:
            parts.append(from_json([row.get(field.name) for row in rows], field.type))
        except BadCell as error:
            raise _deeper(error, error.index, f".{field.name}") from None
    return pa.StructArray.from_arrays(parts, fields=fields, mask=_nulls(values))


def _nulls(values: Sequence[object]) -> pa.Array | None:
    if None not in values:
        return None
    return flat_array([value is None for value in values], pa.bool_())


def _deeper(error: BadCell, row: int, step: str) -> BadCell:
    return BadCell(row, error.value, error.reason, path=step + error.path)


class _KeyRepeated(ValueError):
    pass


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _KeyRepeated(f"the key {next(key for key, count in counts.items() if count > 1)!r} is repeated")
    return found


class _TooSmall(float):
    """A number that is not zero, and that float64 holds as zero; its text is what was written."""

    _literal: str

    def __new__(cls, literal: str) -> _TooSmall:
        made = super().__new__(cls, 0.0)
        made._literal = literal
        return made

    def __repr__(self) -> str:
        return self._literal

    __str__ = __repr__


class _NegativeZero(int):
    """The integer ``-0``: 0 in a column of integers, -0.0 in one of floats."""

    def __float__(self) -> float:
        return -0.0

    def __repr__(self) -> str:
        return "-0"

    __str__ = __repr__


def _whole_number(literal: str) -> int:
    return _NegativeZero() if literal == "-0" else int(literal)


def _number(literal: str) -> float:
    value = float(literal)
    if value == 0 and literal.lower().partition("e")[0].strip("-0."):
        return _TooSmall(literal)
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_float=_number, parse_constant=lambda literal: literal)
_SIGNED_DECODER = json.JSONDecoder(  # a Python call for each integer
    object_pairs_hook=_unique_keys,
    parse_float=_number,
    parse_int=_whole_number,
    parse_constant=lambda literal: literal,
)
_NEGATIVE_ZERO = re.compile(r"-0(?![0-9.eE])")

_READERS: dict[Form, Callable[[Sequence[object], pa.DataType], pa.Array]] = {
    "text": _texts,
    "integer": _integers,
    "float": _floats,
    "boolean": _booleans,
    "binary": _binaries,
    "date": _times,
    "timestamp": _times,
    "list": _lists,
    "fixed_list": _fixed_lists,
    "struct": _structs,
}
