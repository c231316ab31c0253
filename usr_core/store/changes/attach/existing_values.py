"""The values of an attachment whose records have one in that column already: counted, and the first ones described.

Only the asked columns are read, and only what stands there for the asked records: the part is in the base's
order, so that what is there is merged for its rows alone, a window at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import fixed_array, plain_type
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.attach.errors import TakenValue, ValuesExist
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.keys import KeyIndex, open_key_index
from usr_core.store.ids.position_index import NO_DUPLICATES, BaseIndex
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.parts.errors import OverlayTypesDiffer, OverlayUnreadable
from usr_core.store.parts.files import NamespaceOverlay, OverlayPart
from usr_core.store.view.base_windows import WINDOW_BYTES, WINDOW_ROWS
from usr_core.store.view.last_writer_wins import NamespaceMerge, bytes_per_row
from usr_core.store.view.placement import Placement, as_part, place_part
from usr_core.values.json_writing import value_text

__all__ = ["TakenCells", "refuse_existing_values", "taken_cells"]

_EXAMPLES = 20

Rows = npt.NDArray[np.int64]


def refuse_existing_values(
    part: Path,
    base: Path,
    overlay: NamespaceOverlay | None,
    *,
    label: str,
    positions: Rows,
    place: Callable[[int], tuple[str, int]],
) -> None:
    """Refuse an attachment that has a value where its record has one, attached or materialized.

    Args:
        part: The staged part: ``id`` and the attached columns, in the base's order.
        base: The base.
        overlay: What the namespace has already.
        label: The input, for errors.
        positions: The base row of each row of the input, -1 for rows that were left out.
        place: The file of a row of the input, and its number there.

    Raises:
        ValuesExist: Such values exist, equal ones included; the first of them in the input's order are described.
        OverlayTypesDiffer: A column is there with another type than the registered one.
        OverlayUnreadable, BaseUnreadable: A page is damaged.

    Memory: 40 bytes an attached row, and a few windows.
    """
    with _opened(part, base, overlay, label=label) as found:
        found.look(positions)
        if found.count:
            values = [
                replace(one, file=None if file == label else file, row=row)
                for one in found.examples
                for file, row in [place(one.row)]
            ]
            raise ValuesExist(label, count=found.count, values=values)


@dataclass(frozen=True, slots=True)
class TakenCells:
    """The values of one column of a part whose records have one in that column already.

    Attributes:
        rows: Their rows in the part, ascending.
        differs: For each, whether it is another value than the one that is there.
    """

    rows: Rows
    differs: npt.NDArray[np.bool_]


def taken_cells(
    part: Path, base: Path, overlay: NamespaceOverlay | None, *, label: str, positions: Rows
) -> dict[str, TakenCells]:
    """Return the values of a staged part that have no place, by column; columns without such values are left out.

    Args:
        part, base, overlay, label: As `refuse_existing_values`.
        positions: The base row of each row of the part, ascending.

    Raises:
        OverlayTypesDiffer, OverlayUnreadable, BaseUnreadable: As `refuse_existing_values`.
    """
    seen: dict[str, list[tuple[Rows, npt.NDArray[np.bool_]]]] = {}
    with _opened(part, base, overlay, label=label) as found:
        for rows, there, new in found.windows(positions):
            for name, values in new.items():
                taken = np.flatnonzero(valid_mask(there[name]) & valid_mask(values))
                if len(taken):
                    seen.setdefault(name, []).append((rows[taken], _differs(there[name], values, taken)))
    return {
        name: TakenCells(np.concatenate([rows for rows, _ in pairs]), np.concatenate([flags for _, flags in pairs]))
        for name, pairs in seen.items()
    }


def _differs(there: pa.Array, new: pa.Array, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    chosen = fixed_array(rows, pa.int64())
    there, new = there.take(chosen), new.take(chosen)
    if there.equals(new):
        return np.zeros(len(rows), np.bool_)
    return np.fromiter(
        (not there.slice(at, 1).equals(new.slice(at, 1)) for at in range(len(rows))), np.bool_, len(rows)
    )


@contextlib.contextmanager
def _opened(part: Path, base: Path, overlay: NamespaceOverlay | None, *, label: str) -> Iterator[_Existing]:
    opened = [OpenParquet.open(part), OpenParquet.open(base)]
    try:
        staged, records = opened
        yield _Existing(staged, records, overlay, label=label)
    except OverlayUnreadable as error:
        if error.file == RECORDS:
            raise BaseUnreadable(base, str(error.facts["cause"])) from error
        raise
    finally:
        for file in opened:
            file.close()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A value that is in the way: its row in the input, its place among the columns, and its description."""

    row: int
    column: int
    told: TakenValue


