"""Which materialized columns a merge of two datasets has, and how the source's values get their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.errors import visible
from usr_core.records.arrays import conform, plain_type, text_array
from usr_core.registry.document import Registry
from usr_core.store.base.rewrite import extra_fields
from usr_core.store.changes.attach.values import cast_exactly, may_cast
from usr_core.store.changes.errors import MergeColumnsDiffer, MergeTypesDiffer
from usr_core.values.bad_cell import BadCell
from usr_core.values.json_writing import dumps, to_json
from usr_core.values.text import parse_text

__all__ = ["COERCIONS", "Coercion", "MergedColumns", "TakenColumn", "plan_columns"]

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_SPELLINGS = {"NaN": ("nan",), "Infinity": ("inf", "infinity"), "-Infinity": ("-inf", "-infinity")}

Coercion = Literal["to-dest", "none"]
COERCIONS: tuple[Coercion, ...] = get_args(Coercion)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenColumn:
    """A materialized column that the source has.

    Attributes:
        name: Its name.
        source: Its plain type in the source.
        kind: Its plain type in the destination, or the registered one where the destination lacks it.
    """

    name: str
    source: pa.DataType
    kind: pa.DataType

    def converted(self, values: pa.Array, *, label: str, rows: npt.NDArray[np.int64]) -> pa.Array:
        """Return `values` with the destination's type.

        Args:
            values: Values of the source.
            label: The source's file, for errors.
            rows: The row of each value in the source, from 0, for errors.

        Raises:
            MergeTypesDiffer: A value would not survive the cast; it is named, with its row.
        """
        plain = conform(values, self.source)
        if self.source.equals(self.kind):
            return plain
        try:
            return (
                converted_text(plain, self.kind)
                if _text_and_number(self.source, self.kind)
                else cast_exactly(plain, self.kind)
            )
        except BadCell as bad:
            raise MergeTypesDiffer(
                column=self.name,
                source=str(self.source),
                destination=str(self.kind),
                why=f"a value can't be cast exactly: {bad.reason}",
                file=label,
                row=int(rows[bad.index]) + 1,
                value=visible(str(bad.value)),
            ) from bad


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedColumns:
    """The materialized columns of the result.

    Attributes:
        fields: All of them: the destination's in its order, then new ones in the source's.
        taken: Those that the source has.
        added: Names of those that the destination lacks.
    """

    fields: tuple[pa.Field, ...]
    taken: tuple[TakenColumn, ...]
    added: tuple[str, ...]


def plan_columns(
    destination: pa.Schema,
    source: pa.Schema,
    registry: Registry,
    *,
    attached: Mapping[str, pa.DataType],
    same: bool,
    coerce: Coercion,
) -> MergedColumns:
    """Compare the materialized columns of two bases.

    Args:
        destination, source: Their schemas.
        registry: The destination's; a column that only the source has comes along under its registered type.
        attached: Types of the destination's overlay columns, which go before registered ones.
        same: Whether names and types have to be equal.
        coerce: ``to-dest`` lets values of another type be cast where all of them survive: numbers to numbers,
            lists to lists and so on, text to numbers and back.

    Raises:
        MergeColumnsDiffer: Names differ, and `same` is set.
        MergeTypesDiffer: A type differs, and may not.
        NamespaceNotRegistered, ColumnNotRegistered: A column that only the source has is not registered.
    """
    ours = {field.name: field for field in extra_fields(destination)}
    theirs = {field.name: field for field in extra_fields(source)}
    added = tuple(name for name in theirs if name not in ours)
    if same and ours.keys() != theirs.keys():
        raise MergeColumnsDiffer(only_source=added, only_destination=[name for name in ours if name not in theirs])
    taken = []
    for name, field in theirs.items():
        registered = registry.column_type(name).to_arrow() if name not in ours else None
        wanted = ours[name].type if name in ours else attached.get(name, registered)
        column = TakenColumn(name=name, source=plain_type(field.type), kind=plain_type(wanted))
        why = None if column.source.equals(column.kind) else _why_no_cast(column, same=same, coerce=coerce)
        if why is not None:
            raise MergeTypesDiffer(column=name, source=str(column.source), destination=str(column.kind), why=why)
        taken.append(column)
    kinds = {column.name: column.kind for column in taken}
    return MergedColumns(
        fields=(*ours.values(), *(pa.field(name, kinds[name]) for name in added)),
        taken=tuple(taken),
        added=added,
    )


def _why_no_cast(column: TakenColumn, *, same: bool, coerce: Coercion) -> str | None:
    if same:
        return "--require-same-columns forbids it"
    if coerce == "none":
        return "--coerce-overlap none forbids a cast"
    castable = may_cast(column.source, column.kind) or _text_and_number(column.source, column.kind)
    return None if castable else "no cast between them keeps what a value is"


def converted_text(values: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return texts as numbers of the type `kind`, or numbers as texts, where each survives.

    A number is written as USR writes it, with the fewest digits that read back to it. A text is taken for a number
    where that number, written so, is the same one: ``1.50`` is 1.5, but ``007`` is not 7, nor is
    ``0.10000000000000001`` 0.1.

    Raises:
        BadCell: A text is not such a number; its index is that in `values`.
    """
    if pa.types.is_string(kind):
        return text_array([None if value is None else _written(value) for value in to_json(values)])
    numbers = parse_text(values, kind, parse_json=False)
    for index, (text, value) in enumerate(zip(values.to_pylist(), to_json(numbers), strict=True)):
        if text is not None and not _is_written(text, _written(value)):
            raise BadCell(index, text, f"as {kind} it would be {_written(value)}")
    return numbers


def _text_and_number(one: pa.DataType, other: pa.DataType) -> bool:
    text, number = (one, other) if pa.types.is_string(one) else (other, one)
    return bool(pa.types.is_string(text)) and bool(pa.types.is_integer(number) or pa.types.is_floating(number))


def _written(value: object) -> str:
    return value if isinstance(value, str) else dumps(value)


def _is_written(text: str, number: str) -> bool:
    if text == number:
        return True
    if not _DECIMAL.fullmatch(text):
        return text.lower() in _SPELLINGS.get(number, ())
    return text.startswith("-") == number.startswith("-") and Decimal(text) == Decimal(number)
