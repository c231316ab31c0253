"""Raw appends: bytes of old row groups under a joined footer."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.base_files import METADATA, base_rows, excluded_groups, found_by_duckdb, group_rows, random_sequences
from usr_core.records.base_schema import BASE_COLUMNS, base_schema
from usr_core.store.base import append as base_append
from usr_core.store.base import file as base_file
from usr_core.store.base.append import BaseWriter, rewrite_footer
from usr_core.store.errors import BaseUnreadable


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of 100 rows, so that a few hundred rows make many."""
    monkeypatch.setattr(base_file, "GROUP_ROWS", 100)


def write(path: Path, sequences: list[str], *, existing: Path | None = None) -> BaseWriter:
    writer = BaseWriter(path, existing=existing, metadata=METADATA)
    writer.write(base_rows(sequences))
    writer.finish()
    return writer


def sequences_of(path: Path) -> list[str]:
    with pq.ParquetFile(path) as file:
        return file.read(columns=["sequence"]).column(0).to_pylist()


def write_empty(path: Path) -> int:
    with BaseWriter(path, existing=None, metadata=METADATA) as writer:
        return writer.finish()


class TestAppend:
    def test_old_rows_then_new_ones(self, tmp_path: Path) -> None:
        """The file holds the base's rows in their order, then the new ones in theirs."""
        old, new = random_sequences(250, seed=1), random_sequences(130, seed=2)
        write(tmp_path / "a.parquet", old)

        write(tmp_path / "b.parquet", new, existing=tmp_path / "a.parquet")

        assert old + new == sequences_of(tmp_path / "b.parquet")

    def test_old_groups_are_copied_as_bytes(self, tmp_path: Path) -> None:
        """The full groups keep their bytes and their offsets."""
        write(tmp_path / "a.parquet", random_sequences(300, seed=1))

        writer = write(tmp_path / "b.parquet", random_sequences(10, seed=2), existing=tmp_path / "a.parquet")

        before, after = (pq.read_metadata(tmp_path / name) for name in ("a.parquet", "b.parquet"))
        end = before.row_group(2).column(0).data_page_offset
        assert 3 == writer.copied_groups
        assert (tmp_path / "a.parquet").read_bytes()[:end] == (tmp_path / "b.parquet").read_bytes()[:end]
        assert [before.row_group(group).to_dict() for group in range(3)] == [
            after.row_group(group).to_dict() for group in range(3)
        ]

    def test_bloom_filters_of_old_groups_still_rule_out(self, tmp_path: Path) -> None:
        """DuckDB finds an old id by the filters: every group but its own is ruled out."""
        old, new = random_sequences(300, seed=1), random_sequences(260, seed=2)
        write(tmp_path / "a.parquet", old)
        write(tmp_path / "b.parquet", new, existing=tmp_path / "a.parquet")
        path = tmp_path / "b.parquet"

        for row in (150, 310):
            record = base_rows([(old + new)[row]]).column(0)[0].as_py()
            excluded = excluded_groups(path, record)

            assert 1 == found_by_duckdb(path, record)
            assert not excluded[row // 100]
            assert len(excluded) - 2 <= sum(excluded)

    def test_every_old_page_is_readable_by_duckdb(self, tmp_path: Path) -> None:
        """DuckDB and pyarrow read the same rows from all groups."""
        import duckdb

        write(tmp_path / "a.parquet", random_sequences(250, seed=1))
        write(tmp_path / "b.parquet", random_sequences(130, seed=2), existing=tmp_path / "a.parquet")

        with duckdb.connect() as connection:
            rows = connection.execute(f"SELECT sequence FROM read_parquet('{tmp_path / 'b.parquet'}')").fetchall()

        assert sequences_of(tmp_path / "b.parquet") == [row[0] for row in rows]

    def test_page_indexes_survive(self, tmp_path: Path) -> None:
        """Every column chunk has its offset index, old groups' included."""
        write(tmp_path / "a.parquet", random_sequences(250, seed=1))
        write(tmp_path / "b.parquet", random_sequences(130, seed=2), existing=tmp_path / "a.parquet")

        metadata = pq.read_metadata(tmp_path / "b.parquet")

        chunks = [
            metadata.row_group(group).column(index) for group in range(metadata.num_row_groups) for index in range(7)
        ]
        assert all(chunk.has_offset_index for chunk in chunks)

    def test_many_small_last_groups_are_joined_with_new_rows(self, tmp_path: Path) -> None:
        """Fifty appends of one row leave no fifty groups, and no gaps: sixteen small groups are joined."""
        path = tmp_path / "0.parquet"
        write(path, random_sequences(200, seed=0))
        for count in range(1, 51):
            write(tmp_path / f"{count}.parquet", random_sequences(1, seed=count), existing=path)
            path = tmp_path / f"{count}.parquet"
        write(path.with_name("joined.parquet"), random_sequences(1, seed=51), existing=path)
        path = path.with_name("joined.parquet")
        write(tmp_path / "at once.parquet", sequences_of(path))

        assert [100, 100, 51] == group_rows(path)
        assert path.stat().st_size <= 1.02 * (tmp_path / "at once.parquet").stat().st_size

    def test_metadata_is_the_new_one(self, tmp_path: Path) -> None:
        """Key/value metadata is what was given, and nothing of the older file's."""
        write(tmp_path / "a.parquet", random_sequences(120, seed=1))
        writer = BaseWriter(tmp_path / "b.parquet", existing=tmp_path / "a.parquet", metadata={"usr:new": "1"})
        writer.finish()

        assert {b"usr:new": b"1"} == pq.read_schema(tmp_path / "b.parquet").metadata

    def test_materialized_columns_become_null_for_new_rows(self, tmp_path: Path) -> None:
        """A base with further columns takes new rows, null there."""
        schema = base_schema([pa.field("m__v", pa.list_(pa.float32(), 2))])
        old = base_rows(random_sequences(2, seed=1))
        table = pa.Table.from_arrays(
            [*old.columns, pa.array([[1.0, 2.0], None], schema.field("m__v").type)], schema=schema
        )
        pq.write_table(table, tmp_path / "a.parquet")

        write(tmp_path / "b.parquet", random_sequences(1, seed=2), existing=tmp_path / "a.parquet")

        found = pq.read_table(tmp_path / "b.parquet")
        assert schema.field("m__v").type == found.schema.field("m__v").type
        assert [[1.0, 2.0], None, None] == found.column("m__v").to_pylist()

    @pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=["string", "large_string"])
    def test_an_older_writer_s_optional_columns_are_encoded_anew(self, tmp_path: Path, kind: pa.DataType) -> None:
        """A base with optional columns is read, and comes out with required ones."""
        old = pa.Table.from_batches([base_rows(random_sequences(250, seed=1))])
        fields = [
            pa.field(name, kind if old.schema.field(name).type == pa.string() else old.schema.field(name).type)
            for name in BASE_COLUMNS
        ]
        pq.write_table(old.cast(pa.schema(fields)), tmp_path / "a.parquet", compression="snappy")

        writer = write(tmp_path / "b.parquet", random_sequences(5, seed=2), existing=tmp_path / "a.parquet")

        assert 0 == writer.copied_groups
        assert base_schema() == pq.read_schema(tmp_path / "b.parquet").remove_metadata()
        assert old.column("sequence").to_pylist() + random_sequences(5, seed=2) == sequences_of(tmp_path / "b.parquet")

    def test_copying_through_memory_gives_the_same_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the kernel can't copy between files, the bytes are the same."""
        import os

        def refused(*_: int) -> int:
            raise OSError(18, "other device")

        write(tmp_path / "a.parquet", random_sequences(250, seed=1))
        write(tmp_path / "b.parquet", random_sequences(5, seed=2), existing=tmp_path / "a.parquet")
        monkeypatch.setattr(os, "copy_file_range", refused, raising=False)
        write(tmp_path / "c.parquet", random_sequences(5, seed=2), existing=tmp_path / "a.parquet")

        assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()

    def test_where_blocks_can_be_shared_only_the_rest_is_copied(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whole blocks are shared in one call, and the kernel copies what is behind them; the bytes are the same."""
        import fcntl
        import os
        import struct

        shared: list[int] = []
        copied: list[int] = []
        copy = os.copy_file_range

        def share(target: int, request: int, range_: bytes) -> int:
            source, start, length, at = struct.unpack("=qQQQ", range_)
            assert (0x4020940D, 0, 0, 0) == (request, start, at, length % os.fstatvfs(source).f_bsize)
            shared.append(length)
            return os.pwrite(target, os.pread(source, length, 0), 0)

        def count(source: int, target: int, size: int, start: int, at: int) -> int:
            copied.append(size)
            return copy(source, target, size, start, at)

        write(tmp_path / "a.parquet", random_sequences(2_000, seed=1))
        write(tmp_path / "b.parquet", random_sequences(5, seed=2), existing=tmp_path / "a.parquet")
        monkeypatch.setattr(fcntl, "ioctl", share)
        monkeypatch.setattr(os, "copy_file_range", count, raising=False)
        write(tmp_path / "c.parquet", random_sequences(5, seed=2), existing=tmp_path / "a.parquet")

        assert (tmp_path / "b.parquet").read_bytes() == (tmp_path / "c.parquet").read_bytes()
        assert 1 == len(shared)
        assert sum(copied) < 4096 <= shared[0]


class TestRefusals:
    def test_a_truncated_base_is_refused(self, tmp_path: Path) -> None:
        """A base without its footer is an error, and leaves no file."""
        write(tmp_path / "a.parquet", random_sequences(10, seed=1))
        (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])

        with pytest.raises(BaseUnreadable):
            BaseWriter(tmp_path / "b.parquet", existing=tmp_path / "a.parquet", metadata={})

        assert ["a.parquet"] == [path.name for path in tmp_path.iterdir()]

    def test_a_base_with_nulls_is_refused(self, tmp_path: Path) -> None:
        """A null in one of the seven columns stops the append."""
        old = pa.Table.from_batches([base_rows(random_sequences(2, seed=1))])
        optional = old.set_column(5, "source", pa.array(["x", None]))
        pq.write_table(optional, tmp_path / "a.parquet")

        with pytest.raises(BaseUnreadable, match="source"):
            BaseWriter(tmp_path / "b.parquet", existing=tmp_path / "a.parquet", metadata={})

        assert not (tmp_path / "b.parquet").exists()

    def test_a_missing_column_is_named(self, tmp_path: Path) -> None:
        """A Parquet file that is not a base is refused by the column it lacks."""
        pq.write_table(pa.table({"id": ["x"]}), tmp_path / "a.parquet")

        with pytest.raises(BaseUnreadable, match="bio_type"):
            BaseWriter(tmp_path / "b.parquet", existing=tmp_path / "a.parquet", metadata={})

    def test_an_existing_destination_is_never_touched(self, tmp_path: Path) -> None:
        """The destination has to be new."""
        (tmp_path / "b.parquet").write_text("mine")

        with pytest.raises(FileExistsError):
            BaseWriter(tmp_path / "b.parquet", existing=None, metadata={})

        assert "mine" == (tmp_path / "b.parquet").read_text()

    @pytest.mark.parametrize("limit", [2000, 20_000, 200_000])
    def test_a_full_disk_is_an_os_error_and_leaves_nothing(self, tmp_path: Path, limit: int) -> None:
        """Writing beyond the limit fails as such; after abort the file is gone."""
        import resource
        import signal

        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            writer = BaseWriter(tmp_path / "b.parquet", existing=None, metadata={})
            with pytest.raises(OSError, match="large"):
                writer.write(base_rows(random_sequences(5000, seed=1)))
                writer.finish()
            writer.abort()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handler)

        assert [] == list(tmp_path.iterdir())


class TestOtherWrites:
    def test_an_empty_base_has_the_schema(self, tmp_path: Path) -> None:
        """A base without rows has the seven columns and the metadata."""
        size = write_empty(tmp_path / "a.parquet")

        assert (tmp_path / "a.parquet").stat().st_size == size
        assert base_schema() == pq.read_schema(tmp_path / "a.parquet").remove_metadata()
        assert 0 == pq.read_metadata(tmp_path / "a.parquet").num_rows

    def test_the_first_rows_go_behind_an_empty_base(self, tmp_path: Path) -> None:
        """An empty base takes rows."""
        write_empty(tmp_path / "a.parquet")

        write(tmp_path / "b.parquet", ["ACGT"], existing=tmp_path / "a.parquet")

        assert ["ACGT"] == sequences_of(tmp_path / "b.parquet")

    def test_rewriting_the_footer_keeps_all_row_groups(self, tmp_path: Path) -> None:
        """Only the key/value metadata changes; even a small last group is copied."""
        write(tmp_path / "a.parquet", random_sequences(210, seed=1))

        copied = rewrite_footer(tmp_path / "a.parquet", tmp_path / "b.parquet", metadata={"usr:registry_hash": "x"})

        before, after = (pq.read_metadata(tmp_path / name) for name in ("a.parquet", "b.parquet"))
        old, new = ((tmp_path / name).read_bytes() for name in ("a.parquet", "b.parquet"))
        assert old[:copied] == new[:copied]
        assert copied > len(old) // 2
        assert before.row_group(2).to_dict() == after.row_group(2).to_dict()
        assert {b"usr:registry_hash": b"x"} == pq.read_schema(tmp_path / "b.parquet").metadata

    def test_groups_are_bounded_by_bytes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Long sequences close a group before it has all its rows."""
        monkeypatch.setattr(base_append, "GROUP_BYTES", 10_000)
        writer = BaseWriter(tmp_path / "a.parquet", existing=None, metadata={})
        for sequence in random_sequences(10, seed=1, length=4000):
            writer.write(base_rows([sequence]))
        writer.finish()

        assert [3, 3, 3, 1] == group_rows(tmp_path / "a.parquet")
