"""Rows of an attachment that repeat a key, such as replicates: one value for each record, by a function of the rows.

A null is not a value: no function sees it. NaN is one: where a record has it among its values, their mean, median,
least, greatest and deviation are NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as kinds

from usr_core.errors import visible
from usr_core.records.arrays import boolean_array, fixed_array, fixed_values
from usr_core.registry.types import from_arrow
from usr_core.store.changes.attach.errors import AttachCell, RepeatsInvalid, RepeatsTypeDiffers
from usr_core.store.changes.attach.values import OTHERS, AttachedColumn, Repeats
from usr_core.store.ids.row_numbers import only_where, row_numbers, valid_mask

__all__ = ["FUNCTIONS", "aggregated", "first_of_each", "read_as", "read_repeats", "wished_type"]

FUNCTIONS = ("mean", "median", "min", "max", "first", "last", "count", "list", "std")
_COMPUTED = frozenset({"mean", "median", "std"})
_RECORDS = 65_536

Rows = npt.NDArray[np.int64]


def read_repeats(asked: str | Mapping[str, str] | None) -> Repeats | None:
    """Return what `asked` means: a function for all columns, or by column ``function`` or ``source:function``.

    Raises:
        RepeatsInvalid: There is no such function, or a column or a source has no name.
    """
    if asked is None:
        return None
    pairs = {OTHERS: asked} if isinstance(asked, str) else asked
    others, functions = None, {}
    for name, text in pairs.items():
        source, _, function = text.rpartition(":")
        if function not in FUNCTIONS:
            raise RepeatsInvalid(f"{visible(function)!r} is not a function of repeated rows.", given=text)
        if name == OTHERS and not source:
            others = function
        elif name.strip() in ("", OTHERS) or (":" in text and not source.strip()):
            raise RepeatsInvalid("A column or its source has no name.", given=f"{name}={text}")
        else:
            functions[name] = (source or name, function)
    return Repeats(functions=functions, others=others)


def read_as(column: AttachedColumn) -> AttachedColumn:
    """Return the column with the type of the values that its function takes.

    Raises:
        RepeatsTypeDiffers: The column can't hold what its function gives.
    """
    kind, function = column.type, str(column.function)
    if function in _COMPUTED:
        _require(kinds.is_floating(kind), column, "needs a float column")
    elif function == "count":
        _require(kinds.is_integer(kind), column, "needs an integer column")
    elif function == "list":
        _require(kinds.is_list(kind), column, "needs a list column")
    elif function in ("min", "max"):
        _require(not kinds.is_nested(kind), column, "needs a column of values that have an order")
    wish = wished_type(function, kind)
    return column if wish == kind else replace(column, type=wish, type_text=from_arrow(wish).canonical())


def wished_type(function: str, target: pa.DataType) -> pa.DataType:
    """Return the type of the values that a function takes to fill a column of the type `target`."""
    if function in _COMPUTED:
        return pa.float64()
    return target.value_type if function == "list" and kinds.is_list(target) else target


def first_of_each(positions: Rows) -> Rows:
    """Return `positions` with -1 for each row that repeats the position of an earlier one."""
    found = np.full(len(positions), -1, np.int64)
    rows = np.unique(positions, return_index=True)[1]
    found[rows] = positions[rows]
    return found


def aggregated(
    batches: Iterator[tuple[Rows, list[pa.Array]]],
    columns: Sequence[AttachedColumn],
    *,
    place: Callable[[int], tuple[str, int]],
) -> Iterator[tuple[Rows, list[pa.Array]]]:
    """Yield, in runs of 65,536 records, base rows in ascending order and for each of `columns` one value a record.

    Args:
        batches: For each batch of the input the base row of each of its rows, -1 where it is left out, and the values
            of each column, as `read_as` has them (any type for a count). They are all read before the first result.
        columns: The columns, each with a function.
        place: The file of a row of the input, and its number there, for errors.

    Memory: the values of all rows of the input, as Arrow holds them, and 24 bytes a row; the results and what is
    computed for them are bounded.

    Raises:
        AttachCell: A result is beyond the range of its column.
    """
    read = list(batches)
    if not read:
        return
    positions = np.concatenate([found for found, _ in read])
    values = [pa.chunked_array([arrays[at] for _, arrays in read]) for at in range(len(columns))]
    del read
    order = np.argsort(positions, kind="stable")
    order = order[np.searchsorted(positions[order], 0) :]
    starts = np.flatnonzero(np.diff(positions[order], prepend=-1))
    bounds = np.append(starts, len(order))
    for first in range(0, len(starts), _RECORDS):
        run = bounds[first : first + _RECORDS + 1]
        rows = order[run[0] : run[-1]]
        group = np.repeat(np.arange(len(run) - 1), np.diff(run))
        arrays = [
            _of_groups(_taken(chunks, rows), group, len(run) - 1, column, place=place, rows=order[run[:-1]])
            for chunks, column in zip(values, columns, strict=True)
        ]
        yield positions[order[run[:-1]]], arrays


def _require(fits: bool, column: AttachedColumn, needed: str) -> None:
    if not fits:
        raise RepeatsTypeDiffers(
            function=str(column.function),
            source=column.in_file,
            column=column.name,
            type_text=column.type_text,
            needed=needed,
        )


def _taken(values: pa.ChunkedArray, rows: Rows) -> pa.Array:
    found = values.take(row_numbers(rows))
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)


def _of_groups(
    values: pa.Array,
    group: Rows,
    groups: int,
    column: AttachedColumn,
    *,
    place: Callable[[int], tuple[str, int]],
    rows: Rows,
) -> pa.Array:
    """Return one value for each of `groups`; `group` says which one each of `values` belongs to, ascending."""
    valid = valid_mask(values)
    values, group = values.filter(boolean_array(valid)), group[valid]
    counts = np.bincount(group, minlength=groups)
    function = _GROUP_FUNCTIONS[str(column.function)]
    result = function(values, group, counts)
    if column.function not in _COMPUTED | {"count"}:
        return result
    cast = result.cast(column.type, safe=False)
    if column.function == "count":
        lost = fixed_values(cast).astype(np.int64) != counts
    else:
        lost = np.isinf(fixed_values(cast)) & ~np.isinf(fixed_values(result)) & valid_mask(cast)
    if lost.any():
        at = int(np.flatnonzero(lost)[0])
        label, row = place(int(rows[at]) + 1)
        raise AttachCell(
            label=label,
            row=row,
            column=column.name,
            value=result[at].as_py(),
            type_text=column.type_text,
            reason=f"the {column.function} of the rows of this key is beyond its range",
        )
    return cast


def _at(values: pa.Array, rows: Rows, counts: Rows) -> pa.Array:
    return values.take(row_numbers(rows, hidden=counts == 0))


def _starts(counts: Rows) -> Rows:
    return np.cumsum(counts) - counts


def _first(values: pa.Array, _: Rows, counts: Rows) -> pa.Array:
    return _at(values, _starts(counts), counts)


def _last(values: pa.Array, _: Rows, counts: Rows) -> pa.Array:
    return _at(values, _starts(counts) + counts - 1, counts)


def _count(_: pa.Array, __: Rows, counts: Rows) -> pa.Array:
    return fixed_array(counts.astype(np.int64), pa.int64())


def _list(values: pa.Array, _: Rows, counts: Rows) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(fixed_array(offsets, pa.int32()), values, type=pa.list_(values.type))
    return only_where(lists, counts > 0)


def _sorted(values: pa.Array, group: Rows) -> pa.Array:
    """Return the values in ascending order inside each group, NaN last."""
    import pyarrow.compute as pc

    table = pa.table({"group": fixed_array(group.astype(np.int64), pa.int64()), "value": values})
    return values.take(pc.sort_indices(table, sort_keys=[("group", "ascending"), ("value", "ascending")]))


def _least(values: pa.Array, group: Rows, counts: Rows) -> pa.Array:
    values = _sorted(values, group)
    found, last = _first(values, group, counts), _last(values, group, counts)
    if not kinds.is_floating(values.type):
        return found
    import pyarrow.compute as pc

    return pc.if_else(pc.is_nan(last), last, found)


def _greatest(values: pa.Array, group: Rows, counts: Rows) -> pa.Array:
    return _last(_sorted(values, group), group, counts)


def _median(values: pa.Array, group: Rows, counts: Rows) -> pa.Array:
    values = _sorted(values, group)
    starts = _starts(counts)
    low, high, last = (
        fixed_values(_at(values, starts + at, counts)) for at in ((counts - 1) // 2, counts // 2, counts - 1)
    )
    middle = np.where(low == high, low, low / 2 + high / 2)
    return _floats(np.where(np.isnan(last), last, middle), counts > 0)


def _mean(values: pa.Array, _: Rows, counts: Rows) -> pa.Array:
    return _floats(_means(fixed_values(values), counts), counts > 0)


def _deviation(values: pa.Array, group: Rows, counts: Rows) -> pa.Array:
    numbers = fixed_values(values)
    with np.errstate(invalid="ignore"):
        apart = numbers - _means(numbers, counts)[group]
        squares = _sums(apart * apart, counts)
    return _floats(np.sqrt(squares / np.maximum(counts - 1, 1)), counts > 1)


def _means(numbers: npt.NDArray[np.float64], counts: Rows) -> npt.NDArray[np.longdouble]:
    with np.errstate(invalid="ignore"):
        found: npt.NDArray[np.longdouble] = _sums(numbers, counts) / np.maximum(counts, 1)
    return found


def _sums(numbers: npt.NDArray[np.floating], counts: Rows) -> npt.NDArray[np.longdouble]:
    """Return the sum of each group, in more digits than a float64 has where the machine can."""
    found = np.zeros(len(counts), np.longdouble)
    if len(numbers):
        found[counts > 0] = np.add.reduceat(numbers.astype(np.longdouble), _starts(counts)[counts > 0])
    return found


def _floats(numbers: npt.NDArray[np.floating], chosen: npt.NDArray[np.bool_]) -> pa.Array:
    return only_where(fixed_array(numbers.astype(np.float64), pa.float64()), chosen)


_GROUP_FUNCTIONS: Mapping[str, Callable[[pa.Array, Rows, Rows], pa.Array]] = {
    "mean": _mean,
    "median": _median,
    "min": _least,
    "max": _greatest,
    "first": _first,
    "last": _last,
    "count": _count,
    "list": _list,
    "std": _deviation,
}
