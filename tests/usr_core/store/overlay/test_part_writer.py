"""Writing a part in the base's row order, whatever order rows come in and however many there are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.splice import Stored
from usr_core.store.overlay.part_writer import PartWriter, row_group_ends

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


BESIDE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("mock__v", pa.list_(pa.float32(), 3)),
        pa.field("mock__s", pa.string()),
        pa.field("mock__w", pa.list_(pa.float64(), 2)),
    ]
)
GROUPS = [700, 900, 400]


class TestBesideABase:
    """Ids are copied from the base where a row group of the part is one of the base's, and encoded elsewhere."""

    @pytest.fixture
    def base(self, tmp_path: Path) -> Iterator[OpenParquet]:
        """A base of three row groups, and one without rows."""
        path = tmp_path / "base.parquet"
        ids = pa.array([f"{row:040d}" for row in range(sum(GROUPS))])
        table = pa.table([ids], schema=pa.schema([BESIDE.field(0)]))
        with pq.ParquetWriter(path, table.schema, **write_options(table.schema, bloom="id").writer_arguments()) as out:
            for start, rows in ((0, 700), (700, 900), (1_600, 0), (1_600, 400)):
                out.write_table(table.slice(start, rows), row_group_size=max(1, rows))
        source = OpenParquet.open(path)
        yield source
        source.close()

    def write(self, base: OpenParquet, order: np.ndarray, *, held_bytes: int = 1 << 30, keys: bool = True) -> Path:
        path = base.path.with_name("part.parquet")

        def ids(rows: np.ndarray) -> pa.Array:
            return pa.array([f"{row:040d}" for row in rows.tolist()])

        with PartWriter(
            path,
            BESIDE,
            options=write_options(BESIDE, bloom="id").writer_arguments(rows=base.rows),
            boundaries=row_group_ends(base.file),
            held_bytes=held_bytes,
            base=base,
            keys=ids if keys else None,
        ) as writer:
            for rows in np.array_split(order, 9):
                values = [None if row % 5 == 0 else [float(row), None, 0.5] for row in rows.tolist()]
                arrays = [
                    pa.array(values, BESIDE.field(1).type),
                    pa.array([str(row) for row in rows.tolist()]),
                    pa.array([[float(row), 1.0] for row in rows.tolist()], BESIDE.field(3).type),
                ]
                arrays = arrays if keys else [ids(rows), *arrays]
                schema = pa.schema(list(BESIDE)[1:] if keys else list(BESIDE))
                writer.add(pa.RecordBatch.from_arrays(arrays, schema=schema), rows)
            writer.close()
        return path

    def check(self, path: Path, rows: np.ndarray) -> list[int]:
        """Compare what the part holds with its rows in the base's order; return the rows of its row groups."""
        with pq.ParquetFile(path, page_checksum_verification=True) as part:
            table = part.read()
            assert rows.tolist() == [int(text) for text in table["id"].to_pylist()]
            assert [None if row % 5 == 0 else [row, None, 0.5] for row in rows.tolist()] == table["mock__v"].to_pylist()
            assert [str(row) for row in rows.tolist()] == table["mock__s"].to_pylist()
            assert [[row, 1.0] for row in rows.tolist()] == table["mock__w"].to_pylist()
            assert part.metadata.metadata[b"usr:overlay_unique_keys"] == str(len(rows)).encode()
            return [part.metadata.row_group(group).num_rows for group in range(part.num_row_groups)]

    @pytest.mark.parametrize("held_bytes", [1 << 30, 20_000], ids=["in memory", "beyond memory"])
    @pytest.mark.parametrize("keys", [True, False], ids=["ids asked for", "ids given"])
    @pytest.mark.parametrize("order", ["ordered", "shuffled", "late break"])
    def test_a_part_that_covers_the_base_has_its_row_groups_and_ids(
        self, base: OpenParquet, order: str, keys: bool, held_bytes: int
    ) -> None:
        """In whatever order the rows come; the pages of ids are the same bytes."""
        rows = np.arange(2_000)
        shuffled = np.random.default_rng(1).permutation(rows)
        given = {"ordered": rows, "shuffled": shuffled, "late break": np.roll(rows, 300)}[order]
        path = self.write(base, given, held_bytes=held_bytes, keys=keys)

        assert self.check(path, rows) == GROUPS
        with contextlib.closing(OpenParquet.open(path)) as source:
            mine, theirs = Stored.of(source), Stored.of(base)
            assert mine is not None and theirs is not None
            for group in range(3):
                a, b = mine.chunks(group, "id")[0], theirs.chunks(group, "id")[0]
                assert source.handle.read_at(a.size, a.start) == base.handle.read_at(b.size, b.start)
        assert ["base.parquet", "part.parquet"] == sorted(one.name for one in path.parent.iterdir())

    @pytest.mark.parametrize("held_bytes", [1 << 30, 20_000], ids=["in memory", "beyond memory"])
    @pytest.mark.parametrize(
        "rows",
        [np.arange(100, 1_900), np.arange(700, 1_600), np.arange(0, 2_000, 3), np.delete(np.arange(2_000), 1_999)],
        ids=["the middle", "one row group", "every third", "all but one"],
    )
    def test_a_part_of_some_rows_has_their_ids(self, base: OpenParquet, rows: np.ndarray, held_bytes: int) -> None:
        """Copied for whole row groups, and encoded for the others."""
        path = self.write(base, rows, held_bytes=held_bytes)

        assert sum(self.check(path, rows)) == len(rows)
