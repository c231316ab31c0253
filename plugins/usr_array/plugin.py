"""What the plugin `array` offers: the executor of that name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from usr_core.api import ExecutorSpec, OptionSpec, hookimpl

__all__ = ["usr_executors"]


@hookimpl
def usr_executors() -> Iterable[ExecutorSpec]:
    """Offer to hand shards to a batch system as a job array."""
    return [
        ExecutorSpec(
            name="array",
            summary="A job array of SLURM or SGE: writes the script, and submits it with --submit",
            factory=_executor,
            options=(
                OptionSpec(
                    name="cluster", choices=("slurm", "sge"), help="The batch system; by default what is on PATH"
                ),
                OptionSpec(name="submit", type=bool, default=False, help="Submit the script, too"),
                OptionSpec(name="queue", help="Partition or queue"),
                OptionSpec(name="walltime", help="Of a task: [DAYS-]HH:MM:SS"),
                OptionSpec(name="cores", type=int, default=1, help="Of a task"),
                OptionSpec(name="memory", help="Of a task, such as 16G"),
                OptionSpec(name="account", help="Account of SLURM, project of SGE"),
                OptionSpec(name="parallel_env", default="smp", help="SGE's environment for several cores"),
                OptionSpec(name="extra", help="Further words of a directive, such as --gres=gpu:1"),
                OptionSpec(name="array_size", type=int, default=1000, help="The most tasks of a job array"),
            ),
            detached=True,
        )
    ]


def _executor(request: Any) -> Any:
    from usr_array.executor import ArrayExecutor

    return ArrayExecutor(request)
