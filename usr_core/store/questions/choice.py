"""Which rows of a stream are wanted, and in what order: a sample, sorted, the first ones; in this sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.store.errors import UnknownColumn
from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.questions.errors import SortInvalid
from usr_core.store.questions.row_filter import Where
from usr_core.store.questions.scan import first_rows, select_rows
from usr_core.store.view.merged_view import MergedView

__all__ = ["Choice", "choose_rows"]

_HELD = 131_072
"""Rows that are collected beyond those wanted before they are sorted and cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is chosen of the rows that meet a condition.

    Attributes:
        sample: So many of them, each with the same chance, in the order they had; None for all.
        seed: Decides which those are.
        sort: ``column`` or ``column:desc``; nulls come last, and rows with equal values keep their order.
        limit: The first so many, when all else is done; None for all.
    """

    sample: int | None = None
    seed: int = 0
    sort: str | None = None
    limit: int | None = None

    @property
    def sort_key(self) -> tuple[str, str] | None:
        """The column to sort by and Arrow's word for the direction."""
        if self.sort is None:
            return None
        column, colon, word = self.sort.rpartition(":")
        if colon and word in ("asc", "desc"):
            return column, "descending" if word == "desc" else "ascending"
        return self.sort, "ascending"


def choose_rows(
    batches: Callable[[Sequence[str]], Iterator[pa.RecordBatch]],
    schema: pa.Schema,
    known: pa.Schema,
    where: Where | None,
    choice: Choice,
    *,
    view: MergedView | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Return the rows of `select_rows` that are chosen; memory is theirs where they are sampled or sorted.

    `view` and `progress` are as in `select_rows`.

    Raises:
        SortInvalid: The column to sort by has no order.
        UnknownColumn: It is not there.
        ConditionInvalid, FilterInvalid, PatternInvalid: `where` can't be used.
    """
    wide, key = schema, choice.sort_key
    if key is not None:
        column = key[0]
        if known.get_field_index(column) < 0:
            raise UnknownColumn(column, known=known.names)
        if pa.types.is_nested(known.field(column).type):
            raise SortInvalid(column=column, kind=str(known.field(column).type))
        if column not in schema.names:
            wide = schema.append(known.field(column))
    rows = select_rows(batches, wide, known, where, view=view, progress=progress)
    if choice.sample is not None:
        rows = _sampled(rows, wide, choice.sample, choice.seed)
    if key is not None:
        rows = _sorted(rows, wide, key, choice.limit)
    rows = first_rows(rows, choice.limit)
    return rows if wide is schema else (batch.select(schema.names) for batch in rows)


def _sampled(batches: Iterator[pa.RecordBatch], schema: pa.Schema, count: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Yield the `count` rows with the smallest of random numbers, one a row, whatever the batches are."""
    random = np.random.default_rng(seed)
    kept, numbers = pa.Table.from_batches([], schema), np.empty(0)
    for batch in batches:
        drawn = random.random(len(batch))
        chosen = drawn < (numbers.max() if len(numbers) == count and count else np.inf)
        if not count or not chosen.any():
            continue
        added = pa.Table.from_batches([batch.filter(boolean_array(chosen))], schema)
        kept, numbers = pa.concat_tables([kept, added]), np.append(numbers, drawn[chosen])
        if len(numbers) > count:
            places = np.sort(np.argpartition(numbers, count - 1)[:count])
            kept, numbers = kept.take(row_numbers(places)).combine_chunks(), numbers[places]
    yield from kept.to_batches()


def _sorted(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, key: tuple[str, str], limit: int | None
) -> Iterator[pa.RecordBatch]:
    column = key[0]
    held: list[pa.Table] = []
    count = 0
    for batch in batches:
        held.append(pa.Table.from_batches([batch], schema))
        count += len(batch)
        if limit is not None and count > limit + _HELD:
            held = [_in_order(held, schema, column, key[1]).slice(0, limit).combine_chunks()]
            count = len(held[0])
    yield from _in_order(held, schema, column, key[1]).to_batches(max_chunksize=_HELD)


def _in_order(tables: list[pa.Table], schema: pa.Schema, column: str, direction: str) -> pa.Table:
    import pyarrow.compute as pc

    table = pa.concat_tables(tables) if tables else pa.Table.from_batches([], schema)
    values = table.column(column)
    if pa.types.is_float16(values.type):
        values = values.cast(pa.float32())
    keys = pa.table({"key": values})
    return table.take(pc.sort_indices(keys, sort_keys=[("key", direction)]))
