"""What a script tells SLURM and SGE, and what it can't be made to say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from usr_array.errors import ArrayOptionInvalid
from usr_array.executor import tasks_of
from usr_array.systems import SYSTEMS, Resources

LOGS = Path("/share/a folder/100%/logs")
ALL = {
    "queue": "short", "walltime": "2-04:00:00", "cores": 4, "memory": "16G", "account": "lab-7",
    "extra": "--gres=gpu:1", "parallel_env": "threads",
}  # fmt: skip


def test_slurm_is_told_everything() -> None:
    """As `sbatch` documents its options; a per cent sign of a path is doubled."""
    lines = SYSTEMS["slurm"].directives("usr-map-1", 250, Resources.checked(ALL, most_at_once=20), LOGS)

    assert lines == [
        "#SBATCH --job-name=usr-map-1",
        "#SBATCH --array=1-250%20",
        '#SBATCH --output="/share/a folder/100%%/logs/%A_%a.log"',
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --partition=short",
        "#SBATCH --time=2-04:00:00",
        "#SBATCH --mem=16384M",
        "#SBATCH --account=lab-7",
        "#SBATCH --gres=gpu:1",
    ]


def test_sge_is_told_everything() -> None:
    """Hours without days, and memory for each of the cores."""
    lines = SYSTEMS["sge"].directives("usr-map-1", 250, Resources.checked(ALL, most_at_once=20), LOGS)

    assert lines == [
        "#$ -N usr-map-1",
        "#$ -t 1-250",
        "#$ -S /bin/sh",
        "#$ -j y",
        '#$ -o "/share/a folder/100%/logs"',
        "#$ -tc 20",
        "#$ -pe threads 4",
        "#$ -q short",
        "#$ -l h_rt=52:00:00",
        "#$ -l h_vmem=4096M",
        "#$ -P lab-7",
        "#$ --gres=gpu:1",
    ]


def test_what_is_not_given_is_left_to_the_system() -> None:
    """No queue, no time, no memory."""
    lines = SYSTEMS["sge"].directives("usr-map-1", 1, Resources.checked({"cores": 1}, most_at_once=None), Path("/l"))

    assert lines == ["#$ -N usr-map-1", "#$ -t 1-1", "#$ -S /bin/sh", "#$ -j y", '#$ -o "/l"']


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_path_that_no_directive_can_hold_is_not_written_to(system: str) -> None:
    """A line break would begin a command; the log goes nowhere then."""
    lines = SYSTEMS[system].directives("j", 1, Resources.checked({"cores": 1}, most_at_once=None), Path('/a\nrm "x"'))

    assert "/dev/null" in "\n".join(lines)
    assert all(line.startswith("#") for line in lines)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("queue", "short\nrm -rf ~"), ("queue", "a b"), ("queue", ""), ("account", "lab;date"), ("walltime", "4h"),
        ("walltime", "01:00"), ("memory", "lots"), ("memory", "0G"), ("memory", "16G\n"), ("extra", "a\nb"),
        ("cores", 0), ("parallel_env", "smp 4"),
    ],
)  # fmt: skip
def test_what_could_not_stand_in_a_script_is_refused(option: str, value: Any) -> None:
    """Line breaks above all: they would begin a command of their own."""
    with pytest.raises(ArrayOptionInvalid) as caught:
        Resources.checked({"cores": 1, option: value}, most_at_once=None)

    assert f"The option {option} of" in caught.value.message


@pytest.mark.parametrize(
    ("shards", "most", "sizes"), [(5, 1000, {1}), (2500, 1000, {2, 3}), (10, 1, {10}), (3, 3, {1})]
)
def test_shards_are_spread_over_the_tasks(shards: int, most: int, sizes: set[int]) -> None:
    """All of them in order, in tasks of nearly the same size, no more of them than an array may have."""
    tasks = tasks_of(range(shards), most)

    assert list(range(shards)) == [index for task in tasks for index in task]
    assert len(tasks) <= most
    assert sizes == {len(task) for task in tasks}
