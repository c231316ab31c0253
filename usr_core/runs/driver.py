"""Driving a run: shards go to an executor until every one is done, or may not be tried again.

An executor's outcomes are hints. A shard is done when its receipt lies on disk; what an executor calls done without
one is lost, and what it never speaks of is looked for.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from usr_core.plugin.executors import Executor, ShardOutcome
from usr_core.runs.commit import shard_failed
from usr_core.runs.errors import WorkersLost
from usr_core.runs.folder import MOST_FAILURES, RunFolder

__all__ = ["Driving", "RunProgress"]

_LOOK_SECONDS = 2.0
"""How often the run's folder is looked at for shards that somebody else has finished."""
MOST_LOSSES = 10
"""Times that one shard may lose its worker while a driver is at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How far a run is.

    Attributes:
        rows, rows_done, shards, shards_done: Of the whole run.
        rows_before: Rows that were done before this driver began, which its rate does not count.
        seconds: How long this driver has been at it.
        retries: Shards that were handed out again.

    Example:
        >>> from usr_core.api.runs import RunProgress
        >>> told = RunProgress(rows=1000, rows_done=600, rows_before=100, shards=10, shards_done=6, seconds=5.0)
        >>> told.rate, told.seconds_left
        (100.0, 4.0)
    """

    rows: int
    rows_done: int
    shards: int
    shards_done: int
    rows_before: int = 0
    seconds: float = 0.0
    retries: int = 0

    @property
    def rate(self) -> float:
        """Rows a second."""
        return (self.rows_done - self.rows_before) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at this rate, or None before anything is done."""
        return (self.rows - self.rows_done) / self.rate if self.rate else None


class Driving:
    """One driver of a run; any number of them may be at the same run.

    Args:
        run: The run.
        executor: Runs its shards; the caller closes it.
        progress: Told after each step.
    """

    def __init__(
        self, run: RunFolder, executor: Executor, *, progress: Callable[[RunProgress], None] | None = None
    ) -> None:
        self._run, self._executor, self._progress = run, executor, progress
        self._plan = run.plan
        self._began = self._looked = time.monotonic()
        self._done = run.done()
        self._before = sum(map(self._plan.rows_of, self._done))
        self._rows_done = self._before
        self._left = set(range(self._plan.shards)) - self._done - run.quarantined()
        self._losses: Counter[int] = Counter()
        self._failures = run.failure_counts()
        self._retries = 0

    def submit(self) -> None:
        """Hand out every shard that is not done."""
        for index in sorted(self._left):
            self._executor.submit(self._run.spec(index))

    def wait(self, seconds: float | None = None) -> bool:
        """Go on until every shard is done or may not be tried again; tell whether that is so.

        Args:
            seconds: Stop waiting after so long.

        Raises:
            ShardFailed: Shards have failed three times; the others were run first.
            WorkersLost: A shard has lost its worker ten times.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while self._left:
            step = 1.0 if end is None else min(1.0, end - time.monotonic())
            if step <= 0:
                return False
            for outcome in self._executor.wait(step):
                self._heard(outcome)
            if time.monotonic() - self._looked > _LOOK_SECONDS:
                self._look()
            self._tell()
        self._tell()
        failed = self._run.quarantined()
        if failed:
            raise shard_failed(self._run, failed)
        return True

    def _heard(self, outcome: ShardOutcome) -> None:
        index = outcome.index
        if index not in self._left:
            return
        if self._run.is_done(index):
            self._finished(index)
            return
        if outcome.state != "failed":
            self._losses[index] += 1
            self._run.note_loss(index, outcome.detail)
            if self._losses[index] >= MOST_LOSSES:
                raise WorkersLost(
                    shard=index,
                    run_id=self._run.run_id,
                    tries=MOST_LOSSES,
                    function=self._plan.function.name,
                    reason=outcome.detail or "it said nothing",
                )
        elif self._failed(index, outcome.detail) >= MOST_FAILURES:
            self._left.discard(index)
            return
        self._retries += 1
        self._executor.submit(self._run.spec(index))

    def _failed(self, index: int, detail: str) -> int:
        """Return how often a shard has failed; a worker that crashed left no note of that itself."""
        count = self._run.failure_counts()[index]
        if count <= self._failures[index]:
            self._run.note_failure(index, RuntimeError(detail or "the worker ended"), "")
        # Counted here too, as a full disk takes no notes.
        self._failures[index] = max(count, self._failures[index] + 1)
        return self._failures[index]

    def _look(self) -> None:
        for index in self._run.done() & self._left:
            self._finished(index)
        self._looked = time.monotonic()

    def _finished(self, index: int) -> None:
        self._left.discard(index)
        self._done.add(index)
        self._rows_done += self._plan.rows_of(index)

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(
                RunProgress(
                    rows=self._plan.rows,
                    rows_done=self._rows_done,
                    rows_before=self._before,
                    shards=self._plan.shards,
                    shards_done=len(self._done),
                    seconds=time.monotonic() - self._began,
                    retries=self._retries,
                )
            )
