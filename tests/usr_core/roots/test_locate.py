"""A dataset as people name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.roots.errors import (
    ArchivedPath,
    DatasetMissing,
    InvalidDatasetId,
    NoDatasetHere,
    RootUnknown,
)
from usr_core.roots.locate import locate_dataset


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.delenv("USR_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "root"
    make(root / "ns/demo")
    (root / "registry.yaml").touch()
    return root


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "records.parquet").touch()
    (folder / ".events.log").write_text("{}\n")
    return folder


class TestIds:
    def test_an_id_is_looked_up_in_the_given_root(self, root):
        """Whole or by its unique name."""
        assert ("ns/demo", root) == ((ref := locate_dataset("demo", root=root)).name, ref.root)

    def test_an_id_wins_over_a_folder_of_that_name(self, root, tmp_path):
        """`ns/demo` beside us is reached with `./ns/demo`."""
        make(tmp_path / "ns/demo")

        assert root / "ns/demo" == locate_dataset("ns/demo", root=root).path
        assert tmp_path / "ns/demo" == locate_dataset("./ns/demo", root=root).path

    def test_a_folder_is_taken_where_no_dataset_has_the_id(self, root, tmp_path):
        """Also one with a slash at its end, as the shell completes it, and one too deep to be an id."""
        make(tmp_path / "here")

        assert tmp_path / "here" == locate_dataset("here", root=root).path
        assert root / "ns/demo" == locate_dataset("root/ns/demo/", root=None).path

    def test_the_reason_is_about_the_id_where_there_is_no_folder_either(self, root):
        """Missing, malformed, and without a root."""
        for text, given, error in [
            ("nope", root, DatasetMissing),
            ("a/b/c", root, InvalidDatasetId),
            ("a" * 5000, root, InvalidDatasetId),
            ("a\0b", root, InvalidDatasetId),
            ("demo", None, RootUnknown),
        ]:
            with pytest.raises(error):
                locate_dataset(text, root=given)


class TestPaths:
    @pytest.mark.parametrize(
        ("name", "text"),
        [("ns/demo", "root/ns/demo"), ("flat", "root/flat"), ("_archive/ns/old", "root/_archive/ns/old")],
    )
    def test_the_root_of_a_path_is_where_its_registry_is(self, root, tmp_path, name, text):
        """Flat, qualified and archived datasets get the names they have there, whatever --root says."""
        if name != "ns/demo":
            make(root / name)
        (tmp_path / "other").mkdir()

        ref = locate_dataset(str(tmp_path / text), root=tmp_path / "other")

        assert (root, name) == (ref.root, ref.name)

    def test_without_registry_the_given_root_names_it(self, tmp_path, root):
        """If the dataset is inside it."""
        folder = make(tmp_path / "bare/ns/demo")

        assert "ns/demo" == locate_dataset(str(folder), root=tmp_path / "bare").name
        assert ("demo", folder.parent) == ((ref := locate_dataset(str(folder), root=root)).name, ref.root)

    @pytest.mark.parametrize("text", ["../x", "./nope", "/nowhere/at/all", "~/nope", ".", "/" + "a" * 5000])
    def test_a_path_without_dataset_is_missing(self, root, text):
        """Exit 3, whatever is wrong with it."""
        with pytest.raises(DatasetMissing):
            locate_dataset(text, root=root)

    @pytest.mark.parametrize("text", ["datasets/archived/x", "usr/archived/ns/x"])
    def test_paths_into_old_archives_are_refused(self, tmp_path, root, text):
        """Given directly, through a link, or by standing there."""
        folder = make(tmp_path / text)
        (tmp_path / "link").symlink_to(folder)

        for given in (str(folder), f"./{text}", "./link", text):
            with pytest.raises(ArchivedPath, match="_archive/"):
                locate_dataset(given, root=root if given != text else None)


class TestHere:
    def test_inside_a_dataset_it_is_that_one(self, root, monkeypatch):
        """In its folder or deeper, whatever --root says."""
        (root / "ns/demo/_derived").mkdir()
        for place in (root / "ns/demo", root / "ns/demo/_derived"):
            monkeypatch.chdir(place)

            assert ("ns/demo", root) == ((ref := locate_dataset(None, root=None)).name, ref.root)

    def test_elsewhere_a_dataset_has_to_be_named(self, root):
        """Wrong usage, exit 2."""
        with pytest.raises(NoDatasetHere) as caught:
            locate_dataset(None, root=root)

        assert 2 == caught.value.exit_code
