"""A writer that is killed before each of its system calls. `scripts/crash_sweep.py` does it to whole commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.crash import World, run_child_with
from support.strace import Call

# Opening a file for reading changes nothing: its neighbours stand for it here, the sweep has them all.
GROUPS = {
    "names": {"link", "linkat", "rename", "renameat", "renameat2", "unlink", "unlinkat"},
    "folders": {"mkdir", "mkdirat", "rmdir", "flock", "fallocate", "chmod", "fchmodat"},
    "content": {"write", "pwrite64", "ftruncate", "openat", "open"},
    "fsyncs": {"fsync", "fdatasync"},
}

ATTEMPTS = 3
"""A library opens some files in whichever thread needs them first, so that a run may have a call less than another."""


class TestKill:
    @pytest.mark.parametrize("group", GROUPS)
    def test_before_any_call_leaves_the_old_state_or_the_new(
        self, world: World, tmp_path: Path, calls: list[Call], group: str
    ) -> None:
        """At every point the dataset is whole, has one event for what is seen, and the next writer clears up."""
        points = [call for call in calls if call.name in GROUPS[group] and "O_RDONLY" not in call.line]
        won = []
        for call in points:
            for _ in range(ATTEMPTS):
                folder = world.copy(tmp_path / "dataset")
                done = run_child_with(folder, call, "signal=SIGKILL")
                if done.returncode == -9:
                    break
            assert done.returncode == -9, f"{call} was not reached"
            won.append(world.check_after_crash(folder))

        assert won == sorted(won, reverse=True), "once a change is real it stays real"
        assert {"old", "new"} == set(won)
