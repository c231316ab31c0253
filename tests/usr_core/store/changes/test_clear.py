"""Clearing unsets values for good: no older part shows through, and nothing else changes."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import KINDS, dataset, events, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.registry.errors import ColumnNotRegistered
from usr_core.store.changes.errors import IdsUnknown
from usr_core.store.errors import MaintenanceRequired, NamespaceReservedHere

IDS = [record_id_of(sequence(number)) for number in range(5)]


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    """Three records, two parts that overlap, a key of no record (4)."""
    made = dataset(new_root(tmp_path / "root"), "d", [sequence(number) for number in range(3)])
    for number, (keys, columns) in enumerate(
        [
            ([IDS[0], IDS[1], IDS[4]], {"mock__i": [1, 2, 5], "mock__v": [[1, 1], None, [5, 5]]}),
            ([IDS[1], IDS[2]], {"mock__i": [20, None], "mock__r": [{"x": 1, "y": ["a"]}, {"x": 2, "y": None}]}),
        ]
    ):
        arrays = {name: pa.array(cells, KINDS[name]) for name, cells in columns.items()}
        write_overlay(
            made.path, "mock", keys, arrays, part=f"part-{number}", created_at=f"2026-01-01T00:00:0{number}.000000Z"
        )
    return made


def clear(made: Dataset, *columns: str, ids: list[str] | None = None) -> object:
    with made.maintenance(reason="test"):
        return made.clear_overlay("mock", columns, ids=ids)


def test_values_of_named_records_are_unset(made: Dataset) -> None:
    """Older values do not show through; other records and columns keep theirs, nested ones included."""
    before = values(made, "mock__v", "mock__r")
    outcome = clear(made, "mock__i", ids=[IDS[1]])

    assert [(1,), (None,), (None,)] == values(made, "mock__i")
    assert before == values(made, "mock__v", "mock__r")
    assert (1, 0, 4) == (outcome.cells, outcome.rows_removed, outcome.rows)


def test_without_ids_all_records_are_meant(made: Dataset) -> None:
    """Keys of no record too; columns may lack the prefix, and rows without any value left vanish."""
    outcome = clear(made, "i", "mock__v")

    assert [IDS[1], IDS[2]] == pq.read_table(made.path / outcome.part).column("id").to_pylist()
    assert (("mock__i", "mock__v"), 5, 2) == (outcome.columns, outcome.cells, outcome.rows_removed)


def test_when_nothing_is_left_there_is_no_part(made: Dataset) -> None:
    """All files are archived."""
    outcome = clear(made, "mock__i", "mock__v", "mock__r")

    assert outcome.part is None
    assert not (made.path / "_derived/mock").exists()
    assert 2 == len(list((made.path / outcome.archived).iterdir()))
    assert "clear_overlay" == events(made)[-1]


def test_a_key_of_no_record_can_be_named(made: Dataset) -> None:
    """Its row goes with its last value."""
    outcome = clear(made, "mock__i", "mock__v", ids=[IDS[4]])

    assert (2, 1) == (outcome.cells, outcome.rows_removed)
    assert IDS[4] not in pq.read_table(made.path / outcome.part).column("id").to_pylist()


def test_nothing_to_unset_changes_nothing(made: Dataset) -> None:
    """No event, no file."""
    with assert_unchanged(made.path):
        outcome = clear(made, "mock__s")
        again = clear(made, "mock__v", ids=[IDS[2]])

    assert (0, 0, None, None) == (outcome.cells, again.cells, outcome.event, again.event)


def test_a_dry_run_counts_what_would_be_unset(made: Dataset) -> None:
    """The same counts as the real run, and no change."""
    with assert_unchanged(made.path):
        plan = made.clear_overlay("mock", ["mock__i"], ids=IDS[:2], dry_run=True)
    outcome = clear(made, "mock__i", ids=IDS[:2])

    assert (plan.cells, plan.rows, plan.rows_removed) == (outcome.cells, outcome.rows, outcome.rows_removed)
    assert plan.event is None


def test_refusals_leave_everything_as_it_was(made: Dataset) -> None:
    """No block, an unknown id, an unknown column, a reserved namespace."""
    with assert_unchanged(made.path):
        with pytest.raises(MaintenanceRequired):
            made.clear_overlay("mock", ["mock__i"])
        with pytest.raises(IdsUnknown) as caught:
            clear(made, "mock__i", ids=[IDS[0], IDS[3], "nonsense"])
        assert (IDS[3], 2) == (caught.value.value, caught.value.count)
        with pytest.raises(ColumnNotRegistered):
            clear(made, "mock__zz")
        with made.maintenance(reason="test"), pytest.raises(NamespaceReservedHere):
            made.clear_overlay("usr_state", ["usr_state__masked"])


def test_materialized_values_are_unset_in_the_base(made: Dataset) -> None:
    """With those above them; the base as it was is a snapshot, and counts are those of readers."""
    with made.maintenance(reason="test"):
        made.materialize()
    before, others = made.layout.records.read_bytes(), values(made, "mock__v", "mock__r")
    outcome = clear(made, "mock__i", ids=IDS[1:3])

    assert [(1,), (None,), (None,)] == values(made, "mock__i")
    assert others == values(made, "mock__v", "mock__r")
    assert (1, 1) == (outcome.cells, outcome.base_cells)
    assert before == (made.path / outcome.snapshot).read_bytes()
    assert {"cells_cleared": 1, "cells_cleared_in_base": 1}.items() <= outcome.event["metrics"].items()
    assert IDS == [*made.to_arrow().column("id").to_pylist(), *IDS[3:]]


def test_a_namespace_that_is_in_the_base_alone(made: Dataset) -> None:
    """No overlay comes of it; an id of no record is told; nothing to unset changes nothing."""
    with made.maintenance(reason="test"):
        made.materialize(drop_overlays=True)
        made.remove_overlay("mock", mode="delete")  # the values of a key that matches no record
    with assert_unchanged(made.path):
        with pytest.raises(IdsUnknown):
            clear(made, "mock__i", ids=[IDS[3]])
        assert (0, None) == (clear(made, "mock__v", ids=[IDS[2]]).cells, clear(made, "mock__v", ids=[IDS[1]]).event)
        plan = made.clear_overlay("mock", ["mock__i", "mock__v"], dry_run=True)
    outcome = clear(made, "mock__i", "mock__v")

    assert (3, 3, 3, None) == (plan.cells, outcome.cells, outcome.base_cells, outcome.part)
    assert [(None, None)] * 3 == values(made, "mock__i", "mock__v")
    assert not (made.path / "_derived/mock").exists()
    assert made.validate(strict=True).ok


@pytest.mark.parametrize("seed", range(10))
def test_generated_values_are_unset_as_in_a_dictionary(tmp_path: Path, seed: int) -> None:
    """In the base, in overlays, in both or nowhere; of all records or of some."""
    draw, texts = random.Random(seed), [sequence(number) for number in range(9)]
    keys, shown, columns = [record_id_of(text) for text in texts], {}, ["mock__i", "mock__s"]
    extra = {}
    for name in columns:
        if draw.random() < 0.7:
            cells = [draw.choice([None, 1]) for _ in keys]
            extra[name] = pa.array(cells).cast(KINDS[name])
            shown |= {(one, name): cell for one, cell in zip(keys, cells, strict=True) if cell}
    made = dataset(new_root(tmp_path / "root"), "d", texts, extra=extra, row_group_size=4)
    for number in range(draw.randrange(3)):
        rows, name = draw.sample(keys, 5), draw.choice(columns)
        cells = [draw.choice([None, 2]) for _ in rows]
        array, when = pa.array(cells).cast(KINDS[name]), f"2026-01-01T00:00:0{number}.000000Z"
        write_overlay(made.path, "mock", rows, {name: array}, part=f"part-{number}", created_at=when)
        shown |= {(one, name): cell for one, cell in zip(rows, cells, strict=True) if cell}
    if not shown:
        return
    cleared, ids = draw.sample(columns, draw.randrange(1, 3)), draw.choice([None, draw.sample(keys, 3)])
    gone = {cell for cell in shown if cell[1] in cleared and (ids is None or cell[0] in ids)}
    present = {column.name for column in made.columns()}
    with assert_unchanged(made.path):
        plan = made.clear_overlay("mock", cleared, ids=ids, dry_run=True)
    outcome = clear(made, *cleared, ids=ids)

    assert (len(gone), len(gone)) == (plan.cells, outcome.cells)
    assert plan.base_cells == outcome.base_cells
    for name in present & set(columns):
        left = [None if (one, name) in gone else shown.get((one, name)) for one in keys]
        if name in {column.name for column in made.columns()}:
            found = [None if value is None else int(value) for (value,) in values(made, name)]
            assert left == found
        else:
            assert not any(left)
