"""``usr tag`` as it is typed, and tags in Python."""

from __future__ import annotations

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.events.tags import tag_name_fault, tag_version
from usr_core.store.changes.tag_errors import TagExists, TagMissing, TagNameInvalid

DS = "ns/base"


class TestTag:
    def test_names_the_last_version(self, seeded: Usr):
        """The event that says so is the next version; the log shows the name beside its version."""
        assert "version 2 of ns/base is v1.0\n" == seeded.ok("tag", DS, "v1.0").out

        event = seeded.events(DS)[-1]
        assert ("tag", {"name": "v1.0", "version": 2}, 3) == (event["action"], event["args"], event["seq"])
        versions = seeded.ok("log", DS, "--format", "json").data["versions"]
        assert [[], ["v1.0"], []] == [one["tags"] for one in versions]
        assert "v1.0 is version 2" == versions[0]["change"]

    def test_an_earlier_version_can_be_named(self, seeded: Usr):
        """By number, time, field of an event or another tag; the same name for the same version again is no event."""
        seeded.ok("tag", DS, "first", "--at", "1")
        seeded.ok("tag", DS, "same", "--at", "first")

        assert {"first": 1, "same": 1} == Dataset.open(seeded.root, DS).tags()
        with assert_unchanged(seeded.root):
            assert "already" in seeded.ok("tag", DS, "first", "--at", "1").out
            seeded.refuses(3, "tag", DS, "late", "--at", "99")

    def test_add_may_be_written_out(self, seeded: Usr):
        """For a dataset that has the name of a command."""
        seeded.ok("tag", "add", DS, "v1.0")

        assert {"v1.0": 2} == Dataset.open(seeded.root, DS).tags()

    def test_inside_a_dataset_its_name_may_be_left_out(self, seeded: Usr):
        """As for every command."""
        seeded.ok("tag", "v1.0", cwd=seeded.path(DS))

        assert "v1.0        2" in seeded.ok("tag", "list", cwd=seeded.path(DS)).out

    def test_a_dry_run_changes_nothing(self, seeded: Usr):
        """It says what would be done."""
        with assert_unchanged(seeded.root):
            told = seeded.ok("tag", DS, "v1.0", "--dry-run").out

        assert "version 2 of ns/base would be v1.0\n" == told

    def test_a_tag_that_exists_is_refused(self, seeded: Usr):
        """It names the version that has it; the same version again is no fault and no event."""
        dataset = Dataset.open(seeded.root, DS)
        dataset.tag("v1.0")

        with assert_unchanged(seeded.root), pytest.raises(TagExists) as caught:
            dataset.tag("v1.0")

        assert (2, "USR-HISTORY-007") == (caught.value.version, caught.value.code)
        assert "version 2" in seeded.refuses(1, "tag", DS, "v1.0").err

    @pytest.mark.parametrize(
        "name",
        ["17", "-3", "2026-11-20", "2026-11-20T12:00", "now", "NOW", "", " ", "a b", "a@b", "x=y", "ä", "a" * 101],
    )
    def test_a_name_that_means_something_else_is_refused(self, seeded: Usr, name: str):
        """Numbers, times, `now`, fields, and what a shell or a path would take apart."""
        with assert_unchanged(seeded.root), pytest.raises(TagNameInvalid):
            Dataset.open(seeded.root, DS).tag(name)

    @pytest.mark.parametrize("name", ["v1.0", "before-merge", "A", "nowhere", "x" * 100])
    def test_other_names_are_none(self, name: str):
        """A letter, then letters, digits, dots, underscores and hyphens."""
        assert tag_name_fault(name) is None

    def test_wrong_usage(self, seeded: Usr):
        """Exit 2 for three words, a dataset alone, and a name that is none; 3 for a dataset that is not there."""
        seeded.refuses(2, "tag", DS, "v1.0", "again")
        seeded.refuses(2, "tag", DS, "17")
        assert f"{DS} NAME" in seeded.refuses(2, "tag", DS).err
        seeded.refuses(3, "tag", "ns/none", "v1.0")


class TestRemove:
    def test_takes_the_name_away(self, seeded: Usr):
        """The version stays, and the name can be given to another one."""
        dataset = Dataset.open(seeded.root, DS)
        dataset.tag("v1.0")

        assert "version 2 of ns/base is no longer v1.0\n" == seeded.ok("tag", "remove", DS, "v1.0").out

        assert {} == dataset.tags()
        assert all(not entry.tags for entry in dataset.log())
        assert 4 == dataset.tag("v1.0").version
        assert 4 == tag_version(dataset.layout.event_log, "v1.0")

    def test_a_tag_that_is_not_there(self, seeded: Usr):
        """Exit 3, with those that are."""
        dataset = Dataset.open(seeded.root, DS)
        dataset.tag("v1.0")

        with pytest.raises(TagMissing) as caught:
            dataset.remove_tag("v2.0")

        assert "v1.0" in caught.value.hint
        seeded.refuses(3, "tag", "remove", DS, "v2.0")


class TestList:
    def test_names_and_versions(self, seeded: Usr):
        """Sorted by name; nothing is changed."""
        dataset = Dataset.open(seeded.root, DS)
        dataset.tag("v1.0")
        dataset.tag("draft")

        with assert_unchanged(seeded.root):
            data = seeded.ok("tag", "list", DS, "--format", "json").data

        assert {
            "dataset": DS,
            "tags": [{"name": "draft", "version": 3}, {"name": "v1.0", "version": 2}],
        } == data

    def test_none(self, seeded: Usr):
        """A line that says so."""
        assert "no tags" in seeded.ok("tag", "list", DS).err

    def test_an_event_of_a_tool_that_looks_like_a_tag_is_none(self, seeded: Usr):
        """Only the event's own action counts."""
        dataset = Dataset.open(seeded.root, DS)
        dataset.record_event("lab_note", args={"action": "tag", "args": {"name": "x", "version": 1}})

        assert {} == dataset.tags()
