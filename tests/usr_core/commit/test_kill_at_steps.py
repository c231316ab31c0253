"""A writer that is killed or interrupted at a named step of the protocol."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from support import crash_child
from support.crash import World, check_whole, outcome, run_child, view
from usr_core.commit.transaction import Step, Transaction
from usr_core.events.log import read_head
from usr_core.roots.layout import DatasetLayout

BEFORE_THE_COMMIT_POINT = [Step.LOCKED, Step.RECOVERED, Step.STAGED, Step.RESERVED, Step.RECORDED]
BEHIND_IT = [Step.LINKED, Step.APPLIED, Step.LOGGED, Step.CLEANED]


class TestKill:
    @pytest.mark.parametrize("step", BEFORE_THE_COMMIT_POINT)
    def test_before_the_commit_point_leaves_the_old_state(self, world: World, dataset: Path, step: Step) -> None:
        """A change that was not committed has not happened."""
        assert -signal.SIGKILL == run_child(dataset, "--kill", step).returncode

        assert "old" == world.check_after_crash(dataset)

    @pytest.mark.parametrize("step", BEHIND_IT)
    def test_behind_the_commit_point_leaves_the_new_state(self, world: World, dataset: Path, step: Step) -> None:
        """A change that was committed is seen whole, and the next open gives it its one event."""
        assert -signal.SIGKILL == run_child(dataset, "--kill", step).returncode

        assert "new" == world.check_after_crash(dataset)

    @pytest.mark.parametrize("step", [Step.LINKED, Step.APPLIED])
    def test_of_the_recovering_writer_changes_nothing(self, world: World, dataset: Path, step: Step) -> None:
        """A writer that dies after it finished another's change leaves that change finished."""
        run_child(dataset, "--kill", step)
        run_child(dataset, "--kill", Step.RECOVERED)

        assert "new" == world.check_after_crash(dataset)

    def test_is_told_by_the_next_event(self, dataset: Path) -> None:
        """What recovery did stands in the first event that follows, though changes failed in between."""
        run_child(dataset, "--kill", Step.LINKED)
        with Transaction(DatasetLayout(dataset), command="refused"):
            pass
        crash_child.small_change(dataset)

        told = read_head(dataset / ".events.log").last
        assert told is not None
        assert {"recovered": ["finished change 2 that a writer had committed"]} == told["maintenance"]

    def test_is_told_once(self, dataset: Path) -> None:
        """The event after that one tells nothing of it."""
        run_child(dataset, "--kill", Step.LINKED)
        crash_child.small_change(dataset)
        crash_child.small_change(dataset)

        told = read_head(dataset / ".events.log").last
        assert told is not None
        assert {} == told["maintenance"]


class TestInterrupt:
    @pytest.mark.parametrize("step", BEFORE_THE_COMMIT_POINT[:-1])
    def test_before_the_commit_point_undoes(self, world: World, dataset: Path, step: Step) -> None:
        """Ctrl-C up to the commit is answered by KeyboardInterrupt, and everything is as before."""
        assert {"interrupted": True} == outcome(run_child(dataset, "--interrupt", step))

        check_whole(dataset, world.old, events=1)

    @pytest.mark.parametrize("step", [Step.RECORDED, *BEHIND_IT])
    def test_at_the_commit_point_is_dropped(self, world: World, dataset: Path, step: Step) -> None:
        """Ctrl-C while the change becomes real does not stop it, and the caller is told of success."""
        assert {"done": 2} == outcome(run_child(dataset, "--interrupt", step))

        check_whole(dataset, world.new, events=2)


class TestFailure:
    @pytest.mark.parametrize("step", [step for step in Step if step != Step.CLEANED])
    @pytest.mark.parametrize("number", ["ENOSPC", "EIO"])
    def test_at_any_step_leaves_every_byte(self, world: World, dataset: Path, step: Step, number: str) -> None:
        """An error before the event is durable is undone, the log's line included."""
        told = outcome(run_child(dataset, "--fail", step, "--errno", number))

        expected = {"ENOSPC": "DiskFull", "EIO": "FileSystemError"}[number]
        # Before the transaction does anything, an observer's own error is nobody else's.
        assert expected == told.get("type") or step in (Step.LOCKED, Step.RECOVERED)
        check_whole(dataset, world.old, events=1)
        assert view(dataset) == world.old
