"""Which columns of a file are attached, under which registered names and types; and each brought to its type.

No digit of a value is lost on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as kinds

from usr_core.errors import visible
from usr_core.records.arrays import conform, fixed_values, plain_type
from usr_core.records.arrow_calls import call_arrow
from usr_core.registry.document import NamespaceEntry, Registry
from usr_core.registry.errors import ColumnNotRegistered
from usr_core.registry.types import ColumnType, same_type
from usr_core.store.changes.attach.errors import (
    AttachCell,
    AttachColumnMissing,
    AttachColumnType,
    AttachRequestInvalid,
    NothingToAttach,
    RepeatsInvalid,
)
from usr_core.store.changes.attach.type_difference import type_difference
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.values.bad_cell import BadCell
from usr_core.values.text import parse_text

__all__ = [
    "AttachedColumn",
    "cast_exactly",
    "choose_columns",
    "full_name",
    "may_cast",
    "source_forms",
    "to_registered",
]


OTHERS = "*"
"""Stands for every column that has no function of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """What becomes of rows that repeat a key.

    Attributes:
        functions: By column, as it was named: its source, which may be itself, and the function.
        others: The function of all other columns; None where they have none.
    """

    functions: Mapping[str, tuple[str, str]]
    others: str | None = None

    def event_args(self) -> dict[str, str]:
        """Return what was asked for, by column."""
        named = {name: f"{source}:{function}" for name, (source, function) in self.functions.items()}
        return named | ({} if self.others is None else {OTHERS: self.others})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedColumn:
    """One column: its name in the file, in the dataset, and its registered type as text and in Arrow.

    `function` makes one value of the rows of one key; None where each key has one row.
    """

    in_file: str
    name: str
    type_text: str
    type: pa.DataType
    function: str | None = None


def full_name(column: str, namespace: str) -> str:
    """Return the namespaced name; `column` may have the prefix or lack it."""
    return column if column.startswith(f"{namespace}__") else f"{namespace}__{column}"


def source_forms(column: str, namespace: str) -> list[str]:
    """Return the names that a column may have in a file: with the prefix, and without it."""
    name = full_name(column, namespace)
    return [name, name.removeprefix(f"{namespace}__")]


def choose_columns(
    registry: Registry,
    namespace: str,
    *,
    label: str,
    present: Sequence[str],
    key_column: str,
    wanted: Sequence[str] | None,
    mapping: Mapping[str, str] | None = None,
    repeats: Repeats | None = None,
) -> list[AttachedColumn]:
    """Return what to attach, in the order asked for, or the file's order where nothing was asked for.

    Args:
        registry: The root's registry.
        namespace: A registered namespace.
        label: The file, for errors.
        present: The file's columns.
        key_column: The column that holds the key; never attached itself.
        wanted: Names with or without the prefix; None takes every column that the namespace registers.
        mapping: The file's column for one of the namespace. Its columns are wanted too; what fills another column is
            not attached under its own name.
        repeats: What becomes of rows that repeat a key. Its columns are wanted too, and each column needs a function.

    Raises:
        NamespaceNotRegistered, ColumnNotRegistered: The registry lacks the namespace or a column.
        AttachColumnMissing: The file lacks a wanted column, or has it under both names.
        NothingToAttach: No column was named, and none of the file is registered.
        RepeatsInvalid: A column has no function, or two.
        AttachRequestInvalid: A column is mapped twice.
    """
    entry = registry.namespace(namespace)
    functions = {} if repeats is None else _functions(repeats, namespace)
    mapped = _mapped(mapping or {}, namespace)
    if wanted is None:
        names = [name for name in present if name != key_column and full_name(name, namespace) in entry.by_name]
        wanted = [*_attached_themselves(names, mapped, functions, repeats, namespace), *functions]
        if not wanted and not mapped:
            raise NothingToAttach(label, namespace=namespace, registered=sorted(entry.by_name), present=present)
    chosen: dict[str, AttachedColumn] = {}
    counts = Counter(present)
    for asked in [*wanted, *functions, *mapped]:
        name = full_name(asked, namespace)
        column_type = _registered_type(registry, entry, asked, name)
        if name in chosen:
            continue
        source, function = functions.get(name, (asked, None if repeats is None else repeats.others))
        if repeats is not None and function is None:
            raise RepeatsInvalid(
                f"The column {visible(name)!r} has no function for rows that repeat a key.", given=name
            )
        # A function of another column reads that column, whatever fills this one.
        is_mapped = name in mapped and full_name(source, namespace) == name
        forms = [mapped[name]] if is_mapped else source_forms(source, namespace)
        chosen[name] = AttachedColumn(
            in_file=_in_file(forms, counts, label=label, key_column=key_column),
            name=name,
            type_text=column_type.canonical(),
            type=column_type.to_arrow(),
            function=function,
        )
    return list(chosen.values())


