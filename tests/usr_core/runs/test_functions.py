"""Functions of runs are what their files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.plugin.host import PluginHost
from usr_core.runs.errors import FunctionUnusable
from usr_core.runs.functions import find_function, load_function


class TestFile:
    def test_that_was_changed_is_loaded_anew_in_the_same_process(self, tmp_path: Path) -> None:
        """The function that runs is the one whose digest the run records, also where both have one name."""
        host, file = PluginHost(), tmp_path / "scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        before, _ = find_function(f"{file}:score", {}, host)
        one = load_function(before, {}, host)([])
        file.write_text("def score(rows):\n    return 2\n\ndef other(rows):\n    return 3\n")
        after, _ = find_function(f"{file}:score", {}, host)
        added, _ = find_function(f"{file}:other", {}, host)

        assert before.digest != after.digest == added.digest
        assert [1, 2, 3] == [one, load_function(after, {}, host)([]), load_function(added, {}, host)([])]

    def test_that_was_changed_after_the_plan_is_refused(self, tmp_path: Path) -> None:
        """The run was planned with another function."""
        host, file = PluginHost(), tmp_path / "scores.py"
        file.write_text("def score(rows):\n    return 1\n")
        planned, _ = find_function(f"{file}:score", {}, host)
        file.write_text("def score(rows):\n    return 2\n")

        with pytest.raises(FunctionUnusable, match="is not the file that the run was planned with"):
            load_function(planned, {}, host)
