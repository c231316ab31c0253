"""What a materialized overlay holds beyond the new base: values of dropped records, and of keys that match no record.

Such values stay readable in the overlay when the folded files go: one part takes the place of those files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.store.ids.row_numbers import any_valid
from usr_core.store.mutation import Mutation
from usr_core.store.overlay.fold import FoldedRows, OverlayFold
from usr_core.store.overlay.open_namespace import OpenNamespace
from usr_core.store.overlay.single_part import SinglePart

__all__ = ["keep_unfolded"]


def keep_unfolded(
    mutation: Mutation,
    opened: OpenNamespace,
    kinds: Mapping[str, pa.DataType],
    gone: npt.NDArray[np.bool_] | None,
    *,
    archive: bool,
) -> int:
    """Replace the files of an overlay by one part with the values that the new base does not have, if there are any.

    Args:
        mutation: The change; its clock is later than every part of the overlay.
        opened: The base as it is, and the overlay that was folded.
        kinds: The overlay's columns with their registered types.
        gone: Which of the base's rows are dropped; None where all stay.
        archive: Where the replaced files go, as in `archive_or_drop`.

    Returns:
        How many keys the new part has, each with a value. With 0 nothing was replaced, and no file was retired.

    Raises:
        OverlayKeysUnresolved, OverlayKeyFault: A part's keys do not tell ids.
    """
    part = SinglePart(mutation, opened, kinds)
    with OverlayFold(opened, kinds, scratch=part.scratch) as fold:
        part.write(_unfolded(fold, gone, opened.base.rows), at_most=fold.rows)
    if not part.rows:
        part.discard()
        return 0
    part.replace(archive=archive)
    return part.rows


def _unfolded(fold: OverlayFold, gone: npt.NDArray[np.bool_] | None, rows: int) -> Iterator[FoldedRows]:
    for some in fold.batches():
        left = some.positions >= rows
        if gone is not None:
            left[~left] = gone[some.positions[~left]]
        left &= any_valid(some.columns)
        if left.any():
            chosen = boolean_array(left)
            yield FoldedRows(
                some.positions[left], some.ids.filter(chosen), tuple(column.filter(chosen) for column in some.columns)
            )
