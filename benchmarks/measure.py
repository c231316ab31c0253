"""Measure commands against yardsticks in one run: interleaved, in fresh processes, medians of CPU seconds.

A busy machine moves wall time and spares ratios of CPU time, so every figure is a ratio to a yardstick that ran
between the same neighbours. Peaks are `ru_maxrss` of the child itself.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

__all__ = ["Figure", "Job", "Ratio", "compare", "emit", "run_jobs"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command to be timed; `env` is added to the environment of this process."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


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
    """One figure over a yardstick, and the most it may be."""

    name: str
    yardstick: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


def run_jobs(jobs: Sequence[Job], *, runs: int) -> dict[str, Figure]:
    """Run every job `runs` times, in turns, after one unmeasured turn that warms caches.

    Bytecode goes to a temporary folder, whatever the caller's environment says: an installed program has
    it, and the checkout stays as it is.
    """
    seen: dict[str, list[tuple[float, float, float]]] = {job.name: [] for job in jobs}
    with tempfile.TemporaryDirectory() as bytecode:
        for turn in range(runs + 1):
            for job in jobs:
                sample = _run(job, {"PYTHONPYCACHEPREFIX": bytecode})
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


def compare(figures: Mapping[str, Figure], name: str, yardstick: str, *, limit: float) -> Ratio:
    """Return the CPU ratio of one job to another."""
    return Ratio(name=name, yardstick=yardstick, value=figures[name].cpu_s / figures[yardstick].cpu_s, limit=limit)


def emit(figures: Mapping[str, Figure], ratios: Sequence[Ratio], *, as_json: bool = False) -> bool:
    """Print figures and ratios; return whether every ratio holds."""
    holds = all(ratio.holds for ratio in ratios)
    if as_json:
        document = {
            "figures": [asdict(figure) for figure in figures.values()],
            "ratios": [{**asdict(ratio), "holds": ratio.holds} for ratio in ratios],
        }
        print(json.dumps(document, indent=2))
        return holds
    width = max(map(len, figures))
    for figure in figures.values():
        print(
            f"{figure.name:<{width}}  {figure.cpu_s * 1000:9.1f} ms CPU  {figure.wall_s * 1000:9.1f} ms wall"
            f"  {figure.peak_mib:8.1f} MiB  ({figure.runs} runs)"
        )
    for ratio in ratios:
        verdict = "holds" if ratio.holds else "TOO MUCH"
        print(f"{ratio.name} / {ratio.yardstick}: {ratio.value:.2f}, at most {ratio.limit:.2f}: {verdict}")
    return holds


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
