"""The executor `local`: worker processes on this machine, each with one shard at a time, begun again when they end.

A worker that is stopped, or past the time of a shard, is ended, and its shard is told as lost. Without `walltime` that
time follows the shards that are done; it doubles each time that a shard exceeds it, so that a long one comes to an end
(docs/adr/0030).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from usr_core.api.files import file_system_error
from usr_core.api.runs import ExecutorRequest, ShardOutcome, ShardSpec
from usr_local.errors import WorkersUnusable
from usr_local.machine import OutOfMemoryKills, cores, end_of, seconds_of, worker_environment

__all__ = ["LocalExecutor"]

_PATIENCE_SECONDS = 5.0
_MOST_BAD_STARTS = 3
_LOOK_SECONDS = 1.0
"""How often workers are looked at that say nothing."""
_STOPPED_SECONDS = 60.0
"""How long a worker may be stopped (SIGSTOP)."""
_SHORTEST_LIMIT = 900.0
_TIMES_AS_LONG = 10
"""A shard may take so many times as long as the longest one that is done, and `_SHORTEST_LIMIT` in any case."""


class _Worker:
    """One process; `spec` is the shard that it is at."""

    def __init__(self, number: int, workers: int) -> None:
        self.number = number
        self.spec: ShardSpec | None = None
        self.ready = False
        self.began = 0.0
        self._stopped_since: float | None = None
        reading, writing = os.pipe()
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "usr_local.worker", str(writing)],
                stdin=subprocess.PIPE,
                stdout=2,
                pass_fds=(writing,),
                env=worker_environment(number, workers),
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        self.outcomes = reading
        self._held = b""

    def give(self, spec: ShardSpec) -> None:
        """Hand over a shard; a worker that has just ended is noticed by its outcomes."""
        self.spec, self.began = spec, time.monotonic()
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(spec.to_json().encode() + b"\n")
            self.process.stdin.flush()

    def heard(self) -> tuple[list[dict[str, object]], bool]:
        """Return what it said, and whether it can still say more."""
        # A process that the function has forked holds the pipe open: its end does not say that the worker is there.
        open_still = self.process.poll() is None
        said = self._held
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.outcomes, 1 << 16):
                said += piece
            open_still = False
        *lines, self._held = said.split(b"\n")
        return [json.loads(line) for line in lines], open_still

    def stopped_for(self) -> float:
        """Return for how many seconds it has been seen stopped."""
        if not _is_stopped(self.process.pid):
            self._stopped_since = None
            return 0.0
        now = time.monotonic()
        self._stopped_since = self._stopped_since or now
        return now - self._stopped_since

    def end(self, *, at_once: bool) -> int:
        """End it and return its exit code."""
        if at_once:
            self.process.terminate()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            return self.process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the kernel, as of a share that is gone
                return self.process.wait(_PATIENCE_SECONDS)
            return -signal.SIGKILL
        finally:
            os.close(self.outcomes)


class LocalExecutor:
    """Runs shards in `workers` processes, by default one a processor."""

    def __init__(self, request: ExecutorRequest) -> None:
        """Begin no process yet.

        Raises:
            OptionInvalid: `walltime` is not a time.
        """
        wanted = request.workers or cores()
        self._count = max(1, min(wanted, request.shards))
        self._waiting: deque[ShardSpec] = deque()
        self._workers: list[_Worker | None] = [None] * self._count
        self._selector = selectors.DefaultSelector()
        self._kills = OutOfMemoryKills()
        self._bad_starts = 0
        walltime = request.options.get("walltime")
        self._walltime = None if walltime is None else seconds_of(walltime)
        self._longest = 0.0
        self._late: Counter[int] = Counter()

    def submit(self, spec: ShardSpec) -> None:
        self._waiting.append(spec)
        self._feed()

    def wait(self, timeout: float) -> Sequence[ShardOutcome]:
        self._feed()
        if not self._selector.get_map():
            time.sleep(min(timeout, 0.05))
            return []
        outcomes = []
        heard = {cast(_Worker, key.data) for key, _ in self._selector.select(min(timeout, _LOOK_SECONDS))}
        ended = {worker for worker in self._workers if worker is not None and worker.process.poll() is not None}
        for worker in heard | ended:
            lines, open_still = worker.heard()
            for line in lines:
                if "ready" in line:
                    worker.ready, self._bad_starts = True, 0
                    worker.began = time.monotonic()  # the time that it takes to import does not count
                else:
                    outcomes.append(_outcome(line))
                    worker.spec = None
                    if outcomes[-1].state == "done":
                        self._longest = max(self._longest, time.monotonic() - worker.began)
            if not open_still:
                outcomes += self._ended(worker)
        outcomes += self._hanging()
        self._feed()
        return outcomes

    def cancel(self) -> None:
        self._waiting.clear()
        self._end_all(at_once=True)

    def close(self) -> None:
        self._waiting.clear()
        self._end_all(at_once=any(worker is not None and worker.spec is not None for worker in self._workers))

    def _feed(self) -> None:
        """Give every worker without a shard one, and begin the workers that are missing."""
        for number, worker in enumerate(self._workers):
            if not self._waiting:
                return
            if worker is None:
                try:
                    worker = self._workers[number] = _Worker(number, self._count)  # noqa: PLW2901
                except OSError as error:  # the most processes, or descriptors, that there may be
                    raise file_system_error(error, Path(sys.executable), "begin a worker process") from error
                self._selector.register(worker.outcomes, selectors.EVENT_READ, worker)
            if worker.spec is None:
                worker.give(self._waiting.popleft())

    def _hanging(self) -> list[ShardOutcome]:
        """End workers from which nothing is to be expected any more."""
        outcomes = []
        for worker in [one for one in self._workers if one is not None and one.spec is not None]:
            assert worker.spec is not None
            index = worker.spec.index
            limit = self._limit(index) if worker.ready else _SHORTEST_LIMIT
            if worker.stopped_for() > _STOPPED_SECONDS:
                why = f"it was stopped (SIGSTOP) for more than {_STOPPED_SECONDS:.0f} seconds"
            elif limit is not None and time.monotonic() - worker.began > limit:
                why = f"it took longer than {timedelta(seconds=round(limit))} for the shard"
                self._late[index] += 1
            else:
                continue
            worker.process.kill()
            outcomes += self._ended(worker, why=why)
        return outcomes

    def _limit(self, index: int) -> float | None:
        """Return how many seconds a shard may take; None as long as nothing tells."""
        if self._walltime is not None:
            return self._walltime
        if not self._longest:
            return None
        return max(_SHORTEST_LIMIT, _TIMES_AS_LONG * self._longest) * 2.0 ** self._late[index]

    def _ended(self, worker: _Worker, *, why: str = "") -> list[ShardOutcome]:
        """Take an ended worker away; its shard is told, with `why` where it was ended here."""
        self._selector.unregister(worker.outcomes)
        self._workers[worker.number] = None
        code, spec = worker.end(at_once=False), worker.spec
        state, detail = ("lost", why) if why else end_of(code, out_of_memory=self._kills.happened())
        if not worker.ready and state == "failed":  # one that was ended from outside says nothing about the next one
            self._bad_starts += 1
            if self._bad_starts >= _MOST_BAD_STARTS:
                raise WorkersUnusable(tries=self._bad_starts, ended=code)
        if spec is None:
            return []
        return [ShardOutcome(index=spec.index, state=cast(Literal["failed", "lost"], state), detail=detail)]

    def _end_all(self, *, at_once: bool) -> None:
        left = [worker for worker in self._workers if worker is not None]
        self._workers = [None] * self._count
        for worker in left:
            self._selector.unregister(worker.outcomes)
            if at_once:
                worker.process.terminate()
        for worker in left:
            worker.end(at_once=at_once)


def _is_stopped(process: int) -> bool:
    if not hasattr(os, "waitid"):
        return False
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, process, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
    return False


def _outcome(line: dict[str, object]) -> ShardOutcome:
    state = cast(Literal["done", "failed"], line["state"])
    return ShardOutcome(index=cast(int, line["index"]), state=state, detail=str(line.get("detail", "")))
