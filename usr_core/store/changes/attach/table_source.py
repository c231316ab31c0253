"""Rows from memory as a source to attach: anything that speaks the Arrow PyCapsule interface."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa

from usr_core.store.changes.attach.attachment import AttachSource
from usr_core.store.changes.attach.errors import AttachColumnMissing
from usr_core.store.rules.errors import NotATable

__all__ = ["batch_source", "open_table", "table_source"]


def open_table(content: object) -> pa.RecordBatchReader:
    """Return a stream over `content`: a table, a batch, a reader, or a frame of another library.

    Raises:
        NotATable: `content` has no ``__arrow_c_stream__``.
    """
    if isinstance(content, pa.RecordBatchReader):
        return content
    if isinstance(content, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(content.schema, [content])
    if hasattr(content, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(content)
    raise NotATable(kind=type(content).__name__)


def table_source(content: object, *, label: str) -> AttachSource:
    """Return `content` as a source; it is read once, a batch at a time."""
    reader = open_table(content)
    names = list(reader.schema.names)

    def batches(wanted: Sequence[str], types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        del types  # values in memory have types of their own
        missing = [name for name in wanted if name not in names]
        if missing:
            raise AttachColumnMissing(label, column=missing[0], present=names)
        for batch in reader:
            yield batch.select(list(wanted))

    return AttachSource(label=label, columns=lambda: names, batches=batches)


def batch_source(batches: Iterator[pa.RecordBatch], *, label: str) -> AttachSource:
    """Return the batches of an overlay writer as a source; they all have the first one's schema."""
    first = next(batches, None)
    names = list(first.schema.names) if first is not None else []

    def chosen(wanted: Sequence[str], types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        del types
        for batch in itertools.chain([] if first is None else [first], batches):
            yield batch.select(list(wanted))

    return AttachSource(label=label, columns=lambda: names, batches=chosen)
