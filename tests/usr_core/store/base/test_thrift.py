"""Names of columns out of a Parquet footer, without a Parquet library."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.thrift import footer_names


def test_names_of_nested_columns_are_the_top_ones(tmp_path: Path) -> None:
    """Fields of structs and items of lists are not columns."""
    table = pa.table({"a": [{"x": 1, "y": [1, 2]}], "b": [[[1.0]]], "größe": ["x"], "m": [{"k": None}]})
    pq.write_table(table, tmp_path / "some.parquet")

    assert table.column_names == footer_names(tmp_path / "some.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1\x00\x00\x00\x7fPAR1", b"PAR1\x19\xff\x04\x00\x00\x00PAR1"])
def test_a_file_that_is_not_parquet_is_an_error(content: bytes, tmp_path: Path) -> None:
    """Too short, a length beyond the file, a footer that ends too early."""
    (tmp_path / "some.parquet").write_bytes(content)

    with pytest.raises(ValueError, match=r"some\.parquet"):
        footer_names(tmp_path / "some.parquet")
