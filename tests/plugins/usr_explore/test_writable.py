"""Whether a page offers to mark records: only where this user can write the dataset."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import as_unprivileged, clean_env
from usr_core import Dataset, Root, UsrError
from usr_explore.exploring import Exploration

ASK = "import sys; from usr_explore.exploring import Exploration as E; print(E(*sys.argv[1:]).writable(sys.argv[2]))"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three records, one of them marked: everything that a mark is written to is there."""
    made = Root.init(tmp_path).open("lab/some").init()
    made.add_sequences([{"sequence": one} for one in ("ACGT", "TTGACA", "TATAAT")], bio_type="dna", alphabet="dna_4")
    made.set_state(made.to_arrow(columns=["id"])["id"].to_pylist()[:1], split="train")
    return made


def writable(dataset: Dataset) -> bool:
    """Ask as a user whom permissions bind, also where the tests run as root."""
    words = as_unprivileged([sys.executable, "-c", ASK, str(dataset.ref.root), dataset.ref.name])
    done = subprocess.run(words, env=clean_env(), capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip() == "True"


class TestWritable:
    def test_a_dataset_of_one_s_own(self, dataset: Dataset) -> None:
        """It can be marked."""
        assert writable(dataset)

    @pytest.mark.parametrize("place", [".", ".events.log", "_derived"])
    def test_without_permission_for_a_part_of_it(self, dataset: Dataset, place: str) -> None:
        """Its folder, its log, its overlays: no button is offered that would fail."""
        path = dataset.path / place
        mode = path.stat().st_mode
        path.chmod(mode & ~0o222)
        try:
            assert not writable(dataset)
        finally:
            path.chmod(mode)

    def test_a_dataset_with_a_frozen_registry(self, dataset: Dataset) -> None:
        """A frozen registry is about columns; records can be marked."""
        with dataset.maintenance(reason="paper"):
            dataset.freeze_registry()

        assert writable(dataset)

    def test_an_archived_dataset_is_not_shown(self, dataset: Dataset) -> None:
        """The picker leaves it out, and its name says where it is."""
        dataset.archive()
        exploration = Exploration(dataset.ref.root)

        assert dataset.ref.name not in exploration.datasets()
        with pytest.raises(UsrError, match="archive"):
            exploration.writable(dataset.ref.name)
