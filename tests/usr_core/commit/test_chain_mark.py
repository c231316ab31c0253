"""The mark of a log that was found whole."""

from __future__ import annotations

from pathlib import Path

from usr_core.commit.log_end import mark_chain


def test_marking_raises_nothing(tmp_path: Path) -> None:
    """It follows the commit: whatever the system answers, the change has been made."""
    file = tmp_path / "a file"
    file.touch()

    mark_chain(file)

    assert [file] == list(tmp_path.iterdir())
