"""Datasets written by hand for the merged view: a base and overlay files exactly as a test wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.commit.file_tree import FileTree
from usr_core.records.base_schema import base_schema
from usr_core.store.view.merged_view import MergedView

__all__ = ["WHEN", "open_view", "record_id_of", "rows_of", "sequence", "write_base", "write_overlay"]

WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def record_id_of(sequence: str, bio_type: str = "dna") -> str:
    """Return the id that a record of `sequence` has."""
    return hashlib.sha1(f"{bio_type}|{sequence}".encode(), usedforsecurity=False).hexdigest()


def sequence(number: int, length: int = 12) -> str:
    """Return the sequence number `number`; different numbers below 4^12 give different ones."""
    return "".join("ACGT"[(number >> (2 * at)) & 3] for at in range(length))


def write_base(
    folder: Path,
    sequences: Sequence[str],
    *,
    ids: Sequence[str | None] | None = None,
    bio_types: Sequence[str] | None = None,
    alphabets: Sequence[str] | None = None,
    extra: Mapping[str, pa.Array] | None = None,
    row_group_size: int = 131_072,
    schema: pa.Schema | None = None,
) -> list[str]:
    """Write ``records.parquet`` and return its ids."""
    kinds = list(bio_types or ["dna"] * len(sequences))
    ids = list(ids or [record_id_of(text, kind) for text, kind in zip(sequences, kinds, strict=True)])
    extra = dict(extra or {})
    schema = schema or base_schema([pa.field(name, values.type) for name, values in extra.items()])
    columns = {
        "id": ids,
        "bio_type": kinds,
        "sequence": list(sequences),
        "alphabet": list(alphabets or ["dna_4"] * len(sequences)),
        "length": [len(text) for text in sequences],
        "source": ["test"] * len(sequences),
        "created_at": [WHEN] * len(sequences),
    }
    arrays = [
        extra[field.name] if field.name in extra else pa.array(columns[field.name], field.type) for field in schema
    ]
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_arrays(arrays, schema=schema)
    table = table.replace_schema_metadata({"usr:schema_version": "1", **(schema.metadata or {})})
    pq.write_table(table, folder / "records.parquet", row_group_size=row_group_size)
    return ids


def write_overlay(
    folder: Path,
    namespace: str,
    keys: Sequence[str | None],
    columns: Mapping[str, pa.Array],
    *,
    key: str = "id",
    created_at: str = "2026-01-01T00:00:00.000000Z",
    part: str | None = "part-20260101T000000000000-00000000",
    metadata: Mapping[str, str] | None = None,
    row_group_size: int = 131_072,
    bloom: bool = False,
) -> Path:
    """Write one overlay file: a part called `part`, or the namespace's single file where that is None."""
    path = folder / "_derived" / (f"{namespace}.parquet" if part is None else f"{namespace}/{part}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    if metadata is None:
        metadata = {
            "usr:overlay_namespace": namespace,
            "usr:overlay_key": key,
            "usr:overlay_created_at": created_at,
            "usr:registry_hash": "a" * 64,
            "usr:namespace_contract_hash": "b" * 64,
        }
    table = pa.table({key: pa.array(keys, pa.string()), **columns}).replace_schema_metadata(dict(metadata))
    options = {"bloom_filter_options": {key: {"ndv": max(1, len(keys)), "fpp": 0.001}}} if bloom else {}
    pq.write_table(table, path, row_group_size=row_group_size, **options)
    return path


def open_view(folder: Path, namespaces: Sequence[str] | None = None) -> MergedView:
    """Open the merged view of a folder that no writer is at work in."""
    return MergedView.open(FileTree(folder), namespaces=namespaces)


def rows_of(
    folder: Path, columns: Sequence[str] | None = None, *, include_deleted: bool = False, batch_rows: int = 131_072
) -> list[dict[str, object]]:
    """Return the merged view's rows."""
    with open_view(folder) as view:
        batches = view.batches(columns, include_deleted=include_deleted, batch_rows=batch_rows)
        schema = view.schema(columns, include_deleted=include_deleted)
        return pa.Table.from_batches(batches, schema).to_pylist()
