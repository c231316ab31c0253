"""Datasets for tests of maintenance: a root with a registered namespace, bases and parts written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from support.view_datasets import WHEN, record_id_of, sequence, write_overlay
from usr_core.dataset import Dataset
from usr_core.records.base_schema import base_schema
from usr_core.registry.store import register_namespace

__all__ = [
    "COLUMNS",
    "KINDS",
    "dataset",
    "events",
    "new_root",
    "record_id_of",
    "sequence",
    "values",
    "write_base",
    "write_overlay",
]

COLUMNS = {
    "mock__f": "float64",
    "mock__i": "int64",
    "mock__s": "string",
    "mock__b": "bool",
    "mock__t": "timestamp[us, UTC]",
    "mock__l": "list<float64>",
    "mock__v": "fixed_size_list<int32>[2]",
    "mock__r": "struct<x:int8,y:list<string>>",
}
KINDS = {
    "mock__f": pa.float64(),
    "mock__i": pa.int64(),
    "mock__s": pa.string(),
    "mock__b": pa.bool_(),
    "mock__t": pa.timestamp("us", tz="UTC"),
    "mock__l": pa.list_(pa.float64()),
    "mock__v": pa.list_(pa.int32(), 2),
    "mock__r": pa.struct([("x", pa.int8()), ("y", pa.list_(pa.string()))]),
}


def new_root(path: Path) -> Path:
    """Make a root in which ``mock`` is registered with `COLUMNS`, in this order."""
    path.mkdir(parents=True, exist_ok=True)
    register_namespace(path, "mock", list(COLUMNS.items()))
    return path


def write_base(
    folder: Path,
    sequences: Sequence[str],
    *,
    ids: Sequence[str] | None = None,
    bio_types: Sequence[str] | None = None,
    alphabets: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    extra: Mapping[str, pa.Array] | None = None,
    row_group_size: int = 131_072,
) -> None:
    """Write ``records.parquet`` past every check, with the metadata of the one that is there."""
    kinds = list(bio_types or ["dna"] * len(sequences))
    columns: dict[str, Any] = {
        "id": list(ids or map(record_id_of, sequences, kinds)),
        "bio_type": kinds,
        "sequence": list(sequences),
        "alphabet": list(alphabets or ["dna_4"] * len(sequences)),
        "length": [len(text) for text in sequences],
        "source": list(sources or ["test"] * len(sequences)),
        "created_at": [WHEN] * len(sequences),
    }
    extra = dict(extra or {})
    schema = base_schema([pa.field(name, values.type) for name, values in extra.items()])
    arrays = [
        extra[field.name] if field.name in extra else pa.array(columns[field.name], field.type) for field in schema
    ]
    path = folder / "records.parquet"
    metadata = pq.read_schema(path).metadata
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=schema).replace_schema_metadata(metadata),
        path,
        row_group_size=row_group_size,
    )


def dataset(
    root: Path, name: str, sequences: Sequence[str], *, extra: Mapping[str, pa.Array] | None = None, **options: Any
) -> Dataset:
    """Make a dataset whose base is written by hand."""
    made = Dataset.open(root, name).init()
    write_base(made.path, sequences, extra=extra, **options)
    return made


def values(made: Dataset, *columns: str, include_deleted: bool = False) -> list[tuple[object, ...]]:
    """Return the merged view as tuples, in row order."""
    table = made.to_arrow(columns=list(columns), include_deleted=include_deleted)
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def events(made: Dataset) -> list[str]:
    """Return the actions in the log."""
    return [str(line.event["action"]) for line in made.events()]
