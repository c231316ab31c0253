"""`head`: the same rows as the stream gives, at a cost that does not grow with the base."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.view_datasets import open_view, sequence, write_base, write_overlay
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.parts.bloom import BloomFilter, hash_ids


def bytes_of(ids: list[str]) -> np.ndarray:
    """Return ids as rows of 40 bytes."""
    return np.frombuffer("".join(ids).encode(), np.uint8).reshape(-1, 40)


@pytest.fixture(scope="module")
def bloomed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A file with a filter a row group, and its ids."""
    ids = [hashlib.sha1(str(number).encode()).hexdigest() for number in range(20_000)]
    path = tmp_path_factory.mktemp("bloom") / "file.parquet"
    options = {"id": {"ndv": 5_000, "fpp": 0.001}}
    pq.write_table(pa.table({"id": ids}), path, row_group_size=5_000, bloom_filter_options=options)
    return path, ids


class TestBloomFilters:
    @pytest.mark.parametrize("asked", [10, 64, 65, 5_000])
    def test_what_is_there_is_never_denied(self, bloomed, asked):
        """Every id of a row group may be in it, however many are asked for at once."""
        path, ids = bloomed
        file = OpenParquet.open(path)

        for group in range(4):
            bloom = BloomFilter.of(file.handle, file.file.metadata.row_group(group).column(0))
            mine = ids[5_000 * group : 5_000 * group + asked]
            assert bloom is not None
            assert bloom.may_hold(hash_ids(bytes_of(mine))).all()

    def test_what_is_not_there_is_nearly_always_denied(self, bloomed):
        """Of 15,000 ids of other row groups about one in a thousand passes."""
        path, ids = bloomed
        file = OpenParquet.open(path)
        bloom = BloomFilter.of(file.handle, file.file.metadata.row_group(0).column(0))

        assert bloom is not None
        assert np.count_nonzero(bloom.may_hold(hash_ids(bytes_of(ids[5_000:])))) < 60

    def test_a_file_without_filters_has_none(self, tmp_path):
        """Then nothing is known, and the ids are read."""
        pq.write_table(pa.table({"id": ["a"]}), tmp_path / "plain.parquet")
        file = OpenParquet.open(tmp_path / "plain.parquet")

        assert BloomFilter.of(file.handle, file.file.metadata.row_group(0).column(0)) is None

    def test_an_unknown_kind_of_filter_counts_as_none(self, bloomed, tmp_path):
        """Another hash or algorithm in the header is not guessed at."""
        path, _ = bloomed
        content = bytearray(path.read_bytes())
        start = OpenParquet.open(path).file.metadata.row_group(0).column(0).bloom_filter_offset
        at = content.index(b"\x1c\x1c\x00\x00", start)
        content[at + 1] = 0x2C
        (tmp_path / "other.parquet").write_bytes(content)
        file = OpenParquet.open(tmp_path / "other.parquet")

        assert BloomFilter.of(file.handle, file.file.metadata.row_group(0).column(0)) is None
        assert BloomFilter.of(file.handle, file.file.metadata.row_group(1).column(0)) is not None


class TestHead:
    @pytest.mark.parametrize("bloom", [True, False])
    @pytest.mark.parametrize("n", [0, 1, 10, 100, 5_000, 10_000, 99_999])
    def test_head_is_the_beginning_of_the_stream(self, tmp_path, n, bloom):
        """For few rows, for many, and for more than there are, over parts that cover the base or a piece of it."""
        ids = write_base(tmp_path, [sequence(number) for number in range(10_000)], row_group_size=3_000)
        rng = np.random.default_rng(2)
        for number, mine in enumerate(
            [np.arange(10_000), np.arange(7, 5_000), rng.permutation(10_000)[:4_000], [0, 9_999]]
        ):
            write_overlay(
                tmp_path,
                "mock",
                [ids[row] for row in mine],
                {
                    "mock__a": pa.array(np.asarray(mine), pa.int64(), mask=rng.random(len(mine)) < 0.5),
                    "mock__s": pa.array([f"{number} {row}" for row in mine]),
                },
                part=f"part-{number}",
                row_group_size=1_500,
                bloom=bloom,
            )

        with open_view(tmp_path) as view:
            whole = pa.Table.from_batches(view.batches(), view.schema())
            head = view.head(n)

        head.validate(full=True)
        assert whole.slice(0, n).to_pylist() == head.to_pylist()
        assert whole.schema.equals(head.schema, check_metadata=True)

    def test_a_negative_number_gives_no_rows(self, tmp_path):
        """There are no rows before the first."""
        write_base(tmp_path, ["ACGT"])

        with open_view(tmp_path) as view:
            assert 0 == len(view.head(-1))

    def test_a_part_that_can_not_matter_is_not_read(self, tmp_path):
        """With filters, a part without the first rows' ids is passed over: its damaged pages go unnoticed."""
        ids = write_base(tmp_path, [sequence(number) for number in range(5_000)])
        part = write_overlay(tmp_path, "mock", ids[4_000:], {"mock__a": pa.array(range(1_000))}, bloom=True)
        start = pq.ParquetFile(part).metadata.row_group(0).column(0).data_page_offset
        content = bytearray(part.read_bytes())
        content[start : start + 2_000] = b"\xff" * 2_000
        part.write_bytes(content)

        with open_view(tmp_path) as view:
            assert [None] * 3 == view.head(3).column("mock__a").to_pylist()

    def test_head_starts_without_the_heavy_modules(self, tmp_path):
        """Neither pyarrow.compute nor pandas or duckdb is imported for the first rows, nor what changes and merges."""
        ids = write_base(tmp_path, [sequence(number) for number in range(100)])
        write_overlay(tmp_path, "mock", ids, {"mock__a": pa.array(range(100)), "mock__l": pa.array([["x"]] * 100)})
        write_overlay(tmp_path, "usr", ids[:3], {"usr__deleted": pa.array([True] * 3)}, part=None)
        script = f"""if True:
            import sys
            from pathlib import Path
            from usr_core.commit.file_tree import FileTree
            from usr_core.store.view.merged_view import MergedView
            assert 10 == len(MergedView.open(FileTree(Path({str(tmp_path)!r}))).head(10))
            heavy = ["pyarrow.compute", "pyarrow.dataset", "pandas", "duckdb"]
            heavy += ["usr_core.commit.record", "usr_core.events.log", "usr_core.store.view.aligned"]
            print([name for name in heavy if name in sys.modules])
        """

        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)

        assert "[]" == done.stdout.strip()
