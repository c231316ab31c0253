"""Datasets for tests of reading: written by hand in a root, opened through the facade."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from support.overlays import write_tombstones
from support.view_datasets import sequence, write_base, write_overlay
from usr_core import Dataset

__all__ = ["damage_column", "make_dataset", "open_files"]


def make_dataset(
    root: Path,
    rows: int,
    *,
    columns: Mapping[str, pa.Array] | None = None,
    deleted: Sequence[int] = (),
    row_group_size: int = 131_072,
    bloom: bool = True,
    key: str = "id",
    extra: Mapping[str, pa.Array] | None = None,
) -> tuple[Dataset, list[str]]:
    """Write the dataset ``d`` below `root` and return it with its ids.

    Args:
        root: A folder that is there.
        rows: Records, with the sequences of `support.view_datasets.sequence`.
        columns: Attached columns of the namespace ``mock``, one value a record, in one part.
        deleted: Rows that have a tombstone.
        row_group_size: Of the base and the part.
        bloom: Whether the part has a Bloom filter.
        key: What the part is keyed by.
        extra: Materialized columns.
    """
    sequences = [sequence(number) for number in range(rows)]
    ids = write_base(root / "d", sequences, row_group_size=row_group_size, extra=extra)
    if columns:
        keys = ids if key == "id" else sequences
        write_overlay(root / "d", "mock", keys, columns, key=key, row_group_size=row_group_size, bloom=bloom)
    if deleted:
        write_tombstones(root / "d", [ids[row] for row in deleted])
    return Dataset.open(root, "d"), ids


def open_files(folder: Path) -> list[str]:
    """Return the files below `folder` that this process has open, as the system lists them."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:  # the listing's own descriptor
            continue
        if target.startswith(f"{folder}{os.sep}"):
            found.append(target)
    return sorted(found)


def damage_column(path: Path, column: str) -> None:
    """Overwrite a column's pages in the first row group of a Parquet file; its footer stays whole."""
    metadata = pq.read_metadata(path)
    leaf = next(i for i in range(metadata.num_columns) if metadata.schema.column(i).path == column)
    chunk = metadata.row_group(0).column(leaf)
    with path.open("r+b") as file:
        file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
        file.write(b"\xff" * chunk.total_compressed_size)
