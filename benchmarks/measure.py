"""Measure commands against yardsticks in one run: interleaved, in fresh processes, medians of CPU seconds.

A busy machine moves wall time and spares ratios of CPU time, so every figure is a ratio to a yardstick that ran
between the same neighbours. Peaks are `ru_maxrss` of the child itself.

What a benchmark has measured goes to `emit`: it prints the figures, says of each ratio whether it holds, and adds one
line of JSON to the file that ``USR_BENCH_REPORT`` names, from which `report` makes the table and the plot of a run.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from targets import TARGETS

__all__ = ["BYTECODE", "REPORT", "Figure", "Job", "Ratio", "beyond", "compare", "emit", "reached", "run_jobs"]

REPORT = "USR_BENCH_REPORT"
BYTECODE = "USR_BENCH_BYTECODE"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command to be timed; `env` is added to the environment of this process, and `before` is called, untimed."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    before: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Medians over the runs of one job: seconds of user and system time, wall seconds, peak MiB."""

    name: str
    runs: int
    cpu_s: float
    wall_s: float
    peak_mib: float


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """What was measured, in units of a yardstick, and the most it may be; `target` is its key in `targets.TARGETS`."""

    name: str
    yardstick: str
    value: float
    limit: float
    target: str | None = None

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


def run_jobs(jobs: Sequence[Job], *, runs: int, warm: bool = True) -> dict[str, Figure]:
    """Run every job `runs` times, in turns, after one unmeasured turn that warms caches, if `warm`.

    Of one run in a whole run of benchmarks that turn is left out as well.

    Bytecode goes to the folder of the whole run, or to a temporary one: an installed program has it, and the checkout
    stays as it is.
    """
    seen: dict[str, list[tuple[float, float, float]]] = {job.name: [] for job in jobs}
    with tempfile.TemporaryDirectory() as bytecode:
        kept = os.environ.get(BYTECODE)
        for turn in range(0 if warm and (runs > 1 or not kept) else 1, runs + 1):
            for job in jobs:
                if job.before is not None:
                    job.before()
                sample = _run(job, {"PYTHONPYCACHEPREFIX": kept or bytecode})
                if turn:
                    seen[job.name].append(sample)
    return {
        name: Figure(
            name=name,
            runs=len(samples),
            cpu_s=statistics.median(s[0] for s in samples),
            wall_s=statistics.median(s[1] for s in samples),
            peak_mib=statistics.median(s[2] for s in samples),
        )
        for name, samples in seen.items()
    }


def compare(
    figures: Mapping[str, Figure], name: str, yardstick: str, *, limit: float | None = None, target: str | None = None
) -> Ratio:
    """Return the CPU ratio of one job to another; the limit is the target's, or one that only the benchmark has."""
    value = figures[name].cpu_s / figures[yardstick].cpu_s
    most = TARGETS[target].limit if target is not None else limit
    assert most is not None, "a ratio has a target or a limit"
    return Ratio(name=name, yardstick=yardstick, value=value, limit=most, target=target)


def reached(target: str, value: float) -> Ratio:
    """Return a figure that the benchmark has counted itself, in the unit of the target."""
    row = TARGETS[target]
    return Ratio(name=row.job, yardstick=row.unit, value=value, limit=row.limit, target=target)


def beyond(figures: Mapping[str, Figure], name: str, start: str, target: str) -> Ratio:
    """Return the CPU seconds that a job takes more than `start`."""
    return reached(target, max(0.0, figures[name].cpu_s - figures[start].cpu_s))


def emit(
    figures: Mapping[str, Figure],
    ratios: Sequence[Ratio],
    *,
    as_json: bool = False,
    at: Mapping[str, int] | None = None,
) -> bool:
    """Print figures and ratios, add them to the report, and return whether every ratio holds.

    Args:
        figures: Medians by job.
        ratios: What is to hold.
        as_json: Print one JSON document.
        at: The data, by axis: ``rows``, ``parts``, ``namespaces``, ``letters``, ``floats``.
    """
    document = {
        "program": Path(sys.argv[0]).stem,
        "at": dict(at or {}),
        "figures": [asdict(figure) for figure in figures.values()],
        "ratios": [{**asdict(ratio), "holds": ratio.holds} for ratio in ratios],
    }
    if REPORT in os.environ:
        with Path(os.environ[REPORT]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(document) + "\n")
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        _print(figures, ratios)
    return all(ratio.holds for ratio in ratios)


def _print(figures: Mapping[str, Figure], ratios: Sequence[Ratio]) -> None:
    width = max(map(len, figures), default=0)
    for figure in figures.values():
        print(
            f"{figure.name:<{width}}  {figure.cpu_s * 1000:9.1f} ms CPU  {figure.wall_s * 1000:9.1f} ms wall"
            f"  {figure.peak_mib:8.1f} MiB  ({figure.runs} runs)"
        )
    for ratio in ratios:
        verdict = "holds" if ratio.holds else "TOO MUCH"
        print(f"{ratio.name} / {ratio.yardstick}: {ratio.value:.3g}, at most {ratio.limit:g}: {verdict}")


def _run(job: Job, settings: Mapping[str, str]) -> tuple[float, float, float]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    process = subprocess.Popen(
        list(job.argv),
        env={**inherited, **settings, **job.env},
        cwd=job.cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    complaint = process.stderr.read() if process.stderr is not None else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr is not None:
        process.stderr.close()
    if process.returncode != 0:
        raise SystemExit(f"{job.name} failed ({process.returncode}): {complaint.decode(errors='replace')}")
    peak = usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, peak
