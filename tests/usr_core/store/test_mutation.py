"""One change: what every verb has in common, and who hears of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.small_datasets import IDS, make_dataset
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.fs.lock import hold_lock
from usr_core.store.mutation import Mutation, Site, mutate


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make_dataset(tmp_path / "root")


def finish(mutation: Mutation) -> dict[str, Any]:
    return mutation.finish(base=mutation.base_facts(), args={}, metrics={})


class TestAnnouncing:
    def test_the_event_of_the_log_is_announced_once_whatever_the_verb(self, dataset: Dataset) -> None:
        """The verb has nothing to do for it: it commits, and what is announced is the log's last line."""
        heard: list[object] = []
        with mutate(Site(ref=dataset.ref, announce=heard.append), "a_verb") as mutation:
            finish(mutation)
            assert [] == heard

        assert [next(dataset.events(n=1)).event] == heard

    def test_the_dataset_is_free_when_it_is_announced(self, dataset: Dataset) -> None:
        """Whoever is told may change the dataset in turn."""
        free: list[bool] = []

        def announce(_: object) -> None:
            with hold_lock(dataset.layout.lock, timeout=0, command="look", name=dataset.name):
                free.append(True)

        with mutate(Site(ref=dataset.ref, announce=announce), "a_verb") as mutation:
            finish(mutation)

        assert [True] == free

    def test_what_is_not_committed_is_not_announced(self, dataset: Dataset) -> None:
        """Neither a change that turned out to be none, nor one that failed."""
        heard: list[object] = []
        site = Site(ref=dataset.ref, announce=heard.append)
        with mutate(site, "a_verb"):
            pass
        with pytest.raises(ValueError, match="no"), mutate(site, "a_verb"):
            raise ValueError("no")

        assert [] == heard


class DeafHost:
    """Stands for a host with a required sink that fails: the change is made, and the caller gets an error."""

    def emit(self, event: object) -> None:
        raise UsrError("not told", hint="Tell them.")


class TestAnAnnouncementThatFails:
    def test_leaves_an_archived_dataset_where_it_is_now(self, dataset: Dataset) -> None:
        """The object goes with its folder, so that the next call works."""
        deaf = Dataset(dataset.ref, host=DeafHost())  # type: ignore[arg-type]
        with pytest.raises(UsrError, match="not told"):
            deaf.archive()

        assert ("_archive/ns/base", 6) == (deaf.name, deaf.base_rows())
        assert not dataset.path.parent.exists()

    def test_leaves_a_session_with_nothing_to_commit(self, dataset: Dataset) -> None:
        """The rows are in the dataset: the session neither adds them again nor takes them for lost."""
        deaf = Dataset(dataset.ref, host=DeafHost())  # type: ignore[arg-type]
        with deaf.writer(name="s") as writer:
            writer.add([{"sequence": "GGGGCCCC"}])
            with pytest.raises(UsrError, match="not told"):
                writer.commit()
            assert 0 == writer.add([{"sequence": "GGGGCCCC"}]).added

        assert (1, 1, len(IDS) + 1) == (writer.commits, writer.added, dataset.base_rows())
