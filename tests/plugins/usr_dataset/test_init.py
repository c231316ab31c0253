"""``usr init`` as it is typed."""

from __future__ import annotations

import pytest

from support.cli import Usr
from support.tree import assert_unchanged


class TestInit:
    def test_makes_base_notes_registry_and_event(self, registered: Usr):
        """The folder holds what the format says, and the command names the dataset and its place."""
        out = registered.ok("init", "ns/new", "--source", "a paper", "--notes", "first lines").out

        folder = registered.path("ns/new")
        assert f"created ns/new in {folder}\n" == out
        assert "a paper" in (folder / "meta.md").read_text(encoding="utf-8")
        assert "first lines" in (folder / "meta.md").read_text(encoding="utf-8")
        assert (folder / "records.parquet").is_file()
        assert 1 == len(list((folder / "_registry").glob("registry.*.yaml")))
        assert ["init"] == [event["action"] for event in registered.events("ns/new")]

    def test_a_flat_name_is_a_dataset_too(self, registered: Usr):
        """An id needs no namespace."""
        registered.ok("init", "flat")

        assert registered.ok("ls", "--format", "json").data[0]["name"] == "flat"

    @pytest.mark.parametrize(
        "name",
        ["../x", "a/b/c", "_hidden", "a/../b", "archived/x", "", "a b", "x/.."],
        ids=lambda name: name or "empty",
    )
    def test_what_is_no_id_is_refused(self, registered: Usr, name: str):
        """Exit 2, and nothing is made, inside the root or above it."""
        with assert_unchanged(registered.root.parent):
            registered.refuses(2, "init", name)

    def test_an_existing_dataset_is_left_alone(self, seeded: Usr):
        """A second init fails and changes no byte, by the full id and by the short one."""
        with assert_unchanged(seeded.root):
            seeded.refuses(1, "init", "ns/base")
            seeded.refuses(1, "init", "base")

    def test_needs_a_registry(self, usr: Usr):
        """A root without registry.yaml is told so, and no folder is left behind."""
        with assert_unchanged(usr.root):
            result = usr.run("init", "ns/new")

        assert result.rc != 0
        assert "registry.yaml" in result.err
        assert "usr namespace register" in result.err

    def test_an_anchor_bomb_is_refused(self, registered: Usr):
        """A registry with anchors is not expanded; the line is named."""
        (registered.root / "registry.yaml").write_text(
            "a: &a [x, x]\nb: &b [*a, *a, *a]\nnamespaces: [*b, *b, *b]\n", encoding="utf-8"
        )
        with assert_unchanged(registered.root):
            result = registered.refuses(1, "init", "ns/new")

        assert "anchor" in result.err
        assert "registry.yaml" in result.err
