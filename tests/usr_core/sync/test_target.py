"""What a name on the command line means to sync."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.small_datasets import make_dataset
from usr_core.errors import ExitCode, UsrError
from usr_core.roots.errors import ArchivedPath, DatasetExists, DatasetMissing, RootUnknown
from usr_core.sync.errors import DatasetOnlyOption, PathNotMapped, StrictBootstrap
from usr_core.sync.request import SyncOptions
from usr_core.sync.target import FileTarget, SyncTarget, find_sync_target


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with one dataset; we stand elsewhere."""
    make_dataset(tmp_path / "root", "ns/base", ())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for name in ("USR_ROOT", "USR_REPO_ROOT", "USR_SYNC_STRICT_BOOTSTRAP_ID"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "root"


def find(text: object, root: Path | None, action: str = "pull", **more: object) -> SyncTarget | FileTarget:
    options = SyncOptions(**{key: more.pop(key) for key in list(more) if key in SyncOptions.__dataclass_fields__})
    return find_sync_target(str(text), action=action, root=root, base_dir="/far", options=options, **more)


class TestDataset:
    @pytest.mark.parametrize("text", ["ns/base", "base"])
    def test_by_id(self, root, text):
        """A short name finds the dataset, and the remote's folder has its whole id."""
        found = find(text, root)
        assert ("ns/base", "/far/ns/base") == (found.name, found.remote_folder)

    def test_by_folder_without_a_root(self, root):
        """Its root is found upward by registry.yaml, wherever we stand."""
        found = find(root / "ns" / "base", None)
        assert (root, "ns/base") == (found.root, found.name)

    @pytest.mark.parametrize("action", ["pull", "diff"])
    def test_yet_to_come(self, root, action):
        """An id or a folder that is not here is where the dataset will be; nothing is made."""
        for text in ("ns/new", root / "ns" / "new"):
            found = find(text, root, action)
            assert ("ns/new", root / "ns" / "new") == (found.name, found.folder)
        assert not (root / "ns" / "new").exists()

    @pytest.mark.parametrize("action", ["diff", "pull", "push"])
    @pytest.mark.parametrize("given", [True, False])
    @pytest.mark.parametrize("place", ["copies/ns/base", "base"])
    def test_a_folder_outside_every_root_has_the_id_of_its_history(self, root, tmp_path, action, given, place):
        """A copy elsewhere is the same dataset, whether or not another root is given."""
        copy = tmp_path / "scratch" / place
        shutil.copytree(root / "ns" / "base", copy)

        found = find(copy, root if given else None, action)

        assert ("ns/base", copy, "/far/ns/base") == (found.name, found.folder, found.remote_folder)

    @pytest.mark.parametrize("place", ["other", "base/log gone"])
    def test_a_folder_whose_history_tells_another_name_is_refused(self, root, tmp_path, place):
        """So is one without events; the hint names a --root for each id that it could have, and that root works."""
        copy = tmp_path / "scratch" / "x" / place.partition("/")[0]
        shutil.copytree(root / "ns" / "base", copy)
        if "gone" in place:
            (copy / ".events.log").unlink()

        with pytest.raises(RootUnknown) as caught:
            find(copy, root, "diff")

        assert str(root) in caught.value.message
        assert f"--root {tmp_path / 'scratch'} for the id x/{copy.name}" in caught.value.hint
        assert f"x/{copy.name}" == find(copy, tmp_path / "scratch", "diff").name
        assert copy.name == find(copy, tmp_path / "scratch" / "x", "diff").name

    def test_a_folder_yet_to_come_outside_every_root(self, root, tmp_path):
        """Nobody knows what it is called; the hint says which --root would tell."""
        with pytest.raises(DatasetMissing) as caught:
            find(tmp_path / "scratch" / "ns" / "new", root)

        assert f"--root {tmp_path / 'scratch'} for the id ns/new" in caught.value.hint

    def test_push_of_what_is_not_here(self, root):
        """Near names are in the hint."""
        with pytest.raises(DatasetMissing) as caught:
            find("ns/bas", root, "push")
        assert "ns/base" in caught.value.hint

    @pytest.mark.parametrize("strict", [{"strict_bootstrap": True}, {}])
    def test_strict_bootstrap(self, root, strict, monkeypatch):
        """By option or by variable, a dataset that is not here needs both parts of its id."""
        if not strict:
            monkeypatch.setenv("USR_SYNC_STRICT_BOOTSTRAP_ID", "1")
        with pytest.raises(StrictBootstrap) as caught:
            find("new", root, **strict)
        assert ExitCode.USAGE == caught.value.exit_code
        assert "ns/new" == find("ns/new", root, **strict).name
        assert "ns/base" == find("base", root, **strict).name  # is here

    def test_what_is_put_away_stays_away(self, root):
        """Ids of an older layout's archive are refused."""
        with pytest.raises(ArchivedPath):
            find("archived/base", root)

    def test_a_folder_of_datasets_is_none(self, root):
        """It would nest one dataset in another's place."""
        with pytest.raises(DatasetExists):
            find("ns", root)


class TestFile:
    def test_by_remote_path(self, root, tmp_path):
        """Whatever is named is a file then."""
        found = find(tmp_path / "x.csv", root, remote_path="/data/x.csv")
        assert (tmp_path / "x.csv", "/data/x.csv") == (found.path, found.remote_path)

    def test_a_file_whose_name_could_be_an_id(self, root, tmp_path):
        """A file that is here is that file."""
        (tmp_path / "elsewhere" / "scores.csv").write_text("x")
        mapping = {"repo_root": "/repo", "local_repo_root": str(tmp_path)}
        assert "/repo/elsewhere/scores.csv" == find("scores.csv", root, mapping=mapping).remote_path

    @pytest.mark.parametrize("source", ["option", "variable", "remotes file"])
    def test_mapped_from_root_to_root(self, root, tmp_path, source, monkeypatch):
        """The option beats the variable, which beats the remotes file."""
        wrong = str(tmp_path / "wrong")
        given, mapping = None, {"repo_root": "/repo", "local_repo_root": wrong}
        if source == "option":
            given = tmp_path
            monkeypatch.setenv("USR_REPO_ROOT", wrong)
        elif source == "variable":
            monkeypatch.setenv("USR_REPO_ROOT", str(tmp_path))
        else:
            mapping["local_repo_root"] = str(tmp_path)
        found = find(tmp_path / "a" / "x.npy", root, repo_root=given, mapping=mapping)
        assert "/repo/a/x.npy" == found.remote_path

    def test_that_nothing_maps(self, root, tmp_path):
        """Each missing piece is named, and so is a file outside the root."""
        file = tmp_path / "x.npy"
        for mapping in ({}, {"repo_root": "/repo"}, {"repo_root": "/repo", "local_repo_root": str(tmp_path / "other")}):
            with pytest.raises(PathNotMapped):
                find(file, root, mapping=mapping)

    @pytest.mark.parametrize(
        "option",
        [
            {"primary_only": True},
            {"skip_snapshots": True},
            {"history": True},
            {"verify_sidecars": False},
            {"verify_derived_hashes": True},
            {"verify_derived_hashes": False},
            {"repair": True},
            {"strict_bootstrap": True},
        ],
    )
    def test_refuses_what_is_about_datasets(self, root, tmp_path, option):
        """At once, before anybody is asked anything."""
        with pytest.raises(DatasetOnlyOption) as caught:
            find(tmp_path / "x.npy", root, remote_path="/x.npy", **option)
        assert ExitCode.USAGE == caught.value.exit_code

    @pytest.mark.parametrize(
        "text", ["", "\0", "a\nb", "../../etc", "-x", "ns/base/extra/deep", "~nobody/x", "x" * 5000]
    )
    def test_odd_texts_end_in_one_typed_error(self, root, text):
        """Nothing but errors of our own comes out."""
        with pytest.raises(UsrError):
            find(text, root, "push")


def test_an_id_is_never_a_folder_beside_us(root, tmp_path, monkeypatch):
    """With a root given, an id is that root's, also where the current folder holds a dataset of that name."""
    make_dataset(tmp_path / "elsewhere", "ns/other", ())
    found = find("ns/other", root)
    assert (root, root / "ns" / "other") == (found.root, found.folder)
    assert tmp_path / "elsewhere" == find("./ns/other", root).root
