"""Eight faults, at ten points each, in a pull and in a push, over a real ssh and a real rsync.

The points are steps of the run (the n-th program there, the n-th system call here) and bytes on the way. All 160 run by
``make test-sync-faults``; a sample of them is part of every test run.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.cli import clean_env
from support.sync_faults import FAULTS, POINTS, Case, Runs, run_case
from support.sync_lab import Action
from support.sync_small_disk import FREE, argv
from support.sync_states import Templates

_SAMPLE = {
    "ssh killed": {"pull": (5,), "push": (7,)},
    "rsync killed": {"pull": (5,), "push": (4,)},
    "usr killed": {"pull": (2, 7), "push": (1, 6)},
    "byte changed": {"pull": (4,), "push": (7,)},
    "file added": {"pull": (5,), "push": (2,)},
    "file removed": {"pull": (0,), "push": (1,)},
    "remote full": {"pull": (0,), "push": (5,)},
    "local full": {"pull": (5,), "push": (0,)},
}


def _cases(faults: tuple[str, ...]) -> list[Any]:
    found = []
    for fault in faults:
        for action in ("pull", "push"):
            for point in range(POINTS):
                marks = () if point in _SAMPLE[fault][action] else (pytest.mark.whole_matrix,)
                case = Case(fault, action, point)  # type: ignore[arg-type]
                found.append(pytest.param(case, marks=marks, id=str(case)))
    return found


def test_the_matrix_is_whole() -> None:
    """Eight faults, ten points, two directions; each fault is in the sample both ways."""
    assert 160 == len(_cases((*FAULTS, "remote full", "local full")))
    assert all(points[action] for points in _SAMPLE.values() for action in ("pull", "push"))


@pytest.mark.parametrize("case", _cases(FAULTS))
def test_a_fault_leaves_both_sides_whole_and_the_next_run_completes(runs: Runs, case: Case) -> None:
    """Readers see the old state or the new, both chains are whole, and the same command then ends well."""
    run_case(runs, case)


@pytest.mark.parametrize("case", _cases(("remote full", "local full")))
def test_a_full_disk_leaves_both_sides_whole_and_the_next_run_completes(templates: Templates, case: Case) -> None:
    """The same where one side's disk fills up; the side that takes says that no space is left."""
    side = "there" if case.fault == "remote full" else "here"
    (told,) = _on_a_small_disk(templates.old.parent, side, case.action, [case.point])

    if (side == "here") == (case.action == "pull") and FREE[case.point] < 0.9:
        assert 1 == told["code"], told
        assert "No space left" in told["message"] or "disk is full" in told["message"].lower(), told
    else:
        assert told["code"] in (0, 1), told


def _on_a_small_disk(templates: Path, side: str, action: Action, points: list[int]) -> list[dict[str, Any]]:
    done = subprocess.run(
        argv(templates, side, action, points), capture_output=True, text=True, check=False, env=clean_env(), timeout=300
    )
    assert done.returncode == 0, f"on a small tmpfs (needs root or user namespaces):\n{done.stdout}{done.stderr}"
    return [json.loads(line) for line in done.stdout.splitlines()]
