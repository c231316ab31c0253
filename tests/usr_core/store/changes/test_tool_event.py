"""A tool's own events: chained like all others, at the price of a line, and never under the core's names."""

from __future__ import annotations

import math
from typing import Any

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core import Actor, Dataset
from usr_core.errors import UsrError
from usr_core.roots.errors import DatasetMissing
from usr_core.store.changes.session.known import base_mark
from usr_core.store.errors import EventNotRecordable, ToolActionInvalid


@pytest.fixture
def dataset(seeded: Usr) -> Dataset:
    return Dataset.open(seeded.root, "ns/base", actor=Actor(tool="notebook", run_id="r0"))


class TestRecordEvent:
    def test_the_log_tells_it_and_nothing_else_changes(self, dataset: Dataset) -> None:
        """Metrics, arguments with secrets hidden, the actor that says so; the base is the same file."""
        base = base_mark(dataset.layout.records)
        event = dataset.record_event(
            "designer_health",
            metrics={"designer": {"rows": 3}},
            args={"token": "s3cret", "step": 1},
            actor=Actor(tool="designer", run_id="r1"),
        )
        (line,) = dataset.events(n=1)

        assert event == line.event
        assert {"designer": {"rows": 3}} == event["metrics"]
        assert 1 == event["args"]["step"]
        assert "s3cret" not in str(event)
        assert ("designer", "r1") == (event["actor"]["tool"], event["actor"]["run_id"])
        assert 6 == event["fingerprint"]["rows"]
        assert {} == event["artifacts"]
        assert base == base_mark(dataset.layout.records)
        assert [] == dataset.verify_events()

    def test_event_sinks_receive_it(self, dataset: Dataset) -> None:
        """As any other event, after it is on disk; the dataset's actor is the default one."""
        told: list[Any] = []
        dataset.host.emit = told.append  # type: ignore[method-assign]
        event = dataset.record_event("designer_health")

        assert [event] == told
        assert "notebook" == event["actor"]["tool"]

    @pytest.mark.parametrize(
        "action", ["health", "import", "write_overlay", "state_set", "Designer_health", "designer_", "a b_c", "ä_b", ""]
    )
    def test_other_actions_are_refused(self, dataset: Dataset, action: str) -> None:
        """An action that is not a tool's, or that names a change that has not been made."""
        with assert_unchanged(dataset.path), pytest.raises(ToolActionInvalid):
            dataset.record_event(action)

    @pytest.mark.parametrize("value", [math.nan, {1, 2}, b"bytes", "x" * 70_000])
    def test_what_is_no_json_is_refused(self, dataset: Dataset, value: object) -> None:
        """In metrics and in args, before anything is touched."""
        for name in ("metrics", "args"):
            with assert_unchanged(dataset.path), pytest.raises(EventNotRecordable):
                dataset.record_event("designer_health", **{name: {"value": value}})

    def test_a_dataset_is_needed(self, seeded: Usr) -> None:
        """One that exists, and was not put away."""
        with pytest.raises(DatasetMissing):
            Dataset.open(seeded.root, "ns/absent").record_event("designer_health")
        dataset = Dataset.open(seeded.root, "ns/base")
        dataset.archive()
        with assert_unchanged(seeded.root), pytest.raises(UsrError):
            Dataset.open(seeded.root, "ns/base").record_event("designer_health")
