"""Base files for tests: rows of the seven columns, and what readers other than ours make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.base_schema import base_schema
from usr_core.records.ids import record_id
from usr_core.store.changes.import_.build import BuildOutcome, ImportDefaults, Input, build_base

__all__ = ["METADATA", "base_rows", "build", "excluded_groups", "found_by_duckdb", "group_rows", "random_sequences"]

METADATA = {"usr:schema_version": "1", "usr:id_hash": "sha1_utf8_pipe"}


def random_sequences(rows: int, *, seed: int, length: int = 20) -> list[str]:
    """Return `rows` DNA sequences, the same for the same seed."""
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)[np.random.default_rng(seed).integers(0, 4, (rows, length))]
    return [line.tobytes().decode() for line in letters]


def base_rows(sequences: Sequence[str]) -> pa.RecordBatch:
    """Return rows of the base table for dna_4 sequences."""
    rows = len(sequences)
    columns = [
        pa.array([record_id("dna", sequence) for sequence in sequences], pa.string()),
        pa.array(["dna"] * rows, pa.string()),
        pa.array(sequences, pa.string()),
        pa.array(["dna_4"] * rows, pa.string()),
        pa.array([len(sequence) for sequence in sequences], pa.int32()),
        pa.array(["test"] * rows, pa.string()),
        pa.array([0] * rows, pa.int64()).cast(pa.timestamp("us", "UTC")),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=base_schema())


def build(
    sequences: Sequence[str] | pa.Table,
    destination: Path,
    *,
    existing: Path | None = None,
    on_duplicate: str = "error",
    bio_type: str = "dna",
    alphabet: str = "dna_4",
    batch_rows: int = 1000,
) -> BuildOutcome:
    """Run the import pipeline over sequences, or over a table of an importer's columns."""
    table = sequences if isinstance(sequences, pa.Table) else pa.table({"sequence": pa.array(sequences, pa.string())})

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches(max_chunksize=batch_rows)

    return build_base(
        [Input(label="in.csv", batches=batches())],
        label="in.csv",
        existing=existing,
        destination=destination,
        defaults=ImportDefaults(bio_type=bio_type, alphabet=alphabet, source="in.csv", created_at_us=7),
        on_duplicate=on_duplicate,  # type: ignore[arg-type]
        metadata=METADATA,
    )


def group_rows(path: Path) -> list[int]:
    """Return the rows of each row group."""
    metadata = pq.read_metadata(path)
    return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]


def found_by_duckdb(path: Path, record: str) -> int:
    """Return how many rows DuckDB finds for an id."""
    with duckdb.connect() as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM read_parquet('{path}') WHERE id = ?", [record]).fetchall()
    return int(count[0])


def excluded_groups(path: Path, record: str) -> list[bool]:
    """Return for each row group whether DuckDB rules an id out by its Bloom filter."""
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT * FROM parquet_bloom_probe('{path}', 'id', '{record}')").fetchall()
    return [excluded for _, _, excluded in sorted(rows, key=lambda row: row[1])]
