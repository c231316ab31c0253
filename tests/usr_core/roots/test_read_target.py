"""What the target of a reading command means."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.roots.dataset_id import DatasetRef, list_datasets, new_dataset
from usr_core.roots.errors import ArchivedPath, DatasetExists, DatasetMissing
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
    (tmp_path / "ns/demo/.events.log").write_text("{}\n")
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


class TestOtherTables:
    def test_a_folder_with_some_records_parquet_is_a_folder(self, tmp_path: Path, monkeypatch) -> None:
        """Only a base that carries our key, or a log, makes a dataset: by id, by path, by folder and inside it."""
        run = tmp_path / "permuter" / "run42"
        run.mkdir(parents=True)
        pq.write_table(pa.table({"x": [1]}), run / "records.parquet")
        (tmp_path / "registry.yaml").touch()
        monkeypatch.chdir(tmp_path)

        for text in ("permuter/run42", "./permuter/run42", str(run), "permuter/run42/records.parquet"):
            found = find_target(text, root=None)
            assert isinstance(found, ParquetFiles)
            assert ("records.parquet",) == found.names
        monkeypatch.chdir(run)
        assert isinstance(find_target(None, root=None), ParquetFiles)
        assert [] == list_datasets(tmp_path)
        with pytest.raises(DatasetExists, match=r"some other records\.parquet"):
            new_dataset(tmp_path, "permuter/run42")
        pq.write_table(pa.table({"x": [1]}).replace_schema_metadata({"usr:schema_version": "1"}), "records.parquet")
        assert isinstance(find_target(str(run), root=None), DatasetRef)

    @pytest.mark.parametrize("place", ["datasets/archived/ns/x", "usr/archived/x"])
    @pytest.mark.parametrize(
        "name", ["", "records.parquet", "part.parquet", "_derived/lab/part-1.parquet", "notes.txt"]
    )
    def test_nothing_in_an_old_archive_is_read(self, tmp_path: Path, monkeypatch, place: str, name: str) -> None:
        """Folders, files, files yet to come and links to any of them are refused, with the place that is read."""
        file = tmp_path / place / name
        (file if not name else file.parent).mkdir(parents=True)
        if name:
            file.touch()
        (tmp_path / "link").symlink_to(tmp_path / place)
        (tmp_path / "registry.yaml").touch()
        monkeypatch.chdir(tmp_path)

        for text in (str(file), f"./{place}/{name}", f"{place}/{name}".rstrip("/"), f"link/{name}"):
            with pytest.raises(ArchivedPath, match="_archive/"):
                find_target(text, root=None)
        monkeypatch.chdir(tmp_path / place)
        with pytest.raises(ArchivedPath):
            find_target(name or None, root=None)
