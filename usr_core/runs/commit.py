"""Committing a run: every part checked, joined in the base's order, in one transaction with one event."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.errors import UsrError, first_line
from usr_core.fs.durable import digest_of
from usr_core.registry.document import Registry
from usr_core.registry.type_parser import parse_type
from usr_core.roots.layout import DERIVED, RECORDS
from usr_core.runs.errors import RunDamaged, RunIncomplete, RunMissing, RunRecordsGone, RunTypesDiffer, ShardFailed
from usr_core.runs.folder import COMMITTED, MOST_FAILURES, RunFolder, runs_of
from usr_core.runs.joining import NOTHING_TAKEN, JoinedParts, TakenValues
from usr_core.runs.plan import RunPlan
from usr_core.runs.shard import ROW
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.mutation import (
    Mutation,
    Site,
    adopt_single_file,
    keep_clock_after,
    mutate,
)
from usr_core.store.parts.files import list_overlays
from usr_core.values.showing import Shown

__all__ = ["RunCommitted", "commit_run", "settle_runs", "shard_failed"]

ACTION = "map"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RunCommitted(Shown):
    """What a commit did.

    Attributes:
        already: The run was committed before; nothing was changed now.
        seq: The number of its event; 0 where the commit was only tried.
        parts: Files that were added, relative to the dataset's folder.
        shards: Shards whose values are in.
        rows: Records that have a value by it.
        rows_empty: Records for which the function gave no value.
        rows_kept: Records that were left as they are: they have each of the values by now.
        rows_gone: Records of the run that are not in the dataset any more.
        shards_left_out: Shards that are missing, with ``allow_partial``.

    Example:
        >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor="inline")
        >>> done = run.wait().commit()
        >>> done.rows, done.shards, done.already, run.commit().already
        (3, 1, False, True)
    """

    run_id: str
    already: bool
    seq: int
    parts: tuple[str, ...]
    shards: int
    rows: int
    rows_empty: int = 0
    rows_kept: int = 0
    rows_gone: int = 0
    shards_left_out: int = 0


def commit_run(site: Site, run: RunFolder, *, allow_partial: bool = False) -> RunCommitted:
    """Make the values of a run part of its dataset, once; a second call, also by another process, says so.

    Rows are found by id: the base may have grown or been rewritten since the run was planned. A run of what is missing
    replaces no value, whenever that was attached. Takes the dataset's lock. Memory is bounded, but for 40 bytes a base
    row where the base was rewritten, and a byte a base row for each column that is there already.

    Args:
        site: The dataset.
        run: Its run.
        allow_partial: Take what is there where shards are missing.

    Raises:
        RunMissing: It is discarded.
        RunIncomplete, ShardFailed: Shards are missing; none may be tried again.
        RunDamaged: A part is not what its receipt says.
        RunTypesDiffer: A column is registered with another type by now, or not at all.
        RunRecordsGone: No record of the run is there any more.
        UsrError: As every change of the dataset.
    """
    plan = run.plan
    if (told := run.committed()) is not None:
        return _outcome(plan, told, already=True)
    try:
        with mutate(site, ACTION) as mutation:
            told = run.committed() or _event_of(site.layout.event_log, plan)
            already = told is not None
            if told is None:
                done = sorted(run.done())
                _refuse_incomplete(run, done, allow_partial=allow_partial)
                told = _committed(mutation, run, done)
    except (RunDamaged, RunIncomplete):
        if run.exists():
            raise
        raise RunMissing(run_id=plan.run_id, where=": it was discarded meanwhile", dataset=site.ref.name) from None
    if run.exists() and run.committed() is None and not site.dry_run:
        run.mark_committed(told)
    return _outcome(plan, told, already=already)


def settle_runs(site: Site) -> None:
    """Tell runs that they are committed, whose commit died before it could; the log says which they are.

    So where what a commit has left can't be read any more.
    """
    for run in runs_of(site.ref.path):
        if run.committed() is None and (len(run.done()) == run.plan.shards or (run.path / COMMITTED).exists()):
            told = _event_of(site.layout.event_log, run.plan)
            if told is not None:
                run.mark_committed(told)


def _outcome(plan: RunPlan, told: dict[str, Any], *, already: bool) -> RunCommitted:
    counts = ("shards", "rows", "rows_empty", "rows_kept", "rows_gone", "shards_left_out")
    return RunCommitted(
        run_id=plan.run_id,
        already=already,
        seq=told["seq"],
        parts=tuple(told["parts"]),
        **{name: told.get(name, 0) for name in counts},
    )


def _event_of(log: Path, plan: RunPlan) -> dict[str, Any] | None:
    """Return what the event of an earlier commit says, of which the run's folder was not told any more."""
    token = plan.attempt.encode()
    with contextlib.suppress(FileNotFoundError), log.open("rb") as lines:
        for line in lines:
            if token in line:
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if event.get("action") == ACTION and event["args"].get("attempt") == plan.attempt:
                        files = [added["path"] for added in event["artifacts"].get("added", ())]
                        files = [name for name in files if name.startswith(f"{DERIVED}/{plan.namespace}/")]
                        return {"seq": event["seq"], "parts": files, **event["metrics"]}
    return None


