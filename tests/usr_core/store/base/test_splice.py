"""Files put together from column chunks of others: every reader finds the same rows in them as in encoded ones."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.splice import Stored, Target, splice
from usr_core.store.base.thrift import Cursor
from usr_core.store.base.thrift_tree import read_struct
from usr_core.store.parts.bloom import BloomFilter, hash_ids

ROWS = 2_000
IDS = [f"{number * 7919:040x}" for number in range(ROWS)]


LEAVES: dict[pa.DataType, list[Any]] = {
    pa.string(): ["", "a", "ü" * 40, "b", "c"],
    pa.bool_(): [True, False],
    pa.int64(): [0, 1, -1, 2**62],
    pa.int8(): [0, 1, -128],
    pa.float64(): [0.0, -0.0, 1.5, 1e300, float("inf")],
    pa.float32(): [0.0, -0.0, 1.5, 0.25],
}


def values_of(kind: pa.DataType, random_: random.Random, nulls: float) -> pa.Array:
    """Return random values, some of them null, in lists too."""

    def one(of: pa.DataType) -> Any:
        if random_.random() < nulls:
            return None
        if pa.types.is_struct(of):
            return {field.name: one(field.type) for field in of}
        if pa.types.is_fixed_size_list(of):
            return [one(of.value_type) for _ in range(of.list_size)]
        if pa.types.is_list(of):
            return [one(of.value_type) for _ in range(random_.choice([0, 1, 3]))]
        return random_.choice(LEAVES[of])

    return pa.array([one(kind) for _ in range(ROWS)], kind)


KINDS = {
    "i": pa.int64(),
    "b": pa.bool_(),
    "f": pa.float64(),
    "s": pa.string(),
    "list": pa.list_(pa.string()),
    "vector": pa.list_(pa.float32(), 8),
    "struct": pa.struct([("x", pa.int8()), ("y", pa.list_(pa.float64()))]),
}


def write(path: Path, table: pa.Table, borders: list[int], **changed: Any) -> Path:
    options = write_options(table.schema, bloom="id" if "id" in table.column_names else None)
    arguments = options.writer_arguments(rows=ROWS) | {"data_page_size": 512} | changed
    with pq.ParquetWriter(path, table.schema, **arguments) as writer:
        start = 0
        for rows in borders:
            writer.write_table(table.slice(start, rows), row_group_size=max(1, rows))
            start += rows
    return path


@contextlib.contextmanager
def stored(path: Path) -> Iterator[Stored]:
    with contextlib.closing(OpenParquet.open(path)) as source:
        found = Stored.of(source)
        assert found is not None
        yield found


def form(schema: pa.Schema) -> Target:
    options = write_options(schema, bloom="id" if "id" in schema.names else None)
    return Target(schema, options.writer_arguments(rows=ROWS))


@pytest.fixture(params=range(4))
def spliced(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, pa.Table]:
    """Columns of two files in mixed order, some with dictionaries, and the table they make."""
    random_ = random.Random(request.param)
    nulls = [0.0, 0.1, 0.5, 1.0][request.param]
    borders = [[ROWS], [1_000, 0, 1_000], [1, 1_998, 1], [1_500, 0, 0, 500]][request.param]
    first: dict[str, pa.Array] = {"id": pa.array(IDS)}
    second: dict[str, pa.Array] = {}
    for number, (name, kind) in enumerate(KINDS.items()):
        (first if number % 2 else second)[name] = values_of(kind, random_, nulls)
    left = pa.table(first)
    left = left.cast(left.schema.set(0, pa.field("id", pa.string(), nullable=False)))
    right = pa.table(second)
    names = random_.sample(["id", *KINDS], len(KINDS) + 1)
    fields = [(left if name in first else right).schema.field(name) for name in names]
    schema = pa.schema(fields, metadata={"usr:note": "kept"})
    one = write(tmp_path / "1.parquet", left, borders, use_dictionary=["s", "list.list.element"])
    two = write(tmp_path / "2.parquet", right, [rows for rows in borders if rows])
    with stored(one) as a, stored(two) as b:
        files = {name: a if name in first else b for name in names}
        target = form(schema)
        assert all(files[name].has(schema.field(name), like=target) for name in names)
        size = splice(tmp_path / "both.parquet", target, files, notes={"more": "notes"})
    assert (tmp_path / "both.parquet").stat().st_size == size
    whole = pa.table([left[name] if name in first else right[name] for name in names], schema=schema)
    return tmp_path / "both.parquet", whole


class TestReaders:
    """Nulls, empty row groups, dictionaries, text, lists, vectors and structs."""

    def test_pyarrow_reads_the_same_table(self, spliced: tuple[Path, pa.Table]) -> None:
        """Types, nullability, metadata and values."""
        path, table = spliced
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            assert file.read().cast(table.schema).equals(table, check_metadata=True)
            assert file.metadata.metadata[b"more"] == b"notes"

    def test_duckdb_reads_the_same_rows(self, spliced: tuple[Path, pa.Table], tmp_path: Path) -> None:
        """Whole, and by id, for which it uses the Bloom filters and page indexes."""
        path, table = spliced
        names = [name for name in table.column_names if name != "vector"]  # see findings/duckdb-fixed-array-null
        pq.write_table(table, tmp_path / "encoded.parquet")
        read = f"select {', '.join(names)} from '{{}}'"

        rows = [duckdb.execute(read.format(file)).fetchall() for file in (path, tmp_path / "encoded.parquet")]
        assert rows[0] == rows[1]
        for number in (0, 999, 1_999):
            assert [(IDS[number],)] == duckdb.execute(f"select id from '{path}' where id = '{IDS[number]}'").fetchall()
        assert [] == duckdb.execute(f"select id from '{path}' where id = '{'f' * 40}'").fetchall()

    def test_polars_reads_the_same_rows(self, spliced: tuple[Path, pa.Table], tmp_path: Path) -> None:
        """Whole, and with a filter."""
        path, table = spliced
        pq.write_table(table, tmp_path / "encoded.parquet")

        assert pl.read_parquet(path).equals(pl.read_parquet(tmp_path / "encoded.parquet"), null_equal=True)
        found = pl.scan_parquet(path).filter(pl.col("id") == IDS[1_500]).collect()
        assert found["id"].to_list() == [IDS[1_500]]

    def test_pandas_reads_the_same_frame(self, spliced: tuple[Path, pa.Table], tmp_path: Path) -> None:
        """Through its own reader."""
        path, table = spliced
        pq.write_table(table, tmp_path / "encoded.parquet")

        pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(tmp_path / "encoded.parquet"))


class TestIndexes:
    """What stands beside the pages is carried along."""

    def test_page_indexes_lead_to_the_pages(self, spliced: tuple[Path, pa.Table]) -> None:
        """Every offset index covers its chunk, page after page, without a gap."""
        path, _ = spliced
        with contextlib.closing(OpenParquet.open(path)) as source:
            found = Stored.of(source)
            assert found is not None
            for group, rows in enumerate(found.rows):
                for name in found.source.schema.names:
                    for chunk in found.chunks(group, name):
                        start, size = chunk.described[4][1], chunk.described[5][1]
                        index = read_struct(Cursor(source.handle.read_at(size, start)))
                        pages = [(page[1][1], page[2][1], page[3][1]) for page in index[1][1][1]]
                        assert pages[0][2] == 0 and pages[-1][2] < rows
                        assert pages[0][0] == chunk.described[3][1][9][1]
                        assert all(a + length == b for (a, length, _), (b, _, _) in itertools.pairwise(pages))
                        assert pages[-1][0] + pages[-1][1] == chunk.start + chunk.size

    def test_bloom_filters_know_the_ids(self, spliced: tuple[Path, pa.Table]) -> None:
        """Each group's filter has its own ids, and next to none of the others."""
        path, _ = spliced
        digits = np.frombuffer("".join(IDS).encode(), np.uint8).reshape(-1, 40)
        with contextlib.closing(OpenParquet.open(path)) as source:
            metadata, leaf, start = source.file.metadata, 0, 0
            leaf = [metadata.schema.column(at).path for at in range(metadata.num_columns)].index("id")
            for group in range(metadata.num_row_groups):
                bloom = BloomFilter.of(source.handle, metadata.row_group(group).column(leaf))
                assert bloom is not None
                may = bloom.may_hold(hash_ids(digits))
                stop = start + metadata.row_group(group).num_rows
                assert may[start:stop].all() and may.sum() <= stop - start + ROWS // 50
                start = stop


