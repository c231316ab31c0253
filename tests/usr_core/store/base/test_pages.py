"""Rows read by page are the rows of the file, whatever wrote it; what can't be read so is left to pyarrow."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.file import write_options
from usr_core.store.base.pages import FEW_ROWS, FilePages
from usr_core.store.base.parquet import OpenParquet

ROWS = 4_000
IDS = [f"{number * 7919:040x}" for number in range(ROWS)]
ROW_SETS = [[0], [ROWS - 1], [7, 8, 9], [0, 1_999, 2_000, ROWS - 1], list(range(5, ROWS, 97)), [3, 3, 40]]

KINDS: dict[str, pa.DataType] = {
    "text": pa.string(),
    "flag": pa.bool_(),
    "small": pa.int8(),
    "unsigned": pa.uint64(),
    "real": pa.float64(),
    "half": pa.float16(),
    "blob": pa.binary(),
    "day": pa.date32(),
    "stamp": pa.timestamp("us", tz="UTC"),
    "seconds": pa.timestamp("s"),
    "list": pa.list_(pa.int32()),
    "texts": pa.list_(pa.string()),
    "vector": pa.list_(pa.float32(), 16),
}


ONE_OF: dict[pa.DataType, Callable[[random.Random], Any]] = {
    pa.string(): lambda one: one.choice(["", "a", "ü" * 30, "bcd" * one.randrange(60)]),
    pa.bool_(): lambda one: one.random() < 0.5,
    pa.int8(): lambda one: one.randrange(100),
    pa.uint64(): lambda one: one.randrange(2**64),
    pa.float64(): lambda one: one.random(),
    pa.float16(): lambda one: np.float16(one.random()),
    pa.binary(): lambda one: one.randbytes(one.randrange(40)),
    pa.date32(): lambda one: one.randrange(900),
    pa.timestamp("us", tz="UTC"): lambda one: one.randrange(10**15),
    pa.timestamp("s"): lambda one: one.randrange(10**9),
    pa.list_(pa.int32()): lambda one: [one.randrange(9) for _ in range(one.randrange(4))],
    pa.list_(pa.string()): lambda one: ["abc" for _ in range(one.randrange(4))],
    pa.list_(pa.float32(), 16): lambda one: [one.random() for _ in range(16)],
}


def make_table(nulls: float, *, rows: int = ROWS) -> pa.Table:
    """Return a table with a column of each kind; a share of its values is null."""
    random_ = random.Random(5)
    columns = {"id": pa.array(IDS[:rows])}
    for name, kind in KINDS.items():
        values = [None if random_.random() < nulls else ONE_OF[kind](random_) for _ in range(rows)]
        columns[name] = pa.array(values, kind)
    return pa.table(columns)


TABLES = {nulls: make_table(nulls) for nulls in (0.0, 0.3)}


def kinds_of(file: OpenParquet, names: list[str]) -> dict[str, pa.DataType]:
    return {name: file.schema.field(name).type for name in names}


def same(found: dict[str, pa.Array], table: pa.Table, rows: list[int]) -> bool:
    return all(values.equals(table[name].combine_chunks().take(pa.array(rows))) for name, values in found.items())


class TestRows:
    @pytest.mark.parametrize("nulls", [0.0, 0.3])
    @pytest.mark.parametrize(
        "how",
        [
            {"compression": "zstd", "data_page_size": 4_000},
            {"compression": "snappy", "data_page_size": 4_000, "use_dictionary": False},
            {"compression": "none", "data_page_size": 2_000, "max_rows_per_page": 311},
            {"compression": "gzip", "data_page_version": "2.0", "data_page_size": 4_000},
            {"compression": "zstd", "row_group_size": 1_500, "data_page_size": 3_000, "dictionary_pagesize_limit": 900},
            {"compression": "zstd", "data_page_size": 4_000, "use_content_defined_chunking": True},
        ],
        ids=["zstd", "plain", "many pages", "second version", "groups", "chunked by content"],
    )
    def test_every_layout_gives_the_rows_of_the_file(self, tmp_path, how, nulls):
        """Codecs, dictionaries, both kinds of pages, nulls, lists: each is read by page, as from pyarrow."""
        table = TABLES[nulls]
        if how.get("use_content_defined_chunking"):
            table = table.drop_columns(["seconds"])
        path = tmp_path / "file.parquet"
        pq.write_table(table, path, write_page_index=True, **how)
        file = OpenParquet.open(path)

        kinds = kinds_of(file, table.column_names)
        for rows in ROW_SETS:
            start = 0
            for group in range(file.file.metadata.num_row_groups):
                count = file.file.metadata.row_group(group).num_rows
                inside = [row - start for row in rows if start <= row < start + count]
                found = FilePages(file).rows(group, np.array(inside, np.int64), kinds)
                assert (found is None) == (not inside)
                if found is not None:
                    assert same(found, file.reader().read_row_group(group), inside)
                start += count

    def test_files_of_usr_are_read_by_page(self, tmp_path):
        """The options with which USR writes need no other way, for vectors neither."""
        table = TABLES[0.0].drop_columns(["seconds"])
        path = tmp_path / "file.parquet"
        pq.write_table(table, path, **write_options(table.schema, bloom="id").writer_arguments(rows=ROWS))
        file = OpenParquet.open(path)

        found = FilePages(file).rows(0, np.array([1, 2_222]), kinds_of(file, table.column_names))
        assert found is not None
        assert same(found, table, [1, 2_222])

    def test_many_rows_are_left_to_the_caller(self, tmp_path):
        """Decoding a row group is quicker then."""
        pq.write_table(TABLES[0.0], tmp_path / "file.parquet")
        file = OpenParquet.open(tmp_path / "file.parquet")

        assert FilePages(file).rows(0, np.arange(FEW_ROWS + 1), kinds_of(file, ["id"])) is None

    @pytest.mark.parametrize(
        "column",
        [
            pa.array([{"a": 1, "b": 2}] * 8),
            pa.array([[{"a": 1, "b": "x"}]] * 8),
        ],
        ids=["struct", "list of structs"],
    )
    def test_columns_of_several_leaves_are_left_to_the_caller(self, tmp_path, column):
        """Their pages end at different rows."""
        pq.write_table(pa.table({"c": column}), tmp_path / "file.parquet", write_page_index=True)
        file = OpenParquet.open(tmp_path / "file.parquet")

        assert FilePages(file).rows(0, np.array([1]), kinds_of(file, ["c"])) is None

    def test_lists_without_an_offset_index_are_left_to_the_caller(self, tmp_path):
        """How many rows a page of them has stands nowhere else."""
        pq.write_table(pa.table({"c": [[1, 2], [3]]}), tmp_path / "file.parquet", write_page_index=False)
        file = OpenParquet.open(tmp_path / "file.parquet")

        assert FilePages(file).rows(0, np.array([1]), kinds_of(file, ["c"])) is None

    def test_old_times_are_left_to_the_caller(self, tmp_path):
        """INT96 is read in a unit that the small file does not know."""
        table = pa.table({"c": pa.array([datetime.datetime(1500, 1, 1)], pa.timestamp("us"))})
        pq.write_table(table, tmp_path / "file.parquet", use_deprecated_int96_timestamps=True)
        file = OpenParquet.open(tmp_path / "file.parquet")

        assert FilePages(file).rows(0, np.array([0]), kinds_of(file, ["c"])) is None

    def test_damage_never_gives_an_error_of_its_own(self, tmp_path):
        """With any byte of the pages changed, rows are those that pyarrow reads, or the caller reads them."""
        table = pa.table({"id": IDS[:300], "n": pa.array(range(300), pa.int16())})
        path = tmp_path / "file.parquet"
        pq.write_table(table, path, compression="zstd", data_page_size=2_000, write_page_index=True)
        content = path.read_bytes()
        group = pq.read_metadata(path).row_group(0)
        stop = 4 + sum(group.column(leaf).total_compressed_size for leaf in range(2))
        for at in range(4, stop, 41):
            path.write_bytes(content[:at] + bytes([content[at] ^ 0x55]) + content[at + 1 :])
            file = OpenParquet.open(path)
            found = FilePages(file).rows(0, np.array([10, 250]), kinds_of(file, ["id", "n"]))
            if found is not None:
                try:
                    whole = file.reader().read()
                except (pa.ArrowException, OSError):
                    continue
                assert same(found, whole, [10, 250])
            file.close()


class TestHolds:
    @pytest.mark.parametrize(
        ("how", "known"),
        [
            ({"use_dictionary": False}, True),
            ({"use_dictionary": False, "compression": "none", "data_page_size": 900}, True),
            ({"use_dictionary": True, "dictionary_pagesize_limit": 700, "data_page_size": 900}, True),
            ({"use_dictionary": True}, True),
            ({"use_dictionary": False, "data_page_version": "2.0"}, False),
            ({"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"}, False),
        ],
        ids=["plain", "many pages", "dictionary and plain", "dictionary", "second version", "delta"],
    )
    def test_a_text_that_stands_somewhere_is_never_denied(self, tmp_path, how, known):
        """First, last and middle letters of any value, whole values, and what is not there."""
        texts = [f"{number * 7919:x}-{number % 7}" for number in range(900)] + [None, ""]
        path = tmp_path / "file.parquet"
        pq.write_table(pa.table({"c": texts}), path, **({"compression": "zstd"} | how))
        pages = FilePages(OpenParquet.open(path))

        there = [text for text in texts[::53] if text] + [texts[899], texts[700][2:], texts[5][:3]]
        assert {pages.holds(0, "c", text.encode()) for text in there} == {True if known else None}
        assert pages.holds(0, "c", b"not there") is (False if known else None)

    def test_what_is_no_text_is_left_to_the_caller(self, tmp_path):
        """Numbers, lists, and nothing to look for."""
        pq.write_table(pa.table({"n": [1, 2], "l": [["a"], ["b"]], "c": ["a", "b"]}), tmp_path / "file.parquet")
        pages = FilePages(OpenParquet.open(tmp_path / "file.parquet"))

        assert [pages.holds(0, "n", b"a"), pages.holds(0, "l", b"a"), pages.holds(0, "c", b"")] == [None] * 3


class TestFind:
    def write(self, path: Path, ids: list[str | None], **how: Any) -> OpenParquet:
        kind = pa.field("id", pa.string(), nullable=how.pop("nullable", True))
        table = pa.Table.from_arrays([pa.array(ids, pa.string())], schema=pa.schema([kind]))
        options = {"use_dictionary": False, "data_page_size": 4_000, "compression": "zstd"}
        pq.write_table(table, path, **(options | how))
        return OpenParquet.open(path)

    @pytest.mark.parametrize("nullable", [True, False])
    @pytest.mark.parametrize("compression", ["zstd", "none", "snappy", "gzip"])
    def test_ids_are_found_where_they_stand(self, tmp_path, nullable, compression):
        """First and last of a page and of the file, and those that are not there."""
        file = self.write(tmp_path / "f.parquet", IDS, nullable=nullable, compression=compression)
        asked = [IDS[row].encode() for row in (3_999, 0, 90, 91, 92, 2_500)] + [b"f" * 40]

        found = FilePages(file).find(0, "id", asked, most=len(asked))
        assert found is not None
        assert {asked[at]: row for row, at in zip(*(one.tolist() for one in found), strict=True)} == {
            IDS[row].encode(): row for row in (3_999, 0, 90, 91, 92, 2_500)
        }

    @pytest.mark.parametrize("rows", [1, 45, 1_999, 2_000, 3_001])
    def test_of_a_file_that_counts_to_some_row_nothing_behind_it_is_found(self, tmp_path, rows):
        """An earlier version of a base is its first rows, which may end inside a page."""
        self.write(tmp_path / "f.parquet", IDS, row_group_size=2_000)
        file = OpenParquet.open(tmp_path / "f.parquet", rows=rows)
        group = file.file.metadata.num_row_groups - 1
        start = 2_000 * group

        found = FilePages(file).find(group, "id", [IDS[at].encode() for at in range(start, start + 60)], most=99)
        assert found is not None
        assert found[0].tolist() == list(range(min(60, rows - start)))
        last = FilePages(file).rows(group, np.array([rows - start - 1]), kinds_of(file, ["id"]))
        assert last is not None
        assert last["id"].to_pylist() == [IDS[rows - 1]]

    def test_an_id_that_stands_twice_is_found_twice(self, tmp_path):
        """In the order of the rows, where as many are asked for."""
        file = self.write(tmp_path / "f.parquet", [*IDS[:500], IDS[3], IDS[600]])

        found = FilePages(file).find(0, "id", [IDS[600].encode(), IDS[3].encode()], most=9)
        assert found is not None
        assert found[0].tolist() == [3, 500, 501]
        assert found[1].tolist() == [1, 1, 0]

    @pytest.mark.parametrize(
        ("ids", "how"),
        [
            ([*IDS[:50], None], {}),
            ([*IDS[:50], "short"], {}),
            ([*IDS[:50], "a" * 36, "b" * 44], {}),
            (IDS[:50], {"use_dictionary": True}),
            (IDS[:50], {"data_page_version": "2.0"}),
            (IDS[:50], {"column_encoding": {"id": "DELTA_BYTE_ARRAY"}}),
        ],
        ids=["null", "short", "other lengths", "dictionary", "second version", "delta"],
    )
    def test_what_is_not_plain_ids_is_left_to_the_caller(self, tmp_path, ids, how):
        """It is never guessed where a text begins."""
        file = self.write(tmp_path / "f.parquet", ids, **how)

        assert FilePages(file).find(0, "id", [b"f" * 40], most=1) is None
