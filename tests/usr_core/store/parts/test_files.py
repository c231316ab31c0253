"""Overlay files on disk: names, stamps, order, and what is refused."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.view_datasets import record_id_of, write_overlay
from usr_core.commit.file_tree import FileTree
from usr_core.errors import UsrError
from usr_core.store.base.parquet import allow_descriptors
from usr_core.store.parts.errors import AmbiguousOverlay, OverlayNotStamped, OverlayUnreadable, OverlayVanished
from usr_core.store.parts.files import list_overlays, newest_stamp

ID = record_id_of("ACGT")
SCORE = {"mock__score": pa.array([1.5])}


class TestListing:
    def test_parts_are_in_write_order(self, tmp_path):
        """Oldest stamp first, equal stamps by file name; neither the name's stamp nor the zone's spelling counts."""
        old, new = "2026-01-01T00:00:00.000000Z", "2026-01-01T01:00:00.000001+01:00"
        for part, created in [("part-zz", old), ("part-20990101T000000000000-a", old), ("part-00", new)]:
            write_overlay(tmp_path, "mock", [ID], SCORE, part=part, created_at=created)

        parts = list_overlays(FileTree(tmp_path))["mock"].parts

        assert ["part-20990101T000000000000-a.parquet", "part-zz.parquet", "part-00.parquet"] == [p.name for p in parts]

    def test_what_the_footer_says_is_on_the_part(self, tmp_path):
        """Key, stamp, hashes, rows and columns come from the file."""
        path = write_overlay(tmp_path, "mock", [" ACGT"], SCORE, key="sequence", part=None)

        part = list_overlays(FileTree(tmp_path))["mock"].parts[0]

        assert ("_derived/mock.parquet", path, "sequence", 1) == (part.relative, part.path, part.key, part.rows)
        assert ("a" * 64, "b" * 64) == (part.registry_hash, part.contract_hash)
        assert "2026-01-01T00:00:00.000000Z" == part.created_at
        assert path.stat().st_size == part.size_bytes
        assert [("mock__score", pa.float64())] == [(field.name, field.type) for field in part.columns]
        assert 1 == part.file.metadata.num_rows

    def test_other_names_are_no_overlays(self, tmp_path):
        """Retired overlays, other files and folders without parts are passed over."""
        write_overlay(tmp_path, "mock", [ID], SCORE)
        for name in ("_archived/mock/part-1.parquet", "Upper.parquet", "a__b.parquet", "empty/notes.txt", "x.tmp"):
            (tmp_path / "_derived" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "_derived" / name).write_bytes(b"no parquet")
        (tmp_path / "_derived" / "mock" / "part-1.parquet.tmp").write_bytes(b"")

        assert {"mock": 1} == {name: len(found.parts) for name, found in list_overlays(FileTree(tmp_path)).items()}

    def test_only_the_namespaces_asked_for_are_opened(self, tmp_path):
        """A damaged file of another namespace does not matter."""
        write_overlay(tmp_path, "mock", [ID], SCORE)
        (tmp_path / "_derived" / "bad.parquet").write_bytes(b"no parquet")

        assert ["mock"] == list(list_overlays(FileTree(tmp_path), namespaces=["mock", "absent"]))

    def test_a_dataset_without_overlays_has_none(self, tmp_path):
        """Where there is no `_derived`, the result is empty."""
        assert {} == list_overlays(FileTree(tmp_path))

    def test_the_newest_stamp_is_that_of_the_footers(self, tmp_path):
        """Whatever the names say, also once a part was put in the place of another; None where there is no part."""
        tree = FileTree(tmp_path)
        assert newest_stamp(tree, "mock") is None
        for part, year in [("part-00", 2026), ("part-20990101T000000000000-aaaaaaaa", 2025)]:
            write_overlay(tmp_path, "mock", [ID], SCORE, part=part, created_at=f"{year}-01-01T00:00:00.000000Z")
        write_overlay(tmp_path, "other", [ID], SCORE, created_at="2030-01-01T00:00:00.000000Z")
        newest = list_overlays(tree)["mock"].parts[-1].created_at_us

        assert [newest, newest] == [newest_stamp(tree, "mock") for _ in range(2)]
        write_overlay(tmp_path, "mock", [ID], SCORE, part="part-00", created_at="2027-01-01T00:00:00.000000Z")
        assert list_overlays(tree)["mock"].parts[-1].created_at_us == newest_stamp(tree, "mock") > newest

    def test_a_damaged_part_has_no_stamp(self, tmp_path):
        """It is named, each time."""
        path = write_overlay(tmp_path, "mock", [ID], SCORE)
        path.write_bytes(path.read_bytes()[:100])

        for _ in range(2):
            with pytest.raises(OverlayUnreadable, match=path.name):
                newest_stamp(FileTree(tmp_path), "mock")

    def test_hundreds_of_parts_are_listed(self, tmp_path):
        """Many parts come back complete and in order."""
        for number in range(120):
            write_overlay(tmp_path, "mock", [ID], SCORE, part=f"part-{number:03d}")

        parts = list_overlays(FileTree(tmp_path))["mock"].parts

        assert [f"part-{number:03d}.parquet" for number in range(120)] == [part.name for part in parts]


class TestRefusals:
    def test_a_file_beside_a_folder_is_an_error(self, tmp_path):
        """Both are named, also when another namespace is asked for."""
        write_overlay(tmp_path, "mock", [ID], SCORE, part=None)
        write_overlay(tmp_path, "mock", [ID], SCORE)

        with pytest.raises(AmbiguousOverlay) as caught:
            list_overlays(FileTree(tmp_path), namespaces=["other"])

        assert ("_derived/mock.parquet", "_derived/mock") == (caught.value.file, caught.value.folder)

    def test_a_file_beside_an_empty_folder_is_fine(self, tmp_path):
        """A folder counts only when it holds a part."""
        write_overlay(tmp_path, "mock", [ID], SCORE, part=None)
        (tmp_path / "_derived" / "mock").mkdir()

        assert "_derived/mock.parquet" == list_overlays(FileTree(tmp_path))["mock"].parts[0].relative

    @pytest.mark.parametrize("left", [0, 3, 100, -1])
    def test_a_truncated_part_is_named(self, tmp_path, left):
        """However much of it is left, the error says which file it is."""
        path = write_overlay(tmp_path, "mock", [ID], SCORE)
        path.write_bytes(path.read_bytes()[:left])

        with pytest.raises(OverlayUnreadable) as caught:
            list_overlays(FileTree(tmp_path))

        assert f"_derived/mock/{path.name}" == caught.value.facts["file"]

    def test_a_folder_called_like_a_part_is_named(self, tmp_path):
        """A directory where a file is expected is an unreadable overlay."""
        (tmp_path / "_derived" / "mock.parquet").mkdir(parents=True)

        with pytest.raises(OverlayUnreadable):
            list_overlays(FileTree(tmp_path))

    @pytest.mark.parametrize(
        "metadata",
        [
            {},
            {"usr:overlay_key": "id"},
            {"usr:overlay_created_at": "2026-01-01T00:00:00Z"},
            {"usr:overlay_key": "name", "usr:overlay_created_at": "2026-01-01T00:00:00Z"},
            {"usr:overlay_key": "sequence", "usr:overlay_created_at": "2026-01-01T00:00:00Z"},
            {"usr:overlay_key": "id", "usr:overlay_created_at": "yesterday"},
        ],
    )
    def test_a_part_without_sound_metadata_is_refused(self, tmp_path, metadata):
        """No key, no stamp, an unknown key, a key that is not a column, no time: each is refused, naming the file."""
        write_overlay(tmp_path, "mock", [ID], SCORE, part=None, metadata=metadata)

        with pytest.raises(OverlayNotStamped) as caught:
            list_overlays(FileTree(tmp_path))

        assert "_derived/mock.parquet" == caught.value.facts["file"]

    def test_a_part_that_went_meanwhile_is_missing(self, tmp_path):
        """A listed file that is gone raises what a consistent reader takes as a reason to look again."""
        tree = FileTree(tmp_path, moved={"_derived/mock/part-1.parquet": tmp_path / "gone"})

        with pytest.raises(OverlayVanished) as caught:
            list_overlays(tree)

        assert isinstance(caught.value, FileNotFoundError)

    def test_problems_can_be_collected(self, tmp_path):
        """With `on_problem` everything that is wrong is reported, and what is sound is opened."""
        write_overlay(tmp_path, "good", [ID], SCORE)
        write_overlay(tmp_path, "mock", [ID], SCORE, part=None)
        write_overlay(tmp_path, "mock", [ID], SCORE)
        write_overlay(tmp_path, "odd", [ID], SCORE, metadata={})
        (tmp_path / "_derived" / "bad.parquet").write_bytes(b"PAR1")
        problems: list[UsrError] = []

        found = list_overlays(FileTree(tmp_path), on_problem=problems.append)

        assert ["good"] == list(found)
        assert {AmbiguousOverlay, OverlayNotStamped, OverlayUnreadable} == {type(one) for one in problems}


class TestDescriptors:
    @pytest.fixture(autouse=True)
    def _limits(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    def test_the_soft_limit_is_raised_for_many_parts(self, tmp_path):
        """More parts than the soft limit allows are opened all at once."""
        for number in range(150):
            write_overlay(tmp_path, "mock", [ID], SCORE, part=f"part-{number:03d}")
        # Room for 40 more than this process, which other tests have used, has open.
        few = max(int(path.name) for path in Path("/proc/self/fd").iterdir()) + 40
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

        overlay = list_overlays(FileTree(tmp_path))["mock"]

        assert 150 == len(overlay.parts)
        overlay.close()

    def test_the_hard_limit_gives_a_typed_error_with_a_way_out(self, tmp_path):
        """Where the limit can't be raised far enough, the error advises to compact."""
        for number in range(80):
            write_overlay(tmp_path, "mock", [ID], SCORE, part=f"part-{number:03d}")
        script = f"""if True:
            import resource
            from pathlib import Path
            from usr_core.commit.file_tree import FileTree
            from usr_core.fs.errors import TooManyOpenFiles
            from usr_core.store.parts.files import list_overlays, newest_stamp
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 60))
            try:
                list_overlays(FileTree(Path({str(tmp_path)!r})))
            except TooManyOpenFiles as error:
                print(error.hint)
        """

        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)

        assert "overlay-compact" in done.stdout

    def test_few_files_leave_the_limit_alone(self):
        """The process's limit changes only when it has to."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)

        allow_descriptors(1)

        assert before == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_values_stay_readable_after_the_name_is_gone(tmp_path: Path) -> None:
    """A part that was opened is read to its end although a writer removed its name."""
    path = write_overlay(tmp_path, "mock", [ID], SCORE)
    part = list_overlays(FileTree(tmp_path))["mock"].parts[0]
    path.unlink()

    assert [1.5] == part.source.reader().read(["mock__score"]).column(0).to_pylist()
    assert isinstance(part.file, pq.ParquetFile)
