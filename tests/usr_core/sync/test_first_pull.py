"""A first pull: what it leaves where it is cut off, and the registry of the root that it goes into."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.small_datasets import IDS, make_dataset
from support.sync_contract import scores
from support.sync_pairs import NAME, MemoryPair
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.plugin.transport_errors import RemoteUnreachable
from usr_core.registry.store import register_namespace
from usr_core.roots.dataset_id import list_unfinished, resolve_dataset
from usr_core.roots.errors import DatasetMissing, PullUnfinished
from usr_core.roots.locate import locate_dataset
from usr_core.roots.read_target import find_target
from usr_core.store.checks.doctor.examination import examine
from usr_core.store.questions.listing import list_root
from usr_core.sync.errors import HistoriesDiverged, NothingToSync
from usr_core.testing.memory_transport import MemoryRemote


@pytest.fixture
def pair(tmp_path: Path) -> MemoryPair:
    """A dataset there with records and a part, and an empty folder here."""
    remote = MemoryRemote()
    made = tmp_path / "made"
    scores(make_dataset(made), 1.0)
    pair = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
    pair.change_far(lambda root: bool(shutil.copytree(made, root, dirs_exist_ok=True)))
    pair.local.mkdir()
    return pair


@pytest.fixture
def cut_off(pair: MemoryPair) -> MemoryPair:
    """The pair after a first pull that was interrupted when some bytes had arrived."""
    pair.remote.cut("fetch", 1000)
    with pytest.raises(RemoteUnreachable):
        pair.sync("pull")
    pair.remote.mend()
    assert not (pair.local / NAME / "records.parquet").exists()
    return pair


class TestCutOff:
    def test_it_is_told_instead_of_a_missing_dataset(self, cut_off: MemoryPair) -> None:
        """By id, by short name and by folder: exit code 3, and the command that goes on."""
        for text in (NAME, "base"):
            with pytest.raises(PullUnfinished) as caught:
                resolve_dataset(cut_off.local, text)
            assert (3, "far") == (caught.value.exit_code, caught.value.remote)
            assert f"`usr pull {NAME} far`" in caught.value.hint
        with pytest.raises(PullUnfinished):
            locate_dataset(str(cut_off.local / NAME), root=None)
        with pytest.raises(DatasetMissing):
            resolve_dataset(cut_off.local, "ns/other")

    def test_no_dataset_is_made_in_its_place(self, cut_off: MemoryPair) -> None:
        """`init` of that name is refused with the command that goes on, and what has arrived stays."""
        register_namespace(cut_off.local, "mock", [("mock__score", "float64")])

        with assert_unchanged(cut_off.local), pytest.raises(PullUnfinished) as caught:
            Dataset.open(cut_off.local, NAME).init()

        assert f"`usr pull {NAME} far`" in caught.value.hint

    def test_commands_that_also_read_files_say_it_too(
        self, cut_off: MemoryPair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where we stand in the root, or in the folder itself, which holds no Parquet file."""
        monkeypatch.chdir(cut_off.local)
        for text in (NAME, f"./{NAME}"):
            with pytest.raises(PullUnfinished):
                find_target(text, root=cut_off.local)
        monkeypatch.chdir(cut_off.local / NAME)
        with pytest.raises(PullUnfinished):
            find_target(None, root=cut_off.local)

    def test_the_listing_has_it(self, cut_off: MemoryPair) -> None:
        """With the remote, and without rows; it is not a dataset that can't be read."""
        make_dataset(cut_off.local, "aa/whole", ())

        found = {listing.name: listing for listing in list_root(cut_off.local)}

        assert ["aa/whole", NAME] == list(found)
        assert (None, "far", None) == (found[NAME].rows, found[NAME].unfinished_pull, found[NAME].problem)
        assert found["aa/whole"].unfinished_pull is None
        assert [] == [listing for listing in list_root(cut_off.local, archived=True)]

    def test_the_doctor_names_it(self, cut_off: MemoryPair) -> None:
        """With the command that goes on."""
        found = [finding for finding in examine(cut_off.local).findings if finding.code == PullUnfinished.code]

        assert [f"`usr pull {NAME} far`"] == [finding.hint[4 : 4 + len(f"`usr pull {NAME} far`")] for finding in found]

    def test_the_next_pull_ends_it(self, cut_off: MemoryPair) -> None:
        """Nothing is left of it then."""
        cut_off.sync("pull")

        assert [] == list_unfinished(cut_off.local)
        assert NAME == resolve_dataset(cut_off.local, NAME).name
        assert not (cut_off.local / NAME / ".usr.tmp").exists()

    def test_staging_that_does_not_tell_its_remote(self, cut_off: MemoryPair) -> None:
        """An older program's: the hint has a word in its place."""
        for origin in (cut_off.local / NAME).glob(".usr.tmp/*/origin"):
            origin.unlink()

        with pytest.raises(PullUnfinished, match="not a dataset yet") as caught:
            resolve_dataset(cut_off.local, NAME)

        assert "REMOTE" in caught.value.hint

    def test_an_interrupted_pull_of_a_dataset_that_is_here_is_none(self, pair: MemoryPair) -> None:
        """The dataset is there, whatever is staged."""
        pair.sync("pull")
        (pair.local / NAME / ".usr.tmp" / "pull-0" / "files").mkdir(parents=True)

        assert [] == list_unfinished(pair.local)