class _Existing:
    """What is there for the rows of one staged part."""

    def __init__(self, staged: OpenParquet, base: OpenParquet, overlay: NamespaceOverlay | None, *, label: str) -> None:
        self._staged, self._base = staged, base
        self._kinds = {field.name: plain_type(field.type) for field in staged.schema if field.name != "id"}
        parts = () if overlay is None else overlay.parts
        self._parts = [part for part in parts if part.rows and any(one.name in self._kinds for one in part.columns)]
        self._in_base = [name for name in self._kinds if name in base.schema.names]
        self._check_types(label)
        self.count = 0
        self._found: list[_Candidate] = []

    @property
    def examples(self) -> tuple[TakenValue, ...]:
        """The first values in the input's order, column by column within a row; at most 20."""
        return tuple(one.told for one in self._found)

    def look(self, positions: Rows) -> None:
        """Go through all rows of the part; `positions` are those of the rows of the input."""
        if not (self._parts or self._in_base):
            return
        rows = np.flatnonzero(positions >= 0)
        rows = rows[np.argsort(positions[rows], kind="stable")]  # of the input, in the part's order
        for window, there, new in self.windows(positions[rows]):
            self._compare(rows[window], there, new, int(window[0]))

    def windows(self, positions: Rows) -> Iterator[tuple[Rows, Mapping[str, pa.Array], Mapping[str, pa.Array]]]:
        """Yield rows of the part beside which there is something: their numbers, what is there, and what is new.

        `positions` are the base rows of the part's rows, ascending.
        """
        if not self._staged.rows:
            return
        there = self._placed(positions)
        if not there:
            return
        merge = NamespaceMerge(there, self._kinds)
        ours = NamespaceMerge([Placement(part=as_part(self._staged, self._kinds), start=0)], self._kinds)
        for start, stop in self._windows(there):
            if any(low < high for low, high in (placed.span(start, stop) for placed in there)):
                rows = np.arange(start, stop, dtype=np.int64)
                yield rows, merge.window(start, stop, {}), ours.window(start, stop, {})

    def _compare(self, rows: Rows, there: Mapping[str, pa.Array], new: Mapping[str, pa.Array], start: int) -> None:
        for number, name in enumerate(self._kinds):
            taken = np.flatnonzero(valid_mask(there[name]) & valid_mask(new[name]))
            self.count += len(taken)
            for at in taken[np.argsort(rows[taken], kind="stable")][:_EXAMPLES].tolist():
                row = int(rows[at]) + 1
                if len(self._found) == _EXAMPLES and (row, number) > (self._found[-1].row, self._found[-1].column):
                    break
                told = TakenValue(
                    row=row,
                    id=self._id(start + at),
                    column=name,
                    there=value_text(there[name], at),
                    new=value_text(new[name], at),
                )
                self._found.append(_Candidate(row, number, told))
                self._found = sorted(self._found, key=lambda one: (one.row, one.column))[:_EXAMPLES]

    def _windows(self, there: Sequence[Placement]) -> Iterator[tuple[int, int]]:
        width = bytes_per_row(as_part(self._staged, self._kinds), self._kinds)
        width += max(bytes_per_row(placed.part, self._kinds) for placed in there)
        step = max(1, min(WINDOW_ROWS, WINDOW_BYTES // width))
        for start in range(0, self._staged.rows, step):
            yield start, min(start + step, self._staged.rows)

    def _placed(self, asked: Rows) -> list[Placement]:
        """Return what has values for the asked base rows (ascending), oldest first, placed among the asked ones."""
        numbers = np.arange(len(asked), dtype=np.int32)
        placements = []
        if self._in_base:
            part = as_part(self._base, self._in_base, relative=RECORDS)
            placements.append(Placement(part=part, positions=numbers, rows=asked.astype(np.int32)))
        if self._parts:
            ids = KeyIndex("id", BaseIndex.from_ids(self._ids()))
            placements += [self._place(part, ids, asked) for part in self._parts]
        return [placed for placed in placements if placed.positions is None or len(placed.positions)]

    def _place(self, part: OverlayPart, ids: KeyIndex, asked: Rows) -> Placement:
        try:
            if part.key == "id":
                return place_part(part, ids, NO_DUPLICATES)
            # An older writer's part: its keys tell rows of the base.
            placed = place_part(part, open_key_index(self._base.reader(), part.key), NO_DUPLICATES)
        except (pa.ArrowException, OSError) as error:
            raise OverlayUnreadable(file=part.relative, cause=error) from error
        return _among(placed, asked)

    def _ids(self) -> Iterator[pa.Array]:
        for batch in self._staged.reader().iter_batches(columns=["id"], use_threads=False):
            yield batch.column(0)

    def _id(self, row: int) -> str:
        for ids in self._ids():
            if row < len(ids):
                return str(ids[row].as_py())
            row -= len(ids)
        return ""

    def _check_types(self, label: str) -> None:
        fields = [(RECORDS, self._base.schema.field(name)) for name in self._in_base]
        fields += [(part.relative, one) for part in self._parts for one in part.columns if one.name in self._kinds]
        for file, field in fields:
            kind, wanted = plain_type(field.type), self._kinds[field.name]
            if not kind.equals(wanted):
                raise OverlayTypesDiffer(column=field.name, files=(file, label), types=(str(kind), str(wanted)))


def _among(placed: Placement, asked: Rows) -> Placement:
    """Return a placement in the base as one among the `asked` base rows, which ascend."""
    positions = placed.positions
    if positions is None:
        start = placed.start or 0
        positions = np.arange(start, start + placed.part.rows, dtype=np.int32)
    rows = np.arange(len(positions), dtype=np.int32) if placed.rows is None else placed.rows
    at = np.searchsorted(asked, positions)
    hit = np.zeros(len(positions), np.bool_)
    inside = at < len(asked)
    hit[inside] = asked[at[inside]] == positions[inside]
    return Placement(part=placed.part, positions=at[hit].astype(np.int32), rows=rows[hit], ordered=placed.ordered)
