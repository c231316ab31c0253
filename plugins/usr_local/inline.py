"""The executor `inline`: shards run in this process, one after the other, while somebody waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from usr_core.api.runs import ExecutorRequest, ShardOutcome, ShardSpec, run_shard

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """Runs one shard at each `wait`; a function that crashes takes this process along."""

    def __init__(self, request: ExecutorRequest) -> None:
        self._waiting: deque[ShardSpec] = deque()

    def submit(self, spec: ShardSpec) -> None:
        self._waiting.append(spec)

    def wait(self, timeout: float) -> Sequence[ShardOutcome]:
        if not self._waiting:
            return []
        spec = self._waiting.popleft()
        try:
            run_shard(spec)
        except Exception as error:  # noqa: BLE001 - the run's folder has the whole of it
            return [ShardOutcome(index=spec.index, state="failed", detail=str(error))]
        return [ShardOutcome(index=spec.index, state="done")]

    def cancel(self) -> None:
        self._waiting.clear()

    def close(self) -> None:
        self._waiting.clear()
