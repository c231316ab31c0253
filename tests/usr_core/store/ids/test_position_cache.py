"""What is remembered of a base, whole and in every broken form: answers are those that the base itself gives."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cache_damage import damage_a_file
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids import row_finder
from usr_core.store.ids import words as words_module
from usr_core.store.ids.lookup import ask_ids, holds
from usr_core.store.ids.position_cache import cache as caching
from usr_core.store.ids.position_cache import catalogue
from usr_core.store.ids.position_cache.cache import extend_cache, open_cache
from usr_core.store.ids.position_cache.catalogue import cache_size, drop_cache
from usr_core.store.ids.position_cache.segment import Segment, SegmentWriter
from usr_core.store.ids.row_finder import RowFinder
from usr_core.store.ids.words import IdWords, words_of_ids

SEGMENT_ROWS = 64


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache's folder, used for bases of any size, in segments of 64 rows."""
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(caching, "_CACHED_FROM_ROWS", 1)
    monkeypatch.setattr(caching, "_SEGMENT_ROWS", SEGMENT_ROWS)
    monkeypatch.setattr(row_finder, "FEWEST_ROWS_AN_ID", 0)
    return tmp_path / "cache" / "positions"


def spread(number: int) -> str:
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def near(number: int) -> str:
    return f"{number:040x}"


def write_base(path: Path, ids: list[str | None], *, group: int = 16) -> Path:
    options = {"id": {"ndv": group, "fpp": 0.001}}
    pq.write_table(
        pa.table({"id": pa.array(ids, pa.string())}), path, row_group_size=group, bloom_filter_options=options
    )
    return path


@contextmanager
def opened(path: Path) -> Iterator[OpenParquet]:
    base = OpenParquet.open(path)
    try:
        yield base
    finally:
        base.close()


def rows_of(path: Path, ids: list[str]) -> list[int]:
    with opened(path) as base:
        return RowFinder(base).positions(pa.array(ids, pa.string())).tolist()


def remember(path: Path) -> None:
    with opened(path) as base:
        assert open_cache(base, make=True) is not None


def is_remembered(path: Path) -> bool:
    with opened(path) as base:
        return open_cache(base, make=False) is not None


class TestWhole:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        rows=st.lists(st.integers(0, 300), min_size=1, max_size=200),
        asked=st.lists(st.integers(0, 300), min_size=1, max_size=60),
        group=st.integers(1, 50),
        hand_made=st.booleans(),
    )
    def test_rows_are_those_of_a_dictionary(
        self, tmp_path: Path, rows: list[int], asked: list[int], group: int, hand_made: bool
    ) -> None:
        """Spread ids and hand-made ones, present and absent; of what the base has twice, nothing is said at all."""
        made = near if hand_made else spread
        path = write_base(tmp_path / "base.parquet", [made(one) for one in rows], group=group)
        first = {number: row for row, number in reversed(list(enumerate(rows)))}
        remember(path)

        with opened(path) as base:
            cache = open_cache(base, make=False)
            assert cache is not None
            found = cache.find(words_of_ids(pa.array([made(one) for one in asked])))
        assert any(rows.count(one) > 1 for one in asked) == (found is None)
        assert found is None or [first.get(one, -1) for one in asked] == found.rows.tolist()

    def test_a_second_search_reads_no_id_of_the_base(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows come from the cache alone, also in another process's eyes: another open base."""
        ids = [spread(number) for number in range(100)]
        path = write_base(tmp_path / "base.parquet", ids)
        rows_of(path, ids[:3])
        monkeypatch.setattr(OpenParquet, "reader", lambda *_, **__: pytest.fail("the base was read"))

        assert [7, -1] == rows_of(path, [ids[7], spread(1000)])
        with opened(path) as base:
            assert [True, False] == holds(base, ask_ids([ids[7], spread(1000)])).tolist()

    def test_off_and_small_bases_leave_no_file(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`USR_CACHE_DIR=off` writes nothing, and nor does a base that is read in no time."""
        path = write_base(tmp_path / "base.parquet", [spread(number) for number in range(100)])
        monkeypatch.setattr(caching, "_CACHED_FROM_ROWS", 101)
        assert [5] == rows_of(path, [spread(5)])
        monkeypatch.setattr(caching, "_CACHED_FROM_ROWS", 1)
        monkeypatch.setenv("USR_CACHE_DIR", "off")

        assert [5] == rows_of(path, [spread(5)])
        assert not folder.exists()
        assert cache_size() is None

    def test_a_base_with_what_is_not_an_id_is_not_remembered(self, tmp_path: Path, folder: Path) -> None:
        """Such a base, which only a hand can write, is read each time; that is noted, so that it is read once."""
        path = write_base(tmp_path / "base.parquet", ["abc", None, *(spread(number) for number in range(50))])

        assert [4, -1] == rows_of(path, [spread(2), "abc"])
        assert not is_remembered(path)
        assert ["list"] == [found.suffix[1:] for found in folder.iterdir()]

    def test_a_folder_that_cannot_be_written_is_done_without(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A file where the folder should be: answers are the same, and nothing is said."""
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "file"))
        path = write_base(tmp_path / "base.parquet", [spread(number) for number in range(100)])

        assert [99, -1] == rows_of(path, [spread(99), spread(100)])


