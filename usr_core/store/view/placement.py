"""Where the rows of an overlay part stand in the base."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.keys import KeyIndex
from usr_core.store.ids.position_index import Duplicates
from usr_core.store.ids.row_numbers import distinct
from usr_core.store.parts.errors import OverlayKeyFault
from usr_core.store.parts.files import OverlayPart

__all__ = ["KEYS_NAMED", "Placement", "as_part", "place_part"]

_ROWS = 32_768
KEYS_NAMED = 5
"""How many of the keys at fault an error shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The base rows of one part.

    Either the part is a run of the base (`start`), or `positions` says where its rows stand. Both are in
    ascending order of the base; where the file's order is another, `rows` puts it right.

    Attributes:
        part: The part.
        start: The base row of its first row, where all of its rows are a run of the base.
        positions: Base rows, ascending, int32; None with `start`.
        rows: The part's row for each position; None if they are 0, 1, 2, ….
        ordered: Whether the part's rows ascend in the base, so that it can be read forwards.
        unmatched: Rows whose key matches no record.
        repeated: Rows of the part, ascending, whose record an earlier row of it means too: no value of theirs can
            be told to be the right one. Parts that USR writes have none.
    """

    part: OverlayPart
    start: int | None = None
    positions: npt.NDArray[np.int32] | None = None
    rows: npt.NDArray[np.int32] | None = None
    ordered: bool = True
    unmatched: int = 0
    repeated: tuple[int, ...] = ()

    def base_rows(self) -> npt.NDArray[np.int32]:
        """Return the base rows, ascending."""
        first = self.start or 0
        return np.arange(first, first + self.part.rows, dtype=np.int32) if self.positions is None else self.positions

    def refuse_repeats(self) -> None:
        """Refuse to read values of a part in which a record has several rows.

        Raises:
            OverlayKeyFault: A record has several rows; the part and the first keys are named.
        """
        if self.repeated:
            raise OverlayKeyFault(
                self.part.relative,
                key=self.part.key,
                fault="a key occurs more than once",
                count=len(self.repeated),
                values=_keys_at(self.part, self.repeated[:KEYS_NAMED]),
            )

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Return which of the placed rows lie in the base rows from `start` up to `stop`."""
        if self.positions is None:
            first = self.start or 0
            low, high = max(start, first), min(stop, first + self.part.rows)
            return (low - first, high - first) if low < high else (0, 0)
        low, high = np.searchsorted(self.positions, (start, stop))
        return int(low), int(high)


def as_part(source: OpenParquet, columns: Iterable[str], *, relative: str = "") -> OverlayPart:
    """Return an open file that is not a part, such as the base, in the form of one with these columns.

    Args:
        source: The file.
        columns: Some of its columns.
        relative: What errors call it.
    """
    return OverlayPart(
        relative=relative,
        namespace="",
        source=source,
        key="id",
        created_at_us=0,
        metadata={},
        columns=tuple(source.schema.field(name) for name in columns),
    )


def place_part(part: OverlayPart, index: KeyIndex, duplicates: Duplicates) -> Placement:
    """Find the base rows of `part`, reading its key column once, in pieces.

    Args:
        part: The part.
        index: Over the part's kind of key.
        duplicates: Base rows that repeat an id: each gets the values of the first row with it.

    Memory: 4 bytes a row; 8 where keys are missing or out of order; none for a run of the base.
    """
    found: list[npt.NDArray[np.int32]] = []
    expected = 0
    for batch in part.source.reader().iter_batches(_ROWS, columns=[part.key], use_threads=False):
        if not len(batch):
            continue
        positions = index.positions(batch.column(0), expected=expected)
        found.append(positions)
        expected = int(positions[-1]) + 1
    if not found:
        return Placement(part=part, positions=np.empty(0, np.int32))
    positions = found[0] if len(found) == 1 else np.concatenate(found)
    rows: npt.NDArray[np.int32] | None = None
    missing = positions < 0
    unmatched = int(np.count_nonzero(missing))
    if unmatched:
        rows = np.flatnonzero(~missing).astype(np.int32)
        positions = positions[rows]
    if len(duplicates):
        positions, rows = _repeated(positions, rows, duplicates)
    if not _ascends(positions):
        order = np.argsort(positions, kind="stable").astype(np.int32)
        sorted_rows = order if rows is None else rows[order]
        positions = positions[order]
        again = np.flatnonzero(positions[1:] == positions[:-1]) + 1
        return Placement(
            part=part,
            positions=positions,
            rows=sorted_rows,
            ordered=False,
            unmatched=unmatched,
            repeated=tuple(distinct(sorted_rows[again]).tolist()),
        )
    if rows is None and len(positions) and int(positions[-1]) - int(positions[0]) + 1 == len(positions):
        return Placement(part=part, start=int(positions[0]))
    # Where the base has an id twice, one row of the part has two places, and the second is not behind the row after it.
    forwards = rows is None or _ascends(rows)
    return Placement(part=part, positions=positions, rows=rows, ordered=forwards, unmatched=unmatched)


def _ascends(numbers: npt.NDArray[np.int32]) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())


def _repeated(
    positions: npt.NDArray[np.int32], rows: npt.NDArray[np.int32] | None, duplicates: Duplicates
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32] | None]:
    """Add the base rows that repeat one of `positions`."""
    by_first = np.argsort(duplicates.firsts, kind="stable")
    firsts = duplicates.firsts[by_first]
    low = np.searchsorted(firsts, positions, side="left")
    counts = np.searchsorted(firsts, positions, side="right") - low
    if not counts.any():
        return positions, rows
    has = np.flatnonzero(counts)
    again = np.repeat(has, counts[has])
    offsets = np.arange(len(again)) - np.repeat(np.cumsum(counts[has]) - counts[has], counts[has])
    more = duplicates.rows[by_first[low[again] + offsets]]
    own = np.arange(len(positions), dtype=np.int32) if rows is None else rows
    return np.concatenate([positions, more]), np.concatenate([own, own[again]])


def _keys_at(part: OverlayPart, rows: Sequence[int]) -> list[str]:
    """Return the different keys in these rows (ascending), as they are written."""
    found: dict[str, None] = {}
    start = 0
    for batch in part.source.reader().iter_batches(_ROWS, columns=[part.key], use_threads=False):
        stop = start + batch.num_rows
        found.update(dict.fromkeys(str(batch.column(0)[row - start]) for row in rows if start <= row < stop))
        start = stop
        if start > rows[-1]:
            break
    return list(found)
