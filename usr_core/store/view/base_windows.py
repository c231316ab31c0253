"""The windows of a view: slices of the base, and every namespace merged beside it, one window ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.arrays import conform, row_width
from usr_core.records.masks import valid_mask
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import BUFFER_BYTES, OpenParquet
from usr_core.store.errors import BaseColumnHasNulls, BaseUnreadable
from usr_core.store.view.last_writer_wins import NamespaceMerge

__all__ = ["STEP_BYTES", "WINDOW_BYTES", "WINDOW_ROWS", "BaseColumn", "Window", "base_windows", "merged_windows"]

WINDOW_ROWS = 131_072
WINDOW_BYTES = 64 << 20
"""Roughly what a window may take, base and overlays together; wide rows make it shorter."""
STEP_BYTES = 2 << 20
"""The same where a stream is read in steps: memory that is used again at once costs a third of fresh memory."""

_THREADS = 2
_WHOLE_CHUNK_BYTES = 80 << 20
"""Column chunks up to this size are fetched whole: what USR encodes for a base, but not vectors copied from a part."""
_ALIKE = 4
"""Adjacent row groups whose rows differ in width by less than this are read with one batch size."""


@dataclass(frozen=True, slots=True)
class BaseColumn:
    """A column of the base file as the view wants it.

    Attributes:
        name: Its name.
        kind: Its plain type.
        checked: Whether a null in it is an error.
    """

    name: str
    kind: pa.DataType
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Base rows from `start` up to `stop` and some columns of them."""

    start: int
    stop: int
    columns: Mapping[str, pa.Array]


def base_windows(
    source: OpenParquet,
    columns: Sequence[BaseColumn],
    *,
    overlay_width: int = 0,
    window_rows: int = WINDOW_ROWS,
    step: int | None = None,
) -> Iterator[Window]:
    """Cut the base into windows of at most `window_rows` rows and about `WINDOW_BYTES`, or `STEP_BYTES` with a step.

    Args:
        source: The base file.
        columns: What to read; with none, nothing is read.
        overlay_width: Bytes of a row that the overlays add.
        window_rows: Rows of a window at most.
        step: Rows of which a window has a multiple, where so many fit into one.

    Raises:
        BaseColumnHasNulls: A checked column holds a null.
        BaseUnreadable: A page is damaged.
    """
    try:
        yield from _windows(source, columns, overlay_width, window_rows, step)
    except (pa.ArrowException, OSError) as error:
        raise BaseUnreadable(source.path, error) from error


def _windows(
    source: OpenParquet, columns: Sequence[BaseColumn], overlay_width: int, window_rows: int, step: int | None
) -> Iterator[Window]:
    names = [column.name for column in columns]
    least = overlay_width + sum(row_width(column.kind) for column in columns) + 1
    done = 0
    for groups, width in _segments(source, frozenset(names), least):
        rows = max(1, min(window_rows, WINDOW_BYTES // width))
        if step is not None and step < rows:
            rows = max(1, min(rows, STEP_BYTES // width) // step) * step
        if not names:
            count = sum(source.file.metadata.row_group(group).num_rows for group in groups)
            for start in range(done, done + count, rows):
                yield Window(start, min(start + rows, done + count), {})
            done += count
            continue
        for batch in _reader(source, names).iter_batches(rows, row_groups=groups, columns=names, use_threads=True):
            if len(batch):
                yield Window(done, done + len(batch), _checked(batch, columns, done))
                done += len(batch)


def merged_windows(
    base: Iterator[Window], namespaces: Sequence[NamespaceMerge], materialized: Sequence[Sequence[str]]
) -> Iterator[Window]:
    """Add each namespace's columns to the windows of the base.

    Namespaces are merged side by side on two threads. While the caller has a window the next one is
    merged and the one after it is read, so three windows are held.

    Args:
        base: Windows in order.
        namespaces: What to merge.
        materialized: For each namespace, which of its columns the base's windows hold as well.
    """
    with ThreadPoolExecutor(_THREADS, "usr-merge") as pool:
        upcoming: Future[Window | None] = pool.submit(next, base, None)
        ready: tuple[Window, list[Future[dict[str, pa.Array]]]] | None = None
        while True:
            window = upcoming.result()
            # A namespace reads forwards: its next window may start only when this one is done.
            finished = None if ready is None else _finished(*ready)
            if window is not None:
                upcoming = pool.submit(next, base, None)
                ready = (
                    window,
                    [
                        pool.submit(
                            one.window, window.start, window.stop, {name: window.columns[name] for name in below}
                        )
                        for one, below in zip(namespaces, materialized, strict=True)
                    ],
                )
            if finished is not None:
                yield finished
            if window is None:
                return


def _finished(window: Window, merged: Sequence[Future[dict[str, pa.Array]]]) -> Window:
    columns = dict(window.columns)
    for one in merged:
        columns.update(one.result())
    return Window(window.start, window.stop, columns)


def _segments(source: OpenParquet, columns: frozenset[str], least: int) -> Iterator[tuple[list[int], int]]:
    """Yield runs of row groups whose rows are about as wide, with that width in bytes."""
    metadata = source.file.metadata
    leaves = [i for i in range(metadata.num_columns) if metadata.schema.column(i).path.split(".", 1)[0] in columns]
    groups: list[int] = []
    narrow = wide = 1
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.num_rows == 0:
            continue
        stored = sum(group.column(leaf).total_uncompressed_size for leaf in leaves) // group.num_rows
        width = max(stored, 0) + least
        if groups and max(wide, width) > _ALIKE * min(narrow, width):
            yield groups, wide
            groups = []
        narrow, wide = (min(narrow, width), max(wide, width)) if groups else (width, width)
        groups.append(number)
    if groups:
        yield groups, wide


def _reader(source: OpenParquet, names: Sequence[str]) -> pq.ParquetFile:
    large = source.largest_chunk(frozenset(names)) > _WHOLE_CHUNK_BYTES
    return source.reader(buffered=BUFFER_BYTES if large else 0)


def _checked(batch: pa.RecordBatch, columns: Sequence[BaseColumn], done: int) -> dict[str, pa.Array]:
    found = {}
    for column in columns:
        values = batch.column(column.name)
        if column.checked and values.null_count:
            row = valid_mask(values).argmin()
            raise BaseColumnHasNulls(column=column.name, file=RECORDS, row=done + int(row) + 1)
        found[column.name] = conform(values, column.kind)
    return found