class TestSegment:
    @staticmethod
    def written(path: Path, words: IdWords) -> Segment:
        with SegmentWriter(path, len(words), token="0" * 16) as writer:
            for start in range(0, len(words), 1000):
                writer.put(start, words.at(slice(start, start + 1000)))
            writer.finish()
        return Segment(path, token="0" * 16, rows=len(words))

    @staticmethod
    def rows_in(segment: Segment, words: IdWords) -> list[int]:
        order = np.argsort(words.prefixes())
        found, repeated = segment.find(words.at(order), words.at(order).prefixes())
        assert not repeated
        return found[np.argsort(order)].tolist()

    @pytest.mark.parametrize("rows", [1, 127, 128, 129, 20_000])
    @pytest.mark.parametrize("asked", [1, 5, 300, 30_000], ids=lambda count: f"{count} asked")
    def test_rows_are_found_in_pages_of_any_number(self, tmp_path: Path, rows: int, asked: int) -> None:
        """One page, a full one and one with a single prefix more; a few ids, and more than there are."""
        everything = words_of_ids(pa.array([spread(number) for number in range(rows + 100)]))
        segment = self.written(tmp_path / "a.ids", everything.at(slice(0, rows)))
        numbers = np.random.default_rng(rows + asked).integers(0, rows + 100, asked)

        assert np.where(numbers < rows, numbers, -1).tolist() == self.rows_in(segment, everything.at(numbers))
        assert everything.at(slice(0, rows)).equal(segment.words()).all()

    def test_ids_with_one_prefix_over_several_pages_are_told_apart(self, tmp_path: Path) -> None:
        """Ids made so that the mixed bits of 500 are the same: each is found in its row, and others in none."""
        k, nothing = np.arange(600, dtype=np.uint64), np.empty(0, np.int64)
        free = IdWords(k, k, np.zeros(600, np.uint32), nothing).prefixes()
        inverse = pow(int(words_module._MIX_L), -1, 1 << 32)
        same = IdWords(k, k, (free ^ np.uint32(0x80000000)) * np.uint32(inverse), nothing)
        others = words_of_ids(pa.array([spread(number) for number in range(2000)]))
        segment = self.written(tmp_path / "a.ids", IdWords.join([others, same.at(slice(0, 500))]))

        assert {0x80000000} == set(same.prefixes().tolist())
        assert [*range(2000, 2500), *[-1] * 100] == self.rows_in(segment, same)

    def test_a_segment_that_is_not_finished_is_removed(self, tmp_path: Path) -> None:
        """As where the disk is full before its end."""
        with pytest.raises(OSError, match="full"), SegmentWriter(tmp_path / "a.ids", 3, token="0" * 16):
            raise OSError("full")

        assert not list(tmp_path.iterdir())


