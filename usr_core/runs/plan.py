"""What a run is to do, and where it stands, as values: the plan, what shards failed on, and the status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from usr_core.plugin.executors import FunctionRef
from usr_core.values.showing import Shown

__all__ = ["Failure", "RunPlan", "RunStatus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a run is to do, as it stands in ``run.json``.

    Attributes:
        run_id, question: Digests: of everything, and of everything but how it is cut into shards.
        attempt: Random; the event that commits the run carries it, so that no other run of that id is taken for it.
        dataset, root: Where it belongs, when it was planned.
        created: When.
        function, params, columns, into, on_error, batch_rows: As `ShardSpec`.
        mode: ``missing`` or ``all``.
        where: The condition, or "".
        rows, shards: Rows of the input that are chosen, and how many shards they are cut into.
        ranges: The chosen rows of the input, as pairs of first row and the one behind the last.
        copied: The input holds the chosen rows alone, with their rows of the base in the column ``row``.
        base_rows: Rows of the base.
        executor: The one that it was planned for.
        version: The version whose records it is about; None is the dataset as it was then.
    """

    run_id: str
    attempt: str
    question: str
    dataset: str
    root: str
    created: str
    function: FunctionRef
    params: Mapping[str, Any]
    columns: tuple[str, ...]
    into: tuple[tuple[str, str], ...]
    rows: int
    shards: int
    ranges: tuple[tuple[int, int], ...]
    base_rows: int
    copied: bool = False
    mode: Literal["missing", "all"] = "missing"
    where: str = ""
    on_error: Literal["fail", "null", "skip"] = "fail"
    batch_rows: int = 4096
    executor: str = "local"
    version: int | None = None

    @property
    def namespace(self) -> str:
        return self.into[0][0].partition("__")[0]

    def bounds(self, index: int) -> tuple[int, int]:
        """Return the first of the chosen rows of a shard, counted over all of them, and the one behind its last."""
        return index * self.rows // self.shards, (index + 1) * self.rows // self.shards

    def ranges_of(self, index: int) -> tuple[tuple[int, int], ...]:
        """Return the rows of the input that a shard has, as pairs like `ranges`."""
        low, high = self.bounds(index)
        found, passed = [], 0
        for start, stop in self.ranges:
            first, last = max(low - passed, 0), min(high - passed, stop - start)
            if first < last:
                found.append((start + first, start + last))
            passed += stop - start
            if passed >= high:
                break
        return tuple(found)

    def rows_of(self, index: int) -> int:
        """Return how many rows a shard has."""
        low, high = self.bounds(index)
        return high - low

    @classmethod
    def from_json(cls, text: str) -> Self:
        told = json.loads(text)
        told["function"] = FunctionRef(**told["function"])
        for name in ("ranges", "into"):
            told[name] = tuple(tuple(pair) for pair in told[name])
        told["columns"] = tuple(told["columns"])
        return cls(**told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One time that a shard failed."""

    shard: int
    reason: str
    row: int | None = None
    id: str | None = None
    trace: str = ""
    worker: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RunStatus(Shown):
    """Where a run stands, by what lies on disk.

    Attributes:
        state: ``planned``, ``partial``, ``failed`` (shards may not be tried again), ``complete`` or ``committed``.
        shards, done, failed, pending: Shards in all, finished ones, ones that failed three times, and the rest.
        rows, rows_done: Rows in all, and of the finished shards.
        retries: Times that a shard failed or lost its worker.
        event: The number of the event that committed it, or None.

    Example:
        >>> dataset.map("scores.py:gc", into="lab__gc", mode="all", executor=None).status().state
        'planned'
    """

    run_id: str
    dataset: str
    function: str
    into: tuple[str, ...]
    state: str
    created: str
    shards: int
    done: int
    failed: int
    pending: int
    rows: int
    rows_done: int
    retries: int
    event: int | None = None
    failures: tuple[Failure, ...] = field(default=())
