"""What one column holds, gathered batch by batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.records.arrays import fixed_values

__all__ = ["ColumnDescription", "ColumnSummary", "ColumnTally", "Histogram", "Measure"]

Measure = Literal["value", "letters", "bytes", "items", "true", "none"]
"""What minimum, mean, maximum and histogram are about: values, lengths of text, bytes or lists, or trues (1) and
falses (0)."""

_BARS = 8
_KEPT = 65_536
"""Numbers kept for the histogram; beyond that every second one goes."""
_DISTINCT = 10_000
"""Different texts counted; beyond that there are only known to be more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of bins of equal width from `low` to `high`."""

    low: float
    high: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSummary:
    """What was found in a column.

    Attributes:
        rows: Cells looked at.
        nulls: Those that are null.
        nans: Floats that are not a number; they count in nothing else.
        measure: What the following are about.
        minimum, maximum: Of values in the column's own type, of lengths as whole numbers; None without values.
        mean: None without values, and for times.
        distinct: Different values of text, None where it was not counted.
        distinct_capped: There are more than `distinct`.
        histogram: Of finite numbers and lengths; None where there are none.
    """

    rows: int
    nulls: int
    nans: int
    measure: Measure
    minimum: pa.Scalar | None
    maximum: pa.Scalar | None
    mean: float | None
    distinct: int | None
    distinct_capped: bool
    histogram: Histogram | None

    @property
    def null_share(self) -> float:
        """Nulls in percent; 0 where there are no cells."""
        return 100.0 * self.nulls / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDescription:
    """One column.

    Attributes:
        name: Its name.
        type: In the registry's words, in Arrow's where it has none.
        summary: What was found in the rows looked at.
    """

    name: str
    type: str
    summary: ColumnSummary


class ColumnTally:
    """Takes a column's arrays one after the other."""

    def __init__(self, kind: pa.DataType) -> None:
        self._measure = _measure_of(kind)
        self._temporal = pa.types.is_temporal(kind)
        self._rows = self._nulls = self._nans = 0
        self._range: tuple[pa.Scalar, pa.Scalar] | None = None
        self._sum, self._count = 0.0, 0
        self._kept: list[npt.NDArray[np.float64]] = []
        self._stride = 1
        self._texts: set[object] | None = set() if self._measure == "letters" else None
        self._capped = False

    def add(self, values: pa.Array) -> None:
        """Take the next cells."""
        self._rows += len(values)
        self._nulls += values.null_count
        present = values.drop_null() if values.null_count else values
        if self._measure == "none" or not len(present):
            return
        if self._texts is not None and not self._capped:
            self._texts.update(present.to_pylist() if len(present) <= _DISTINCT else present.unique().to_pylist())
            self._capped = len(self._texts) > _DISTINCT
        measured = _measured(present, self._measure)
        if pa.types.is_floating(measured.type):
            nan = pc.is_nan(measured)
            self._nans += nan.true_count
            measured = measured.filter(pc.invert(nan)) if nan.true_count else measured
        if len(measured):
            self._widen(measured)
        if len(measured) and not self._temporal:
            numbers = fixed_values(measured.cast(pa.float64(), safe=False))
            finite = numbers[np.isfinite(numbers)]
            with np.errstate(invalid="ignore"):  # infinities of both signs have no mean
                self._sum += float(numbers.sum())
            self._count += len(numbers)
            self._keep(finite)

    def summary(self) -> ColumnSummary:
        """Return what was found so far."""
        low, high = self._range or (None, None)
        return ColumnSummary(
            rows=self._rows,
            nulls=self._nulls,
            nans=self._nans,
            measure=self._measure,
            minimum=low,
            maximum=high,
            mean=None if not self._count or math.isnan(self._sum) else self._sum / self._count,
            distinct=None if self._texts is None else min(len(self._texts), _DISTINCT),
            distinct_capped=self._capped,
            histogram=self._histogram(),
        )

    def _widen(self, measured: pa.Array) -> None:
        found = pc.min_max(measured)
        low, high = found["min"], found["max"]
        if self._range is not None:
            both = pc.min_max(pa.concat_arrays([pa.repeat(one, 1) for one in (low, high, *self._range)]))
            low, high = both["min"], both["max"]
        self._range = low, high

    def _keep(self, numbers: npt.NDArray[np.float64]) -> None:
        self._kept.append(numbers[:: self._stride])
        while sum(map(len, self._kept)) > _KEPT:
            self._kept = [np.concatenate(self._kept)[::2]]
            self._stride *= 2

    def _histogram(self) -> Histogram | None:
        numbers = np.concatenate(self._kept) if self._kept else np.empty(0)
        if not len(numbers):
            return None
        low, high = float(numbers.min()), float(numbers.max())
        whole = self._measure != "value" or bool((numbers == np.floor(numbers)).all())
        bars = min(_BARS, int(min(high - low, _BARS)) + 1) if whole else _BARS
        if low == high:
            return Histogram(low=low, high=high, counts=(len(numbers),))
        # Halved, as the difference of the widest range is more than a float can hold; but the smallest numbers are not.
        width = high / 2 - low / 2
        places = (numbers / 2 - low / 2) / width * bars if width else (numbers > low) * float(bars)
        counts = np.bincount(np.minimum(places.astype(np.int64), bars - 1), minlength=bars)
        return Histogram(low=low, high=high, counts=tuple(counts.tolist()))


def _measure_of(kind: pa.DataType) -> Measure:
    types = pa.types
    if types.is_boolean(kind):
        return "true"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind):
        return "value"
    if types.is_string(kind):
        return "letters"
    if types.is_binary(kind):
        return "bytes"
    if types.is_list(kind) or types.is_fixed_size_list(kind):
        return "items"
    return "none"


def _measured(values: pa.Array, measure: Measure) -> pa.Array:
    if measure == "letters":
        return pc.utf8_length(values)
    if measure == "bytes":
        return pc.binary_length(values)
    if measure == "items":
        return pc.list_value_length(values)
    if measure == "true":
        return values.cast(pa.uint8())
    return values.cast(pa.float32()) if pa.types.is_float16(values.type) else values
