"""The merged view: the base's rows with the newest value of every overlay column, deleted rows left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.commit.file_tree import FileTree
from usr_core.errors import counted
from usr_core.records.arrow_calls import kept_where
from usr_core.registry.document import TOMBSTONE_NAMESPACE
from usr_core.store.base.opened import open_base
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.row_numbers import row_numbers
from usr_core.store.parts.files import NamespaceOverlay, list_overlays
from usr_core.store.view.head import PointReader
from usr_core.store.view.part_catalogue import list_remembered
from usr_core.store.view.places import ViewPlaces
from usr_core.store.view.registered_types import RegisteredTypes
from usr_core.store.view.schema import ViewColumn, ViewColumns, schema_of

if TYPE_CHECKING:
    from usr_core.store.view.aligned import AlignedColumn

__all__ = ["MOST_BATCH_ROWS", "MergedView"]

MOST_BATCH_ROWS = 131_072


class MergedView:
    """A dataset as its readers see it, from files that are all open; use it on one thread at a time.

    Rows and their order are the base's. Columns are the base's in its order, then each namespace's, namespaces
    by name, columns by first appearance in write order.

    Example:
        >>> with dataset.view() as view:
        ...     view.rows, view.deleted_count(), view.schema(["lab__gc"]).names, sorted(view.overlays)
        ...     view.base.metadata.num_rows == view.source.rows
        ...     [batch["lab__gc"].to_pylist() for batch in view.batches(["lab__gc"])]
        (3, 0, ['lab__gc'], ['lab'])
        True
        [[0.4, 0.3, 0.55]]
    """

    def __init__(
        self,
        base: OpenParquet,
        overlays: Mapping[str, NamespaceOverlay],
        registered: RegisteredTypes | None = None,
    ) -> None:
        self._base = base
        self._overlays = dict(overlays)
        self._columns = ViewColumns(base.schema, overlays, registered)
        self._places = ViewPlaces(base)
        self._points = PointReader(base, self._overlays, self._places)
        self._deleted_rows: npt.NDArray[np.int32] | None = None

    @classmethod
    def open(cls, tree: FileTree, *, namespaces: Collection[str] | None = None, few_rows: bool = False) -> MergedView:
        """Open the base and the overlays, footers read, values not. `Dataset.view` calls it.

        Args:
            tree: The dataset's files, from `read_consistent`.
            namespaces: Whose overlays to merge, or None for all; tombstones always count. Columns that the
                base itself has are there in any case.
            few_rows: Only a few rows are to be read: parts that are remembered are opened when one of these may be
                in them. Whoever reads starts again without it where that ends with `Overtaken`.

        Raises:
            BaseMissing: The dataset has no base.
            BaseUnreadable: The base is not a whole Parquet file, or has no column ``id``.
            AmbiguousOverlay, OverlayUnreadable, OverlayNotStamped: See `list_overlays`.
            OverlayTypesDiffer: Two files hold a column with different types.
            FileSystemError: A file can't be opened; too many of them, for one.
        """
        wanted = None if namespaces is None else {*namespaces, TOMBSTONE_NAMESPACE}
        base = open_base(tree)
        overlays: dict[str, NamespaceOverlay] = {}
        try:
            overlays = (list_remembered if few_rows else list_overlays)(tree, namespaces=wanted)
            return cls(base, overlays, RegisteredTypes(tree, base.schema, overlays))
        except BaseException:
            base.close()
            for overlay in overlays.values():
                overlay.close()
            raise

    def __repr__(self) -> str:
        return f"MergedView({counted(self.rows, 'row')} of the base, overlays: {', '.join(self._overlays) or 'none'})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def base(self) -> pq.ParquetFile:
        """The base file, for one thread."""
        return self._base.file

    @property
    def source(self) -> OpenParquet:
        """The base file, held open; each thread takes a reader of its own."""
        return self._base

    @property
    def overlays(self) -> Mapping[str, NamespaceOverlay]:
        """The opened overlays by namespace, tombstones included."""
        return self._overlays

    @property
    def rows(self) -> int:
        """Rows of the base, deleted ones included."""
        return self._base.rows

    def deleted_count(self) -> int:
        """Return how many rows are deleted. Reads the base's ids where there are tombstones."""
        return len(self._deleted())

    def deleted_rows(self) -> npt.NDArray[np.int32]:
        """Return the numbers of the deleted rows, ascending. Reads the base's ids where there are tombstones.

        Example:
            >>> dataset.delete(ids[1:2]).deleted
            1
            >>> with dataset.view() as view:
            ...     view.deleted_rows().tolist()
            [1]
        """
        return self._deleted()

    def unmatched_counts(self, namespaces: Collection[str] | None = None) -> dict[str, int]:
        """Return, for each opened namespace, how many of its keys match no record; each key counts once.

        Reads all keys, and the base's ids.

        Args:
            namespaces: Opened ones that are looked at; None for all.

        Example:
            >>> with dataset.view() as view:
            ...     view.unmatched_counts(["lab"])
            {'lab': 0}
        """
        wanted = self._overlays if namespaces is None else namespaces
        return {name: self._places.unmatched(self._overlays[name]) for name in wanted}

    def schema(self, columns: Sequence[str] | None = None, *, include_deleted: bool = False) -> pa.Schema:
        """Return the schema of `batches` for the same arguments.

        The seven base columns are not null, all others nullable; list children are called ``item``; no metadata.

        Args:
            columns: Names in the order wanted, or None for all.
            include_deleted: Adds the three tombstone columns, also where nothing is deleted. By name they can
                be had without it.

        Raises:
            UnknownColumn: A name is not a column of the view.
        """
        return schema_of(self._columns.chosen(columns, include_deleted=include_deleted))

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        include_deleted: bool = False,
        batch_rows: int = MOST_BATCH_ROWS,
        step: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the view in the base's order, batch by batch; each has exactly the schema of `schema`.

        Only the columns asked for are read, and only from the namespaces that have them. Memory: a few windows of
        64 MiB, 64 MiB of decoded batches for each namespace (with `step` 2 MiB and 2 MiB a part), the position
        index where parts do not cover the base in its order (28 bytes a base row, 4 an overlay row), not the values.

        Args:
            columns: Names in the order wanted, or None for all. With none at all the batches have rows only.
            include_deleted: Keep deleted rows, and show the tombstone columns.
            batch_rows: Rows of a batch at most, 1 to 131,072; wide rows make batches shorter.
            step: For batches that are used one after the other: each has a multiple of so many base rows, and about
                2 MiB, where that is enough for one step.
            progress: Called with the number of base rows done since its last call.

        Yields:
            Batches of 1 to `batch_rows` rows.

        Raises:
            UnknownColumn: A name is not a column of the view; at the call, not at the first batch.
            BaseColumnHasNulls, KeyNeedsOneBioType, KeyNeedsDna4, BaseKeysNotUnique: The data do not allow it.
            OverlayKeyFault: A part that has one of the columns has a record in several rows.
            BaseUnreadable, OverlayUnreadable: A page is damaged.
        """
        chosen = self._columns.chosen(columns, include_deleted=include_deleted)
        return self._batches(chosen, include_deleted, min(max(batch_rows, 1), MOST_BATCH_ROWS), progress, step)

    def head(self, n: int, columns: Sequence[str] | None = None, *, include_deleted: bool = False) -> pa.Table:
        """Return the first `n` rows of the view.

        The cost does not grow with the base: its first rows are read, and of each part a Bloom filter and
        perhaps a few pages. Only a part keyed by ``sequence_ci``, or a long run of deleted rows, needs the index.

        Raises:
            UnknownColumn: A name is not a column of the view.

        Example:
            >>> with dataset.view() as view:
            ...     view.head(2, ["lab__gc"]).to_pydict()
            {'lab__gc': [0.4, 0.3]}
        """
        chosen = self._columns.chosen(columns, include_deleted=include_deleted)
        n = min(max(n, 0), self.rows)
        table = self._points.head(n, chosen, include_deleted=include_deleted)
        return self._head_by_windows(n, chosen, include_deleted) if table is None else table

    def rows_at(self, rows: npt.NDArray[np.int64], columns: Sequence[str] | None = None) -> pa.Table:
        """Return single rows of the view, whether they are deleted or not.

        Up to 4,096 of them are looked up one by one, as in `head`; more are picked from the stream.

        Args:
            rows: Numbers of base rows, ascending, each once, all below `rows`.
            columns: Names in the order wanted, or None for all but the tombstone columns.

        Raises:
            UnknownColumn: A name is not a column of the view.

        Example:
            >>> import numpy as np
            >>> with dataset.view() as view:
            ...     view.rows_at(np.array([2, 0]), ["lab__gc"]).to_pydict()
            {'lab__gc': [0.55, 0.4]}
        """
        chosen = self._columns.chosen(columns, include_deleted=False)
        table = self._points.rows_at(rows, chosen)
        return self._rows_by_windows(rows, chosen) if table is None else table

    def aligned(self, columns: Sequence[str]) -> list[AlignedColumn] | None:
        """Return the files in which `columns` stand in the base's order; None if that is not so, or not proven.

        It is so only where no row is deleted, and each part with one of the columns covers the base.

        Raises:
            UnknownColumn: A name is not a column of the view.
        """
        from usr_core.store.view.aligned import aligned_columns

        chosen = self._columns.chosen(columns, include_deleted=False)
        return aligned_columns(self._base, self._overlays, self._places.covers, chosen)

    def whole(self, columns: Sequence[str]) -> dict[str, OpenParquet]:
        """Return, for each of `columns` that is known to stand whole in one file, that file: see `whole_columns`.

        Raises:
            UnknownColumn: A name is not a column of the view.
        """
        from usr_core.store.view.aligned import whole_columns

        chosen = self._columns.chosen(columns, include_deleted=True)
        return whole_columns(self._base, self._overlays, self._places.covers, chosen)

    def close(self) -> None:
        """Close every file; iterators over the view must not be used any more."""
        self._base.close()
        for overlay in self._overlays.values():
            overlay.close()

    def _deleted(self) -> npt.NDArray[np.int32]:
        if self._deleted_rows is None:
            self._deleted_rows = self._places.deleted(self._overlays.get(TOMBSTONE_NAMESPACE))
        return self._deleted_rows

    def _batches(
        self,
        chosen: Sequence[ViewColumn],
        include_deleted: bool,
        batch_rows: int,
        progress: Callable[[int], None] | None,
        step: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        from usr_core.store.view.windows import view_windows  # not for `head`, which starts in a fraction of a second

        schema = schema_of(chosen)
        deleted = np.empty(0, np.int32) if include_deleted else self._deleted()
        for window in view_windows(self._base, self._overlays, self._places, chosen, batch_rows, step):
            rows = window.stop - window.start
            arrays = [
                window.columns[column.name] if column.stored else pa.nulls(rows, column.field.type) for column in chosen
            ]
            low, high = np.searchsorted(deleted, (window.start, window.stop))
            if low < high:
                keep = np.ones(rows, np.bool_)
                keep[deleted[low:high] - np.int32(window.start)] = False
                rows -= int(high - low)
                arrays = [kept_where(array, keep) for array in arrays]
            if rows:
                yield _batch(arrays, schema, rows)
            if progress is not None:
                progress(window.stop - window.start)

    def _head_by_windows(self, n: int, chosen: Sequence[ViewColumn], include_deleted: bool) -> pa.Table:
        batches, left = [], n
        stream = self._batches(chosen, include_deleted, MOST_BATCH_ROWS, None)
        while left:
            batch = next(stream, None)
            if batch is None:
                break
            batches.append(batch.slice(0, left))
            left -= batches[-1].num_rows
        return pa.Table.from_batches(batches, schema_of(chosen))

    def _rows_by_windows(self, rows: npt.NDArray[np.int64], chosen: Sequence[ViewColumn]) -> pa.Table:
        batches, done, at = [], 0, 0
        for batch in self._batches(chosen, True, MOST_BATCH_ROWS, None):
            high = int(np.searchsorted(rows, done + len(batch)))
            if high > at:
                batches.append(batch.take(row_numbers(rows[at:high] - done)))
            done, at = done + len(batch), high
            if at == len(rows):
                break
        return pa.Table.from_batches(batches, schema_of(chosen))


def _batch(arrays: Sequence[pa.Array], schema: pa.Schema, rows: int) -> pa.RecordBatch:
    if arrays:
        return pa.RecordBatch.from_arrays(list(arrays), schema=schema)
    # A batch made of no arrays would have no rows.
    return pa.RecordBatch.from_struct_array(pa.Array.from_buffers(pa.struct([]), rows, [None]))
