"""The dataset that comes with the repository is whole and names nobody's machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.cli import Usr
from support.tree import assert_unchanged

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
NAME = "usr/anderson_promoters"


@pytest.fixture
def tracked(tmp_path: Path) -> Usr:
    """A copy of the tracked root, so that no test leaves a lock file in the checkout."""
    root = tmp_path / "datasets"
    root.mkdir()
    shutil.copy(DATASETS / "registry.yaml", root)
    shutil.copytree(DATASETS / NAME, root / NAME)
    return Usr(root=root)


def test_validates_strictly_without_a_change(tracked: Usr) -> None:
    """It holds to the contract of today's code, and a validation writes nothing."""
    with assert_unchanged(tracked.root):
        tracked.ok("validate", NAME, "--strict")


def test_events_name_the_demo_machine_only(tracked: Usr) -> None:
    """Host and root in the log are the ones of the program that built it."""
    events = tracked.events(NAME)

    assert ["init", "import", "attach", "attach"] == [event["action"] for event in events]
    assert {("demo", "/tmp/usr-demo/datasets")} == {(e["actor"]["host"], e["dataset"]["root"]) for e in events}


def test_no_machinery_is_tracked() -> None:
    """Neither staging nor commit records nor a receipt of a transfer are part of it."""
    names = [path.name for path in (DATASETS / NAME).iterdir()]

    assert [] == [name for name in names if name.startswith((".usr.tmp", ".usr.commit", ".usr.abort", ".sync"))]


def test_paths_in_events_are_relative(tracked: Usr) -> None:
    """What the events say about their input holds no absolute path."""
    texts = [json.dumps({"args": event["args"], "artifacts": event["artifacts"]}) for event in tracked.events(NAME)]

    assert [] == [text for text in texts if '"/' in text]
