"""Overlay files as an older writer, or sync, would leave them: written straight to disk, past every check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ids_of", "write_overlay", "write_tombstones"]


def ids_of(dataset: Path) -> list[str]:
    """Return the ids of a dataset's base, in its order."""
    ids: list[str] = pq.ParquetFile(dataset / "records.parquet").read(["id"]).column("id").to_pylist()
    return ids


def write_overlay(
    file: Path,
    namespace: str,
    columns: Mapping[str, pa.Array],
    *,
    key: str = "id",
    created_at: str = "2026-01-01T00:00:00.000000Z",
) -> Path:
    """Write an overlay file with the metadata that readers need, and return its path."""
    stamps = {"usr:overlay_namespace": namespace, "usr:overlay_key": key, "usr:overlay_created_at": created_at}
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(dict(columns)).replace_schema_metadata(stamps), file)
    return file


def write_tombstones(dataset: Path, ids: Sequence[str]) -> Path:
    """Mark records as deleted, as `usr delete` writes it."""
    when = [datetime(2026, 1, 1, tzinfo=UTC)] * len(ids)
    return write_overlay(
        dataset / "_derived" / "usr.parquet",
        "usr",
        {
            "id": pa.array(ids, pa.string()),
            "usr__deleted": pa.array([True] * len(ids), pa.bool_()),
            "usr__deleted_at": pa.array(when, pa.timestamp("us", tz="UTC")),
            "usr__deleted_reason": pa.array(["a test"] * len(ids), pa.string()),
        },
    )
