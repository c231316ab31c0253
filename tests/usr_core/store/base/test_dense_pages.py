"""Pages of vectors that no encoder has made: every reader finds the vectors in them, nulls included."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.dense_pages import DenseChunk, is_dense
from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.splice import SplicedFile, Stored, Target


def write(path: Path, pieces: list[pa.Array]) -> None:
    """Write each of the arrays as one row group."""
    kind = pieces[0].type
    schema = pa.schema([("v", kind)])
    arguments = write_options(schema, bloom=None).writer_arguments(rows=1)
    with pq.ParquetWriter(path, schema, **arguments) as writer:
        writer.write_table(pa.table([pa.nulls(1, kind)], schema=schema))
    with contextlib.closing(OpenParquet.open(path)) as one:
        stored = Stored.of(one)
        assert stored is not None
        template = stored.chunks(0, "v")[0].described
    path.unlink()
    with SplicedFile(path, Target(schema, arguments)) as file:
        for piece in pieces:
            chunk = DenseChunk(*file.end, template, kind)
            chunk.write(piece.slice(0, 70))
            chunk.write(piece.slice(70))
            done = chunk.finish()
            file.adopt(done)
            file.add(done)
            file.end_group(len(piece))
        file.finish()


@pytest.mark.parametrize("nulls", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(("length", "item"), [(1, "float64"), (7, "float32"), (600, "float32")])
class TestVectors:
    """Of one value and of many, with null rows and null items."""

    @pytest.fixture
    def vectors(self, nulls: float, length: int, item: str) -> list[pa.Array]:
        random_ = random.Random(length)
        special = [0.0, -0.0, float("inf"), 0.5, 0.25]

        def one() -> list[float | None] | None:
            if random_.random() < nulls:
                return None
            return [None if random_.random() < nulls else random_.choice(special) for _ in range(length)]

        kind = pa.list_(pa.type_for_alias(item), length)
        # Slices, whose buffers begin somewhere else.
        return [pa.array([None, *(one() for _ in range(rows))], kind).slice(1) for rows in (500, 71)]

    def test_every_reader_finds_them(self, vectors: list[pa.Array], tmp_path: Path) -> None:
        """The same as in a file that was encoded."""
        write(tmp_path / "made.parquet", vectors)
        table = pa.table({"v": pa.chunked_array(vectors)})
        pq.write_table(table, tmp_path / "encoded.parquet")
        made, encoded = tmp_path / "made.parquet", tmp_path / "encoded.parquet"

        with pq.ParquetFile(made, page_checksum_verification=True) as file:
            assert file.read().cast(table.schema).equals(table)
        assert pl.read_parquet(made).equals(pl.read_parquet(encoded), null_equal=True)
        pd.testing.assert_frame_equal(pd.read_parquet(made), pd.read_parquet(encoded))
        # Numbers of lists, since DuckDB can't read vectors that are null (findings/duckdb-fixed-array-null-unreadable).
        if not table["v"].null_count:
            query = "select v from '{}'"
            rows = [duckdb.execute(query.format(path)).fetchall() for path in (made, encoded)]
            assert rows[0] == rows[1]

    def test_the_footer_counts_the_nulls(self, vectors: list[pa.Array], tmp_path: Path) -> None:
        """Null rows count once, null items each; there are no bounds."""
        write(tmp_path / "made.parquet", vectors)
        metadata = pq.read_metadata(tmp_path / "made.parquet")
        for group, piece in enumerate(vectors):
            found = metadata.row_group(group).column(0)
            rows = piece.to_pylist()
            nulls = sum(1 if row is None else row.count(None) for row in rows)

            assert (nulls, False) == (found.statistics.null_count, found.statistics.has_min_max)
            assert found.num_values == sum(1 if row is None else len(row) for row in rows)


@pytest.mark.parametrize(
    ("kind", "dense"),
    [
        (pa.list_(pa.float32(), 3), True),
        (pa.list_(pa.float64(), 1), True),
        (pa.list_(pa.float16(), 3), False),
        (pa.list_(pa.int32(), 3), False),
        (pa.list_(pa.float32()), False),
        (pa.list_(pa.list_(pa.float32(), 3), 3), False),
        (pa.float32(), False),
    ],
)
def test_vectors_of_floats_are_dense(kind: pa.DataType, dense: bool) -> None:
    """Other types have other levels, or are compressed."""
    assert dense == is_dense(kind)
