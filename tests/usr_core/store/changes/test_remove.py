"""Removing an overlay: its files are archived or gone, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from support.maintenance import dataset, events, new_root, record_id_of, sequence, values, write_overlay
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.changes.errors import UnknownChoice
from usr_core.store.errors import MaintenanceRequired, NamespaceReservedHere
from usr_core.store.parts.errors import AmbiguousOverlay, NoSuchOverlay


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    """Two records, two parts of ``mock``."""
    made = dataset(new_root(tmp_path / "root"), "d", [sequence(0), sequence(1)])
    for number in range(2):
        write_overlay(
            made.path, "mock", [record_id_of(sequence(number))], {"mock__i": pa.array([number])}, part=f"part-{number}"
        )
    return made


def remove(made: Dataset, mode: str) -> object:
    with made.maintenance(reason="test"):
        return made.remove_overlay("mock", mode=mode)


def test_archive_moves_every_file(made: Dataset) -> None:
    """Below _archived/<namespace>/<stamp>/, and the columns are not seen any more."""
    outcome = remove(made, "archive")

    assert (2, 2) == (outcome.parts, outcome.rows)
    assert ["part-0.parquet", "part-1.parquet"] == sorted(p.name for p in (made.path / outcome.archived).iterdir())
    assert "mock__i" not in made.to_arrow().column_names
    assert "remove_overlay" == events(made)[-1]


def test_delete_leaves_nothing(made: Dataset) -> None:
    """Neither parts nor archive."""
    outcome = remove(made, "delete")

    assert outcome.archived is None
    assert not list(made.path.glob("_derived/**/*.parquet"))


def test_a_damaged_file_can_be_removed(made: Dataset) -> None:
    """It is counted, its rows are not."""
    (made.path / "_derived/mock/part-0.parquet").write_bytes(b"PAR1 no more")
    outcome = remove(made, "archive")

    assert (2, 1) == (outcome.parts, outcome.rows)


def test_a_namespace_that_is_not_registered_any_more_can_be_removed(made: Dataset) -> None:
    """As nothing of it is read."""
    write_overlay(made.path, "old", [record_id_of(sequence(0))], {"old__x": pa.array([1])}, part=None)
    with made.maintenance(reason="test"):
        made.remove_overlay("old", mode="delete")

    assert not (made.path / "_derived/old.parquet").exists()


def test_values_come_back_with_the_next_attachment_only(made: Dataset) -> None:
    """A new part starts from nothing."""
    remove(made, "archive")
    made.write_overlay_part("mock", pa.table({"id": [record_id_of(sequence(1))], "mock__i": pa.array([9])}))

    assert [(None,), (9,)] == values(made, "mock__i")


def test_a_dry_run_changes_nothing(made: Dataset) -> None:
    """And tells files, rows and bytes."""
    with assert_unchanged(made.path):
        plan = made.remove_overlay("mock", mode="delete", dry_run=True)

    assert (2, 2, None) == (plan.parts, plan.rows, plan.event)
    assert plan.size_bytes == sum(path.stat().st_size for path in (made.path / "_derived/mock").iterdir())


def test_refusals_leave_everything_as_it_was(made: Dataset) -> None:
    """No block, a mode that does not exist, a reserved or absent namespace, a file beside the folder."""
    with assert_unchanged(made.path):
        with pytest.raises(MaintenanceRequired):
            made.remove_overlay("mock", mode="delete")
        for namespace, mode, error in (
            ("mock", "burn", UnknownChoice),
            ("usr", "delete", NamespaceReservedHere),
            ("usr_state", "delete", NamespaceReservedHere),
            ("absent", "delete", NoSuchOverlay),
        ):
            with made.maintenance(reason="test"), pytest.raises(error):
                made.remove_overlay(namespace, mode=mode)
    write_overlay(made.path, "mock", [record_id_of(sequence(0))], {"mock__i": pa.array([1])}, part=None)
    with assert_unchanged(made.path), pytest.raises(AmbiguousOverlay):
        remove(made, "archive")
