"""Writing Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.base_files import base_rows, random_sequences
from support.column_types import arrays, bits, column_types
from usr_core.plugin.specs import ExportRequest
from usr_core.records.base_schema import base_schema
from usr_parquet.writer import ParquetExporter


class TestParquetExporter:
    def test_the_seven_columns_stay_required(self, tmp_path: Path) -> None:
        """The schema is written as asked for, from batches that call the columns optional."""
        optional = pa.Table.from_batches([base_rows(random_sequences(10, seed=1))])
        batches = optional.cast(pa.schema([field.with_nullable(True) for field in base_schema()])).to_batches()
        request = ExportRequest(path=tmp_path / "o.parquet", schema=base_schema(), metadata={"usr:schema_version": "1"})

        result = ParquetExporter().write(request, batches)

        schema = pq.read_schema(tmp_path / "o.parquet")
        assert base_schema() == schema.remove_metadata()
        assert {b"usr:schema_version": b"1"} == schema.metadata
        assert (10, (tmp_path / "o.parquet").stat().st_size) == (result.rows, result.size_bytes)

    def test_row_groups_are_bounded(self, tmp_path: Path) -> None:
        """Many batches make groups of 131,072 rows."""
        batch = pa.record_batch({"a": pa.array(range(50_000))})
        ParquetExporter().write(ExportRequest(path=tmp_path / "o.parquet", schema=batch.schema), [batch] * 6)

        metadata = pq.read_metadata(tmp_path / "o.parquet")
        assert [131_072, 131_072, 37_856] == [metadata.row_group(group).num_rows for group in range(3)]
        assert list(range(50_000)) * 6 == pq.read_table(tmp_path / "o.parquet").column(0).to_pylist()

    def test_no_batches_give_an_empty_table(self, tmp_path: Path) -> None:
        """The schema is there without rows."""
        ParquetExporter().write(ExportRequest(path=tmp_path / "o.parquet", schema=base_schema()), [])

        assert base_schema().empty_table() == pq.read_table(tmp_path / "o.parquet")

    def test_seconds_become_milliseconds(self, tmp_path: Path) -> None:
        """Parquet has no seconds; the instants are kept."""
        table = pa.table({"t": pa.array([1, None]).cast(pa.timestamp("s", "UTC"))})
        ParquetExporter().write(ExportRequest(path=tmp_path / "o.parquet", schema=table.schema), table.to_batches())

        found = pq.read_table(tmp_path / "o.parquet").column(0)
        assert pa.timestamp("ms", "UTC") == found.type
        assert table.column(0).to_pylist() == found.to_pylist()

    def test_seconds_beyond_milliseconds_are_an_error(self, tmp_path: Path) -> None:
        """A time that does not fit raises; it does not end the process."""
        column = pa.array([[2**63 - 1]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("s")))
        table = pa.Table.from_arrays([column], names=["t"])

        with pytest.raises(pa.ArrowInvalid):
            ParquetExporter().write(ExportRequest(path=tmp_path / "o.parquet", schema=table.schema), table.to_batches())

    @settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(st.data())
    def test_every_type_comes_back_exactly(self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
        """Type and values of any registry type but ``timestamp[s]`` read back the same."""
        kind = data.draw(
            column_types().map(lambda drawn: drawn.to_arrow()).filter(lambda arrow: "[s" not in str(arrow))
        )
        column = data.draw(arrays(kind))
        path = tmp_path_factory.mktemp("parquet") / "o.parquet"
        table = pa.Table.from_arrays([column], names=["m__x"])
        ParquetExporter().write(ExportRequest(path=path, schema=table.schema), table.to_batches())

        found = pq.read_table(path)

        assert table.schema.field(0).type == found.schema.field(0).type
        assert bits(column) == bits(found.column(0).combine_chunks())
