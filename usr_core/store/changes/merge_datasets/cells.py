"""Which values of the destination a merge changes, as readers see them: counted, and the first ones described."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.view.same_values import same_values
from usr_core.values.json_writing import value_text

__all__ = ["EXAMPLES", "CellTally", "ChangedValue", "taken_cells"]

EXAMPLES = 20
"""How many of the values that change are described."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedValue:
    """A value of a record that was there already: its row of the destination from 1, and what readers see."""

    row: int
    id: str
    column: str
    before: str | None
    after: str


class CellTally:
    """Counts the values that change.

    Attributes:
        count: How many there are so far.
        stayed: Values of the source that differ from what is shown and are not taken.
        values: The first of them by row, then by column; at most `EXAMPLES`.
    """

    def __init__(self) -> None:
        self.count = self.stayed = 0
        self.values: tuple[ChangedValue, ...] = ()

    def keep(self, shown: pa.Array, theirs: pa.Array, *, taken: Mask) -> None:
        """Take in a window of one column, in which the source's values `theirs` replace those `shown` where `taken`."""
        both = valid_mask(shown) & valid_mask(theirs) & ~taken
        if both.any():
            self.stayed += int(np.count_nonzero(both & ~same_values(shown, theirs)))

    def add(
        self,
        column: str,
        changed: Mask,
        *,
        rows: npt.NDArray[np.int64],
        ids: pa.Array,
        before: pa.Array,
        after: pa.Array,
    ) -> None:
        """Take in the `changed` rows of one column of a window, whose base rows `rows` ascend."""
        at = np.flatnonzero(changed)
        self.count += len(at)
        found = list(self.values)
        for place in at[:EXAMPLES].tolist():
            row = int(rows[place]) + 1
            if len(self.values) == EXAMPLES and row > self.values[-1].row:
                break
            old = value_text(before, place) if before[place].is_valid else None
            found.append(
                ChangedValue(row=row, id=str(ids[place]), column=column, before=old, after=value_text(after, place))
            )
        self.values = tuple(sorted(found, key=lambda one: (one.row, one.column))[:EXAMPLES])


def taken_cells(shown: pa.Array, theirs: pa.Array, *, over: bool) -> Mask:
    """Return where a value of the source changes what is shown: where nothing is, or, if `over`, something else."""
    missing = ~valid_mask(shown)
    if over:
        missing |= ~same_values(shown, theirs)
    return valid_mask(theirs) & missing
