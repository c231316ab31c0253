"""A footer that ends after some rows makes the same bytes a file of these rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.parquet import OpenParquet

ROWS = 1_000
TABLE = pa.table(
    {
        "id": [f"{row:040x}" for row in range(ROWS)],
        "text": ["x" * (row % 7) if row % 5 else None for row in range(ROWS)],
        "kind": pa.array(["a", "b"] * (ROWS // 2)),
        "vector": pa.array([[float(row)] * 4 for row in range(ROWS)], pa.list_(pa.float32(), 4)),
        "list": [list(range(row % 5)) if row % 3 else None for row in range(ROWS)],
        "struct": [{"a": row, "b": str(row)} if row % 4 else None for row in range(ROWS)],
    }
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of four row groups with many pages, a dictionary, page indexes and a Bloom filter."""
    file = tmp_path_factory.mktemp("first_rows") / "base.parquet"
    pq.write_table(
        TABLE,
        file,
        row_group_size=300,
        use_dictionary=["kind"],
        write_page_index=True,
        data_page_size=512,
        bloom_filter_options={"id": {"ndv": 300, "fpp": 0.001}},
    )
    return file


@pytest.mark.parametrize("rows", [0, 1, 299, 300, 301, 450, 750, 999, ROWS])
def test_every_reader_gives_the_first_rows(path: Path, rows: int) -> None:
    """Whole, by row group and by batch, within and at the end of row groups, for flat and nested columns."""
    file = OpenParquet.open(path, rows=rows)
    wanted = TABLE.slice(0, rows)
    assert (file.rows, file.cut_from) == (rows, None if rows == ROWS else ROWS)
    assert file.reader().read().equals(wanted)
    assert file.reader(buffered=100).read(use_threads=False).equals(wanted)
    for size in (7, 256, ROWS):
        assert pa.Table.from_batches(file.reader().iter_batches(size), TABLE.schema).equals(wanted)
    groups = [file.reader().read_row_group(group) for group in range(file.file.metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [
        file.file.metadata.row_group(number).num_rows for number in range(len(groups))
    ]
    assert sum(group.num_rows for group in groups) == rows
    file.close()


def test_what_the_footer_says_beside_the_rows_stays(path: Path) -> None:
    """Schema, metadata, and where pages and Bloom filters are."""
    whole, first = OpenParquet.open(path), OpenParquet.open(path, rows=301)
    assert first.schema.equals(whole.schema, check_metadata=True)
    assert first.file.metadata.metadata == whole.file.metadata.metadata
    assert first.file.metadata.row_group(0).to_dict() == whole.file.metadata.row_group(0).to_dict()
    for group in (0, 1):
        chunks = [file.file.metadata.row_group(group).column(0) for file in (whole, first)]
        assert len({chunk.bloom_filter_offset for chunk in chunks}) == 1
    assert first.file.metadata.num_row_groups == 2


def test_more_rows_than_there_are_are_refused(path: Path) -> None:
    """A base that is shorter than an event says is not padded."""
    with pytest.raises(ValueError, match=r"1,000 rows, and 1,001 are wanted"):
        OpenParquet.open(path, rows=ROWS + 1)
