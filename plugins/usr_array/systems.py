"""Batch systems: how SLURM and SGE are told what a job needs, and how they answer.

What is said here stands in the script as directives. Nothing that a user gives gets there before its form is checked: a
line break in the name of a queue would be a command of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from usr_array.errors import ArrayOptionInvalid

__all__ = ["SYSTEMS", "BatchSystem", "Resources"]

_PLAIN = (re.compile(r"[A-Za-z0-9_.,:@+/-]+"), "Give a name of letters, digits and . , : @ + - _ / only.")
_FORMS = {
    "queue": _PLAIN,
    "account": _PLAIN,
    "parallel_env": _PLAIN,
    "walltime": (
        re.compile(r"(?:\d+-)?\d{1,3}:\d{2}:\d{2}"),
        "Give hours, minutes and seconds: 04:00:00, or with days before them: 2-00:00:00.",
    ),
    "memory": (re.compile(r"[1-9]\d*[MG]B?"), "Give megabytes or gigabytes: 800M, 16G."),
    "extra": (re.compile(r"[^\x00-\x1f\x7f]+"), "Give words of one line, as after #SBATCH or #$."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What each task of an array needs, as it was given; checked.

    Attributes:
        queue: A partition of SLURM, a queue of SGE.
        walltime: ``[DAYS-]HH:MM:SS``.
        cores: Processor cores of a task.
        memory: Of a task, ``16G`` or ``800M``.
        account: Who pays; a project of SGE.
        parallel_env: SGE's environment for several cores.
        extra: Further words of a directive.
        most_at_once: Tasks that may run at the same time, or None.
    """

    queue: str | None = None
    walltime: str | None = None
    cores: int = 1
    memory: str | None = None
    account: str | None = None
    parallel_env: str = "smp"
    extra: str | None = None
    most_at_once: int | None = None

    @classmethod
    def checked(cls, options: Mapping[str, Any], *, most_at_once: int | None) -> Resources:
        """Return what the options of an executor ask for.

        Raises:
            ArrayOptionInvalid: One has a form that could not stand in a script.
        """
        for option, (form, hint) in _FORMS.items():
            value = options.get(option)
            if value is not None and not form.fullmatch(value):
                raise ArrayOptionInvalid(option=option, value=value, hint=hint)
        if options["cores"] < 1:
            raise ArrayOptionInvalid(option="cores", value=str(options["cores"]), hint="Give 1 or more.")
        named = {name: options[name] for name in (*_FORMS, "cores") if options.get(name) is not None}
        return cls(**named, most_at_once=most_at_once)

    @property
    def megabytes(self) -> int | None:
        """The memory as a number."""
        if self.memory is None:
            return None
        number = int(self.memory.rstrip("B")[:-1])
        return number * 1024 if "G" in self.memory else number


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSystem:
    """One batch system.

    Attributes:
        submit: The program that takes a script.
        task: The environment variable with the number of a task, from 1.
        directives: Makes the lines of a script that the system reads: of the job's name, how many tasks it has, what
            they need, and the folder of their logs.
        number: Finds the job's number in what `submit` prints.
    """

    submit: str
    task: str
    directives: Callable[[str, int, Resources, Path], list[str]]
    number: re.Pattern[str]


def _slurm(job: str, tasks: int, needs: Resources, logs: Path) -> list[str]:
    array = f"1-{tasks}" + (f"%{needs.most_at_once}" if needs.most_at_once else "")
    # Slurm puts numbers in place of %A and %a; a per cent sign of the path itself is doubled.
    log = _quoted(str(logs).replace("%", "%%") + "/%A_%a.log")
    lines = [
        f"--job-name={job}",
        f"--array={array}",
        f"--output={log}",
        f"--cpus-per-task={needs.cores}",
        needs.queue and f"--partition={needs.queue}",
        needs.walltime and f"--time={needs.walltime}",
        needs.megabytes and f"--mem={needs.megabytes}M",
        needs.account and f"--account={needs.account}",
        needs.extra,
    ]
    return [f"#SBATCH {line}" for line in lines if line]


def _sge(job: str, tasks: int, needs: Resources, logs: Path) -> list[str]:
    lines = [
        f"-N {job}",
        f"-t 1-{tasks}",
        "-S /bin/sh",
        "-j y",
        f"-o {_quoted(str(logs))}",
        needs.most_at_once and f"-tc {needs.most_at_once}",
        needs.cores > 1 and f"-pe {needs.parallel_env} {needs.cores}",
        needs.queue and f"-q {needs.queue}",
        needs.walltime and f"-l h_rt={_hours(needs.walltime)}",
        needs.megabytes and f"-l h_vmem={-(-needs.megabytes // needs.cores)}M",  # SGE counts memory for each slot
        needs.account and f"-P {needs.account}",
        needs.extra,
    ]
    return [f"#$ {line}" for line in lines if line]


def _quoted(path: str) -> str:
    """Return a path as a directive takes it; one that no directive can hold is not written to."""
    return "/dev/null" if re.search(r'["\\$\x00-\x1f\x7f]', path) else f'"{path}"'


def _hours(walltime: str) -> str:
    """Return a time without days, which SGE does not know."""
    days, _, clock = walltime.rpartition("-")
    hours, _, rest = clock.partition(":")
    return f"{24 * int(days or 0) + int(hours):02}:{rest}"


SYSTEMS = {
    "slurm": BatchSystem(
        submit="sbatch", task="SLURM_ARRAY_TASK_ID", directives=_slurm, number=re.compile(r"Submitted batch job (\d+)")
    ),
    "sge": BatchSystem(submit="qsub", task="SGE_TASK_ID", directives=_sge, number=re.compile(r"Your job-array (\d+)")),
}
"""The batch systems by the name that ``--cluster`` takes."""
