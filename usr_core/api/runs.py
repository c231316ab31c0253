"""Runs of `usr map`: what executors are given and promise, and running a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.plugin.executors import Executor as Executor
    from usr_core.plugin.executors import ExecutorRequest as ExecutorRequest
    from usr_core.plugin.executors import FunctionRef as FunctionRef
    from usr_core.plugin.executors import ShardOutcome as ShardOutcome
    from usr_core.plugin.executors import ShardReceipt as ShardReceipt
    from usr_core.plugin.executors import ShardSpec as ShardSpec
    from usr_core.runs.commit import RunCommitted as RunCommitted
    from usr_core.runs.driver import RunProgress as RunProgress
    from usr_core.runs.errors import FunctionFailed as FunctionFailed
    from usr_core.runs.errors import FunctionUnusable as FunctionUnusable
    from usr_core.runs.errors import RunMissing as RunMissing
    from usr_core.runs.errors import RunRequestInvalid as RunRequestInvalid
    from usr_core.runs.errors import ShardFailed as ShardFailed
    from usr_core.runs.folder import RunFolder as RunFolder
    from usr_core.runs.map_run import MapRun as MapRun
    from usr_core.runs.plan import RunStatus as RunStatus
    from usr_core.runs.planning import Planned as Planned
    from usr_core.runs.shard import run_shard as run_shard
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.plugin.executors": ("Executor ExecutorRequest FunctionRef ShardOutcome ShardReceipt ShardSpec"),
            "usr_core.runs.commit": "RunCommitted",
            "usr_core.runs.driver": "RunProgress",
            "usr_core.runs.errors": "FunctionFailed FunctionUnusable RunMissing RunRequestInvalid ShardFailed",
            "usr_core.runs.folder": "RunFolder",
            "usr_core.runs.map_run": "MapRun",
            "usr_core.runs.plan": "RunStatus",
            "usr_core.runs.planning": "Planned",
            "usr_core.runs.shard": "run_shard",
        },
    )
