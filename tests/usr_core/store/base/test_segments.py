"""Reading and shortening Parquet footers."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.segments import (
    FooterLayout,
    footer_layout,
    footer_start,
    read_metadata_of,
    without_trailing_groups,
)
from usr_core.store.errors import BaseUnreadable


@pytest.fixture(params=[1, 3, 14, 15, 16, 200])
def layout(tmp_path: Path, request: pytest.FixtureRequest) -> FooterLayout:
    path = tmp_path / "a.parquet"
    table = pa.table({"a": range(request.param), "s": ["x"] * request.param, "l": [[1.5]] * request.param})
    pq.write_table(table, path, row_group_size=1, write_page_index=True, bloom_filter_options={"s": {"ndv": 1}})
    content = path.read_bytes()
    return footer_layout(content[footer_start(content[-8:], len(content), path=path) : -8])


class TestFooter:
    def test_all_groups_are_found(self, layout: FooterLayout) -> None:
        """Rows and number of groups agree with pyarrow."""
        metadata = read_metadata_of(layout.content)

        assert [1] * metadata.num_row_groups == [group.rows for group in layout.groups]

    def test_keeping_all_changes_nothing(self, layout: FooterLayout) -> None:
        """The footer of all groups is the footer, byte for byte."""
        assert layout.content == without_trailing_groups(layout, len(layout.groups))

    def test_fewer_groups_are_the_first_ones(self, layout: FooterLayout) -> None:
        """A shortened footer has the first groups, as they were, and their rows."""
        whole = read_metadata_of(layout.content)
        for keep in {0, 1, len(layout.groups) // 2, len(layout.groups) - 1}:
            short = read_metadata_of(without_trailing_groups(layout, keep))

            assert (keep, keep) == (short.num_row_groups, short.num_rows)
            assert [whole.row_group(group).to_dict() for group in range(keep)] == [
                short.row_group(group).to_dict() for group in range(keep)
            ]

    def test_everything_of_a_group_lies_before_its_end(self, layout: FooterLayout) -> None:
        """The end of a group's data is behind its pages and its Bloom filter."""
        metadata = read_metadata_of(layout.content)
        for index, group in enumerate(layout.groups):
            for column in range(3):
                chunk = metadata.row_group(index).column(column)
                assert chunk.data_page_offset + chunk.total_compressed_size <= group.data_end
                if chunk.bloom_filter_offset:
                    assert chunk.bloom_filter_offset + chunk.bloom_filter_length <= group.data_end

    @pytest.mark.parametrize("tail", [b"", b"\x00\x00\x00\x00PARX", b"\xff\xff\xff\x7fPAR1"])
    def test_other_files_are_refused(self, tail: bytes) -> None:
        """What does not end like a Parquet file is refused."""
        with pytest.raises(BaseUnreadable):
            footer_start(tail, 100, path=Path("a.parquet"))