def _mapped(mapping: Mapping[str, str], namespace: str) -> dict[str, str]:
    """Return the file's column for each full name of a mapping."""
    mapped = {full_name(column, namespace): source for column, source in mapping.items()}
    if len(mapped) < len(mapping):
        raise AttachRequestInvalid(
            "A column is mapped twice, with its prefix and without.",
            hint="Give --map once for each column.",
            facts={"map": ", ".join(mapping)},
        )
    return mapped


def _attached_themselves(
    names: Sequence[str],
    mapped: Mapping[str, str],
    functions: Mapping[str, tuple[str, str]],
    repeats: Repeats | None,
    namespace: str,
) -> list[str]:
    """Return the full names of a file's registered columns, without those that only another one is made of."""
    sources = set(mapped.values())
    names = [name for name in names if name not in sources]
    if repeats is not None and repeats.others is None:
        sources = {form for source, _ in functions.values() for form in source_forms(source, namespace)}
        names = [name for name in names if name not in sources or full_name(name, namespace) in functions]
    return [full_name(name, namespace) for name in names]


def _in_file(forms: Sequence[str], counts: Counter[str], *, label: str, key_column: str) -> str:
    """Return the name that a column has in the file: one of `forms`, given how often each name stands there.

    Raises:
        AttachColumnMissing: It is not there, is there more than once, or is the key's column.
    """
    source = forms[-1]
    found = [form for form in forms if form in counts]
    if not found:
        raise AttachColumnMissing(label, column=source, present=list(counts))
    if len(found) > 1 or counts[found[0]] > 1:
        raise AttachColumnMissing(label, column=source, present=list(counts), reason="is in the file more than once")
    if found[0] == key_column:
        raise AttachColumnMissing(label, column=source, present=list(counts), reason="is the key column")
    return found[0]


def _functions(repeats: Repeats, namespace: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for column, told in repeats.functions.items():
        name = full_name(column, namespace)
        if name in found:
            raise RepeatsInvalid(f"The column {visible(name)!r} has two functions.", given=column)
        found[name] = told
    return found


def _registered_type(registry: Registry, entry: NamespaceEntry, asked: str, name: str) -> ColumnType:
    if name not in entry.by_name:
        raise ColumnNotRegistered(column=asked, namespace=entry.name, known=entry.column_names)
    return registry.column_type(name)


def to_registered(
    column: pa.Array, target: AttachedColumn, *, label: str, first_row: int, parse_json: bool
) -> pa.Array:
    """Return `column` with the registered type.

    Text becomes a typed value by the strict rules of `usr_core.values.text`. Typed values are cast only
    where every one of them survives: ``int32`` to ``int64``, an ``int64`` or ``float64`` that is exactly a ``float32``,
    ``list`` to ``fixed_size_list`` of the right length. Each Arrow spelling of a type is that type, at any depth
    (large, view and dictionary encodings), and the fields of a struct are found by their names.

    Args:
        column: Values of one batch.
        target: The registered column.
        label: The file, for errors.
        first_row: Number of the batch's first row in the file (1 is the first record).
        parse_json: Whether text in a nested column is read as JSON.

    Raises:
        AttachColumnType: The column holds another kind of value.
        AttachCell: A cell has no such value; its row is named.
    """
    if column.type.equals(target.type):
        return column
    plain = plain_type(column.type)
    try:
        if plain == pa.string():
            return parse_text(conform(column, plain), target.type, parse_json=parse_json)
        difference = type_difference(plain, target.type)
        if difference is not None:
            raise AttachColumnType(
                label=label,
                column=target.name,
                found=str(plain),
                type_text=target.type_text,
                reason=difference.reason,
                hint=difference.hint(target.type, target.in_file),
            )
        return cast_exactly(column, target.type)
    except BadCell as bad:
        raise AttachCell(
            label=label,
            row=first_row + bad.index,
            column=target.name,
            value=bad.value,
            type_text=target.type_text,
            reason=bad.reason,
        ) from bad


def cast_exactly(column: pa.Array, target: pa.DataType) -> pa.Array:
    """Return `column` as `target`, every value the same; text becomes nothing else, and nothing else text.

    Raises:
        BadCell: The kinds differ (at index 0), or a value has no equal one; its index is that in `column`.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import cast_exactly
        >>> cast_exactly(pa.array([1.0, 2.0]), pa.int64()).to_pylist()
        [1, 2]
        >>> cast_exactly(pa.array([1.0, 2.5]), pa.int64())
        Traceback (most recent call last):
            ...
        usr_core.values.bad_cell.BadCell: row 1: 2.5: it would lose digits
    """
    plain = plain_type(column.type)
    if not may_cast(plain, target):
        raise BadCell(0, column.type, f"the file holds {column.type}")
    column = conform(column, _arranged(plain, target))
    if same_type(column.type, target):
        return conform(column, target)
    try:
        return _checked(column, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Lossy):
        for index in range(len(column)):
            try:
                _checked(column.slice(index, 1), target)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, _Lossy) as error:
                raise BadCell(index, column[index].as_py(), str(error).splitlines()[0].rstrip(".")) from error
        raise


