"""What the target of a reading command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.errors import DatasetMissing
from usr_core.roots.read_target import ParquetFiles, find_target
from usr_core.roots.target_errors import GlobInvalid, NoParquetFile


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with the dataset ``ns/demo``, and a folder ``plain`` of Parquet files beside it; we stand in the root."""
    (tmp_path / "registry.yaml").touch()
    for name in (
        "ns/demo/records.parquet",
        "ns/demo/_derived/mock/part-1.parquet",
        "plain/a.parquet",
        "plain/b.parquet",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "plain" / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def meant(text: str | None, root: Path, glob: str | None = None) -> str | list[str]:
    """Return a dataset's id, or the names of files."""
    found = find_target(text, root=root, glob=glob)
    return found.name if isinstance(found, DatasetRef) else list(found.names)


class TestDatasets:
    @pytest.mark.parametrize("text", ["ns/demo", "demo", "./ns/demo", "ns/demo/_derived", "./ns/demo/_derived/mock"])
    def test_an_id_a_folder_and_a_folder_inside(self, root: Path, text: str) -> None:
        """All of them are the dataset."""
        assert "ns/demo" == meant(text, root)

    @pytest.mark.parametrize("text", [None, ".", ".."])
    def test_the_current_folder_inside_one(self, root: Path, text: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """The dataset around it is meant."""
        monkeypatch.chdir(root / "ns" / "demo" / "_derived")

        assert "ns/demo" == meant(text, root)

    def test_an_id_comes_before_a_folder_of_that_name(self, root: Path) -> None:
        """A folder is meant by a path."""
        (root / "demo").mkdir()
        (root / "demo" / "x.parquet").touch()

        assert "ns/demo" == meant("demo", root)
        assert ["x.parquet"] == meant("./demo", root)

    @pytest.mark.parametrize("text", ["none", "./none", "ns/none", "a\0b"])
    def test_what_is_not_there(self, root: Path, text: str) -> None:
        """It is missing, whether it looks like an id or like a path."""
        with pytest.raises((DatasetMissing, ValueError)):
            meant(text, root)


class TestFiles:
    @pytest.mark.parametrize("text", ["plain/a.parquet", "./plain/a.parquet"])
    def test_a_file(self, root: Path, text: str) -> None:
        """It is that file."""
        assert ["a.parquet"] == meant(text, root)

    @pytest.mark.parametrize("text", ["ns/demo/records.parquet", "./ns/demo/_derived/mock/part-1.parquet"])
    def test_a_file_of_a_dataset(self, root: Path, text: str) -> None:
        """Named as a file it is read as it is."""
        assert [Path(text).name] == meant(text, root)

    def test_the_name_of_a_file_that_is_not_there(self, root: Path) -> None:
        """Opening it will say so."""
        assert ["none.parquet"] == meant("plain/none.parquet", root)

    def test_a_file_by_another_name(self, root: Path) -> None:
        """Whether it is Parquet shows when it is opened."""
        assert ["notes.txt"] == meant("plain/notes.txt", root)


class TestFolders:
    @pytest.mark.parametrize("text", ["plain", "./plain"])
    def test_a_folder_is_its_parquet_files(self, root: Path, text: str) -> None:
        """Sorted by name, others left out."""
        assert ["a.parquet", "b.parquet"] == meant(text, root)

    def test_the_current_folder(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a root, too."""
        monkeypatch.chdir(root / "plain")

        found = find_target(None, root=None)

        assert isinstance(found, ParquetFiles)
        assert ("a.parquet", "b.parquet") == found.names

    @pytest.mark.parametrize(
        "text, glob, names",
        [
            ("plain", "b*", ["b.parquet"]),
            ("plain", "*", ["a.parquet", "b.parquet"]),
            ("ns/demo", "rec*", ["records.parquet"]),
            ("demo", "**/part-*.parquet", ["_derived/mock/part-1.parquet"]),
            ("./ns/demo/_derived/mock", "*", ["part-1.parquet"]),
            (None, "plain/a*", ["plain/a.parquet"]),
        ],
    )
    def test_a_glob_selects(self, root: Path, text: str | None, glob: str, names: list[str]) -> None:
        """In a dataset's folder as well, whose files are then read as they are."""
        assert names == meant(text, root, glob)

    @pytest.mark.parametrize("text, glob", [("plain", "c*"), ("ns", None), (".", None)])
    def test_no_file(self, root: Path, text: str, glob: str | None) -> None:
        """A folder without a Parquet file that is meant."""
        with pytest.raises(NoParquetFile):
            meant(text, root, glob)

    @pytest.mark.parametrize(
        "text, glob", [("plain", "../ns/*"), ("plain", "/etc/*"), ("plain", ""), ("plain/a.parquet", "*")]
    )
    def test_globs_that_can_not_be_used(self, root: Path, text: str, glob: str) -> None:
        """They stay inside the folder, and have a folder to select in."""
        with pytest.raises(GlobInvalid):
            meant(text, root, glob)
