"""What the columns of a dataset hold: null share, ranges, lengths and a histogram, over a sample spread over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.store.ids.row_numbers import distinct
from usr_core.store.questions.describe_tally import ColumnDescription, ColumnTally
from usr_core.store.questions.describe_text import description_row
from usr_core.store.questions.overview import type_text
from usr_core.store.questions.row_filter import Where
from usr_core.store.questions.scan import select_rows
from usr_core.store.view.merged_view import MergedView
from usr_core.values.showing import Shown

__all__ = ["Description", "describe_columns"]

_WINDOW = 64
"""Rows that are taken from one place: few places cost less than single rows, and many say more than one."""

_DELETED = "usr__deleted"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Description(Shown):
    """The columns, and how many rows were looked at.

    Attributes:
        rows: Rows of the base, deleted ones included.
        sampled: Rows looked at; deleted ones only where they were asked for.
        complete: Whether all rows were looked at, or all that meet a condition.

    Example:
        >>> about = dataset.describe(["lab__gc"])
        >>> about.rows, about.sampled, about.complete, about.columns[0].name
        (3, 3, True, 'lab__gc')
    """

    rows: int
    sampled: int
    complete: bool
    columns: tuple[ColumnDescription, ...]

    def _shown(self) -> Mapping[str, object]:
        rows = tuple(description_row(column) for column in self.columns)
        return {"rows": self.rows, "sampled": self.sampled, "complete": self.complete, "columns": rows}


def describe_columns(
    view: MergedView,
    columns: Sequence[str] | None = None,
    *,
    sample: int = 1024,
    where: Where | None = None,
    include_deleted: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Description:
    """Describe columns of the merged view.

    Args:
        view: The dataset.
        columns: Names in the order wanted, or None for all.
        sample: Rows to look at, in windows of 64 spread evenly over the base; 0, or as many as there are, is all.
        where: Look at every row that meets it, see `row_filter`, instead of a sample.
        include_deleted: Look at deleted rows too, and at the tombstone columns.
        progress: Called with the number of rows done since its last call.

    Raises:
        UnknownColumn: A name is not a column of the view.
        ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.

    Memory does not grow with the rows: histograms and distinct counts are kept over a thinned sample.
    """
    schema = view.schema(columns, include_deleted=include_deleted)
    complete = where is not None or sample <= 0 or sample >= view.rows
    tallies = [ColumnTally(field.type) for field in schema]
    seen = 0
    for batch in _batches(view, schema, sample if not complete else 0, where, include_deleted, progress):
        seen += len(batch)
        for tally, values in zip(tallies, batch.columns, strict=True):
            tally.add(values)
    described = (
        ColumnDescription(name=field.name, type=type_text(field.type), summary=tally.summary())
        for field, tally in zip(schema, tallies, strict=True)
    )
    return Description(rows=view.rows, sampled=seen, complete=complete, columns=tuple(described))


def _batches(
    view: MergedView,
    schema: pa.Schema,
    sample: int,
    where: Where | None,
    include_deleted: bool,
    progress: Callable[[int], None] | None,
) -> Iterator[pa.RecordBatch]:
    if sample == 0:
        yield from select_rows(
            partial(view.batches, include_deleted=include_deleted, progress=progress),
            schema,
            view.schema(include_deleted=True),
            where,
            view=None if include_deleted else view,
            progress=progress,
        )
        return
    hidden = [] if include_deleted or _DELETED in schema.names else [_DELETED]
    table = view.rows_at(_sample_rows(view, sample), [*schema.names, *hidden]).combine_chunks()
    if not include_deleted:
        live = [not flag for flag in table.column(_DELETED).to_pylist()]
        table = table.filter(boolean_array(np.array(live, np.bool_))).combine_chunks()
    yield from table.select(schema.names).to_batches()
    if progress is not None:
        progress(sample)


def _sample_rows(view: MergedView, sample: int) -> npt.NDArray[np.int64]:
    """Return about `sample` row numbers, ascending, each once, in windows spread over the base.

    Windows begin at the beginning of row groups where there are as many: nothing before them has to be decoded.
    """
    metadata = view.source.file.metadata
    starts = np.cumsum([0, *(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))])[:-1]
    count = -(-sample // _WINDOW)
    last = max(0, view.rows - _WINDOW)
    if len(starts) >= count:
        places = np.minimum(starts[np.linspace(0, len(starts) - 1, count).astype(np.int64)], last)
    else:
        places = np.linspace(0, last, count).astype(np.int64)
    rows = distinct(np.concatenate([np.arange(place, place + _WINDOW, dtype=np.int64) for place in places]))
    return rows[rows < view.rows][:sample]
