"""Rows from memory as a source to attach: anything that speaks the Arrow PyCapsule interface."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa

from usr_core.plugin.specs import Opened
from usr_core.store.changes.attach.attachment import AttachSource
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

    def opened(_: Sequence[str], __: object) -> Opened:
        return Opened(columns=list(reader.schema.names), batches=iter(reader))

    return AttachSource(label=label, open=opened)


def batch_source(batches: Iterator[pa.RecordBatch], *, label: str) -> tuple[AttachSource, list[str]]:
    """Return the batches of an overlay writer, which all have one schema, and the names of their columns."""
    first = next(batches, None)
    names = list(first.schema.names) if first is not None else []

    def opened(_: Sequence[str], __: object) -> Opened:
        return Opened(columns=names, batches=itertools.chain([] if first is None else [first], batches))

    return AttachSource(label=label, open=opened), names
