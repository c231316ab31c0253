"""What people are asked before a transfer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.small_datasets import make_dataset
from support.sync_pairs import MemoryPair
from usr_core.dataset import Dataset
from usr_core.testing.memory_transport import MemoryRemote
from usr_sync.audit_text import audit_text, plan_text


@pytest.mark.parametrize(
    ("files", "events", "words"),
    [(1, 1, "(1 file, 10 bytes, 1 new event)"), (2, 0, "(2 files, 10 bytes, 0 new events)")],
)
def test_one_is_not_a_plural(files: int, events: int, words: str) -> None:
    """The question counts as people do."""
    plan = {"files": files, "bytes": 10, "events": events, "put_aside": []}

    assert f"Pull lab/a from far {words}?" == plan_text(
        {"action": "pull", "dataset": "lab/a", "remote": "far", "plan": plan}
    )


def test_copies_that_went_apart_are_told_with_the_command_that_compares_them(tmp_path: Path) -> None:
    """After a `diff` that says that both have new events; not where one only has to catch up."""
    remote = MemoryRemote()
    pair = MemoryPair(local=tmp_path / "here", base_dir=remote.root, remote=remote)
    make_dataset(pair.local, sequences=["ACGT"])
    pair.sync("push")
    pair.here().record_event("model_health")
    assert "usr compare" not in audit_text(pair.sync("diff"))

    pair.change_far(lambda root: shutil.copy(pair.local / "registry.yaml", root))
    pair.change_far(lambda root: Dataset.open(root, "ns/base").record_event("model_health", args={"side": "there"}))

    assert "  what differs in values: usr compare ns/base ns/base@far" in audit_text(pair.sync("diff")).splitlines()
