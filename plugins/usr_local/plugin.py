"""What the plugin `local` offers."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import ExecutorSpec, OptionSpec, hookimpl
from usr_core.api.runs import Executor, ExecutorRequest


def _inline(request: ExecutorRequest) -> Executor:
    from usr_local.inline import InlineExecutor

    return InlineExecutor(request)


def _local(request: ExecutorRequest) -> Executor:
    from usr_local.pool import LocalExecutor

    return LocalExecutor(request)


@hookimpl
def usr_executors() -> Iterable[ExecutorSpec]:
    """Offer processes of this machine, and this process."""
    return [
        ExecutorSpec(
            name="local",
            summary="Processes on this machine, begun again when they end",
            factory=_local,
            options=(
                OptionSpec(name="walltime", help="The longest time of a shard: [DAYS-]H:MM:SS; it is run again then"),
            ),
        ),
        ExecutorSpec(
            name="inline", summary="This process, one shard after the other; for tests and debuggers", factory=_inline
        ),
    ]
