"""A writer that dies or fails while its commit keeps what it replaces: the files and what is kept change together."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from support.crash import World, outcome, run_child, run_child_with, trace_child
from support.crash_child import BEGIN_MARKER, END_MARKER
from support.strace import CHANGING, calls_below, calls_between
from support.tree import tree_digest
from usr_core.commit.transaction import Step

EVERY, SAMPLE = 1, 14


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A dataset that keeps history, and its views before and after the composite change."""
    return World.make(tmp_path_factory.mktemp("keeping"), keeps=True)


def test_the_change_keeps_what_it_replaces_and_what_it_removes_for_good(world: World) -> None:
    """Each under its own name below the number of the event; what an archive has, and notes, are not kept twice."""
    kept = {name: content for name, content in world.new.items() if name.startswith(".history/2/")}

    assert {
        ".history/2/records.parquet": b"base one",
        ".history/2/_derived/old/part-b.parquet": b"part b",
    } == kept
    assert not any(name.startswith(".history/2/") for name in world.old)


@pytest.mark.parametrize("step", [*Step])
def test_a_kill_at_a_step_leaves_all_of_it_or_nothing(world: World, tmp_path: Path, step: Step) -> None:
    """What is kept is there if the change is, and only then; the next change goes on from there."""
    folder = world.copy(tmp_path / "dataset")

    assert -signal.SIGKILL == run_child(folder, "--kill", step).returncode

    behind = (Step.LINKED, Step.APPLIED, Step.LOGGED, Step.CLEANED)
    assert ("new" if step in behind else "old") == world.check_after_crash(folder)


@pytest.mark.parametrize("step", [step for step in Step if step != Step.CLEANED])
def test_an_error_at_a_step_leaves_every_byte(world: World, tmp_path: Path, step: Step) -> None:
    """Nothing is kept of a change that is taken back."""
    folder = world.copy(tmp_path / "dataset")
    before = tree_digest(folder)

    told = outcome(run_child(folder, "--fail", step, "--errno", "ENOSPC"))

    assert "done" not in told
    assert before == {name: one for name, one in tree_digest(folder).items() if name != ".usr.lock"}


@pytest.mark.parametrize("every", [SAMPLE, pytest.param(EVERY, marks=pytest.mark.whole_matrix)])
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=ENOSPC", "error=EIO"])
def test_at_any_call_one_of_both_states_is_left(world: World, tmp_path: Path, fault: str, every: int) -> None:
    """Killed or refused before any system call, the dataset has all of the change or nothing of it."""
    trace_child(world.copy(tmp_path / "first"), tmp_path / "first.log", names=("link",))
    folder = world.copy(tmp_path / "dataset")
    everything = trace_child(folder, tmp_path / "log", names=CHANGING)
    inside = calls_between(everything, BEGIN_MARKER, END_MARKER, names=CHANGING)
    calls = [call for call in calls_below(inside, folder, names=CHANGING) if "O_RDONLY" not in call.line]
    assert len(calls) > 60
    for call in calls[::every]:
        before = tree_digest(world.copy(folder))
        done = run_child_with(folder, call, fault)
        if fault.startswith("signal"):
            assert -signal.SIGKILL == done.returncode, call
            world.check_after_crash(folder)
        else:
            world.check_after_error(folder, outcome(done), before)