class TestRefused:
    """What can't be copied is told from the footers, and nothing is written."""

    FIELD = pa.field("f", pa.float64())

    @pytest.mark.parametrize(
        "changed",
        [{"write_statistics": True}, {"write_page_index": False}],
        ids=["minimum and maximum of floats", "no page index"],
    )
    def test_other_settings(self, tmp_path: Path, changed: dict[str, Any]) -> None:
        """Chunks that lack what USR writes, or have what it does not."""
        path = write(tmp_path / "a.parquet", pa.table({"f": [1.0, 2.0]}), [2], **changed)
        with stored(path) as file:
            assert not file.has(self.FIELD, like=form(pa.schema([self.FIELD])))

    def test_ids_without_a_bloom_filter(self, tmp_path: Path) -> None:
        """Only the column that is to have one needs it."""
        table = pa.table({"id": ["a"], "s": ["b"]})
        with stored(write(tmp_path / "a.parquet", table, [1], bloom_filter_options=None)) as file:
            target = form(table.schema)
            assert [False, True] == [file.has(field, like=target) for field in table.schema]

    @pytest.mark.parametrize(
        "wanted",
        [pa.field("f", pa.float32()), pa.field("f", pa.float64(), nullable=False), pa.field("g", pa.float64())],
        ids=["another type", "no nulls", "another name"],
    )
    def test_another_form(self, tmp_path: Path, wanted: pa.Field) -> None:
        """What Parquet keeps otherwise has other bytes."""
        with stored(write(tmp_path / "a.parquet", pa.table({"f": [1.0, 2.0]}), [2])) as file:
            assert not file.has(wanted, like=form(pa.schema([wanted])))

    @pytest.mark.parametrize("writer", ["polars", "duckdb", "encrypted", "two of a name"])
    def test_other_files(self, tmp_path: Path, writer: str) -> None:
        """Nothing of them is copied."""
        path = tmp_path / "a.parquet"
        if writer == "polars":
            pl.DataFrame({"f": [1.0]}).write_parquet(path)
        elif writer == "duckdb":
            duckdb.sql(f"copy (select 1.0::double f) to '{path}'")
        elif writer == "encrypted":
            content = write(path, pa.table({"f": [1.0]}), [1]).read_bytes()
            # The footer's last field, the order of columns, becomes number 8: the algorithm of an encryption.
            at = content.rindex(b"\x19\x1c\x1c\x00\x00\x00")
            path.write_bytes(content[:at] + b"\x29" + content[at + 1 :])
        else:
            names = pa.schema([self.FIELD, self.FIELD])
            write(path, pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], schema=names), [1])
        with contextlib.closing(OpenParquet.open(path)) as source:
            file = Stored.of(source)
            assert file is None or not file.has(self.FIELD, like=form(pa.schema([self.FIELD])))


def test_a_file_that_could_not_be_finished_is_removed(tmp_path: Path) -> None:
    """A source that ends too early leaves nothing behind."""
    path = write(tmp_path / "a.parquet", pa.table({"s": [str(number) * 9 for number in range(1_000)]}), [1_000])
    with stored(path) as file:
        target = form(pa.schema([("s", pa.string())]))
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises((OSError, IndexError)):
            splice(tmp_path / "b.parquet", target, {"s": file})

    assert not (tmp_path / "b.parquet").exists()


def test_a_small_last_row_group_stands_behind_everything_else(tmp_path: Path) -> None:
    """So that an append that takes its place leaves no gap."""
    table = pa.table({"id": IDS})
    with stored(write(tmp_path / "a.parquet", table, [1_000, 900, 100])) as file:
        splice(tmp_path / "b.parquet", form(table.schema), {"id": file})
    with contextlib.closing(OpenParquet.open(tmp_path / "b.parquet")) as source:
        groups = [source.file.metadata.row_group(at).column(0) for at in range(3)]

    assert groups[2].data_page_offset > groups[0].bloom_filter_offset > groups[1].data_page_offset
    assert groups[2].bloom_filter_offset > groups[2].data_page_offset
