"""A stream over the merged view, with the rows and columns that are asked for, which closes its own files."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Self

import pyarrow as pa

from usr_core.store.questions.row_filter import RowFilter, Where, filter_columns, parse_filter
from usr_core.store.view.merged_view import MergedView

__all__ = ["Scan"]


class Scan(Iterator[pa.RecordBatch]):
    """Batches of one view, in the base's order; the view is closed at the end, by `close`, or when this is dropped.

    Args:
        view: An open view that belongs to this scan from now on.
        columns: Names in the order wanted, or None for all.
        where: Which rows are wanted, see `usr_core.store.questions.row_filter`; columns that only it names are read
            and not returned.
        include_deleted: Keep deleted rows, and show the tombstone columns.

    Raises:
        UnknownColumn: A name is not a column of the view.
        FilterInvalid, PatternInvalid: `where` can't be used.

    Example:
        >>> from usr_core.api.results import Scan
        >>> with dataset.view() as view:
        ...     scan = Scan(view, ["lab__gc"], where=[("lab__gc", ">", 0.35)])
        ...     scan.schema.names, [batch["lab__gc"].to_pylist() for batch in scan]
        (['lab__gc'], [[0.4, 0.55]])
    """

    def __init__(
        self,
        view: MergedView,
        columns: Sequence[str] | None = None,
        *,
        where: Where | None = None,
        include_deleted: bool = False,
    ) -> None:
        self._view = view
        self._filter: RowFilter | None = None
        try:
            self.schema: pa.Schema = view.schema(columns, include_deleted=include_deleted)
            names = self.schema.names
            if where is not None:
                looked_at = filter_columns(where)
                kinds = {field.name: field.type for field in view.schema(looked_at)}
                self._filter = parse_filter(where, kinds)
                names = list(dict.fromkeys([*names, *looked_at]))
            self._batches = view.batches(names, include_deleted=include_deleted)
        except BaseException:
            view.close()
            raise

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        for batch in self._batches:
            kept = batch if self._filter is None else self._filtered(batch, self._filter)
            if len(kept):
                return kept
        self.close()
        raise StopIteration

    def __del__(self) -> None:
        self.close()

    def reader(self) -> pa.RecordBatchReader:
        """Return this as Arrow's reader, which raises what reading raises; closing it closes nothing here.

        Example:
            >>> from usr_core.api.results import Scan
            >>> with dataset.view() as view:
            ...     Scan(view, ["lab__gc"]).reader().read_all()["lab__gc"].to_pylist()
            [0.4, 0.3, 0.55]
        """
        return pa.RecordBatchReader.from_batches(self.schema, self)

    def close(self) -> None:
        """Close the view's files.

        Example:
            >>> from usr_core.api.results import Scan
            >>> with dataset.view() as view:
            ...     scan = Scan(view, ["id"])
            ...     scan.close()
        """
        batches = self.__dict__.get("_batches")
        if isinstance(batches, Generator):
            batches.close()  # its threads end before the files do
        self._view.close()

    def _filtered(self, batch: pa.RecordBatch, rows: RowFilter) -> pa.RecordBatch:
        mask = rows.mask(batch)
        if not len(self.schema):  # rows without columns, which no filter of Arrow's keeps count of
            return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), mask.true_count, [None]))
        return batch.select(self.schema.names).filter(mask)
