"""Leaving out rows that a tool chooses: what is chosen goes, everything else stays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from support.maintenance import dataset, events, new_root, sequence, values
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.changes.row_drop import ChosenRows
from usr_core.store.errors import EventNotRecordable, MaintenanceRequired, ToolActionInvalid
from usr_core.store.view.merged_view import MergedView

TEXTS = [sequence(number) for number in range(10)]


@pytest.fixture
def made(tmp_path: Path) -> Dataset:
    return dataset(new_root(tmp_path / "root"), "ns/d", TEXTS, row_group_size=4)


class Choice:
    """Chooses these rows, and remembers how often it was asked."""

    def __init__(self, rows: Sequence[int], **metrics: object) -> None:
        self.rows, self.metrics, self.asked = rows, metrics, 0

    def __call__(self, view: MergedView) -> ChosenRows:
        self.asked += 1
        return ChosenRows(rows=np.array(self.rows, np.int64), metrics=self.metrics)


class TestDropRows:
    def test_the_others_stay_in_order_with_their_overlays(self, made: Dataset) -> None:
        """Over row groups; the event tells what was asked and counted, a snapshot keeps the old base."""
        made.write_overlay("mock", _scores(made))
        before = made.layout.records.read_bytes()
        choice = Choice([0, 3, 9], why="test")
        with made.maintenance(reason="cleaning"):
            outcome = made.drop_rows(choice, action="repair_test", args={"limit": 5})

        kept = [text for row, text in enumerate(TEXTS) if row not in (0, 3, 9)]
        assert [(text, float(TEXTS.index(text))) for text in kept] == values(made, "sequence", "mock__f")
        (line,) = made.events(n=1)
        assert line.event is not None
        assert ("repair_test", {"reason": "cleaning"}) == (line.event["action"], line.event["maintenance"])
        assert (10, 7, 3) == tuple(
            line.event["metrics"][name] for name in ("rows_before", "rows_after", "rows_dropped")
        )
        assert "test" == line.event["metrics"]["why"]
        assert {"limit": 5, "snapshot_before": True} == line.event["args"]
        assert outcome.snapshot is not None
        assert before == (made.path / outcome.snapshot).read_bytes()
        assert (1, 10, 3, 7) == (choice.asked, outcome.rows_before, outcome.rows_dropped, outcome.rows_after)
        assert made.validate(strict=True).ok

    def test_no_snapshot_where_none_is_wanted(self, made: Dataset) -> None:
        """The caller decides."""
        with made.maintenance(reason="test"):
            outcome = made.drop_rows(Choice([1]), action="repair_test", snapshot_before=False)

        assert outcome.snapshot is None
        assert not (made.path / "_snapshots").exists()

    def test_all_rows_may_go(self, made: Dataset) -> None:
        """An empty base is a base."""
        with made.maintenance(reason="test"):
            made.drop_rows(Choice(range(10)), action="repair_test")

        assert 0 == made.base_rows()
        assert made.validate().ok

    def test_tombstones_of_rows_that_go_go_too(self, made: Dataset) -> None:
        """So that the sequence can come in again; those of others stay."""
        ids = made.to_arrow(columns=["id"])["id"].to_pylist()
        made.delete([ids[2], ids[5]])
        with made.maintenance(reason="test"):
            made.drop_rows(Choice([2]), action="repair_test")
        made.add_sequences([{"sequence": TEXTS[2]}])

        seen = made.to_arrow()["sequence"].to_pylist()
        assert TEXTS[2] in seen
        assert TEXTS[5] not in seen

    def test_nothing_chosen_changes_nothing(self, made: Dataset) -> None:
        """No event, no snapshot; a dry run takes no block and tells the same."""
        with assert_unchanged(made.path):
            with made.maintenance(reason="test"):
                assert made.drop_rows(Choice([]), action="repair_test").event is None
            assert 2 == made.drop_rows(Choice([1, 2]), action="repair_test", dry_run=True).rows_dropped


class TestRefusals:
    def test_outside_a_maintenance_block(self, made: Dataset) -> None:
        """The base is rewritten."""
        with assert_unchanged(made.path), pytest.raises(MaintenanceRequired):
            made.drop_rows(Choice([1]), action="repair_test")

    @pytest.mark.parametrize("rows", [[-1], [10], [1, 1], [2, 1]])
    def test_rows_that_are_none(self, made: Dataset, rows: list[int]) -> None:
        """Or not in order: a tool's mistake must not take other rows."""
        with assert_unchanged(made.path), made.maintenance(reason="test"), pytest.raises(ValueError, match="rows"):
            made.drop_rows(Choice(rows), action="repair_test")

    def test_an_event_that_can_not_be_told(self, made: Dataset) -> None:
        """The action of the core, arguments or metrics that are not JSON."""
        with assert_unchanged(made.path), made.maintenance(reason="test"):
            with pytest.raises(ToolActionInvalid):
                made.drop_rows(Choice([1]), action="dedupe")
            with pytest.raises(EventNotRecordable):
                made.drop_rows(Choice([1]), action="repair_test", args={"a": {1}})
            with pytest.raises(EventNotRecordable):
                made.drop_rows(Choice([1], bad={1}), action="repair_test")

    def test_an_error_of_the_chooser_changes_nothing(self, made: Dataset) -> None:
        """It comes out as it is."""

        def fails(view: MergedView) -> ChosenRows:
            raise LookupError(view.rows)

        before = events(made)
        with assert_unchanged(made.path), made.maintenance(reason="test"), pytest.raises(LookupError):
            made.drop_rows(fails, action="repair_test")
        assert before == events(made)


def _scores(made: Dataset) -> pa.Table:
    ids = made.to_arrow(columns=["id"])["id"]
    return pa.table({"id": ids, "mock__f": [float(row) for row in range(len(ids))]})
