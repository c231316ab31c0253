"""Putting datasets away and bringing them back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Usr, clean_env, usr_argv
from support.small_datasets import IDS, make_dataset, rows_by_id
from support.strace import inject, trace
from support.tree import assert_unchanged, tree_differences, tree_digest
from usr_core.commit.transaction import Step
from usr_core.dataset import Dataset
from usr_core.events.chain import verify_chain
from usr_core.roots.dataset_id import list_datasets
from usr_core.roots.errors import AmbiguousDataset, DatasetExists, DatasetMissing
from usr_core.store.changes.archive import ArchiveOutcome, archive_dataset, unarchive_dataset
from usr_core.store.changes.archive_errors import ArchiveRefused, ArchiveUnfinished, DatasetNotArchived
from usr_core.store.errors import DatasetArchived
from usr_core.store.mutation import Site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def dataset(root: Path) -> Dataset:
    return make_dataset(root)


def actions(dataset: Dataset) -> list[str]:
    return [line.event["action"] for line in dataset.events()]


def test_an_archived_dataset_is_found_by_its_path_only(dataset: Dataset, root: Path) -> None:
    """Its id names nothing any more, and the folder is where `ls --archived` looks."""
    before = tree_digest(dataset.path)

    place = dataset.archive()

    assert root.resolve() / "_archive" / "ns" / "base" == place == dataset.path
    assert ["changed: .events.log"] == tree_differences(before, tree_digest(place))
    assert (["_archive/ns/base"], []) == ([ref.name for ref in list_datasets(root, archived=True)], list_datasets(root))
    with pytest.raises(DatasetMissing):
        Dataset.locate("ns/base", root=root)
    assert set(IDS) == set(rows_by_id(Dataset.locate(str(place))))


def test_there_and_back_again_leaves_two_events(dataset: Dataset, root: Path) -> None:
    """Everything else is as it was, and no empty folder stays behind."""
    before = tree_digest(root)

    dataset.archive()
    place = dataset.unarchive()

    assert root.resolve() / "ns" / "base" == place
    assert ["changed: ns/base/.events.log"] == tree_differences(before, tree_digest(root))
    assert ["init", "import", "archive", "unarchive"] == actions(dataset)
    assert not (root / "_archive").exists()


def test_the_events_name_the_dataset_and_both_places(dataset: Dataset) -> None:
    """The dataset's name is its id, wherever its folder is; the chain goes on."""
    dataset.archive()
    dataset.unarchive()

    events = [line.event for line in dataset.events()][-2:]
    assert ["ns/base", "ns/base"] == [event["dataset"]["name"] for event in events]
    assert [("ns/base", "_archive/ns/base"), ("_archive/ns/base", "ns/base")] == [
        (event["args"]["from"], event["args"]["to"]) for event in events
    ]
    assert [6, 6] == [event["metrics"]["rows"] for event in events]


def test_a_flat_dataset_moves_as_well(root: Path) -> None:
    """Its folder lies right below the archive."""
    dataset = make_dataset(root, "flat")

    assert root.resolve() / "_archive" / "flat" == dataset.archive()
    assert root.resolve() / "flat" == dataset.unarchive()


def test_an_archived_dataset_can_not_be_changed(dataset: Dataset) -> None:
    """It has to be brought back first; archived again it can't be either."""
    place = dataset.archive()
    put_away = Dataset.locate(str(place))

    verbs: list[Callable[[], object]] = [
        lambda: put_away.delete([IDS[0]]),
        lambda: put_away.set_state([IDS[0]], masked=True),
        put_away.archive,
    ]
    for verb in verbs:
        with assert_unchanged(place), pytest.raises(DatasetArchived, match=r"'ns/base' is archived"):
            verb()


