"""One column of one window: the newest value of each row, from contributions in write order.

Values of a fixed width are assigned in write order, so that a later one overwrites: that is
last-writer-wins. For every other type the number of the winning value is assigned, and the values are
copied once at the end. A null is not a value. Values are never compared, so NaN and -0.0 keep their bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.ids.row_numbers import row_numbers, valid_rows

__all__ = [
    "Contribution",
    "ScalarColumn",
    "merge_column",
    "pick_rows",
    "scalar_bits",
]

_FEW_RUNS = 64
"""Up to so many runs of adjacent values are joined as slices; more are gathered by `take`."""
_ROWS_PER_RUN = 64


@dataclass(frozen=True, slots=True)
class Contribution:
    """Values for some rows of a window.

    Attributes:
        rows: The rows of the window they are for: a slice, or row numbers.
        values: An array that holds them.
        picked: Which of `values` are meant, one for each row; None for all of them.
    """

    rows: slice | npt.NDArray[np.int32]
    values: pa.Array
    picked: npt.NDArray[np.int32] | None = None

    def fills(self, width: int) -> bool:
        """Tell whether this has a value for each of the window's `width` rows, in order."""
        return (
            isinstance(self.rows, slice)
            and self.picked is None
            and self.rows.stop - self.rows.start == width
            and self.values.null_count == 0
        )


def merge_column(kind: pa.DataType, width: int, contributions: Sequence[Contribution]) -> pa.Array:
    """Return the window's `width` values of one column.

    Args:
        kind: The column's type; all contributions have it.
        width: Rows of the window.
        contributions: In write order, oldest first; a materialized column comes before all others.

    Returns:
        An array of `kind`, null where nobody has a value. It may share memory with a contribution.
    """
    last_full = max((at for at, one in enumerate(contributions) if one.fills(width)), default=0)
    rest = contributions[last_full:]
    if not rest:
        return pa.nulls(width, kind)
    if len(rest) == 1:
        only = rest[0]
        if isinstance(only.rows, slice) and only.picked is None and len(only.values) == width:
            return only.values
    if scalar_bits(kind) is None:
        return _merge_any(kind, width, rest)
    column = ScalarColumn(kind, width)
    for one in rest:
        column.put(one)
    return column.array()


class ScalarColumn:
    """A column of numbers that are assigned in write order: what is put later overwrites, null puts nothing.

    Args:
        kind: A type for which `scalar_bits` is not None.
        width: Rows of the column. Memory: the values, and a byte a row.
    """

    def __init__(self, kind: pa.DataType, width: int) -> None:
        self._kind = kind
        self._values = np.zeros(width, f"u{int(kind.bit_width) // 8}")
        self._filled = np.zeros(width, np.bool_)

    def put(self, one: Contribution) -> None:
        """Assign the values of `one`, whose rows are rows of this column."""
        values = _numbers(one.values, self._values.dtype)
        valid = valid_rows(one.values)
        if one.picked is not None:
            values = values[one.picked]
            valid = None if valid is None else valid[one.picked]
        if valid is None:
            self._values[one.rows] = values
            self._filled[one.rows] = True
        elif isinstance(one.rows, slice):
            np.copyto(self._values[one.rows], values, where=valid)
            self._filled[one.rows] |= valid
        else:
            rows = one.rows[valid]
            self._values[rows] = values[valid]
            self._filled[rows] = True

    def array(self) -> pa.Array:
        """Return the column, null where nothing was put; nothing may be put afterwards."""
        width = len(self._values)
        missing = width - int(np.count_nonzero(self._filled))
        bitmap = pa.py_buffer(np.packbits(self._filled, bitorder="little")) if missing else None
        return pa.Array.from_buffers(self._kind, width, [bitmap, pa.py_buffer(self._values)], null_count=missing)


def scalar_bits(kind: pa.DataType) -> int | None:
    """Return the width of a type whose values are one number of 8 to 64 bits each, else None."""
    simple = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
    )
    return int(kind.bit_width) if simple else None


