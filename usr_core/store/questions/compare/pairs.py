"""The rows of two sides, side by side: pairs of batches in which each row is the same record.

Where the records of the new side stand in another order, its rows are written to a temporary folder first, in pieces
that are put in order one by one. Memory holds a few batches, or one such piece.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import fixed_array, fixed_values, row_width
from usr_core.records.arrow_calls import kept_where, taken
from usr_core.store.questions.compare.alignment import Alignment
from usr_core.store.questions.compare.sides import Side

__all__ = ["paired"]

_PIECE_ROWS = 131_072
_PIECE_BYTES = 16 << 20
_MOST_PIECES = 200
"""Each piece is an open file while it is written."""
_PLACE = "__place"

Batches = Iterator[pa.RecordBatch]
Alone = Callable[[pa.RecordBatch], None]


def paired(
    old: Side,
    new: Side,
    names: tuple[Sequence[str], Sequence[str]],
    alignment: Alignment,
    alone: tuple[Alone, Alone],
    progress: Callable[[int], None] | None,
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield batches of both sides with the same records row by row, in the order of the old side.

    Args:
        old: The old side.
        new: The new one.
        names: The columns to read of each.
        alignment: Which rows are common.
        alone: Called for each side with the rows that the other one lacks.
        progress: Called with the number of rows of the old side done.
    """
    lefts = _common(old.batches(names[0], progress), alignment.old, alone[0])
    rights = _common(new.batches(names[1]), alignment.new, alone[1])
    with ExitStack() as stack:
        if alignment.places is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="usr-compare-")))
            rights = _reordered(rights, alignment.places, alignment.common, folder)
        yield from _zipped(lefts, rights)


def _common(batches: Batches, common: npt.NDArray[np.bool_] | None, alone: Alone) -> Batches:
    done = 0
    for batch in batches:
        if common is None:
            yield batch
            continue
        here = common[done : done + len(batch)]
        done += len(batch)
        if not here.all():
            alone(kept_where(batch, ~here))
        if here.any():
            yield kept_where(batch, here)


def _zipped(lefts: Batches, rights: Batches) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    left, right = next(lefts, None), next(rights, None)
    while left is not None and right is not None:
        rows = min(len(left), len(right))
        yield left.slice(0, rows), right.slice(0, rows)
        left = left.slice(rows) if rows < len(left) else next(lefts, None)
        right = right.slice(rows) if rows < len(right) else next(rights, None)
    # What is left has no common row, but is still to be told.
    for rest in (lefts, rights):
        for _ in rest:
            pass


def _reordered(batches: Batches, places: npt.NDArray[np.int32], common: int, folder: Path) -> Batches:
    first = next(batches, None)
    if first is None:
        return
    width = sum(row_width(field.type) for field in first.schema) + 1
    rows = max(min(_PIECE_ROWS, _PIECE_BYTES // width), common // _MOST_PIECES + 1)
    schema = first.schema.append(pa.field(_PLACE, pa.int32()))
    paths = [folder / f"{piece}.arrow" for piece in range((common - 1) // rows + 1)]
    done = 0
    with ExitStack() as files:
        writers = [files.enter_context(pa.ipc.new_file(str(path), schema)) for path in paths]
        for batch in chain([first], batches):
            done = _spread(batch, places, done, rows, schema, writers)
    for path in paths:
        with pa.OSFile(str(path), "rb") as source:
            table = pa.ipc.open_file(source).read_all()
        order = np.argsort(fixed_values(table[_PLACE].combine_chunks()))
        yield from taken(table.select(first.schema.names), order).combine_chunks().to_batches()
        path.unlink()


def _spread(
    batch: pa.RecordBatch,
    places: npt.NDArray[np.int32],
    done: int,
    rows: int,
    schema: pa.Schema,
    writers: Sequence[pa.ipc.RecordBatchWriter],
) -> int:
    here = places[done : done + len(batch)]
    columns = [*batch.columns, fixed_array(here, pa.int32())]
    whole = pa.RecordBatch.from_arrays(columns, schema=schema)
    pieces = here // np.int32(rows)
    order = np.argsort(pieces, kind="stable")
    ordered = pieces[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ends = np.append(starts[1:], len(order))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        writers[int(ordered[start])].write_batch(taken(whole, order[start:end]))
    return done + len(batch)
