"""The executor `array`: shards become the tasks of a job array, and nobody waits for them here.

    executor/submit-001.sh    the script: directives, and one line that runs `usr map run-shard`
             tasks-001.txt    the shards of each task, a line a task
             logs/            what the tasks print

Each time that shards are handed out has files of its own, so that a job that still waits keeps what it reads.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from usr_array.errors import ArrayOptionInvalid, ArraySubmitFailed, ArraySystemUnknown
from usr_array.systems import SYSTEMS, Resources
from usr_core.api import counted
from usr_core.api.files import file_system_error, share, write_new
from usr_core.api.runs import ExecutorRequest, ShardOutcome, ShardSpec

__all__ = ["ArrayExecutor", "tasks_of"]

_SUBMIT_SECONDS = 300.0
_MOST_SUBMISSIONS = 1000


class ArrayExecutor:
    """Writes a script for the shards that it is given, and submits it where that is asked for.

    Raises:
        ArrayOptionInvalid: An option of the request has a form that can't stand in a script.
        ArraySystemUnknown: The request names no batch system, and this machine has none.
    """

    def __init__(self, request: ExecutorRequest) -> None:
        options = request.options
        name = options.get("cluster") or next((one for one, it in SYSTEMS.items() if shutil.which(it.submit)), None)
        if name is None:
            raise ArraySystemUnknown()
        if options["array_size"] < 1:
            raise ArrayOptionInvalid(option="array_size", value=str(options["array_size"]), hint="Give 1 or more.")
        self._system = SYSTEMS[name]
        self._needs = Resources.checked(options, most_at_once=request.workers)
        self._request = request
        self._shards: list[int] = []

    def submit(self, spec: ShardSpec) -> None:
        """Keep a shard for the next script."""
        self._shards.append(spec.index)

    def wait(self, timeout: float) -> Sequence[ShardOutcome]:
        """Hand out what was kept; what becomes of it lies in the run's folder."""
        self._hand_out()
        return []

    def cancel(self) -> None:
        """Forget what was kept. A job that was submitted goes on: its number is in the batch system's hands."""
        self._shards.clear()

    def close(self) -> None:
        """Hand out what was kept."""
        self._hand_out()

    def _hand_out(self) -> None:
        if not self._shards:
            return
        tasks = tasks_of(sorted(set(self._shards)), self._request.options["array_size"])
        self._shards.clear()
        try:
            script = self._written(tasks)
        except OSError as error:
            raise file_system_error(error, self._request.folder, "write the script of a job array") from error
        command = f"{self._system.submit} {shlex.quote(str(script))}"
        said = f"{counted(len(tasks), 'task')} for {counted(sum(map(len, tasks)), 'shard')}"
        if self._request.options["submit"]:
            job = self._submitted(script)
            self._request.say(f"submitted job {job}: {said}")
        else:
            self._request.say(f"wrote {said}; submit them with: {command}")
        self._request.say(f"Then look at the run: usr map status {self._request.run_id}")

    def _written(self, tasks: Sequence[Sequence[int]]) -> Path:
        """Write the script and the list of its tasks, under a number that nobody else has."""
        folder = self._request.folder / "executor"
        logs = folder / "logs"
        for place in (folder, logs):
            place.mkdir(exist_ok=True)
            share(place, like=self._request.folder)
        lines = "".join(f"{' '.join(map(str, shards))}\n" for shards in tasks)
        for number in range(1, _MOST_SUBMISSIONS):
            listed, script = folder / f"tasks-{number:03}.txt", folder / f"submit-{number:03}.sh"
            try:
                write_new(listed, lines.encode())
            except FileExistsError:
                continue
            write_new(script, self._text(listed, len(tasks), logs).encode())
            for file in (listed, script):
                share(file, like=folder)
            return script
        raise ArrayOptionInvalid(option="executor", value="array", hint="Discard this run, and map again.")

    def _text(self, listed: Path, tasks: int, logs: Path) -> str:
        system, run = self._system, self._request.run_id
        directives = system.directives(f"usr-map-{run[:8]}", tasks, self._needs, logs)
        return "\n".join(
            [
                "#!/bin/sh",
                *directives,
                f"# A run of usr map. Submit this file with {system.submit}.",
                "set -eu",
                f'shards=$(sed -n "${{{system.task}}}p" {shlex.quote(str(listed))})',
                f"export OMP_NUM_THREADS={self._needs.cores} MKL_NUM_THREADS={self._needs.cores}",
                # The shell splits the shards' numbers into words, as it should.
                f"exec {shlex.join([*_usr(), 'map', 'run-shard', str(self._request.folder)])} $shards",
                "",
            ]
        )

    def _submitted(self, script: Path) -> str:
        program = self._system.submit
        try:
            done = subprocess.run(
                [program, str(script)], capture_output=True, text=True, errors="replace", check=False,
                timeout=_SUBMIT_SECONDS, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            reason = "it is not on PATH here" if missing else f"it can't be run: {error.strerror or error}"
            raise ArraySubmitFailed(program=program, script=script, reason=reason) from None
        except subprocess.TimeoutExpired:
            reason = f"it did not answer within {_SUBMIT_SECONDS:.0f} seconds; look whether the job is there"
            raise ArraySubmitFailed(program=program, script=script, reason=reason) from None
        found = self._system.number.search(done.stdout)
        if done.returncode or found is None:
            reason = f"it ended with exit code {done.returncode}" if done.returncode else "it named no job"
            answer = (done.stderr or done.stdout).strip()
            raise ArraySubmitFailed(program=program, script=script, reason=reason, answer=answer)
        return found.group(1)


def tasks_of(shards: Sequence[int], most: int) -> list[Sequence[int]]:
    """Return shards as at most so many tasks of nearly the same number of shards, neighbours together."""
    tasks = min(len(shards), most)
    bounds = [task * len(shards) // tasks for task in range(tasks + 1)]
    return [shards[start:stop] for start, stop in pairwise(bounds)]


def _usr() -> list[str]:
    """Return the command that runs this USR on another machine of the same file system."""
    beside = Path(sys.executable).with_name("usr")
    if os.access(beside, os.X_OK):
        return [str(beside)]
    return [sys.executable, "-c", "from usr_core.cli.main import main; raise SystemExit(main())"]