def pick_rows(values: pa.Array, rows: npt.NDArray[np.int64]) -> pa.Array:
    """Return ``values`` at `rows`, which ascend; adjacent rows are copied as one."""
    return _gather(values.type, [values], rows)


def _merge_any(kind: pa.DataType, width: int, contributions: Sequence[Contribution]) -> pa.Array:
    winners = np.full(width, -1, np.int64)
    offset = 0
    for one in contributions:
        count = len(one.values)
        numbers: npt.NDArray[np.int64] = (
            np.arange(offset, offset + count, dtype=np.int64) if one.picked is None else one.picked + np.int64(offset)
        )
        valid = valid_rows(one.values)
        if valid is not None and one.picked is not None:
            valid = valid[one.picked]
        if valid is None:
            winners[one.rows] = numbers
        elif isinstance(one.rows, slice):
            np.copyto(winners[one.rows], numbers, where=valid)
        else:
            winners[one.rows[valid]] = numbers[valid]
        offset += count
    return _gather(kind, [one.values for one in contributions], winners)


def _gather(kind: pa.DataType, arrays: Sequence[pa.Array], winners: npt.NDArray[np.int64]) -> pa.Array:
    """Return the value of each number in `winners`, counted through all `arrays`; null for -1."""
    width = len(winners)
    if width == 0:
        return pa.nulls(0, kind)
    none = winners < 0
    # A run goes on where the number goes up by one (but not from none, -1, to the value 0), or none follows none.
    goes_on = (winners[1:] - winners[:-1] == 1) & ~none[:-1]
    goes_on |= none[1:] & none[:-1]
    breaks = np.flatnonzero(~goes_on) + 1
    if len(breaks) < max(_FEW_RUNS, width // _ROWS_PER_RUN):
        return _join_runs(kind, arrays, winners, [0, *breaks.tolist(), width])
    indices = row_numbers(winners, hidden=none if none.any() else None)
    if len(arrays) == 1:
        return arrays[0].take(indices)
    try:
        return pa.concat_arrays(list(arrays)).take(indices)
    except pa.ArrowInvalid:  # together over 2 GiB of text: leave out what did not win
        return _gather_winners(kind, arrays, winners)


def _join_runs(
    kind: pa.DataType, arrays: Sequence[pa.Array], winners: npt.NDArray[np.int64], bounds: Sequence[int]
) -> pa.Array:
    ends = np.cumsum([len(array) for array in arrays])
    pieces = []
    for start, stop in pairwise(bounds):
        number, left = int(winners[start]), stop - start
        if number < 0:
            pieces.append(pa.nulls(left, kind))
            continue
        at = int(np.searchsorted(ends, number, side="right"))
        while left:
            inside = number - (int(ends[at]) - len(arrays[at]))
            count = min(left, len(arrays[at]) - inside)
            pieces.append(arrays[at].slice(inside, count))
            number, left, at = number + count, left - count, at + 1
    pieces = [piece for piece in pieces if len(piece)]
    return pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)


def _gather_winners(kind: pa.DataType, arrays: Sequence[pa.Array], winners: npt.NDArray[np.int64]) -> pa.Array:
    kept, places = [pa.nulls(1, kind)], np.zeros(len(winners), np.int64)
    offset, done = 0, 1
    for array in arrays:
        rows = np.flatnonzero((winners >= offset) & (winners < offset + len(array)))
        kept.append(array.take(row_numbers(winners[rows] - offset)))
        places[rows] = np.arange(done, done + len(rows))
        offset, done = offset + len(array), done + len(rows)
    return pa.concat_arrays(kept).take(row_numbers(places))


def _numbers(values: pa.Array, dtype: np.dtype[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    buffer = values.buffers()[1]
    if buffer is None:
        return np.zeros(len(values), dtype)
    return np.frombuffer(buffer, dtype, count=len(values), offset=values.offset * dtype.itemsize)
