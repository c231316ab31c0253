"""Stand-ins for `sbatch` and `qsub`: they take a script as the real ones do, and its tasks run as processes.

A task gets what a cluster gives it: its number in an environment variable, and a folder and an environment that are not
those of the shell that submitted it. When and how often it runs is the test's business; with `at_once` the tasks run
behind the program's back, the last one first; the one that ``--array=N`` names is waited for.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from support.cli import usr_argv
from support.docs import path_with_usr
from support.processes import Child

__all__ = ["FakeCluster"]

_PROGRAM = """#!/bin/sh
# {name} of a test. Real ones refuse what is not a file, and a script without the directive of an array.
only=
case ${{1-}} in --array=*) only=${{1#--array=}}; shift ;; esac
[ -f "${{1-}}" ] || {{ echo "{name}: error: unable to open file ${{1-}}" >&2; exit 1; }}
grep -q '^{array}' "$1" || {{ echo "{name}: error: no array" >&2; exit 1; }}
if grep -q '^{partition}nowhere' "$1"; then
    echo "{name}: error: invalid partition specified: nowhere" >&2
    exit 1
fi
echo "$1" >>{jobs}
run() {{
    {variable}=$1 sh "$2" >>{jobs}.log 2>&1 </dev/null || true
}}
if [ -n "{at_once}" ] && [ -n "$only" ]; then
    run "$only" "$1"
elif [ -n "{at_once}" ]; then
    task=$(sed -n 's/^{array}1-\\([0-9]*\\).*/\\1/p' "$1")
    while [ "$task" -ge 1 ]; do
        run "$task" "$1"
        task=$((task - 1))
    done >>{jobs}.log 2>&1 &
fi
echo "{answer}"
"""
_SYSTEMS = {
    "sbatch": ("#SBATCH --array=", "#SBATCH --partition=", "SLURM_ARRAY_TASK_ID", "Submitted batch job 4242"),
    "qsub": ("#$ -t ", "#$ -q ", "SGE_TASK_ID", 'Your job-array 4242.1-9:1 (\\"usr\\") has been submitted'),
}
_TASKS = re.compile(r"^#(?:SBATCH --array=|\$ -t )1-(\d+)", re.MULTILINE)


class FakeCluster:
    """The programs of both systems in a folder of their own.

    Args:
        folder: An empty folder.
        at_once: Begin to run the tasks of a script when it is submitted.

    Attributes:
        bin: Where the programs are.
    """

    def __init__(self, folder: Path, *, at_once: bool = False) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self._jobs = folder / "jobs"
        for name, (array, partition, variable, answer) in _SYSTEMS.items():
            text = _PROGRAM.format(
                name=name, array=array, partition=partition, variable=variable, answer=answer, jobs=self._jobs,
                at_once="yes" if at_once else "",
            )  # fmt: skip
            program = self.bin / name
            program.write_text(text, encoding="utf-8")
            program.chmod(0o755)

    @property
    def path(self) -> str:
        """A PATH on which the programs come first."""
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    def submitted(self) -> list[Path]:
        """Return the scripts that were taken, in order."""
        return [Path(line) for line in self._jobs.read_text().splitlines()] if self._jobs.exists() else []

    @staticmethod
    def tasks(script: Path) -> int:
        """Return how many tasks the array of a script has."""
        (number,) = _TASKS.findall(script.read_text(encoding="utf-8"))
        return int(number)

    @staticmethod
    def start(script: Path, task: int, *, real: bool = False) -> Child[str]:
        """Start one task; with `real` its `usr` is a process from its start, which can be killed."""
        text = script.read_text(encoding="utf-8")
        if not real:
            # A fork of a process that has imported everything, which takes a tenth of the time.
            (program,) = usr_argv()
            forked = next(folder for folder in path_with_usr().split(os.pathsep) if (Path(folder) / "usr").exists())
            assert program in text, text
            text = text.replace(program, f"{forked}/usr")
        env = {"PATH": os.environ["PATH"], "SLURM_ARRAY_TASK_ID": str(task), "SGE_TASK_ID": str(task)}
        return Child(
            ["sh", "-c", text], cwd="/", env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    @classmethod
    def run(cls, script: Path, order: Iterable[int] | None = None) -> list[tuple[int, str]]:
        """Run tasks one after the other; return the exit code and the standard error of each."""
        ended = []
        for task in order if order is not None else range(1, cls.tasks(script) + 1):
            with cls.start(script, task) as child:
                _, told = child.communicate(timeout=120)
                ended.append((child.returncode, told))
        return ended
