"""The rows that some records have in a reserved namespace, and the change of those rows.

Every verb on records reads the namespace's few rows, finds those of the records it was asked for,
replaces or removes them, and stages the whole file again. Rows that it does not touch keep their order;
those that it writes come last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.records.arrays import boolean_array, fixed_array, text_array
from usr_core.registry.document import NamespaceEntry
from usr_core.store.ids.lookup import AskedIds
from usr_core.store.mutation import Mutation
from usr_core.store.overlay.reserved import read_reserved, reserved_schema, stage_reserved
from usr_core.store.parts.files import NamespaceOverlay, list_overlays
from usr_core.store.view.contributions import pick_rows

__all__ = ["ReservedRows", "opened_reserved", "repeated", "rows_with"]

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservedRows:
    """A reserved namespace as it is, and where the asked records stand in it.

    Attributes:
        entry: Its columns.
        overlay: Its files, open; None where it has none.
        table: Its rows, one a record.
        rows: Rows of `table` that belong to an asked record, ascending.
        asked: For each of them the place of its id among the asked ones.
    """

    entry: NamespaceEntry
    overlay: NamespaceOverlay | None
    table: pa.Table
    rows: Rows
    asked: Rows

    def values(self, column: str) -> list[Any]:
        """Return a column at `rows`, as Python values."""
        at: list[Any] = pick_rows(self.table.column(column).combine_chunks(), self.rows).to_pylist()
        return at

    def taken(self, rows: Rows) -> pa.Table:
        """Return rows of the table, given by ascending numbers."""
        return pa.table(
            [pick_rows(column.combine_chunks(), rows) for column in self.table.columns], schema=self.table.schema
        )

    def without(self, rows: Rows) -> pa.Table:
        """Return the table except for `rows`."""
        kept = np.ones(self.table.num_rows, np.bool_)
        kept[rows] = False
        return self.taken(np.flatnonzero(kept))

    def stage(self, mutation: Mutation, *, removed: Rows, written: pa.Table | None = None) -> int:
        """Stage the namespace's file without the rows `removed`, with `written` at its end; return its bytes."""
        for part in self.overlay.parts if self.overlay is not None else ():
            mutation.txn.keep_clock_after(part.created_at_us)
        kept = self.without(removed) if len(removed) else self.table
        table = kept if written is None or not written.num_rows else pa.concat_tables([kept, written])
        return stage_reserved(mutation, self.entry, table, self.overlay)


@contextmanager
def opened_reserved(tree: FileTree, entry: NamespaceEntry, asked: AskedIds) -> Iterator[ReservedRows]:
    """Read a reserved namespace and find the asked records in it; its files are closed afterwards.

    Raises:
        AmbiguousOverlay, OverlayUnreadable, OverlayNotStamped: The namespace's files are not as they have to be.
    """
    overlay = list_overlays(tree, namespaces=(entry.name,)).get(entry.name)
    try:
        table = read_reserved(overlay, entry)
        places = asked.index.positions(table.column("id")) if len(asked) else np.empty(0, np.int32)
        rows = np.flatnonzero(places >= 0)
        yield ReservedRows(entry=entry, overlay=overlay, table=table, rows=rows, asked=places[rows].astype(np.int64))
    finally:
        if overlay is not None:
            overlay.close()


def rows_with(entry: NamespaceEntry, asked: AskedIds, values: Mapping[str, Any]) -> pa.Table:
    """Return a row for each asked record that has `values` in the columns named, and null in the others."""
    schema = reserved_schema(entry)
    columns = [
        asked.column if field.name == "id" else repeated(values.get(field.name), field.type, len(asked))
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def repeated(value: bool | int | str | Sequence[str] | None, kind: pa.DataType, rows: int) -> pa.Array:
    """Return an array of `kind` with `value` in each of `rows` rows; a time is microseconds since 1970."""
    if value is None or not rows:  # pa.repeat makes no empty array of lists
        return pa.nulls(rows, kind)
    # Arrow's own ways from Python values import pandas; see usr_core.records.arrays.
    if isinstance(value, bool):
        one = boolean_array(np.array([value]))
    elif isinstance(value, str):
        one = text_array([value])
    elif isinstance(value, int):
        one = fixed_array(np.array([value], np.int64), kind)
    else:
        ends = fixed_array(np.array([0, len(value)], np.int32), pa.int32())
        one = pa.ListArray.from_arrays(ends, text_array(value), type=kind)
    return pa.repeat(one[0], rows)
