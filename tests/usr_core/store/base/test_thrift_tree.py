"""Footers as trees: what is read is written back byte for byte."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.segments import footer_start
from usr_core.store.base.thrift import Cursor
from usr_core.store.base.thrift_tree import read_struct, write_struct

TABLE = pa.table(
    {
        "a": list(range(40)),
        "größe": ["x", None] * 20,
        "l": [[1.5], []] * 20,
        "s": [{"x": 1, "y": [True]}] * 40,
        "when": pa.array([0] * 40, pa.timestamp("us", "UTC")),
    },
    metadata={"some": "note"},
)


def footer_of(path: Path) -> bytes:
    content = path.read_bytes()
    return content[footer_start(content[-8:], len(content), path=path) : -8]


@pytest.mark.parametrize("groups", [1, 14, 15, 40])
def test_a_footer_of_pyarrow_is_written_as_it_was_read(tmp_path: Path, groups: int) -> None:
    """With statistics, sorting columns, page indexes and Bloom filters, and lists of both lengths."""
    path = tmp_path / "a.parquet"
    pq.write_table(
        TABLE,
        path,
        row_group_size=-(-40 // groups),
        write_page_index=True,
        sorting_columns=[pq.SortingColumn(0, descending=True)],
        bloom_filter_options={"größe": {"ndv": 10}},
        store_decimal_as_integer=True,
    )

    assert footer_of(path) == write_struct(read_struct(Cursor(footer_of(path))))


@pytest.mark.parametrize("writer", ["duckdb", "polars"])
def test_a_footer_of_another_writer_is_written_as_it_was_read(tmp_path: Path, writer: str) -> None:
    """Other implementations of Thrift write the same bytes for the same fields."""
    path = tmp_path / "a.parquet"
    if writer == "duckdb":
        import duckdb

        duckdb.sql(
            f"copy (select range a, [range] l, {{'x': range}} s from range(3000)) to '{path}' (row_group_size 2048)"
        )
    else:
        import polars

        polars.DataFrame({"a": range(3000), "l": [[1, 2]] * 3000}).write_parquet(path, row_group_size=100)

    assert footer_of(path) == write_struct(read_struct(Cursor(footer_of(path))))


@pytest.mark.parametrize("content", [b"\x15", b"\x18\x7f", b"\x1d\x00", b"\x1c\x15"])
def test_bytes_that_are_no_struct_are_an_error(content: bytes) -> None:
    """They end too early, or have a type that Parquet does not use."""
    with pytest.raises((ValueError, IndexError)):
        read_struct(Cursor(content))
