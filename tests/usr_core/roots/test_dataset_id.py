"""Dataset ids and the folders they lead to."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.roots.dataset_id import list_datasets, new_dataset, parse_dataset_id, resolve_dataset
from usr_core.roots.errors import (
    AmbiguousDataset,
    ArchivedPath,
    DatasetExists,
    DatasetMissing,
    InvalidDatasetId,
    NestedDataset,
    OutsideRoot,
)


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "records.parquet").touch()
        (root / name / ".events.log").write_text("{}\n")


class TestParse:
    @pytest.mark.parametrize("text", ["a", "demo-1", "ns/demo", "0/9", "A.b_c-d/e..f", "a" * 255])
    def test_a_well_formed_id_is_returned_as_it_is(self, text):
        """One or two names."""
        assert text == parse_dataset_id(text)

    @pytest.mark.parametrize(
        "text",
        ["", "/", "a/", "/a", "a//b", "a/b/c", ".", "..", "../x", "a/..", "./a", "_x", "a/_x", "_archive/a", "-x",
         "a/-x", ".x", "é", "a b", "a\n", "a\0", "a\\b", "a:b", "~a", "a" * 256, "\x1b[31m"],
    )  # fmt: skip
    def test_anything_else_is_refused_as_wrong_usage(self, text):
        """With what is wrong with it, and control characters made visible."""
        with pytest.raises(InvalidDatasetId) as caught:
            parse_dataset_id(text)

        assert 2 == caught.value.exit_code
        assert caught.value.message.isprintable()

    def test_a_version_behind_the_name_is_asked_for_as_an_option(self):
        """SQL and `usr compare` take ``D@4``; the hint says how other commands are asked."""
        with pytest.raises(InvalidDatasetId, match="'@' is not allowed in it") as caught:
            parse_dataset_id("lab/one@4")

        assert "`lab/one --at 4`" in (caught.value.hint or "")

    @pytest.mark.parametrize("text", ["archived", "archived/x", "archived/a/b"])
    def test_the_old_archive_is_refused_with_the_name_of_the_new_one(self, text):
        """`archived/` is never read."""
        with pytest.raises(ArchivedPath, match="_archive/"):
            parse_dataset_id(text)


class TestResolve:
    def test_whole_ids_and_unique_names_are_found(self, tmp_path):
        """A flat dataset, a qualified one, and the qualified one by its name alone."""
        make(tmp_path, "flat", "ns/demo", "_archive/ns/demo")

        assert "flat" == resolve_dataset(tmp_path, "flat").name
        assert tmp_path / "ns/demo" == resolve_dataset(tmp_path, "ns/demo").path
        assert "ns/demo" == resolve_dataset(tmp_path, "demo").name

    def test_an_ambiguous_name_lists_the_candidates(self, tmp_path):
        """Also where one of them is flat."""
        make(tmp_path, "demo", "b/demo", "a/demo", "a/other")

        with pytest.raises(AmbiguousDataset) as caught:
            resolve_dataset(tmp_path, "demo")

        assert ("a/demo", "b/demo", "demo") == caught.value.candidates

    @pytest.mark.parametrize(("text", "near"), [("ns/dmo", ("ns/demo",)), ("dema", ("ns/demo",)), ("zzz", ())])
    def test_a_missing_dataset_has_near_names_in_its_hint(self, tmp_path, text, near):
        """A slip of the finger is answered with what may have been meant."""
        make(tmp_path, "ns/demo", "ns/other")

        with pytest.raises(DatasetMissing) as caught:
            resolve_dataset(tmp_path, text)

        assert (3, near) == (caught.value.exit_code, caught.value.near)
        assert all(name in caught.value.hint for name in near)

    def test_a_folder_without_base_is_no_dataset(self, tmp_path):
        """`records.parquet` makes the dataset."""
        (tmp_path / "ns/demo").mkdir(parents=True)

        with pytest.raises(DatasetMissing):
            resolve_dataset(tmp_path, "ns/demo")

    @pytest.mark.parametrize("link", ["ns", "ns/demo"])
    def test_a_link_does_not_lead_out_of_the_root(self, tmp_path, link):
        """Neither as the namespace's folder nor as the dataset's."""
        root, outside = tmp_path / "root", tmp_path / "outside"
        make(outside, "demo" if link == "ns" else "")
        (root / link).parent.mkdir(parents=True)
        (root / link).symlink_to(outside)

        with pytest.raises(OutsideRoot):
            resolve_dataset(root, "ns/demo")
        with pytest.raises(OutsideRoot):
            new_dataset(root, "ns/demo")
        assert [] == list_datasets(root)

    def test_a_link_inside_the_root_is_followed(self, tmp_path):
        """As is a root that is a link itself."""
        make(tmp_path / "real", "ns/demo")
        (tmp_path / "real/ns/alias").symlink_to("demo")
        (tmp_path / "root").symlink_to("real")

        assert "ns/alias" == resolve_dataset(tmp_path / "root", "ns/alias").name

    def test_a_loop_of_links_is_a_missing_dataset(self, tmp_path):
        """It raises nothing else."""
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")

        with pytest.raises(DatasetMissing):
            resolve_dataset(tmp_path, "a/x")

    def test_a_dataset_inside_another_is_refused(self, tmp_path):
        """Datasets do not nest."""
        make(tmp_path, "outer", "outer/inner")

        with pytest.raises(NestedDataset):
            resolve_dataset(tmp_path, "outer/inner")


class TestNew:
    def test_a_new_place_is_given_and_nothing_made(self, tmp_path):
        """An empty folder that is there already will do."""
        (tmp_path / "ns/empty").mkdir(parents=True)

        assert tmp_path / "fresh/demo" == new_dataset(tmp_path, "fresh/demo").path
        assert "ns/empty" == new_dataset(tmp_path, "ns/empty").name
        assert not (tmp_path / "fresh").exists()

    def test_a_taken_place_is_refused(self, tmp_path):
        """A dataset, a file in the way at either level, or a folder of datasets."""
        make(tmp_path, "ns/demo")
        (tmp_path / "file").touch()

        for text in ("ns/demo", "file", "file/x", "ns"):
            with pytest.raises(DatasetExists):
                new_dataset(tmp_path, text)

    def test_a_place_inside_a_dataset_is_refused(self, tmp_path):
        """The outer one is named."""
        make(tmp_path, "outer")

        with pytest.raises(NestedDataset, match="outer"):
            new_dataset(tmp_path, "outer/inner")


class TestList:
    def test_flat_and_qualified_datasets_are_listed_sorted(self, tmp_path):
        """Machinery, hidden names, the old archive and deeper folders are passed over."""
        make(
            tmp_path,
            "b/two",
            "a",
            "b/one",
            "_archive/x",
            "_derived/y",
            ".hidden/z",
            "archived/q",
            "c/_z",
            "d/e/f",
            "a/in",
        )

        assert ["a", "b/one", "b/two"] == [ref.name for ref in list_datasets(tmp_path)]

    def test_the_archive_is_listed_on_request(self, tmp_path):
        """Its names say where they are."""
        make(tmp_path, "live", "_archive/ns/old", "_archive/flat")

        assert ["_archive/flat", "_archive/ns/old"] == [ref.name for ref in list_datasets(tmp_path, archived=True)]

    def test_an_empty_or_missing_root_has_none(self, tmp_path):
        """Neither is an error."""
        assert [] == list_datasets(tmp_path)
        assert [] == list_datasets(tmp_path / "nowhere")
