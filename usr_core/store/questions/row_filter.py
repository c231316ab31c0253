"""Filters of `scan`: conditions on columns, all of which a row must meet, or one of several such groups.

A condition is ``(column, operator, value)``:

    ==  !=  <  <=  >  >=     with a value that the column's type can hold exactly
    in  not in               with a collection of such values
    matches                  with a pattern of RE2, for text, anywhere in it
    is null  is not null     without a value

``[a, b]`` keeps rows that meet both; ``[[a, b], [c]]`` keeps rows that meet a and b, or c. A null meets no
condition but ``is null``; that goes for ``!=`` and ``not in`` too. NaN is equal to nothing, and 0.0 to -0.0. Times may
be given as ISO 8601 text. A float column holds the nearest number, so that 0.1 finds what was stored as 0.1; a
number beyond its range is refused, as is a time with more digits than the column keeps.

A text is a condition in SQL instead, see `usr_core.store.questions.condition`.

Arrow's own expressions are not taken: evaluating one imports pyarrow.dataset, 0.7 s of CPU time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from usr_core.records.arrays import boolean_array, text_array
from usr_core.store.errors import UnknownColumn
from usr_core.store.questions.errors import FilterInvalid
from usr_core.store.questions.pattern import compile_pattern

__all__ = ["Condition", "Filter", "RowFilter", "Where", "filter_columns", "open_filter", "parse_filter"]

Condition = tuple[str, str] | tuple[str, str, object]
Where = str | Sequence[Condition] | Sequence[Sequence[Condition]]

_Mask = Callable[[pa.Array], pa.BooleanArray]
_COMPARISONS = {
    "==": "equal",
    "=": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_BARE = frozenset({"is null", "is not null"})
_OPERATORS = (*_COMPARISONS, "in", "not in", "matches", *sorted(_BARE))


@dataclass(frozen=True, slots=True)
class _Test:
    column: str
    mask: _Mask


class Filter(Protocol):
    """Which rows are wanted, in either form."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at, each once."""
        ...

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Return which rows of a batch that has all of `columns` are kept; no nulls."""
        ...


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A parsed filter."""

    groups: tuple[tuple[_Test, ...], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at, each once."""
        return tuple(dict.fromkeys(test.column for group in self.groups for test in group))

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Return which rows of a batch that has all the filter's columns are kept; no nulls."""
        import pyarrow.compute as pc

        kept = None
        for group in self.groups:
            met = None
            for test in group:
                one = test.mask(batch.column(test.column)).fill_null(False)
                met = one if met is None else pc.and_(met, one)
            kept = met if kept is None else pc.or_(kept, met)
        return kept


def open_filter(where: Where, known: pa.Schema) -> Filter:
    """Return the filter that `where` means, checked as far as it can be before anything is read.

    Args:
        where: A condition in SQL, or conditions as the module's text has them.
        known: Every column that it may look at.

    Raises:
        ConditionInvalid: The condition in SQL can't be used.
        FilterInvalid, PatternInvalid: As `parse_filter`.
        UnknownColumn: A listed condition names a column that is not known.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.results import open_filter
        >>> rows = pa.record_batch({"lab__gc": [0.4, 0.3, None]})
        >>> chosen = open_filter("lab__gc > 0.35", rows.schema)
        >>> chosen.columns, chosen.mask(rows).to_pylist()
        (('lab__gc',), [True, False, False])
    """
    if isinstance(where, str):
        from usr_core.store.questions.condition import SqlCondition

        return SqlCondition(where, known)
    names = filter_columns(where)
    for name in names:
        if known.get_field_index(name) < 0:
            raise UnknownColumn(name, known=known.names)
    return parse_filter(where, {name: known.field(name).type for name in names})


def filter_columns(where: Where) -> tuple[str, ...]:
    """Return the columns that a filter looks at, each once.

    Raises:
        FilterInvalid: `where` does not have the form of a filter.
    """
    return tuple(dict.fromkeys(condition[0] for group in _groups(where) for condition in group))


def parse_filter(where: Where, kinds: Mapping[str, pa.DataType]) -> RowFilter:
    """Return the filter that `where` means.

    Args:
        where: Conditions, see the module's text.
        kinds: The type of each column that `filter_columns` names.

    Raises:
        FilterInvalid: An operator is unknown, or does not suit its column or value.
        PatternInvalid: A pattern is not a regular expression.
    """
    return RowFilter(
        tuple(
            tuple(_test(*_parts(condition), kind=kinds[condition[0]]) for condition in group)
            for group in _groups(where)
        )
    )


def _groups(where: object) -> list[list[Condition]]:
    if isinstance(where, (str, bytes)) or not isinstance(where, Sequence):
        raise FilterInvalid(f"it is a {type(where).__name__}, not a list of conditions")
    if not where:
        raise FilterInvalid("it has no condition")
    items: list[Any] = list(where)
    groups = [items] if isinstance(items[0], tuple) else items
    for group in groups:
        if isinstance(group, (str, bytes, tuple)) or not isinstance(group, Sequence) or not group:
            raise FilterInvalid("conditions and groups of conditions are mixed, or a group is empty")
        for condition in group:
            _parts(condition)
    return [list(group) for group in groups]


def _parts(condition: object) -> tuple[str, str, object]:
    if not isinstance(condition, tuple) or len(condition) not in (2, 3) or not isinstance(condition[0], str):
        raise FilterInvalid("a condition is a tuple (column, operator, value)", value=condition)
    operator = " ".join(str(condition[1]).lower().split())
    if operator not in _OPERATORS:
        raise FilterInvalid(f"the operators are {', '.join(_OPERATORS)}", column=condition[0], value=condition[1])
    value = condition[2] if len(condition) == 3 else None
    if (operator in _BARE) != (value is None):
        reason = f"{operator!r} takes no value" if operator in _BARE else f"{operator!r} needs a value; try 'is null'"
        raise FilterInvalid(reason, column=condition[0], value=value)
    return condition[0], operator, value


def _test(column: str, operator: str, value: object, *, kind: pa.DataType) -> _Test:
    try:
        mask = _mask(column, operator, value, kind)
        mask(pa.nulls(0, kind))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise FilterInvalid(f"{operator!r} is not for {kind}", column=column, value=value) from error
    return _Test(column, mask)


def _mask(column: str, operator: str, value: object, kind: pa.DataType) -> _Mask:
    import pyarrow.compute as pc

    if operator in _BARE:
        return pc.is_null if operator == "is null" else pc.is_valid  # type: ignore[no-any-return]
    if pa.types.is_nested(kind):
        raise FilterInvalid(f"{operator!r} is not for {kind}", column=column)
    if operator == "matches":
        return _matching(column, value, kind)
    # Arrow does not compare 16-bit floats; as 32-bit ones they are the same numbers.
    wide = pa.float32() if pa.types.is_float16(kind) else kind
    if operator in _COMPARISONS:
        compare, scalar = getattr(pc, _COMPARISONS[operator]), _scalar(column, value, kind).cast(wide)
        return lambda values: compare(values.cast(wide), scalar)
    if isinstance(value, (str, bytes)) or not isinstance(value, Collection):
        raise FilterInvalid(f"{operator!r} needs a collection of values", column=column, value=value)
    members = _members(column, value, kind).cast(wide)
    inverted = operator == "not in"

    def among(values: pa.Array) -> pa.BooleanArray:
        found = pc.is_in(values.cast(wide), value_set=members)
        return pc.and_(pc.invert(found) if inverted else found, pc.is_valid(values))

    return among


def _members(column: str, values: Collection[object], kind: pa.DataType) -> pa.Array:
    scalars = [_scalar(column, value, kind) for value in values]
    if pa.types.is_floating(kind):
        # Arrow's is_in finds a NaN by a NaN, and tells the zeros apart.
        scalars = [scalar for scalar in scalars if not math.isnan(scalar.as_py())]
        if any(scalar.as_py() == 0 for scalar in scalars):
            scalars += [_scalar(column, 0.0, kind), _scalar(column, -0.0, kind)]
    return pa.array(scalars, kind) if scalars else pa.nulls(0, kind)


def _matching(column: str, value: object, kind: pa.DataType) -> _Mask:
    if not pa.types.is_string(kind) or not isinstance(value, str):
        raise FilterInvalid("'matches' is for a text column and a pattern", column=column, value=value)
    matches = compile_pattern(value)
    return lambda values: boolean_array(matches(values))


def _scalar(column: str, value: object, kind: pa.DataType) -> pa.Scalar:
    """Return `value` in the column's type, if it can be held without a change but the rounding of a float."""
    if value is None or (isinstance(value, pa.Scalar) and not value.is_valid):
        raise FilterInvalid("a null equals nothing; use 'is null'", column=column)
    try:
        if isinstance(value, str) and pa.types.is_temporal(kind):
            return _time(value, kind)
        scalar = _converted(value, kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise FilterInvalid(f"{kind} can't hold the value", column=column, value=value) from error
    plain = value.as_py() if isinstance(value, pa.Scalar) else value
    lost = pa.types.is_integer(kind) and scalar.as_py() != plain
    beyond = pa.types.is_floating(kind) and math.isinf(scalar.as_py()) and scalar.as_py() != plain
    if lost or beyond:
        raise FilterInvalid(f"{kind} can't hold the value", column=column, value=value)
    return scalar


def _converted(value: object, kind: pa.DataType) -> pa.Scalar:
    # Arrow makes scalars of times by cutting off what does not fit; its casts refuse that, except for dates.
    if isinstance(value, pa.Scalar):
        given = value
    elif isinstance(value, datetime) and pa.types.is_temporal(kind):
        unit = "ns" if getattr(value, "nanosecond", 0) else "us"  # pandas' times are datetimes too
        given = pa.scalar(value, pa.timestamp(unit, kind.tz if pa.types.is_timestamp(kind) else None))
    else:
        return pa.scalar(value, kind)
    scalar = given.cast(kind)
    if pa.types.is_date(kind) and pa.types.is_timestamp(given.type) and scalar.cast(given.type) != given:
        raise ValueError("it has a time of day")
    return scalar


def _time(text: str, kind: pa.DataType) -> pa.Scalar:
    from usr_core.values.temporal import parse_dates, parse_timestamps

    cell = text_array([text])
    return (parse_timestamps(cell, kind) if pa.types.is_timestamp(kind) else parse_dates(cell))[0]
