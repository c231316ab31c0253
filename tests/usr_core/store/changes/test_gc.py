"""Giving up versions: what is kept for them alone goes, and every version that stays comes back byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.kept_history import add, everything, keeping, state, through_every_verb, values
from usr_core import Dataset
from usr_core.commit.file_tree import FileTree
from usr_core.store.history.errors import NothingKept, VersionNotKept
from usr_core.store.history.files import History
from usr_core.store.history.forgetting import Wanted


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return keeping(tmp_path)


class TestGc:
    @pytest.mark.parametrize("stay", [(), (3,), (2, 7, 11), (1, 9)])
    def test_versions_that_stay_come_back(self, dataset, stay):
        """Those that were asked for, that have a tag, and the last one; every other one is refused."""
        seen = through_every_verb(dataset)
        dataset.tag("v1")
        last = max(seen)
        before = History(FileTree(dataset.path)).size_bytes

        outcome = dataset.gc(keep_seconds=0, keep_versions=[version for version in stay if version != last])

        assert History(FileTree(dataset.path)).size_bytes == outcome.kept_bytes == before - outcome.size_bytes
        for version in sorted(seen):
            if version in stay or version == last:
                dataset.rollback(version)
                assert seen[version] == state(dataset), version
            else:
                with pytest.raises(VersionNotKept):
                    dataset.rollback(version)

    def test_what_is_young_stays(self, dataset):
        """Within the time that is asked for nothing is given up, and no event is written."""
        values(dataset, 0.5)
        before = everything(dataset)

        outcome = dataset.gc()

        assert (1, 0, 0, None) == (outcome.since, outcome.forgotten, outcome.files, outcome.event)
        assert before == everything(dataset)

    def test_the_event_says_what_was_given_up(self, dataset):
        """It counts versions, files and bytes; empty folders go, and a second collection finds nothing."""
        add(dataset, "GGGG")

        outcome = dataset.gc(keep_seconds=0)

        event = json.loads(dataset.layout.event_log.read_text().splitlines()[-1])
        assert ("gc", 2, 2, 3) == (
            event["action"],
            event["metrics"]["versions_forgotten"],
            event["metrics"]["files"],
            event["metrics"]["since"],
        )
        assert {"setting.json", "base.json"} == {path.name for path in (dataset.path / ".history").iterdir()}
        assert outcome.event is not None
        assert 0 == dataset.gc(keep_seconds=0).files

    def test_a_dry_run_counts(self, dataset):
        """Nothing is removed."""
        add(dataset, "GGGG")
        before = everything(dataset)

        outcome = dataset.gc(keep_seconds=0, dry_run=True)

        assert (2, 3, None) == (outcome.files, outcome.since, outcome.event)
        assert before == everything(dataset)

    def test_a_version_that_is_not_there_is_refused(self, dataset):
        """What is asked to stay must be there, and a dataset without history has nothing to give up."""
        with pytest.raises(VersionNotKept, match="Version 9 of demo/one can't be brought back"):
            dataset.gc(keep_seconds=0, keep_versions=[9])
        with pytest.raises(NothingKept):
            Dataset.open(dataset.ref.root, "demo/two").init(history="none").gc()


class TestHistoryMode:
    def test_keeping_can_begin_and_end(self, dataset):
        """Each is an event, once; versions are kept from it on, and what was kept before is refused."""
        assert dataset.set_history(keep=True).event is None
        dataset.set_history(keep=False)
        add(dataset, "GGGG")
        with pytest.raises(VersionNotKept, match="event 4 wrote the base anew"):
            dataset.rollback(2)

        outcome = dataset.set_history(keep=True)

        kept = state(dataset)
        add(dataset, "GGGGA")
        assert 5 == outcome.since
        with pytest.raises(VersionNotKept, match="from version 5 on"):
            dataset.rollback(4)
        dataset.rollback(5)
        assert kept == state(dataset)

    def test_tombstones_that_were_not_kept_are_not_lost_in_silence(self, dataset):
        """A file that was written anew while nothing was kept makes older versions impossible, not different."""
        ids = dataset.head_arrow(2)["id"].to_pylist()
        dataset.delete(ids[:1], reason="a")
        dataset.set_history(keep=False)
        dataset.delete(ids[1:], reason="b")
        before = everything(dataset)

        with pytest.raises(VersionNotKept, match="event 5"):
            dataset.rollback(3)

        assert before == everything(dataset)


@pytest.mark.parametrize(
    ("first", "stop", "there"),
    [(0, 3, False), (0, 4, True), (4, 7, False), (4, 8, True), (8, 9, False), (20, 21, True)],
)
def test_versions_between(first, stop, there):
    """All from 10 on and 3 and 7 stay."""
    assert there == Wanted(since=10, versions=[3, 7, 12]).any_between(first, stop)
