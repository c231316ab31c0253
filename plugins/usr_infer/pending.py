"""Which records still lack a value of a column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from usr_core.api import ExporterSpec, ExportRequest, ExportResult
from usr_core.api.registry import read_registry
from usr_core.api.results import ExportOutcome, Scan, export_batches
from usr_infer.columns import NAMESPACE

if TYPE_CHECKING:
    from usr_core.api import Dataset

__all__ = ["Pending", "pending_column", "pending_ids", "write_ids"]

_SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False)])


def pending_column(dataset: Dataset, name: str) -> str:
    """Return the full name of a column; an output of the namespace `infer` may be named without its prefix.

    Raises:
        NamespaceNotRegistered, ColumnNotRegistered: There is no such column, in the dataset or in the registry.
    """
    full = f"{NAMESPACE}__{name}"
    present = {column.name for column in dataset.columns()}
    found = next((one for one in (name, full) if one in present), None)
    if found is not None:
        return found
    registry = read_registry(dataset.ref.root)
    known = {column for entry in registry.namespaces.values() for column in entry.column_names}
    found = next((one for one in (name, full) if one in known), None)
    if found is None:
        owner = name.partition("__")[0] if "__" in name else NAMESPACE
        registry.namespace(owner if owner in registry.namespaces else NAMESPACE).column(name)
    return found or name


class Pending:
    """The ids of the records that lack a value, in row order; deleted records have none to lack.

    Args:
        dataset: The dataset.
        column: The full name of a column that is registered, whether the dataset has it yet or not.
        limit: Stop after so many; 0 is all.

    Attributes:
        listed: How many have been given.
        complete: Whether there are no more; to be asked at the end.
    """

    def __init__(self, dataset: Dataset, column: str, *, limit: int = 0) -> None:
        self._dataset, self._column, self._limit = dataset, column, limit
        self.listed = 0
        self.complete = True

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of one column, ``id``; no more of the dataset is read than that and the column."""
        has_it = any(column.name == self._column for column in self._dataset.columns())
        where = [(self._column, "is null")] if has_it else None
        # Not by way of `Dataset.scan`, whose errors while it reads are Arrow's.
        with self._dataset.view() as view, closing(Scan(view, ["id"], where=where)) as scan:
            for batch in scan:
                left = self._limit - self.listed if self._limit else batch.num_rows
                if batch.num_rows > left:
                    self.complete = False
                    batch = batch.slice(0, left)  # noqa: PLW2901
                self.listed += batch.num_rows
                if batch.num_rows:
                    yield pa.RecordBatch.from_arrays([batch.column(0)], schema=_SCHEMA)
                if not self.complete:
                    return


def pending_ids(pending: Pending) -> Iterator[str]:
    """Yield the ids one by one."""
    for batch in pending.batches():
        yield from batch.column(0).to_pylist()


def write_ids(pending: Pending, target: Path, *, overwrite: bool, dry_run: bool = False) -> ExportOutcome:
    """Write the ids into a file, one a line; it appears whole or not at all.

    Raises:
        TargetExists, TargetInDataset, TargetNotAFile, TargetFolderMissing, FileSystemError: The file can't be written.
    """
    return export_batches(
        _LineWriter(),
        target,
        spec=_LINES,
        schema=_SCHEMA,
        batches=pending.batches(),
        overwrite=overwrite,
        dry_run=dry_run,
    )


class _LineWriter:
    """Writes one id a line."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write the ids of all batches, holding one batch at a time."""
        rows = 0
        with request.open() as file:
            for batch in batches:
                file.write("".join(f"{one}\n" for one in batch.column(0).to_pylist()).encode("utf-8"))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


_LINES = ExporterSpec(name="ids", summary="An id a line", factory=_LineWriter, suffix=".txt", streams=True)
