"""Which materialized columns a merge of two datasets has, and how the source's values get their types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.errors import visible
from usr_core.registry.document import Registry
from usr_core.store.attach.values import cast_exactly, may_cast
from usr_core.store.base.rewrite import extra_fields
from usr_core.store.merge.types import conform, plain_type
from usr_core.store.upkeep.errors import MergeColumnsDiffer, MergeTypesDiffer
from usr_core.values.bad_cell import BadCell

__all__ = ["COERCIONS", "Coercion", "MergedColumns", "TakenColumn", "plan_columns"]

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
            MergeTypesDiffer: A value would not survive the cast; its row is named.
        """
        plain = conform(values, self.source)
        if self.source.equals(self.kind):
            return plain
        try:
            return cast_exactly(plain, self.kind)
        except BadCell as bad:
            raise MergeTypesDiffer(
                self.name,
                source=str(self.source),
                destination=str(self.kind),
                why="a value can't be cast exactly",
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
    destination: pa.Schema, source: pa.Schema, registry: Registry, *, same: bool, coerce: Coercion
) -> MergedColumns:
    """Compare the materialized columns of two bases.

    Args:
        destination, source: Their schemas.
        registry: The destination's; a column that only the source has comes along under its registered type.
        same: Whether names and types have to be equal.
        coerce: ``to-dest`` lets values of another type be cast where all of them survive: numbers to numbers,
            lists to lists and so on. Text is not read as a number, nor a number written as text.

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
        wanted = ours[name].type if name in ours else registry.column_type(name).to_arrow()
        column = TakenColumn(name=name, source=plain_type(field.type), kind=plain_type(wanted))
        if not column.source.equals(column.kind) and (same or coerce == "none"):
            why = "--require-same-columns was asked for" if same else "--coerce-overlap none forbids a cast"
            raise MergeTypesDiffer(name, source=str(column.source), destination=str(column.kind), why=why)
        if not (column.source.equals(column.kind) or may_cast(column.source, column.kind)):
            why = "no cast between them keeps what a value is"
            raise MergeTypesDiffer(name, source=str(column.source), destination=str(column.kind), why=why)
        taken.append(column)
    kinds = {column.name: column.kind for column in taken}
    return MergedColumns(
        fields=(*ours.values(), *(pa.field(name, kinds[name]) for name in added)),
        taken=tuple(taken),
        added=added,
    )
