"""What the plugin `local` offers."""

from __future__ import annotations

from collections.abc import Iterable

from usr_core.api import ExecutorSpec, hookimpl
from usr_core.api.runs import Executor, ExecutorRequest


def _inline(request: ExecutorRequest) -> Executor:
    from usr_local.inline import InlineExecutor

    return InlineExecutor(request)


@hookimpl
def usr_executors() -> Iterable[ExecutorSpec]:
    """Offer this process."""
    return [
        ExecutorSpec(
            name="inline", summary="This process, one shard after the other; for tests and debuggers", factory=_inline
        ),
    ]
