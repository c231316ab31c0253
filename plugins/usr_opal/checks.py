"""What `usr validate` checks of labels, however they came into the dataset.

The overlay writer refuses such values; a tool that writes overlays of its own, or a namespace registered by hand with
another type, may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.api import Finding
from usr_core.api.arrow import fixed_values, true_rows, valid_mask
from usr_opal.labels import OFFSET, SIZE, VECTOR

__all__ = ["NOT_A_VECTOR", "OFFSET_NOT_FINITE", "VECTOR_LENGTH", "VECTOR_NOT_FINITE", "check_offsets", "check_vectors"]

VECTOR_LENGTH = "USR-OPAL-201"
VECTOR_NOT_FINITE = "USR-OPAL-202"
OFFSET_NOT_FINITE = "USR-OPAL-203"
NOT_A_VECTOR = "USR-OPAL-204"

_FIRST_ROWS = 20
_HINT = "Attach these records' labels again: usr attach D --writer opal --path FILE --allow-overwrite"


class _Rows:
    """Rows at fault: the first few, and how many there are."""

    def __init__(self) -> None:
        self.first: list[int] = []
        self.count = 0

    def add(self, rows: npt.NDArray[Any]) -> None:
        """Take rows, counted from 1, each once and above those before."""
        self.count += len(rows)
        self.first += rows[: _FIRST_ROWS - len(self.first)].tolist()

    def finding(self, code: str, what: str) -> Iterator[Finding]:
        """Yield a finding if there is a row at fault."""
        if self.count:
            records = "1 record" if self.count == 1 else f"{self.count:,} records"
            yield Finding(
                code=code,
                message=f"{what} in {records}, first in row {self.first[0]:,}",
                rows=tuple(self.first),
                count=self.count,
                hint=_HINT,
            )


def check_vectors(batches: Iterable[pa.RecordBatch]) -> Iterator[Finding]:
    """Yield what is wrong with label vectors: their length, and numbers that are null or not finite.

    Args:
        batches: The merged view's batches with the column `VECTOR`; rows are numbered from 1.
    """
    lengths, numbers = _Rows(), _Rows()
    first = 1
    for batch in batches:
        vectors = batch.column(VECTOR)
        if not _is_vector(vectors.type):
            yield _wrong_type(VECTOR, vectors.type)
            return
        present = np.flatnonzero(valid_mask(vectors))
        sizes = fixed_values(pc.list_value_length(vectors).drop_null())
        good = true_rows(pc.is_finite(vectors.flatten()))
        lengths.add(present[sizes != SIZE] + first)
        bad = np.repeat(present, sizes)[~good]
        # In order already; numpy.unique would import masked arrays.
        numbers.add(bad[np.diff(bad, prepend=-1) > 0] + first)
        first += batch.num_rows
    yield from lengths.finding(VECTOR_LENGTH, f"{VECTOR} does not have {SIZE} numbers")
    yield from numbers.finding(VECTOR_NOT_FINITE, f"{VECTOR} holds a number that is null or not finite")


def check_offsets(batches: Iterable[pa.RecordBatch]) -> Iterator[Finding]:
    """Yield what is wrong with offsets: those that are not finite.

    Args:
        batches: The merged view's batches with the column `OFFSET`; rows are numbered from 1.
    """
    numbers = _Rows()
    first = 1
    for batch in batches:
        offsets = batch.column(OFFSET)
        if not _is_number(offsets.type):
            yield _wrong_type(OFFSET, offsets.type)
            return
        good = true_rows(pc.is_finite(offsets)) | ~valid_mask(offsets)
        numbers.add(np.flatnonzero(~good) + first)
        first += batch.num_rows
    yield from numbers.finding(OFFSET_NOT_FINITE, f"{OFFSET} is not finite")


def _wrong_type(column: str, kind: pa.DataType) -> Finding:
    return Finding(
        code=NOT_A_VECTOR,
        message=f"{column} is {kind}, so its labels can't be checked",
        hint="`usr namespace register --from-plugin opal` in a new root shows the types that labels have.",
    )


def _is_vector(kind: pa.DataType) -> bool:
    return (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)) and _is_number(kind.value_type)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
