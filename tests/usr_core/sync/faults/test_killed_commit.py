"""A push whose far half is killed inside the commit: readers see old or new, and anybody who comes next settles it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.cli import run_usr
from support.sync_faults import Runs
from support.sync_lab import Lab
from support.sync_states import NAME, State, check_never_torn, check_whole_copy
from usr_core.commit.file_tree import find_records

_WRITER_THERE, _PUSH_HERE, _PULL_HERE = "a change there", "a push from here", "a pull from here"
_STEPS = 48
"""More than a commit has; a step behind its end is the end."""
_ROWS = (300, 360)
_SAMPLE = {3: _PUSH_HERE, 12: _WRITER_THERE, 14: _PULL_HERE, 27: _PUSH_HERE, 31: _WRITER_THERE}


def _cases() -> list[Any]:
    found = []
    settlers = (_WRITER_THERE, _PUSH_HERE, _PULL_HERE)
    for step in range(_STEPS):
        settler = _SAMPLE.get(step, settlers[step % 3])
        marks = () if step in _SAMPLE else (pytest.mark.whole_matrix,)
        for how in ("agent", "agent-alone"):
            marked = (*marks, pytest.mark.whole_matrix) if how == "agent-alone" and step != 27 else marks
            found.append(pytest.param(step, how, settler, marks=marked, id=f"{step}-{how}-{settler.replace(' ', '-')}"))
    return found


@pytest.mark.parametrize(("step", "how", "settler"), _cases())
def test_a_push_killed_inside_the_commit_is_settled_by_whoever_comes_next(
    runs: Runs, step: int, how: str, settler: str
) -> None:
    """Killed with all it has started, or alone so that what it has started goes on without the lock."""
    lab, steps = runs.lab, runs.steps("push", "forward")
    begun = next(number for number, line in enumerate(steps, 1) if line.startswith("find ./.usr.tmp/push-"))
    lab.prepare(runs.templates, "push", "forward")
    new, old = lab.states("push")
    lab.set_action(f"harm {how}")
    lab.at_step(min(begun + step, len(steps)))
    done = lab.sync("push")

    assert lab.hit
    # A push that lost its answer looks again, and ends well where the change was made or could be finished.
    assert done.rc in (0, 7), str(done)
    assert "Traceback" not in done.err
    live = _linked(lab)
    seen = check_never_torn(lab.there / NAME, [old, new])
    _check_readers_there(lab)
    lab.mend()
    if settler == _WRITER_THERE:
        sequences = lab.control / "more.csv"
        sequences.write_text("sequence\nAACCGGTTAACCGGTTAACCGGTT\n")
        run_usr_there(lab, "import", NAME, "--from", "csv", "--path", str(sequences))
        assert not _linked(lab)
        # What was only staged there is kept for the next push.
        check_whole_copy(lab.there, staged=not live)
        return
    again = lab.sync("push" if settler == _PUSH_HERE else "pull")
    settled = State.of(lab.there / NAME)
    if settler == _PULL_HERE and settled == old:  # what is only here would be lost
        assert again.rc == 6, str(again)
        assert not _linked(lab)
        again = lab.sync("push")
    elif settler == _PULL_HERE:
        assert again.rc == 0, str(again)
        again = lab.sync("push")  # removes what the dead one has staged here
    assert again.rc == 0, f"{again}\nafter\n{done}"
    assert seen in (old, new)
    assert check_whole_copy(lab.here) == check_whole_copy(lab.there)


def _linked(lab: Lab) -> list[Path]:
    """Return the live commit records and abort files there."""
    commits, aborts = find_records(lab.there / NAME)
    return [*commits, *aborts]


def run_usr_there(lab: Lab, *args: str) -> str:
    """Run `usr` on the far root."""
    done = run_usr(*args, root=lab.there)
    assert done.rc == 0, str(done)
    return done.out


def _check_readers_there(lab: Lab) -> None:
    """Check that commands there tell of one of the states."""
    done = run_usr("info", NAME, "--format", "json", root=lab.there)
    assert done.rc == 0, str(done)
    assert done.data["rows"] in _ROWS, done.data
    head = run_usr("head", NAME, "-n", "1", root=lab.there)
    assert head.rc == 0, str(head)
