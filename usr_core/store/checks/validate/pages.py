"""Reading every page of a Parquet file in pieces of bounded size."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.errors import OutOfMemory
from usr_core.store.base.parquet import OpenParquet

__all__ = [
    "BATCH_BYTES",
    "DAMAGE",
    "batches_of_group",
    "columns_that_repeat",
    "memory_told",
    "read_pages",
    "thread_count",
]

BATCH_BYTES = 32 << 20
"""Decoded bytes, roughly, that one piece holds."""

# What pyarrow raises over damaged files; a name or text in them that is not UTF-8 is a plain ValueError.
DAMAGE = (pa.ArrowException, OSError, ValueError)

_BATCH_ROWS = 131_072
_BUFFERED = 1 << 20


def batches_of_group(
    source: OpenParquet, group: int, columns: Sequence[str], *, dictionaries: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield `columns` of one row group, in pieces of at most `BATCH_BYTES` (but at least one row).

    Args:
        source: The open file; readers of their own are taken, so several threads may do this at once.
        group: The row group.
        columns: Names of top-level columns, each of which the file has once.
        dictionaries: Text columns to be delivered as dictionaries.
    """
    if not columns:
        return
    metadata = source.file.metadata
    wanted = frozenset(columns)
    chunks = [metadata.row_group(group).column(index) for index in range(metadata.num_columns)]
    held = [chunk for chunk in chunks if chunk.path_in_schema.split(".", 1)[0] in wanted]
    rows = max(1, metadata.row_group(group).num_rows)
    width = max(1, sum(chunk.total_uncompressed_size for chunk in held) // rows)
    large = max((chunk.total_compressed_size for chunk in held), default=0) > BATCH_BYTES
    reader = pq.ParquetFile(
        source.handle,
        metadata=metadata,
        pre_buffer=False,
        buffer_size=_BUFFERED if large else 0,
        page_checksum_verification=True,
        read_dictionary=[name for name in dictionaries if name in wanted],
    )
    size = max(1, min(_BATCH_ROWS, BATCH_BYTES // width))
    yield from reader.iter_batches(size, row_groups=[group], columns=list(columns), use_threads=False)


def read_pages(source: OpenParquet, group: int, columns: Sequence[str]) -> None:
    """Decode `columns` of one row group and keep nothing: as many at once as `BATCH_BYTES` hold, but at least one.

    A reader costs time for each column that the file has, wanted or not; so one is taken for many columns.

    Raises:
        DAMAGE: A page is damaged.
        OutOfMemory: The memory was not enough for a page; that tells nothing of the file.
    """
    wanted = frozenset(columns)
    sizes: dict[str, int] = {}
    row_group = source.file.metadata.row_group(group)
    for index in range(source.file.metadata.num_columns):
        chunk = row_group.column(index)
        name = chunk.path_in_schema.split(".", 1)[0]
        if name in wanted:
            sizes[name] = sizes.get(name, 0) + chunk.total_uncompressed_size
    together: list[str] = []
    held = 0
    for name, size in sizes.items():
        if together and held + size > BATCH_BYTES:
            _decode(source, group, together)
            together, held = [], 0
        together.append(name)
        held += size
    _decode(source, group, together)


def columns_that_repeat(schema: pa.Schema) -> list[str]:
    """Return the names that the file has more than once, or that a reader can't ask for (they hold a dot)."""
    counts = Counter(schema.names)
    return sorted(name for name, count in counts.items() if count > 1 or "." in name)


@contextlib.contextmanager
def memory_told(file: str) -> Iterator[None]:
    """Tell that memory ran out while `file` was read; Arrow's own error for that counts as damage otherwise.

    Raises:
        OutOfMemory: The memory that this process may take was not enough.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except MemoryError as error:
        raise OutOfMemory("reading pages", file=file) from error


def thread_count() -> int:
    """Return how many threads a validation uses: all cores that this process may run on, at most 8."""
    import os

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(8, cores))


def _decode(source: OpenParquet, group: int, columns: Sequence[str]) -> None:
    for _ in batches_of_group(source, group, columns):
        pass