class TestLocateArchived:
    @pytest.mark.parametrize("text", ["ns/base", "_archive/ns/base", "base"])
    def test_ids(self, dataset: Dataset, root: Path, text: str) -> None:
        """The id it had, with the archive in front or without, or its end."""
        dataset.archive()

        assert "_archive/ns/base" == Dataset.locate_archived(text, root=root).name

    def test_a_path(self, dataset: Dataset) -> None:
        """The folder in the archive."""
        place = dataset.archive()

        assert place == Dataset.locate_archived(str(place)).path

    def test_a_live_dataset_is_not_archived(self, dataset: Dataset, root: Path) -> None:
        """Neither its id nor its path nor itself can be unarchived."""
        for text in ("ns/base", str(dataset.path)):
            with pytest.raises(DatasetNotArchived):
                Dataset.locate_archived(text, root=root)
        with assert_unchanged(root), pytest.raises(DatasetNotArchived):
            dataset.unarchive()

    def test_an_end_that_several_have_is_ambiguous(self, dataset: Dataset, root: Path) -> None:
        """All are listed."""
        dataset.archive()
        make_dataset(root, "other/base").archive()

        with pytest.raises(AmbiguousDataset) as caught:
            Dataset.locate_archived("base", root=root)

        assert ("ns/base", "other/base") == caught.value.candidates


class TestRefusals:
    def test_an_archived_dataset_of_the_same_name_is_in_the_way(self, dataset: Dataset, root: Path) -> None:
        """Neither of the two is touched."""
        dataset.archive()
        second = make_dataset(root)

        with assert_unchanged(root), pytest.raises(ArchiveRefused):
            second.archive()

    def test_a_live_dataset_of_the_same_name_is_in_the_way(self, dataset: Dataset, root: Path) -> None:
        """As above, the other way round."""
        dataset.archive()
        make_dataset(root)

        with assert_unchanged(root), pytest.raises(DatasetExists):
            dataset.unarchive()

    def test_an_archived_dataset_with_the_namespaces_name_is_in_the_way(self, dataset: Dataset, root: Path) -> None:
        """Datasets do not nest, in the archive neither."""
        (root / "_archive" / "ns").mkdir(parents=True)
        (root / "_archive" / "ns" / ".events.log").write_bytes(b"{}\n")

        with assert_unchanged(root), pytest.raises(ArchiveRefused, match="archived dataset itself"):
            dataset.archive()

    def test_other_files_are_in_the_way(self, dataset: Dataset, root: Path) -> None:
        """A folder with something in it, or a file."""
        target = root / "_archive" / "ns" / "base"
        target.mkdir(parents=True)
        (target / "notes.txt").write_text("mine")

        with assert_unchanged(root), pytest.raises(ArchiveRefused, match="something of that name"):
            dataset.archive()

    def test_an_empty_folder_is_not_in_the_way(self, dataset: Dataset, root: Path) -> None:
        """It has nothing to lose."""
        (root / "_archive" / "ns" / "base").mkdir(parents=True)

        assert (dataset.archive() / "records.parquet").exists()

    def test_a_link_as_the_archive_is_refused(self, dataset: Dataset, root: Path, tmp_path: Path) -> None:
        """Nothing leaves the root."""
        (tmp_path / "elsewhere").mkdir()
        (root / "_archive").symlink_to(tmp_path / "elsewhere")

        with assert_unchanged(root, tmp_path / "elsewhere"), pytest.raises(ArchiveRefused, match="is a link"):
            dataset.archive()

    def test_a_dataset_behind_a_link_is_refused(self, dataset: Dataset, root: Path) -> None:
        """Moving the link would leave the files behind."""
        (root / "links").mkdir()
        (root / "links" / "other").symlink_to(dataset.path)

        with assert_unchanged(root), pytest.raises(ArchiveRefused, match="through a link"):
            Dataset.open(root, "links/other").archive()


