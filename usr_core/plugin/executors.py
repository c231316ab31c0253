"""What an executor is given and what it promises: shards as plain data, and one method for each step.

An executor promises one thing: it runs each shard at least once, or says that it did not. What counts is what lies in
the run's folder; the outcomes of an executor are hints that save looking there. Nothing here imports pyarrow.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

__all__ = ["Executor", "ExecutorRequest", "FunctionRef", "ShardOutcome", "ShardReceipt", "ShardSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRef:
    """Where a worker finds the function of a run.

    Attributes:
        name: As it was asked for: ``gc``, ``package.module:function`` or ``scores.py:function``.
        kind: ``plugin`` (a name that a plugin offers), ``module`` or ``file``.
        place: The folder that has the module, the file, or the plugin's id.
        digest: SHA-256 of the file that defines it, or over all modules of the plugin's package. A worker that finds
            another one refuses to run.
        per_record: It takes the values of one record, and returns one value.

    Example:
        >>> from usr_core.api.runs import FunctionRef
        >>> FunctionRef(name="gc", kind="plugin", place="features", digest="0" * 64).per_record
        False
    """

    name: str
    kind: Literal["plugin", "module", "file"]
    place: str
    digest: str
    per_record: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardSpec:
    """One piece of a run, as plain data that can go to another machine as JSON.

    Attributes:
        run_id: The run.
        index: The shard's number, from 0.
        folder: The run's folder, absolute; every worker has to see it.
        row_ranges: Rows of the run's input, as pairs of first row and the one behind the last.
        columns: What the function is given besides ``id``.
        function, params: The function, and its keyword arguments.
        into: Pairs of full column name and type text, which the function has to return.
        on_error: What becomes of a row that the function fails on: ``fail``, ``null`` or ``skip``.
        batch_rows: The most rows that the function is given at a time.
        plugins_off: Ids of plugins that a worker may not use, as its driver does not; ``*`` for all third parties.

    Example:
        >>> from usr_core.api.runs import FunctionRef, ShardSpec
        >>> gc = FunctionRef(name="gc", kind="plugin", place="features", digest="0" * 64)
        >>> spec = ShardSpec(
        ...     run_id="4f1d", index=0, folder="/data/run", row_ranges=((0, 100),), columns=("sequence",),
        ...     function=gc, params={}, into=(("features__gc", "float64"),),
        ... )
        >>> ShardSpec.from_json(spec.to_json()) == spec, spec.rows
        (True, 100)
    """

    run_id: str
    index: int
    folder: str
    row_ranges: tuple[tuple[int, int], ...]
    columns: tuple[str, ...]
    function: FunctionRef
    params: Mapping[str, Any]
    into: tuple[tuple[str, str], ...]
    on_error: Literal["fail", "null", "skip"] = "fail"
    batch_rows: int = 4096
    plugins_off: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(stop - start for start, stop in self.row_ranges)

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` has written."""
        told = json.loads(text)
        told["function"] = FunctionRef(**told["function"])
        told["row_ranges"] = tuple((start, stop) for start, stop in told["row_ranges"])
        told["into"] = tuple((name, kind) for name, kind in told["into"])
        told["columns"], told["plugins_off"] = tuple(told["columns"]), tuple(told.get("plugins_off", ()))
        return cls(**told)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReceipt:
    """What a finished shard left in the run's folder.

    Attributes:
        run_id, index: The shard.
        file: The name of its part, in the folder ``parts``.
        sha256: The digest of that file.
        rows: Rows of the part.
        rows_failed: Rows that the function failed on, which ``on_error`` let pass.
        seconds: How long a worker was at it.

    Example:
        >>> from usr_core.api.runs import ShardReceipt
        >>> ShardReceipt(run_id="4f1d", index=0, file="000000.8c1f.parquet", sha256="0" * 64, rows=100).rows_failed
        0
    """

    run_id: str
    index: int
    file: str
    sha256: str
    rows: int
    rows_failed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOutcome:
    """What an executor believes about a shard; the run's folder decides.

    Attributes:
        index: The shard.
        state: ``done``; ``failed``, where the function raised or the worker crashed; ``lost``, where a worker ended
            without any fault of the function: stopped from outside, out of time, unreachable.
        detail: What happened, one line, for the user.

    Example:
        >>> from usr_core.api.runs import ShardOutcome
        >>> ShardOutcome(index=3, state="lost", detail="the worker was stopped by SIGKILL").state
        'lost'
    """

    index: int
    state: Literal["done", "failed", "lost"]
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorRequest:
    """What an executor is made for.

    Attributes:
        run_id: The run.
        folder: The run's folder; an executor may keep files of its own in ``folder / "executor"``.
        shards: How many shards the run has.
        workers: How many workers are wanted; None leaves it to the executor.
        options: The executor's options by name, in their types.
        say: Takes a line for the user, such as a command to type.

    Example:
        >>> from usr_core.api.runs import ExecutorRequest
        >>> request = ExecutorRequest(run_id="4f1d", folder=tmp_path, shards=8)
        >>> request.workers is None, request.options
        (True, {})
    """

    run_id: str
    folder: Path
    shards: int
    workers: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    say: Callable[[str], None] = print


class Executor(Protocol):
    """Runs shards, each at least once, in whatever processes it likes, by `usr_core.api.runs.run_shard`.

    Example:
        >>> from usr_core.api.runs import ShardOutcome, run_shard
        >>> class Here:  # one shard after the other, in this process
        ...     def __init__(self):
        ...         self.left = []
        ...     def submit(self, spec):
        ...         self.left.append(spec)
        ...     def wait(self, timeout):
        ...         if not self.left:
        ...             return []
        ...         spec = self.left.pop(0)
        ...         try:
        ...             run_shard(spec)
        ...         except Exception as error:
        ...             return [ShardOutcome(index=spec.index, state="failed", detail=str(error))]
        ...         return [ShardOutcome(index=spec.index, state="done")]
        ...     def cancel(self):
        ...         self.left.clear()
        ...     def close(self):
        ...         pass
        >>> Here().wait(timeout=1.0)
        []
    """

    def submit(self, spec: ShardSpec) -> None:
        """Take a shard; it may run at once, later, or twice."""
        ...

    def wait(self, timeout: float) -> Sequence[ShardOutcome]:
        """Return what has ended since the last call, after at most `timeout` seconds; nothing is an answer too."""
        ...

    def cancel(self) -> None:
        """Stop what runs and forget what waits; shards that are finished stay."""
        ...

    def close(self) -> None:
        """Give everything back; harmless when repeated."""
        ...
