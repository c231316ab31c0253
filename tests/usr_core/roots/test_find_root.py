"""Which root a command works in."""

from __future__ import annotations

import pytest

from usr_core.roots.errors import RootMissing, RootNotAFolder, RootUnknown
from usr_core.roots.find_root import find_root


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.delenv("USR_ROOT", raising=False)
    place = tmp_path / "project/deep/deeper"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    return place


def registry(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "registry.yaml").touch()


class TestFindRoot:
    def test_the_option_beats_the_variable_which_beats_the_search(self, tmp_path, monkeypatch):
        """And a given root needs no registry yet."""
        registry(tmp_path / "project")
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()

        assert tmp_path / "project" == find_root()
        monkeypatch.setenv("USR_ROOT", str(tmp_path / "two"))
        assert tmp_path / "two" == find_root()
        assert tmp_path / "one" == find_root(tmp_path / "one")

    def test_an_empty_variable_counts_as_unset(self, tmp_path, monkeypatch):
        """It does not mean the current folder."""
        registry(tmp_path / "project")
        monkeypatch.setenv("USR_ROOT", "")

        assert tmp_path / "project" == find_root()

    def test_the_nearest_folder_upward_wins(self, tmp_path):
        """A folder's own registry comes before that in its `datasets/`, and both before those further up."""
        registry(tmp_path)
        registry(tmp_path / "project/datasets")
        assert tmp_path / "project/datasets" == find_root()

        registry(tmp_path / "project")
        assert tmp_path / "project" == find_root()

    def test_no_root_is_wrong_usage_with_a_hint(self):
        """The hint names the option and the variable."""
        with pytest.raises(RootUnknown) as caught:
            find_root()

        assert 2 == caught.value.exit_code
        assert "--root" in caught.value.hint and "USR_ROOT" in caught.value.hint
        assert "`usr --root . pull DATASET REMOTE`" in caught.value.hint

    def test_a_given_root_has_to_be_a_folder(self, tmp_path, monkeypatch):
        """A missing one is exit 3, a file exit 2, wherever it was given."""
        (tmp_path / "file").touch()

        with pytest.raises(RootMissing) as missing:
            find_root(tmp_path / "nowhere")
        with pytest.raises(RootNotAFolder) as file:
            find_root(tmp_path / "file")
        monkeypatch.setenv("USR_ROOT", str(tmp_path / "nowhere"))
        with pytest.raises(RootMissing, match="USR_ROOT"):
            find_root()
        assert (3, 2) == (missing.value.exit_code, file.value.exit_code)
