"""The letters of a batch as one array, and sums over the letters of each record.

Functions of this plugin never loop over records: they look up each letter of the whole batch in a table, and add up
what belongs to one record. Case never counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.api.arrow import string_parts
from usr_features.errors import FeatureColumnMissing, FeatureSequenceUnfit

__all__ = ["Letters", "letters_of", "table_of"]

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """The sequences of a batch.

    Attributes:
        flat: Every letter as its ASCII code, in upper case, one record behind the other.
        bounds: Where each record begins in `flat`, and where the last one ends.
    """

    flat: Bytes
    bounds: Integers

    @property
    def rows(self) -> int:
        """How many records there are."""
        return len(self.bounds) - 1

    @property
    def lengths(self) -> Integers:
        """The number of letters of each record."""
        return np.diff(self.bounds)

    @property
    def row_of(self) -> Integers:
        """The record that each letter belongs to."""
        return np.repeat(np.arange(self.rows), self.lengths)

    @property
    def ends_record(self) -> npt.NDArray[np.bool_]:
        """Whether a letter is the last one of its record."""
        last = np.zeros(len(self.flat), dtype=bool)
        last[self.bounds[1:][self.lengths > 0] - 1] = True
        return last

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Add up one value a letter over each record; whole numbers as int64, others as float64."""
        return self._reduced(np.add, values, np.float64 if values.dtype.kind == "f" else np.int64)

    def maxima(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the largest value of each record; 0 for one without letters."""
        return self._reduced(np.maximum, values, values.dtype)

    def _reduced(self, operation: np.ufunc, values: npt.NDArray[Any], kind: Any) -> npt.NDArray[Any]:
        found = np.zeros(self.rows, dtype=kind)
        filled = self.lengths > 0
        if filled.any():
            # A record without letters would take the first letter of the next one.
            found[filled] = operation.reduceat(values, self.bounds[:-1][filled], dtype=kind)
        return found


def letters_of(batch: pa.RecordBatch, *, function: str, bio_types: tuple[str, ...] = ()) -> Letters:
    """Return the letters of a batch's sequences.

    Args:
        batch: It has ``sequence``, ``id`` and, where `bio_types` are given, ``bio_type``.
        function: The caller, for errors.
        bio_types: The types that it is for; empty for every one.

    Raises:
        FeatureColumnMissing: The batch lacks a column.
        FeatureSequenceUnfit: A record is of another type.
    """
    for column in ("sequence", "bio_type") if bio_types else ("sequence",):
        if column not in batch.schema.names:
            raise FeatureColumnMissing(function=function, column=column)
    if bio_types:
        known = pc.is_in(batch.column("bio_type"), value_set=pa.array(bio_types))
        row = pc.index(known, pa.scalar(False)).as_py()
        if row >= 0:
            raise unfit(
                batch, row, function=function, wanted=" and ".join(bio_types),
                found=f"is {batch.column('bio_type')[row]}",
                hint=f"Choose records: --where \"bio_type = '{bio_types[0]}'\".",
            )  # fmt: skip
    offsets, content = string_parts(pc.ascii_upper(batch.column("sequence").cast(pa.string())))
    return Letters(flat=np.frombuffer(content, dtype=np.uint8), bounds=offsets.astype(np.int64))


def unfit(
    batch: pa.RecordBatch, row: int, *, function: str, wanted: str, found: str, hint: str
) -> FeatureSequenceUnfit:
    """Return the error for the record in that row of the batch (0 is the first)."""
    record = str(batch.column("id")[row]) if "id" in batch.schema.names else "without id"
    return FeatureSequenceUnfit(function=function, wanted=wanted, record=record, row=row + 1, found=found, hint=hint)


def table_of(values: Mapping[str, float], *, other: float, kind: Any) -> npt.NDArray[Any]:
    """Return an array that has the value of each letter at its ASCII code, and `other` everywhere else."""
    table = np.full(256, other, dtype=kind)
    for letter, value in values.items():
        table[ord(letter)] = value
    return table