def _arranged(source: pa.DataType, target: pa.DataType) -> pa.DataType:
    """Return `source` with the fields of its structs in the order of `target`, and with no type null."""
    if kinds.is_null(source):
        return target
    if kinds.is_struct(source):
        return pa.struct(
            [pa.field(field.name, _arranged(source.field(field.name).type, field.type)) for field in target]
        )
    if kinds.is_fixed_size_list(source):
        return pa.list_(pa.field("item", _arranged(source.value_type, target.value_type)), source.list_size)
    if kinds.is_list(source):
        return pa.list_(pa.field("item", _arranged(source.value_type, target.value_type)))
    return source


class _Lossy(ValueError):
    """A cast that gives another value."""


def _checked(column: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        cast = column.cast(target)
    except pa.ArrowInvalid:
        import pyarrow.compute as pc

        # Arrow refuses each large integer for a column of floats, those that are floats included.
        cast = column.cast(options=pc.CastOptions(target, allow_float_truncate=True))
    if not _same_values(cast, column):
        exactly = kinds.is_integer(column.type) and kinds.is_floating(target)
        raise _Lossy(f"float{target.bit_width} can't hold it exactly" if exactly else "it would lose digits")
    return cast


def _same_values(cast: pa.Array, column: pa.Array) -> bool:
    """Tell whether `cast` has the values of `column`, whatever the types of the numbers in them."""
    if _is_list(column.type):
        lengths = (call_arrow("list_value_length", values) for values in (cast, column))
        same_shape = cast.null_count == column.null_count and next(lengths).equals(next(lengths))
        return bool(same_shape) and _same_values(cast.flatten(), column.flatten())
    if not np.array_equal(valid_mask(cast), valid_mask(column)):
        return False
    if kinds.is_struct(column.type):
        # Flattened, a field is null where its struct is.
        return all(_same_values(mine, theirs) for mine, theirs in zip(cast.flatten(), column.flatten(), strict=True))
    return _same_leaves(cast, column)


def _same_leaves(cast: pa.Array, column: pa.Array) -> bool:
    if kinds.is_integer(cast.type) and kinds.is_floating(column.type):
        return _equal_numbers(cast, column)
    if kinds.is_floating(cast.type) and kinds.is_integer(column.type):
        return _equal_numbers(column, cast)
    back = cast.cast(column.type)
    if back.equals(column) or not kinds.is_floating(column.type):
        return bool(back.equals(column))
    # NaN is a value here, and NaN is not equal to itself.
    left, right = (_numbers(side) for side in (back, column))
    return bool(np.array_equal(left, right, equal_nan=True))


def _equal_numbers(integers: pa.Array, floats: pa.Array) -> bool:
    """Tell whether each integer is the float beside it; compared as integers, since every large float is one."""
    whole, numbers = _numbers(integers), _numbers(floats.cast(pa.float64()))
    least, most = (float(limit) for limit in (np.iinfo(whole.dtype).min, int(np.iinfo(whole.dtype).max) + 1))
    if not bool(np.all((numbers >= least) & (numbers < most))):
        return False
    truncated = np.trunc(numbers)
    return bool(np.array_equal(truncated, numbers) and np.array_equal(truncated.astype(whole.dtype), whole))


def _numbers(values: pa.Array) -> npt.NDArray[Any]:
    """Return the values, 0 for each null."""
    return np.where(valid_mask(values), fixed_values(values), 0)


def _is_list(kind: pa.DataType) -> bool:
    return bool(kinds.is_list(kind) or kinds.is_fixed_size_list(kind))


def may_cast(source: pa.DataType, target: pa.DataType) -> bool:
    """Tell whether a cast keeps the kind of value: numbers stay numbers, lists lists, times times."""
    return type_difference(source, target) is None
