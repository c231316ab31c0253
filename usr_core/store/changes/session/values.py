"""Python values as a column of a registered type, refused where they would become other values."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import cast

import numpy as np
import pyarrow as pa

from usr_core.store.changes.session.errors import SessionRowError

__all__ = ["column_of"]

# What a Python value of just this type becomes is itself, or an error; a narrower float may become infinite.
_EXACT: dict[int, frozenset[type]] = {
    pa.string().id: frozenset({str}),
    pa.bool_().id: frozenset({bool}),
    pa.float64().id: frozenset({float}),
    pa.binary().id: frozenset({bytes}),
    **{kind.id: frozenset({int}) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())},
    **{kind.id: frozenset({int}) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())},
}
_NOTHING = type(None)
_FAILURES = (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError)


def column_of(values: Sequence[object], field: pa.Field) -> pa.Array:
    """Return `values` as an array of the field's type; None is null.

    Floats may be rounded to the nearest one of a narrower type; nothing else may change: no fraction is cut off, no
    integer becomes another number in a column of floats, nothing overflows to infinity, no field of a struct is
    dropped, no time loses digits.

    Raises:
        SessionRowError: A value is not of the type; its row (1 is the first of the call) is told.
    """
    try:
        column = _as_array(values, field.type)
    except _FAILURES as error:
        for row, value in enumerate(values):
            try:
                _as_array([value], field.type)
            except _FAILURES as one:
                raise _refused(field, row, value, str(one).splitlines()[0] if str(one) else type(one).__name__) from one
        raise SessionRowError(str(error), column=field.name) from error
    if _surely_kept(values, field.type):
        return column
    for row, value in enumerate(values):
        if value is not None and not _is_kept(value, column[row], field.type):
            raise _refused(field, row, value, "it would become another value")
    return column


def _as_array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, type=kind)
    except pa.ArrowInvalid:
        # Arrow refuses each large integer for a column of floats, those that are floats included.
        return pa.array([_with_floats(value, kind) for value in values], type=kind)


def _with_floats(value: object, kind: pa.DataType) -> object:
    """Return `value` with each integer that is a float64 as that float, where the type wants floats."""
    kinds = pa.types
    if kinds.is_floating(kind) and isinstance(value, numbers.Integral) and not isinstance(value, bool):
        whole = int(value)
        return float(whole) if abs(whole) < 2**1023 and int(float(whole)) == whole else value
    if (kinds.is_list(kind) or kinds.is_fixed_size_list(kind)) and isinstance(value, list | tuple | np.ndarray):
        return [_with_floats(one, kind.value_type) for one in value]
    if kinds.is_struct(kind) and isinstance(value, Mapping):
        types = {field.name: field.type for field in kind}
        return {name: _with_floats(one, types.get(name, pa.null())) for name, one in value.items()}
    return value


def _refused(field: pa.Field, row: int, value: object, reason: str) -> SessionRowError:
    return SessionRowError(f"a value is not {field.type} ({reason})", column=field.name, row=row + 1, value=value)


def _surely_kept(values: Sequence[object], kind: pa.DataType) -> bool:
    """Tell by the Python types alone, a column at a time, that Arrow took every value as it is.

    Text, numbers, lists and mappings of just the types that Arrow expects are what nearly all rows hold, and a look
    at each stored value would cost many times what storing it did. False says nothing: the values are compared.
    """
    given = set(map(type, values))
    present = values
    if _NOTHING in given:
        given.discard(_NOTHING)
        present = [value for value in values if value is not None]
    if given <= _EXACT.get(kind.id, frozenset()):
        return True
    kinds = pa.types
    if (kinds.is_list(kind) or kinds.is_fixed_size_list(kind)) and given <= {list, tuple}:
        return _surely_kept(list(chain.from_iterable(cast(list[list[object]], present))), kind.value_type)
    if kinds.is_struct(kind) and given <= {dict}:
        rows = cast(list[dict[str, object]], present)
        fields = [kind.field(index) for index in range(kind.num_fields)]
        names = {field.name for field in fields}
        return all(row.keys() <= names for row in rows) and all(
            _surely_kept([row.get(field.name) for row in rows], field.type) for field in fields
        )
    return False


def _is_kept(value: object, stored: pa.Scalar, kind: pa.DataType) -> bool:
    if value is None or not stored.is_valid:
        return value is None
    kinds = pa.types
    if kinds.is_list(kind) or kinds.is_fixed_size_list(kind):
        return _is_list_kept(value, stored, kind.value_type)
    if kinds.is_struct(kind):
        known = {kind.field(index).name for index in range(kind.num_fields)}
        if not isinstance(value, Mapping) or not set(value) <= known:
            return False
        return all(_is_kept(value.get(name), stored[name], kind.field(name).type) for name in known)
    return _is_scalar_kept(value, stored.as_py(), kind)


def _is_list_kept(value: object, stored: pa.Scalar, kind: pa.DataType) -> bool:
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iu":
        return pa.types.is_integer(kind) or (pa.types.is_floating(kind) and bool(value.tolist() == stored.as_py()))
    if pa.types.is_floating(kind) and _holds_floats(value):
        kept = np.asarray(stored.values.to_numpy(zero_copy_only=False), dtype=np.float64)
        return bool(np.array_equal(np.isfinite(np.asarray(value, np.float64)), np.isfinite(kept)))
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str | bytes):
        return False
    return all(_is_kept(one, stored.values[place], kind) for place, one in enumerate(value))


def _holds_floats(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind == "f"
    return isinstance(value, list | tuple) and set(map(type, value)) <= {float}


def _is_scalar_kept(value: object, stored: object, kind: pa.DataType) -> bool:
    kinds = pa.types
    if kinds.is_boolean(kind):
        return isinstance(value, bool | np.bool_)
    if kinds.is_integer(kind):
        return isinstance(value, numbers.Integral) and value == stored and not isinstance(value, bool)
    if kinds.is_floating(kind):
        if isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_):
            return int(value) == stored
        number = isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
        return number and math.isfinite(float(str(value))) == math.isfinite(float(str(stored)))
    if kinds.is_date32(kind):
        return isinstance(value, date) and not isinstance(value, datetime)
    return not kinds.is_timestamp(kind) or _is_time_kept(value, stored, kind)


def _is_time_kept(value: object, stored: object, kind: pa.TimestampType) -> bool:
    same_kind = isinstance(value, datetime) and (value.tzinfo is None) == (kind.tz is None)
    return same_kind and bool(stored == value)
