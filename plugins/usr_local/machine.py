"""What this machine gives a worker: threads, a GPU, a time, and the reason why the kernel has ended it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from usr_core.api import OptionInvalid, visible

__all__ = ["OutOfMemoryKills", "cores", "end_of", "seconds_of", "worker_environment"]

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
)
"""Variables by which BLAS, OpenMP (PyTorch and Arrow too) and others learn how many threads they may have."""
_GPUS = "CUDA_VISIBLE_DEVICES"
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS})


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def seconds_of(walltime: str) -> float:
    """Return a time as seconds.

    Args:
        walltime: ``[DAYS-]H:MM:SS``, as batch systems take it.

    Raises:
        OptionInvalid: It has another form, or is nothing.
    """
    found = re.fullmatch(r"(?:(\d{1,3})-)?(\d{1,3}):(\d{2}):(\d{2})", walltime)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0, 0)
    total = ((24 * days + hours) * 60 + minutes) * 60 + seconds
    if not total:
        raise OptionInvalid(
            f"The option 'walltime' of the executor local can't be {visible(walltime)!r}.",
            hint="Give the longest time of a shard as hours, minutes and seconds, such as --walltime 0:30:00.",
            facts={"option": "walltime", "value": visible(walltime)},
        )
    return float(total)


def worker_environment(number: int, workers: int, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment of worker `number` of so many.

    Libraries get the processors divided by the workers, unless the user has said how many. GPUs go round: the worker
    sees one of those that this process sees.
    """
    told = dict(environment)
    for name in _THREADS:
        told.setdefault(name, str(max(1, cores() // workers)))
    gpus = _gpus(environment)
    if gpus:
        told[_GPUS] = gpus[number % len(gpus)]
    return told


def _gpus(environment: Mapping[str, str]) -> list[str]:
    if _GPUS in environment:
        return [name.strip() for name in environment[_GPUS].split(",") if name.strip()]
    found = [entry.name for entry in _entries("/dev") if re.fullmatch(r"nvidia\d+", entry.name)]
    return sorted((name.removeprefix("nvidia") for name in found), key=int)


def _entries(folder: str) -> list[Path]:
    with contextlib.suppress(OSError):
        return list(Path(folder).iterdir())
    return []


class OutOfMemoryKills:
    """Counts what the kernel has ended for lack of memory, in this process's control group and on the machine."""

    def __init__(self) -> None:
        self._seen = self._count()

    def happened(self) -> bool:
        """Tell whether one has happened since the last time that this was asked."""
        before, self._seen = self._seen, self._count()
        return self._seen > before

    @staticmethod
    def _count() -> int:
        for place in (*_memory_events(), Path("/proc/vmstat")):
            with contextlib.suppress(OSError, ValueError):
                for line in place.read_text(encoding="ascii").splitlines():
                    name, _, count = line.partition(" ")
                    if name == "oom_kill":
                        return int(count)
        return 0


def _memory_events() -> list[Path]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
            if line.startswith("0::"):
                return [Path("/sys/fs/cgroup") / line[3:].strip().lstrip("/") / "memory.events"]
    return []


def end_of(code: int, *, out_of_memory: bool) -> tuple[str, str]:
    """Return what the end of a worker means for its shard, ``failed`` or ``lost``, and in words.

    Args:
        code: As `subprocess` says it: negative for a signal.
        out_of_memory: Whether the kernel has ended a process for lack of memory just now.
    """
    if code >= 0:
        return "failed", f"the worker ended with exit code {code}; a function must not end its process"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if -code == signal.SIGKILL and out_of_memory:
        return "failed", "the worker ran out of memory and was ended by the system (SIGKILL)"
    if -code in _CRASHES:
        return "failed", f"the worker crashed ({name})"
    return "lost", f"the worker was ended from outside ({name})"
