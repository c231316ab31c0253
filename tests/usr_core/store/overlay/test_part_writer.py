"""Writing a part in the base's row order, whatever order rows come in and however many there are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.file import write_options
from usr_core.store.overlay.part_writer import PartWriter

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("mock__v", pa.list_(pa.float64()))])


def batch_at(positions: np.ndarray) -> pa.RecordBatch:
    """Rows whose id and value tell the base position they belong to."""
    rows = positions.tolist()
    return pa.RecordBatch.from_arrays(
        [pa.array([f"{row:040d}" for row in rows]), pa.array([[float(row), 0.5] for row in rows])], schema=SCHEMA
    )


def write(path: Path, chunks: list[np.ndarray], *, boundaries: list[int], held_bytes: int) -> pq.ParquetFile:
    """Write the chunks, in this order, and open the part."""
    writer = PartWriter(
        path,
        SCHEMA,
        options=write_options(SCHEMA, bloom="id").writer_arguments(),
        boundaries=boundaries,
        held_bytes=held_bytes,
    )
    for chunk in chunks:
        writer.add(batch_at(chunk), chunk)
    writer.close()
    return pq.ParquetFile(path)


def ids_in(part: pq.ParquetFile) -> list[int]:
    return [int(text) for text in part.read(columns=["id"]).column(0).to_pylist()]


SHUFFLED = np.random.default_rng(7).permutation(50_000).astype(np.int64)
ORDERED = np.arange(50_000, dtype=np.int64)
LATE_BREAK = np.concatenate([np.arange(1_000, 50_000), np.arange(1_000)]).astype(np.int64)


@pytest.mark.parametrize("held_bytes", [1 << 30, 100_000], ids=["in memory", "beyond memory"])
@pytest.mark.parametrize(
    "order",
    [SHUFFLED, ORDERED, LATE_BREAK, ORDERED[::-1].copy()],
    ids=["shuffled", "ordered", "late break", "reversed"],
)
def test_rows_end_up_in_the_order_of_the_base(tmp_path: Path, order: np.ndarray, held_bytes: int) -> None:
    """Every row is written once, in ascending base position, with its own value."""
    part = write(
        tmp_path / "p.parquet", np.array_split(order, 23), boundaries=[20_000, 40_000, 60_000], held_bytes=held_bytes
    )
    table = part.read()

    assert list(range(50_000)) == ids_in(part)
    assert [float(row) for row in range(50_000)] == [value[0] for value in table.column("mock__v").to_pylist()]


def test_row_groups_end_where_the_bases_end(tmp_path: Path) -> None:
    """A part that covers the base has row groups of the same rows as the base."""
    rows = np.arange(100_000, dtype=np.int64)
    part = write(
        tmp_path / "p.parquet", np.array_split(rows, 7), boundaries=[40_000, 80_000, 100_000], held_bytes=1_000
    )
    sizes = [part.metadata.row_group(index).num_rows for index in range(part.num_row_groups)]

    assert [40_000, 40_000, 20_000] == sizes


def test_a_sparse_part_has_no_small_row_groups(tmp_path: Path) -> None:
    """Groups are joined over the base's boundaries until they are worth reading."""
    rows = np.arange(0, 3_000_000, 100, dtype=np.int64)
    part = write(
        tmp_path / "p.parquet", [rows], boundaries=list(range(131_072, 3_100_000, 131_072)), held_bytes=1 << 30
    )

    assert 1 == part.num_row_groups
    assert all(one < other for one, other in pairwise(ids_in(part)))


def test_no_rows_give_a_valid_empty_part(tmp_path: Path) -> None:
    """A part without rows can be opened and has the schema."""
    part = write(tmp_path / "p.parquet", [], boundaries=[], held_bytes=1_000)

    assert 0 == part.metadata.num_rows
    assert SCHEMA.names == part.schema_arrow.names


def test_nothing_is_left_beside_the_part(tmp_path: Path) -> None:
    """Spilled buckets are gone once the part is written."""
    write(tmp_path / "p.parquet", np.array_split(SHUFFLED, 9), boundaries=[50_000], held_bytes=1_000)

    assert ["p.parquet"] == [entry.name for entry in tmp_path.iterdir()]


def test_a_large_base_has_few_buckets(tmp_path: Path) -> None:
    """Each bucket is an open file, and there are at most some 256 however many rows the base has."""
    rows = np.random.default_rng(3).permutation(200_000_000 // 20_000).astype(np.int64) * 20_000
    writer = PartWriter(
        tmp_path / "p.parquet",
        SCHEMA,
        options=write_options(SCHEMA, bloom="id").writer_arguments(),
        boundaries=[100_000_000, 200_000_000],
        held_bytes=1_000,
    )
    for chunk in np.array_split(rows, 3):
        writer.add(batch_at(chunk), chunk)
    spilled = len(list((tmp_path / "p.spill").iterdir()))
    writer.close()

    assert 200 < spilled <= 256
    assert sorted(rows.tolist()) == ids_in(pq.ParquetFile(tmp_path / "p.parquet"))


@pytest.mark.parametrize("order", [SHUFFLED, ORDERED, LATE_BREAK], ids=["shuffled", "ordered", "late break"])
def test_an_abort_leaves_nothing(tmp_path: Path, order: np.ndarray) -> None:
    """Neither the part nor a spilled file, also when it is said twice."""
    writer = PartWriter(tmp_path / "p.parquet", SCHEMA, options={}, boundaries=[50_000], held_bytes=1_000)
    for chunk in np.array_split(order, 5):
        writer.add(batch_at(chunk), chunk)
    writer.abort()
    writer.abort()

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("order", [SHUFFLED, ORDERED, LATE_BREAK], ids=["shuffled", "ordered", "late break"])
def test_a_part_that_is_not_closed_is_removed(tmp_path: Path, order: np.ndarray) -> None:
    """Whether its block is left by an error or without closing it; a part that is closed stays."""
    path = tmp_path / "p.parquet"
    with (
        pytest.raises(ValueError, match="no"),
        PartWriter(path, SCHEMA, options={}, boundaries=[50_000], held_bytes=1_000) as writer,
    ):
        for chunk in np.array_split(order, 5):
            writer.add(batch_at(chunk), chunk)
        raise ValueError("no")
    assert [] == list(tmp_path.iterdir())

    with PartWriter(path, SCHEMA, options={}, boundaries=[50_000]) as writer:
        writer.add(batch_at(order), order)
        writer.close()
    assert [path] == list(tmp_path.iterdir())