def _refuse_incomplete(run: RunFolder, done: list[int], *, allow_partial: bool) -> None:
    plan = run.plan
    if len(done) == plan.shards or (allow_partial and done):
        return
    failed = run.quarantined()
    if failed and not allow_partial:
        raise shard_failed(run, failed)
    raise RunIncomplete(run_id=plan.run_id, shards=plan.shards, missing=plan.shards - len(done))


def shard_failed(run: RunFolder, failed: set[int]) -> ShardFailed:
    """Return the error of shards that may not be tried again."""
    shard = min(failed)
    last = next(iter(reversed(run.failures(shard))), None)
    return ShardFailed(
        count=len(failed),
        run_id=run.run_id,
        tries=MOST_FAILURES,
        shard=shard,
        function=run.plan.function.name,
        reason=last.reason if last else "its notes are gone",
        row=last.row if last else None,
        id=last.id if last else None,
    )


def _committed(mutation: Mutation, run: RunFolder, done: list[int]) -> dict[str, Any]:
    """Stage the parts and commit; return what is told of it."""
    site, plan = mutation.site, run.plan
    kinds = _types(mutation.registry, plan)
    overlay = list_overlays(mutation.txn.tree, namespaces=[plan.namespace]).get(plan.namespace)
    with contextlib.ExitStack() as closing:
        if overlay is not None:
            closing.callback(overlay.close)
        keep_clock_after(mutation, overlay)
        base_path = mutation.txn.tree.path(RECORDS) or site.layout.records
        base = closing.enter_context(contextlib.closing(OpenParquet.open(base_path)))
        shards = _Shards(run, done, pa.schema([("id", pa.string()), (ROW, pa.int64()), *kinds.items()]))
        fills = plan.mode == "missing"
        taken = TakenValues.of(mutation.txn.tree, plan.namespace, list(kinds)) if fills else NOTHING_TAKEN
        writing = JoinedParts(mutation, plan.namespace, kinds, base, taken=taken)
        with writing:
            for batch in shards.batches():
                writing.add(batch)
        if shards.rows and not writing.matched:
            raise RunRecordsGone(
                rows=shards.rows, run_id=plan.run_id, dataset=site.ref.name, function=plan.function.name
            )
        adopt_single_file(mutation, plan.namespace, overlay)
        metrics = {
            "shards": len(done),
            "shards_left_out": plan.shards - len(done),
            "retries": sum(run.failure_counts().values()) + run.losses(),
            "rows": writing.valued,
            "rows_empty": shards.rows - writing.valued - writing.gone - writing.kept,
            "rows_kept": writing.kept,
            "rows_gone": writing.gone,
            "rows_failed": shards.failed,
            "seconds": round(shards.seconds, 3),
        }
        event = mutation.finish(base=mutation.base_facts(), args=_args(plan), metrics=metrics)
    return {"seq": event["seq"] if event else 0, "parts": writing.parts if event else [], **metrics}


