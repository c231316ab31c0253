"""What people are asked before a transfer."""

from __future__ import annotations

import pytest

from usr_sync.audit_text import plan_text


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