class TestWhatIsNotThere:
    @pytest.mark.parametrize("action", ["diff", "pull"])
    def test_a_dataset_that_the_remote_does_not_have(self, pair: MemoryPair, action: str) -> None:
        """Its id is what to look at, and where it would be."""
        with pytest.raises(NothingToSync, match="The dataset ns/other") as caught:
            pair.sync(action, "ns/other")

        assert "`usr remotes show far`" in caught.value.hint

    @pytest.mark.parametrize("action", ["diff", "pull"])
    def test_a_remote_without_its_root(self, pair: MemoryPair, action: str) -> None:
        """That no dataset is there is then no wonder: the root is named."""
        pair.base_dir = f"{pair.base_dir}/nowhere"

        with pytest.raises(NothingToSync, match="The remote's root is not there") as caught:
            pair.sync(action)

        assert pair.base_dir == caught.value.facts["place"]
        assert "`usr remotes doctor --remote far`" in caught.value.hint

    @pytest.mark.parametrize("action", ["pull", "push"])
    def test_another_dataset_of_that_name(self, pair: MemoryPair, action: str) -> None:
        """They have no event in common, and are not said to have diverged since one."""
        make_dataset(pair.local)

        with pytest.raises(HistoriesDiverged, match="two datasets of one name") as caught:
            pair.sync(action)

        assert {"only here", "only there"} == set(caught.value.facts)


class TestRegistry:
    def test_a_root_without_one_gets_the_frozen_one(self, pair: MemoryPair) -> None:
        """The audit says so, and the dataset can be changed and is valid at once."""
        audit = pair.sync("pull")

        assert audit["registry_written"]
        assert (pair.local / "registry.yaml").is_file()
        assert [] == pair.warnings
        dataset = Dataset.open(pair.local, NAME)
        assert dataset.validate(strict=True).ok
        scores(dataset, 2.0, ids=IDS[:1])

    def test_a_root_with_another_one_keeps_it(self, pair: MemoryPair) -> None:
        """Byte for byte, whatever is registered there."""
        make_dataset(pair.local, "aa/whole", ())
        before = (pair.local / "registry.yaml").read_bytes()

        audit = pair.sync("pull")

        assert not audit["registry_written"]
        assert before == (pair.local / "registry.yaml").read_bytes()

    def test_a_link_that_leads_nowhere_is_left_alone(self, pair: MemoryPair) -> None:
        """It is not written through."""
        (pair.local / "registry.yaml").symlink_to("nowhere")

        assert not pair.sync("pull")["registry_written"]
        assert not (pair.local / "nowhere").exists()

    def test_a_pull_that_was_killed_before_it_is_made_up_for(self, pair: MemoryPair) -> None:
        """A pull with nothing to do writes it too."""
        pair.sync("pull")
        (pair.local / "registry.yaml").unlink()

        audit = pair.sync("pull")

        assert ("NO-OP", True) == (audit["transfer_state"], audit["registry_written"])

    def test_a_copy_without_a_frozen_one_is_a_warning(self, pair: MemoryPair) -> None:
        """The dataset has arrived, and the warning says what has to be done before it is changed."""
        pair.change_far(lambda root: shutil.rmtree(root / NAME / "_registry"))

        audit = pair.sync("pull")

        assert ("TRANSFERRED", False) == (audit["transfer_state"], audit["registry_written"])
        assert ["`usr namespace register`" in warning for warning in pair.warnings] == [True]

    def test_a_dry_run_writes_none(self, pair: MemoryPair) -> None:
        """Nothing is made here."""
        pair.sync("pull", dry_run=True)

        assert [] == list(pair.local.iterdir())