class TestBroken:
    IDS = tuple(spread(number) for number in range(150))
    ASKED = (*IDS[::7], *(spread(number) for number in range(1000, 1010)))
    ROWS = (*range(0, 150, 7), *[-1] * 10)

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """A base of three segments that is remembered."""
        path = write_base(tmp_path / "base.parquet", list(self.IDS))
        remember(path)
        return path

    def test_no_flipped_bit_changes_an_answer(self, path: Path, folder: Path) -> None:
        """One bit of every seventeenth byte of every file, one after the other."""
        whole = {file: file.read_bytes() for file in folder.iterdir()}
        for file, content in whole.items():
            for at in range(0, len(content), 17):
                for one, as_written in whole.items():
                    one.write_bytes(as_written)
                file.write_bytes(content[:at] + bytes([content[at] ^ (1 << at % 8)]) + content[at + 1 :])
                assert list(self.ROWS) == rows_of(path, list(self.ASKED)), (file.suffix, at)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_no_damaged_file_changes_an_answer(self, tmp_path: Path, folder: Path, data: st.DataObject) -> None:
        """Cut, emptied, filled with anything, removed, swapped among each other or for those of another dataset."""
        shutil.rmtree(folder, ignore_errors=True)
        other = write_base(tmp_path / "other.parquet", [spread(number) for number in range(1000, 1150)])
        remember(other)
        foreign = {file.suffix: file.read_bytes() for file in folder.iterdir()}
        shutil.rmtree(folder)
        path = write_base(tmp_path / "base.parquet", list(self.IDS))
        remember(path)
        damage_a_file(folder, data, foreign=foreign)

        assert list(self.ROWS) == rows_of(path, list(self.ASKED))
        with opened(path) as base:
            assert [row >= 0 for row in self.ROWS] == holds(base, ask_ids(self.ASKED)).tolist()

    def test_a_damaged_file_is_written_anew(self, path: Path, folder: Path) -> None:
        """What is not believed is removed, so that the next search has a whole cache."""
        segment = next(file for file in folder.iterdir() if file.suffix == ".ids")
        segment.write_bytes(b"")
        rows_of(path, list(self.ASKED))
        rows_of(path, list(self.ASKED))

        with opened(path) as base:
            cache = open_cache(base, make=False)
            assert cache is not None
            assert cache.find(words_of_ids(pa.array(self.ASKED))) is not None

    @pytest.mark.parametrize("order", [-1, 1], ids=["rows in another order", "the same rows, another file"])
    def test_another_base_in_the_same_place_is_not_known(self, path: Path, tmp_path: Path, order: int) -> None:
        """A base that replaced the one that is remembered is read, also where it has the same size."""
        new = write_base(tmp_path / "new.parquet", list(self.IDS[::order]))
        new.rename(path)

        assert not is_remembered(path)
        expected = [row if row < 0 or order > 0 else 149 - row for row in self.ROWS]
        assert expected == rows_of(path, list(self.ASKED))

    def test_a_true_looking_list_with_anothers_rows_is_noticed_by_the_base(
        self, path: Path, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Hits are held against the base's own Bloom filters, where a list with the segments of another one fails."""
        other = write_base(tmp_path / "other.parquet", [spread(number) for number in range(1000, 1150)])
        with opened(other) as base:
            identity = catalogue.BaseIdentity.of(base)
        with opened(path) as base:
            segments = catalogue.read_list(folder, catalogue.BaseIdentity.of(base))
        assert segments
        catalogue.write_list(folder, identity, [(one.token, one.rows) for one in segments])

        assert [-1] * 22 + list(range(10)) == rows_of(other, list(self.ASKED))

    def test_readers_beside_writers_and_droppers_answer_right(self, path: Path) -> None:
        """While others remember, drop and remember again, every answer is that of the base."""
        stop, failed = threading.Event(), []

        def write() -> None:
            while not stop.is_set():
                drop_cache()
                with opened(path) as base:
                    open_cache(base, make=True)

        writers = [threading.Thread(target=write) for _ in range(2)]
        for writer in writers:
            writer.start()
        try:
            failed = [found for _ in range(60) if (found := rows_of(path, list(self.ASKED))) != list(self.ROWS)]
        finally:
            stop.set()
            for writer in writers:
                writer.join(timeout=60)
        assert not failed


class TestExtended:
    def test_an_append_adds_its_rows(self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each new base is remembered from the one before, whose segments it shares; few segments stay."""
        ids = [spread(number) for number in range(400)]
        path = write_base(tmp_path / "0.parquet", ids[:100])
        remember(path)
        for number in range(1, 40):
            longer = write_base(tmp_path / f"{number}.parquet", ids[: 100 + 7 * number])
            with opened(path) as before:
                extend_cache(before, longer)
            path = longer
        monkeypatch.setattr(OpenParquet, "reader", lambda *_, **__: pytest.fail("the base was read"))

        assert [*range(373), -1] == rows_of(path, ids[:374])
        with opened(path) as base:
            segments = catalogue.read_list(folder, catalogue.BaseIdentity.of(base))
        assert segments is not None
        assert len(segments) <= 10

    def test_nothing_known_before_is_nothing_known_after(self, tmp_path: Path, folder: Path) -> None:
        """An append to a base that is not remembered reads and writes nothing."""
        ids = [spread(number) for number in range(100)]
        with opened(write_base(tmp_path / "0.parquet", ids[:50])) as before:
            extend_cache(before, write_base(tmp_path / "1.parquet", ids))

        assert not folder.exists()


class TestTidy:
    def test_lists_used_least_recently_go_first(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Beyond the bytes that the cache may take, and what no list names any more goes with them an hour later."""
        monkeypatch.setattr(catalogue, "_MOST_BYTES", 6_000)
        monkeypatch.setattr(catalogue, "_UNLISTED_SECONDS", -1.0)
        bases = [write_base(tmp_path / f"{n}.parquet", [spread(1000 * n + row) for row in range(60)]) for n in range(6)]
        for base in bases:
            remember(base)
            remember(bases[0])

        found = cache_size()
        assert found is not None
        assert found.size_bytes <= 7_000
        assert is_remembered(bases[0])
        assert is_remembered(bases[5])
        assert not is_remembered(bases[1])

    def test_dropping_removes_every_file(self, tmp_path: Path, folder: Path) -> None:
        """It says what they took."""
        remember(write_base(tmp_path / "base.parquet", [spread(row) for row in range(60)]))
        before = cache_size()

        assert before is not None
        assert before.files == 2
        assert drop_cache() == before
        assert not list(folder.iterdir())

    def test_files_of_others_in_the_folder_stay(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`USR_CACHE_DIR` may name a folder in use: neither tidying nor dropping takes what is not the cache's."""
        monkeypatch.setattr(catalogue, "_UNLISTED_SECONDS", -1.0)
        folder.mkdir(parents=True, mode=0o700)
        foreign = ["plate.csv", "shopping.list", "well.ids", "notes", "0123456789abcdef.ids.bak"]
        for name in foreign:
            (folder / name).write_text("mine")

        remember(write_base(tmp_path / "base.parquet", [spread(row) for row in range(60)]))
        found = drop_cache()

        assert found is not None
        assert found.files == 2
        assert sorted(foreign) == sorted(path.name for path in folder.iterdir())


class TestTrust:
    @pytest.mark.parametrize("mode", [0o777, 0o720, 0o1777])
    def test_a_folder_that_others_may_write_to_is_not_used(self, tmp_path: Path, folder: Path, mode: int) -> None:
        """What it says of rows may be anybody's; nothing is read there, and nothing written or removed."""
        path = write_base(tmp_path / "base.parquet", [spread(row) for row in range(60)])
        remember(path)
        folder.chmod(mode)
        before = sorted(folder.iterdir())

        assert not is_remembered(path)
        assert rows_of(path, [spread(7), "f" * 40]) == [7, -1]
        assert drop_cache() is None
        assert before == sorted(folder.iterdir())

    def test_a_folder_of_another_user_is_not_used(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As under sudo, which keeps the home: no file of root's comes to lie in a user's cache."""
        path = write_base(tmp_path / "base.parquet", [spread(row) for row in range(60)])
        folder.mkdir(parents=True, mode=0o700)
        user = os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)

        assert rows_of(path, [spread(7)]) == [7]
        assert not list(folder.iterdir())
