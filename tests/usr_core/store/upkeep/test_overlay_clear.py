"""Clearing unsets values for good: no older part shows through, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.tree import assert_unchanged
from support.upkeep import KINDS, dataset, events, new_root, record_id_of, sequence, values, write_part
from usr_core.dataset import Dataset
from usr_core.registry.errors import ColumnNotRegistered
from usr_core.store.errors import MaintenanceRequired, NamespaceReservedHere
from usr_core.store.upkeep.errors import ColumnMaterialized, IdsUnknown

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
        write_part(
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


def test_a_materialized_column_can_not_be_cleared(made: Dataset) -> None:
    """Its values in the base would show again."""
    with made.maintenance(reason="test"):
        made.materialize()
    with assert_unchanged(made.path), pytest.raises(ColumnMaterialized):
        clear(made, "mock__i")