def _args(plan: RunPlan) -> dict[str, object]:
    return {
        "run_id": plan.run_id,
        "attempt": plan.attempt,
        "function": plan.function.name,
        "function_digest": plan.function.digest,
        "params": dict(plan.params),
        "namespace": plan.namespace,
        "columns": list(plan.columns),
        "into": [name for name, _ in plan.into],
        "mode": plan.mode,
        **({"where": plan.where} if plan.where else {}),
        **({} if plan.version is None else {"at": plan.version}),
        "on_error": plan.on_error,
    }


def _types(registry: Registry, plan: RunPlan) -> dict[str, pa.DataType]:
    """Return the columns with their types, which the registry has to have still.

    Raises:
        RunTypesDiffer: It has not.
    """
    kinds = {}
    for name, text in plan.into:
        try:
            found = registry.column_type(name).canonical()
        except UsrError:
            found = "nothing"
        if found != text:
            raise RunTypesDiffer(column=name, planned=text, found=found, run_id=plan.run_id)
        kinds[name] = parse_type(text).to_arrow()
    return kinds


class _Shards:
    """The parts of finished shards, each checked against its receipt before a row of it counts."""

    def __init__(self, run: RunFolder, done: list[int], schema: pa.Schema) -> None:
        self._run, self._done, self._schema = run, done, schema
        self.rows = self.failed = 0
        self.seconds = 0.0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order of shards, and so of the base as it was planned."""
        for index in self._done:
            receipt = self._run.receipt(index)
            if receipt is None:
                raise self._damaged(index, f"done/{self._run.receipt_file(index).name}", "it is gone")
            path = self._run.parts / receipt.file
            try:
                digest = digest_of(path)
            except OSError as error:
                raise self._damaged(index, path.name, f"it can't be read: {error.strerror}") from error
            if digest != receipt.sha256:
                raise self._damaged(index, path.name, "its bytes are not those of its receipt")
            yield from self._checked(index, path, receipt.rows)
            self.rows += receipt.rows
            self.failed += receipt.rows_failed
            self.seconds += receipt.seconds

    def _checked(self, index: int, path: Path, rows: int) -> Iterator[pa.RecordBatch]:
        ranges = self._run.spec(index).row_ranges
        try:
            with pq.ParquetFile(path) as file:
                fields = [(field.name, field.type) for field in file.schema_arrow]
                if fields != [(field.name, field.type) for field in self._schema]:
                    raise self._damaged(index, path.name, "its columns are not those of the run")
                if file.metadata.num_rows != rows:
                    raise self._damaged(index, path.name, f"it has {file.metadata.num_rows:,} rows, not {rows:,}")
                most = sum(stop - start for start, stop in ranges)
                if rows > most:
                    raise self._damaged(index, path.name, f"it has {rows:,} rows of a shard of {most:,}")
                for batch in file.iter_batches(65_536, use_threads=False):
                    numbers = batch.column(ROW).to_numpy()
                    if not self._run.plan.copied and not _inside(numbers, ranges):
                        raise self._damaged(index, path.name, "it has rows of another shard")
                    yield batch
        except pa.ArrowException as error:
            raise self._damaged(index, path.name, f"it is not a whole Parquet file: {first_line(error)}") from error

    def _damaged(self, index: int, file: str, reason: str) -> RunDamaged:
        return RunDamaged(
            file=file, reason=reason, shard=index, receipt=self._run.receipt_file(index), run_id=self._run.run_id
        )


def _inside(numbers: np.ndarray, ranges: tuple[tuple[int, int], ...]) -> bool:
    starts = np.array([start for start, _ in ranges])
    stops = np.array([stop for _, stop in ranges])
    at = np.searchsorted(starts, numbers, side="right") - 1
    ascending = bool(np.all(numbers[1:] > numbers[:-1]))
    return ascending and bool(np.all(at >= 0)) and bool(np.all(numbers < stops[np.maximum(at, 0)]))
