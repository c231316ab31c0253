"""Base rows of a few ids, found without an index, and of many, found by one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids import row_finder
from usr_core.store.ids.row_finder import RowFinder


@pytest.fixture(autouse=True)
def _few_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_finder, "_INDEXED_BELOW", 0)
    monkeypatch.setattr(row_finder, "FEWEST_ROWS_AN_ID", 0)


@contextlib.contextmanager
def base_of(folder: Path, ids: list[str | None], *, group: int = 7, bloom: bool = True) -> Iterator[OpenParquet]:
    options = {"id": {"ndv": group, "fpp": 0.001}} if bloom else None
    table = pa.table({"id": pa.array(ids, pa.string())})
    pq.write_table(table, folder / "base.parquet", row_group_size=group, bloom_filter_options=options)
    base = OpenParquet.open(folder / "base.parquet")
    try:
        yield base
    finally:
        base.close()


def made(number: int) -> str:
    return f"{number:040x}"


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.integers(0, 300), max_size=100),
    batches=st.lists(st.lists(st.integers(0, 300), max_size=30), min_size=1, max_size=3),
    group=st.integers(1, 40),
    bloom=st.booleans(),
)
def test_rows_are_those_of_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[int],
    batches: list[list[int]],
    group: int,
    bloom: bool,
) -> None:
    """The first row of each id, asked once or often, in one batch (streamed) or in several (indexed); ids come back."""
    first = {number: row for row, number in reversed(list(enumerate(rows)))}
    with base_of(tmp_path_factory.mktemp("base"), [made(one) for one in rows], group=group, bloom=bloom) as base:
        finder = RowFinder(base)
        for batch in batches:
            found = finder.positions(pa.array([made(one) for one in batch], pa.string()))

            assert [first.get(one, -1) for one in batch] == found.tolist()
        there = sorted({first[one] for batch in batches for one in batch if one in first})
        assert [made(rows[row]) for row in there] == finder.ids_at(np.array(there, np.int64)).to_pylist()
    asked = [one for batch in batches for one in batch]
    assert any(rows.count(one) > 1 for one in asked) == finder.repeated


def test_what_is_not_an_id_is_not_found(tmp_path: Path) -> None:
    """Nulls, short texts and upper-case digits match nothing, though the base has such a text itself."""
    odd = [None, "abc", "A" * 40, made(5)]
    with base_of(tmp_path, [*odd[:3], made(4), made(5)]) as base:
        assert [-1, -1, -1, 4] == RowFinder(base).positions(pa.array(odd, pa.string())).tolist()


def test_a_few_ids_make_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base's ids stream past once; a second batch has them indexed."""
    made_ids = [made(number) for number in range(50)]
    indexed: list[OpenParquet] = []
    build = row_finder.base_index
    monkeypatch.setattr(row_finder, "base_index", lambda base: indexed.append(base) or build(base))
    with base_of(tmp_path, made_ids) as base:
        finder = RowFinder(base)

        finder.positions(pa.array(made_ids[:3]))
        assert not indexed
        finder.positions(pa.array(made_ids[3:6]))
        assert [base] == indexed