KILLED = """
import os, sys
from pathlib import Path
from usr_core.commit.transaction import Step
from usr_core.dataset import Dataset
from usr_core.store.mutation import Site
from usr_core.store.changes.archive import archive_dataset, unarchive_dataset

def observe(step):
    if step is Step.LOGGED:
        os._exit(9)

verb = {"archive_dataset": archive_dataset, "unarchive_dataset": unarchive_dataset}[sys.argv[2]]
verb(Site(ref=Dataset.locate(sys.argv[1]).ref, announce=print, observer=observe))
"""


class TestACrashBetweenEventAndMove:
    def stopped_after_the_event(self, dataset: Dataset, verb: Callable[[Site], ArchiveOutcome]) -> None:
        argv = [sys.executable, "-c", KILLED, str(dataset.path), verb.__name__]
        assert 9 == subprocess.run(argv, check=False, timeout=60).returncode

    def test_the_next_archive_only_moves(self, dataset: Dataset) -> None:
        """One event for one move, however often it was tried."""
        self.stopped_after_the_event(dataset, archive_dataset)
        assert ("archive", "ns/base") == (actions(dataset)[-1], dataset.name)

        dataset.archive()

        assert ["init", "import", "archive"] == actions(dataset)
        assert ("_archive/ns/base", True) == (dataset.name, (dataset.path / "records.parquet").exists())

    def test_the_next_unarchive_only_moves(self, dataset: Dataset, root: Path) -> None:
        """The way back repairs itself in the same way."""
        dataset.archive()
        self.stopped_after_the_event(dataset, unarchive_dataset)

        dataset.unarchive()

        assert ["archive", "unarchive"] == actions(dataset)[-2:]
        assert root.resolve() / "ns" / "base" == dataset.path

    def test_the_dataset_lives_on_until_then(self, dataset: Dataset) -> None:
        """It was not moved; what is changed meanwhile makes a later archive a new one."""
        self.stopped_after_the_event(dataset, archive_dataset)
        dataset.delete([IDS[0]])

        dataset.archive()

        assert ["archive", "delete", "archive"] == actions(dataset)[-3:]
        assert not verify_chain(dataset.layout.event_log)


class TestAMoveThatFails:
    def test_because_something_came_in_the_way_takes_the_event_back(self, dataset: Dataset, root: Path) -> None:
        """Whoever is told that it failed finds every byte as it was, and can try again."""
        stranger = root / "_archive" / "ns" / "base" / "stranger.txt"

        def observe(step: Step) -> None:
            if step is Step.LOGGED:
                stranger.parent.mkdir()
                stranger.write_text("mine")

        with assert_unchanged(dataset.path), pytest.raises(ArchiveUnfinished, match="Nothing was changed") as caught:
            archive_dataset(Site(ref=dataset.ref, announce=print, observer=observe))
        assert "usr archive ns/base" in caught.value.hint
        stranger.unlink()

        dataset.archive()

        assert ["init", "import", "archive"] == actions(dataset)

    @pytest.mark.parametrize("verb", ["archive", "unarchive"])
    def test_or_may_not_last_leaves_every_byte(self, seeded: Usr, tmp_path: Path, verb: str) -> None:
        """The rename, and the fsync of both folders that it changes: where one fails, nothing has happened."""
        if verb == "unarchive":
            seeded.ok("archive", "ns/base")
        template = tmp_path / "template"
        shutil.copytree(seeded.root, template)
        argv = [*usr_argv(), "--root", str(seeded.root), verb, "ns/base"]
        calls = trace(argv, tmp_path / "log", names=("rename", "fsync"), env=clean_env())
        move = next(i for i, call in enumerate(calls) if call.name == "rename" and '_archive/ns/base"' in call.line)
        for call in calls[move : move + 3]:
            shutil.rmtree(seeded.root)
            shutil.copytree(template, seeded.root)
            before = tree_digest(seeded.root)
            done = inject(argv, call, "error=EIO", env=clean_env())

            assert (1, 1) == (done.returncode, done.stderr.count("error[USR-ARCHIVE-003]")), call
            assert [] == [
                line for line in tree_differences(before, tree_digest(seeded.root)) if ".usr.lock" not in line
            ]
