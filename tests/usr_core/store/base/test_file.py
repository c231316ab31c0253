"""Writer settings of base files and overlay parts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.base_files import base_rows, random_sequences
from usr_core.records.base_schema import base_schema
from usr_core.store.base.file import GROUP_BYTES, row_group_rows, write_options


@pytest.fixture
def written(tmp_path: Path) -> pq.FileMetaData:
    path = tmp_path / "base.parquet"
    options = write_options(base_schema(), bloom="id")
    with pq.ParquetWriter(path, base_schema(), **options.writer_arguments(rows=100)) as writer:
        writer.write_batch(base_rows(random_sequences(100, seed=1)))
    return pq.read_metadata(path)


def chunks(metadata: pq.FileMetaData) -> dict[str, pq.ColumnChunkMetaData]:
    group = metadata.row_group(0)
    return {group.column(index).path_in_schema: group.column(index) for index in range(group.num_columns)}


class TestWriteOptions:
    def test_base_columns_are_zstd(self, written: pq.FileMetaData) -> None:
        """All seven columns are compressed with zstd."""
        assert {"ZSTD"} == {chunk.compression for chunk in chunks(written).values()}

    def test_dictionaries_only_where_values_repeat(self, written: pq.FileMetaData) -> None:
        """The columns id and sequence have no dictionary, the five others do."""
        without = {name for name, chunk in chunks(written).items() if not chunk.has_dictionary_page}

        assert {"id", "sequence"} == without

    def test_statistics_on_the_small_columns(self, written: pq.FileMetaData) -> None:
        """The columns id and sequence have no statistics, the five others do."""
        assert {"id", "sequence"} == {name for name, chunk in chunks(written).items() if not chunk.is_stats_set}

    def test_page_index_and_bloom_filter(self, written: pq.FileMetaData) -> None:
        """Every column has an offset index; the id alone a Bloom filter, sized for the rows."""
        columns = chunks(written)

        assert all(chunk.has_offset_index for chunk in columns.values())
        assert ["id"] == [name for name, chunk in columns.items() if chunk.bloom_filter_offset]
        assert columns["id"].bloom_filter_length < 1024

    def test_columns_are_required(self, written: pq.FileMetaData) -> None:
        """None of the seven columns has a definition level."""
        assert {0} == {written.schema.column(index).max_definition_level for index in range(7)}

    def test_vectors_are_plain(self, tmp_path: Path) -> None:
        """Float vectors have neither codec, dictionary nor statistics, beside columns that have them."""
        schema = pa.schema([("id", pa.string()), ("m__v", pa.list_(pa.float32(), 4)), ("m__l", pa.list_(pa.float64()))])
        options = write_options(schema, bloom="id").writer_arguments(rows=1)
        with pq.ParquetWriter(tmp_path / "o.parquet", schema, **options) as writer:
            writer.write_table(pa.table({"id": ["a"], "m__v": [[1.0] * 4], "m__l": [[2.0]]}, schema=schema))

        found = chunks(pq.read_metadata(tmp_path / "o.parquet"))

        assert "ZSTD" == found["id"].compression
        vectors = [found["m__v.list.element"], found["m__l.list.element"]]
        assert [("UNCOMPRESSED", False, False)] * 2 == [
            (chunk.compression, chunk.has_dictionary_page, chunk.is_stats_set) for chunk in vectors
        ]

    def test_paths_of_nested_columns_are_parquet_s(self, tmp_path: Path) -> None:
        """The settings name the columns as Parquet does, in structs of lists too."""
        kind = pa.struct([("a", pa.list_(pa.struct([("b", pa.float32())]))), ("c", pa.string())])
        schema = pa.schema([("id", pa.string()), ("m__s", kind)])
        options = write_options(schema, bloom="id")
        with pq.ParquetWriter(tmp_path / "o.parquet", schema, **options.writer_arguments()) as writer:
            writer.write_table(schema.empty_table())

        parquet = pq.read_metadata(tmp_path / "o.parquet").schema
        assert set(options.compression) == {parquet.column(index).path for index in range(3)}


class TestRowGroupRows:
    @pytest.mark.parametrize(
        ("extra", "rows"),
        [([], 131_072), ([pa.list_(pa.float32(), 128)], 65_536), ([pa.list_(pa.float32(), 512)], 32_768)],
        ids=["plain", "wide", "wider"],
    )
    def test_wide_columns_make_smaller_groups(self, extra: list[pa.DataType], rows: int) -> None:
        """131,072 rows, half beside vectors, fewer where 64 MiB would be exceeded."""
        schema = base_schema([pa.field(f"m__{index}", kind) for index, kind in enumerate(extra)])

        assert rows == row_group_rows(schema)

    def test_no_group_is_far_above_the_bytes(self) -> None:
        """A vector of 100,000 doubles still gives groups of a bounded size."""
        width = 100_000 * 8

        assert 1024 * width >= row_group_rows(base_schema([pa.field("m__v", pa.list_(pa.float64(), 100_000))])) * width
        assert GROUP_BYTES < 1024 * width
