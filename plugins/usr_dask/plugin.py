"""What the plugin `dask` offers: the executor of that name."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import ExecutorSpec, OptionSpec, hookimpl
from usr_core.api.runs import Executor, ExecutorRequest

__all__ = ["usr_executors"]


@hookimpl
def usr_executors() -> Iterable[ExecutorSpec]:
    """Offer to give shards to a Dask scheduler."""
    return [
        ExecutorSpec(
            name="dask",
            summary="Tasks of a Dask scheduler: one that runs, one on this machine, or one with jobs of a batch system",
            factory=_executor,
            options=(
                OptionSpec(name="scheduler", help="Address of a scheduler that runs, such as tls://head:8786"),
                OptionSpec(name="scheduler_file", help="File that a scheduler wrote with --scheduler-file"),
                OptionSpec(
                    name="cluster",
                    choices=("local", "slurm", "sge", "lsf"),
                    help="Where to start workers: this machine (the default), or jobs of a batch system",
                ),
                OptionSpec(name="queue", help="Partition or queue of a job"),
                OptionSpec(name="walltime", help="Of a job, as the batch system takes it"),
                OptionSpec(name="cores", type=int, default=1, help="Of a job"),
                OptionSpec(name="memory", help="Of a job, such as 16GB"),
                OptionSpec(name="account", help="Account of SLURM, project of SGE and LSF"),
                OptionSpec(name="extra", help="A further directive of a job; SGE's resources"),
            ),
        )
    ]


def _executor(request: ExecutorRequest) -> Executor:
    from usr_dask.executor import DaskExecutor

    return DaskExecutor(request)
