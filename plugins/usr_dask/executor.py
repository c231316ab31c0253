"""The executor `dask`: shards as tasks of a Dask scheduler."""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from usr_core.api import package_version
from usr_core.api.runs import ExecutorRequest, ShardOutcome, ShardSpec
from usr_dask.connecting import Connection, connect
from usr_dask.errors import DaskSchedulerLost, DaskWorkerUnfit
from usr_dask.task import run_task

if TYPE_CHECKING:
    from distributed import Future

__all__ = ["DaskExecutor"]

_LONELY_SECONDS = 30.0
"""How long no worker may be there before the user is told."""


class DaskExecutor:
    """Gives a scheduler one task a shard: the shard as JSON, and a function that workers import by name.

    A task whose worker was killed, or does not answer any more, is given to another worker by the scheduler.

    Raises:
        UsrError: As `usr_dask.connecting.connect`.
    """

    def __init__(self, request: ExecutorRequest) -> None:
        self._request = request
        self._version = package_version()
        self._connection: Connection = connect(request)
        self._running: dict[Future, int] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._lonely_since: float | None = time.monotonic()

    def submit(self, spec: ShardSpec) -> None:
        """Give the scheduler a shard."""
        # A key of its own each time: Dask would answer a known key with what it remembers.
        key = f"usr-map-{spec.run_id[:12]}-{spec.index}-{secrets.token_hex(4)}"
        future = self._connection.client.submit(run_task, spec.to_json(), self._version, key=key, pure=False)
        self._running[future] = spec.index
        future.add_done_callback(self._ended.put)

    def wait(self, timeout: float) -> Sequence[ShardOutcome]:
        """Return what has ended.

        Raises:
            DaskSchedulerLost: The scheduler is gone.
            DaskWorkerUnfit: A worker lacks USR, or has another version.
        """
        outcomes = []
        try:
            future = self._ended.get(timeout=timeout)
            while True:
                index = self._running.pop(future, None)
                if index is not None:
                    outcomes.append(self._outcome(index, future))
                future = self._ended.get_nowait()
        except queue.Empty:
            pass
        if not outcomes:
            self._look()
        return outcomes

    def cancel(self) -> None:
        """Forget what waits. A shard that a worker is at is finished there, which does no harm."""
        futures = list(self._running)
        self._running.clear()
        if futures and self._connection.client.status == "running":
            self._connection.client.cancel(futures, force=True)

    def close(self) -> None:
        """Leave the scheduler, and end a cluster that was started for this run."""
        self._running.clear()
        self._connection.close()

    def _outcome(self, index: int, future: Future) -> ShardOutcome:
        if future.status == "finished":
            state, detail = future.result()
            if state == "unfit":
                raise self._unfit(detail)
            known: Literal["done", "failed"] = "done" if state == "done" else "failed"
            return ShardOutcome(index=index, state=known, detail=detail)
        if future.status in {"cancelled", "lost"}:
            # Dask tries for a while to reach a scheduler that is gone, but what it held is lost at once.
            if self._connection.client.status != "running":
                raise self._lost()
            return ShardOutcome(index=index, state="lost", detail="the scheduler forgot the shard")
        error = future.exception()
        if isinstance(error, ImportError):
            raise self._unfit(f"{type(error).__name__}: {error}")
        return ShardOutcome(index=index, state="lost", detail=f"{type(error).__name__}: {error}")

    def _look(self) -> None:
        """Raise an error where the scheduler has gone; say it once where no worker has come yet."""
        client = self._connection.client
        if client.status not in {"running", "connecting"}:
            raise self._lost()
        if self._lonely_since is None or not self._running or client.status != "running":
            return
        try:
            workers = client.nthreads()
        except OSError as error:
            raise self._lost() from error
        if workers:
            self._lonely_since = None
        elif time.monotonic() - self._lonely_since > _LONELY_SECONDS:
            self._request.say(
                f"the scheduler at {self._connection.address} has no worker yet; shards begin when it has"
            )
            self._lonely_since = None

    def _lost(self) -> DaskSchedulerLost:
        return DaskSchedulerLost(address=self._connection.address, run_id=self._request.run_id)

    def _unfit(self, reason: str) -> DaskWorkerUnfit:
        return DaskWorkerUnfit(reason=reason, address=self._connection.address, run_id=self._request.run_id)
