"""`Dataset.batches` and the rows of a batch of `scan`."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.small_datasets import make_dataset
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.registry.store import register_namespace
from usr_core.store.questions.scan import of_rows
from usr_core.store.view import base_windows


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    made = Dataset.open(tmp_path, "ns/many")
    make_dataset(tmp_path, "ns/many")
    letters = ["ACGT"[number % 4] + format(number, "06b").replace("0", "A").replace("1", "C") for number in range(40)]
    made.add_sequences([{"sequence": sequence} for sequence in letters])
    return made


@pytest.mark.parametrize("rows", [1, 3, 7, 10_000])
def test_batches_have_one_size_and_every_row_once(dataset: Dataset, rows: int) -> None:
    """Only the last may have fewer, and the order is the base's."""
    table = dataset.to_arrow(columns=["id", "sequence"])

    batches = list(dataset.batches(["id", "sequence"], batch_rows=rows))

    assert {len(batch) for batch in batches[:-1]} <= {rows}
    assert pa.Table.from_batches(batches).equals(table)


def test_a_last_short_batch_can_be_left_out(dataset: Dataset) -> None:
    """Nothing else is."""
    rows = len(dataset)
    whole = [len(batch) for batch in dataset.batches(["id"], batch_rows=rows - 1, drop_last=True)]

    assert whole == [rows - 1]


def test_rows_are_chosen_before_they_are_counted(dataset: Dataset) -> None:
    """A condition leaves no short batches behind."""
    kept = dataset.to_arrow(columns=["id"], where="sequence like '%C'")

    batches = list(dataset.batches(["id"], batch_rows=2, where="sequence like '%C'"))

    assert pa.Table.from_batches(batches).equals(kept)
    assert all(len(batch) == 2 for batch in batches[:-1])


@pytest.mark.parametrize(("step_bytes", "rows"), [(1, {3}), (100_000, {48})])
@pytest.mark.parametrize("columns", [["id", "mock__score"], ["mock__score"]])
def test_what_is_read_at_a_time_is_a_number_of_whole_steps(
    dataset: Dataset, columns: list[str], step_bytes: int, rows: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as 2 MiB hold, and one at least, with columns of the base and without."""
    monkeypatch.setattr(base_windows, "STEP_BYTES", step_bytes)
    ids = dataset.to_arrow(columns=["id"])
    dataset.write_overlay_part("mock", ids.append_column("mock__score", pa.array([float(row) for row in range(46)])))

    with dataset.view() as view:
        batches = list(view.batches(columns, step=3))
        whole = pa.Table.from_batches(view.batches(columns))

    assert rows == {len(batch) for batch in batches[:-1]} | {3 * -(-len(batches[-1]) // 3)}
    assert pa.Table.from_batches(batches).equals(whole)


def test_a_batch_over_the_border_of_two_pieces_is_whole() -> None:
    """Pieces of several sizes, empty ones among them, also where one batch needs three of them."""
    pieces = [pa.record_batch({"n": list(range(start, stop))}) for start, stop in ((0, 2), (2, 2), (2, 3), (3, 11))]

    batches = list(of_rows(iter(pieces), 4, drop_last=False))

    assert [batch["n"].to_pylist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]


def test_scan_makes_no_longer_batches(dataset: Dataset) -> None:
    """`batch_rows` is the most; the rows are the same."""
    with dataset.scan(columns=["id"], batch_rows=5) as reader:
        batches = list(reader)

    assert max(map(len, batches)) == 5
    assert pa.Table.from_batches(batches).equals(dataset.to_arrow(columns=["id"]))


@pytest.mark.parametrize("rows", [0, -1])
def test_batches_of_no_rows_are_refused(dataset: Dataset, rows: int) -> None:
    """At the call, with a code."""
    for call in (lambda: dataset.batches(batch_rows=rows), lambda: dataset.scan(batch_rows=rows)):
        with pytest.raises(UsrError, match="can't have") as caught:
            call()
        assert caught.value.code == "USR-QUERY-013"


def test_files_are_closed_when_the_batches_are_dropped(dataset: Dataset) -> None:
    """No descriptor stays open after a loop that ended early."""
    before = set(Path("/proc/self/fd").iterdir())

    batches = dataset.batches(["id"], batch_rows=2)
    next(batches)
    del batches

    assert len(set(Path("/proc/self/fd").iterdir())) <= len(before)


def test_a_stream_over_many_parts_holds_what_is_read_at_the_moment(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that were read, and those that will be, hold nothing: memory does not grow with the parts."""
    monkeypatch.setattr(base_windows, "STEP_BYTES", 1)
    register_namespace(dataset.ref.root, "ml", [("ml__v", "fixed_size_list<float32>[16384]")])
    ids = dataset.to_arrow(columns=["id"]).column("id").combine_chunks()
    for row in range(40):
        values = pa.FixedSizeListArray.from_arrays(pa.array(np.full(16_384, row, np.float32)), 16_384)
        dataset.write_overlay_part("ml", pa.table({"id": ids[row : row + 1], "ml__v": values}))
    whole = 40 * 4 * 16_384
    gc.collect()
    before = pa.total_allocated_bytes()

    held = [pa.total_allocated_bytes() - before for batch in dataset.batches(["ml__v"], batch_rows=1)]

    assert max(held) < whole // 2
