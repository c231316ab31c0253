"""Which ids the base has, found without an index of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.commit.file_tree import FileTree
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import BaseMissing, BaseUnreadable
from usr_core.store.ids.errors import RecordIdInvalid, RecordsMissing
from usr_core.store.ids.lookup import ask_ids, existing_ids, holds


def random_ids(rows: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return [generator.bytes(20).hex() for _ in range(rows)]


def base_of(folder: Path, ids: list[str | None], *, group: int = 1_000, bloom: bool = True) -> Path:
    """Write a base that has this id column, in row groups of `group` rows."""
    options = {"id": {"ndv": max(1, min(len(ids), group)), "fpp": 0.001}} if bloom else None
    table = pa.table({"id": pa.array(ids, pa.string()), "length": pa.array(range(len(ids)), pa.int32())})
    pq.write_table(table, folder / "records.parquet", row_group_size=group, bloom_filter_options=options)
    return folder


def found(folder: Path, ids: list[str]) -> list[bool]:
    base = OpenParquet.open(folder / "records.parquet")
    try:
        return holds(base, ask_ids(ids)).tolist()
    finally:
        base.close()


PRESENT = random_ids(10_000, seed=1)
ABSENT = random_ids(3_000, seed=2)


@pytest.mark.parametrize("bloom", [True, False], ids=["Bloom filters", "none"])
@pytest.mark.parametrize("count", [1, 2, 10, 11, 3_000], ids=str)
def test_present_and_absent_ids_are_told_apart(tmp_path: Path, count: int, bloom: bool) -> None:
    """Few ids and many, with filters and without, mixed: each is told as it is."""
    folder = base_of(tmp_path, PRESENT, bloom=bloom)
    there = PRESENT[:: 10_000 // count][:count]

    answers = found(folder, [one for pair in zip(there, ABSENT[:count], strict=True) for one in pair])

    assert [True, False] * count == answers


def test_ids_that_differ_in_their_last_digit_are_different(tmp_path: Path) -> None:
    """The digits that sieve the rows do not decide: the whole id does."""
    near = [one[:-1] + ("0" if one[-1] != "0" else "1") for one in PRESENT[:500]]

    assert not any(found(base_of(tmp_path, PRESENT), near))


def test_a_base_without_rows_holds_nothing(tmp_path: Path) -> None:
    """An empty base has no row group to look into."""
    assert [False, False] == found(base_of(tmp_path, []), PRESENT[:2])


def test_a_base_with_strange_ids_is_still_searched_exactly(tmp_path: Path) -> None:
    """Nulls and texts that are not ids, which only a hand can write, hide no record beside them."""
    folder = base_of(tmp_path, ["", None, "abc", *PRESENT[:50], "Ω" * 20], group=10)

    assert [True] * 50 + [False] == found(folder, [*PRESENT[:50], ABSENT[0]])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 400), max_size=120),
    st.lists(st.integers(0, 400), min_size=1, max_size=120, unique=True),
    st.integers(1, 50),
)
def test_answers_equal_those_of_a_set(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], asked: list[int], group: int
) -> None:
    """Made-up ids that share most digits, repeated rows, row groups of any size: as a set would answer."""
    folder = base_of(tmp_path_factory.mktemp("base"), [f"{row:040x}" for row in rows], group=group)

    assert [row in set(rows) for row in asked] == found(folder, [f"{row:040x}" for row in asked])


class TestAskIds:
    def test_repeated_ids_count_once_in_the_order_of_their_first(self) -> None:
        """Order is kept, repetitions go."""
        assert (ABSENT[2], ABSENT[0]) == ask_ids([ABSENT[2], ABSENT[0], ABSENT[2]]).ids

    @pytest.mark.parametrize(
        "ids",
        [
            pa.array(ABSENT[:2]),
            pa.chunked_array([ABSENT[:1], ABSENT[1:2]]),
            np.array(ABSENT[:2]),
            list(pa.array(ABSENT[:2])),
        ],
        ids=["array", "chunked array", "numpy", "scalars"],
    )
    def test_columns_of_ids_are_taken_as_they_are(self, ids: list[str]) -> None:
        """An Arrow or numpy array, as a reader gives it."""
        assert tuple(ABSENT[:2]) == ask_ids(ids).ids

    def test_a_text_is_one_id(self) -> None:
        """And not forty of one letter each."""
        assert (ABSENT[0],) == ask_ids(ABSENT[0]).ids

    def test_repeated_ids_of_a_column_count_once(self) -> None:
        """As those of a list do; ids that have their first digits in common are others."""
        low = [f"{number:040x}" for number in (7, 5, 7, 6, 5)]

        assert (low[0], low[1], low[3]) == ask_ids(pa.array(low)).ids

    @pytest.mark.parametrize("value", ["F" * 40, "é" * 20, "abc", None])
    def test_a_column_with_what_is_no_id_is_refused(self, value: str | None) -> None:
        """And the value is named."""
        with pytest.raises(RecordIdInvalid) as caught:
            ask_ids(pa.array([ABSENT[0], value]))

        assert str(value) == caught.value.value

    @pytest.mark.parametrize("text", ["", "abc", "F" * 40, "g" * 40, "0" * 41, "\0" * 40, "é" * 20])
    def test_a_text_that_is_no_id_is_refused_and_named(self, text: str) -> None:
        """Ids are 40 lower-case hexadecimal digits."""
        with pytest.raises(RecordIdInvalid) as caught:
            ask_ids([ABSENT[0], text])

        assert text == caught.value.value


class TestExistingIds:
    def test_missing_ids_are_counted_and_the_first_are_named(self, tmp_path: Path) -> None:
        """A few are enough to see what went wrong; the count is of all."""
        tree = FileTree(base_of(tmp_path, PRESENT))

        with pytest.raises(RecordsMissing) as caught:
            existing_ids(tree, ask_ids([PRESENT[0], *ABSENT]), dataset="ns/base", allow_missing=False)

        assert (3_000, tuple(ABSENT[:5])) == (caught.value.count, caught.value.ids)

    def test_missing_ids_may_be_left_out(self, tmp_path: Path) -> None:
        """The others stay in their order."""
        tree = FileTree(base_of(tmp_path, PRESENT))
        asked = ask_ids([ABSENT[0], PRESENT[9], ABSENT[1], PRESENT[3]])

        assert (PRESENT[9], PRESENT[3]) == existing_ids(tree, asked, dataset="ns/base", allow_missing=True).ids

    def test_a_missing_base_is_told(self, tmp_path: Path) -> None:
        """There is nothing to look into."""
        with pytest.raises(BaseMissing):
            existing_ids(FileTree(tmp_path), ask_ids(ABSENT[:1]), dataset="ns/base", allow_missing=True)

    def test_a_damaged_base_is_told(self, tmp_path: Path) -> None:
        """A file that is not Parquet, or only in part, is not reported as a missing record."""
        (tmp_path / "records.parquet").write_bytes(b"PAR1 and nothing more")

        with pytest.raises(BaseUnreadable):
            existing_ids(FileTree(tmp_path), ask_ids(ABSENT[:1]), dataset="ns/base", allow_missing=True)
