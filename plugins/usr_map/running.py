"""Running a run to its end, and what the commands say of it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from usr_core.api import ExitCode, UsrError, counted, size_text
from usr_core.api.commands import (
    Format,
    Progress,
    current_session,
    local_time,
    note,
    report,
    resolve_format,
    split_options,
)
from usr_core.api.runs import MapRun, RunCommitted, RunProgress, RunStatus, run_shard
from usr_map.executor_options import EXECUTOR_FLAGS

__all__ = [
    "committed_text",
    "given_params",
    "planned_outcome",
    "run_shards",
    "run_to_the_end",
    "status_outcome",
    "status_record",
]

Outcome = dict[str, object]


def given_params(texts: Sequence[str]) -> dict[str, Any]:
    """Return parameters by name: a value that is JSON is that value, anything else is text."""
    return {name: _value(text) for name, text in split_options(texts, flag="--param").items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def planned_outcome(run: MapRun, dataset: str, into: Sequence[str], *, workers: int | None) -> tuple[Outcome, str]:
    """Return what a run would be, as facts and in words."""
    planned = run.planned
    assert planned is not None
    if not planned.rows:
        return _facts(run, None), f"nothing to do: no chosen record of {dataset} lacks {', '.join(into)}"
    parts = [
        f"{counted(planned.shards, 'shard')} of {counted(planned.rows, 'record')}",
        f"{size_text(planned.bytes_in)} to read",
    ]
    if planned.bytes_out is not None:
        parts.append(f"about {size_text(planned.bytes_out)} to write")
    if planned.seconds is not None:
        parts.append(f"about {_span(planned.seconds / (workers or 1))} with {counted(workers or 1, 'worker')}")
    verb = "would go on with" if planned.resumed else "would run"
    return _facts(run, None), f"{verb} {', '.join(parts)}"


def run_to_the_end(
    run: MapRun,
    executor: str | None,
    *,
    workers: int | None,
    options: Mapping[str, object],
    commit: bool,
    quiet: bool,
    again: bool = False,
) -> tuple[Outcome, str]:
    """Run what is not done, and commit; for a detached executor, hand it over.

    Args:
        run: The run.
        executor: Who runs the shards; None is the one of its plan.
        workers: How many at a time.
        options: What the executor takes besides.
        commit: Whether to.
        quiet: Show no progress and no notes.
        again: Shards that have failed three times are tried again.
    """
    assert run.folder is not None
    before = run.status()
    if before.state == "committed":
        done = run.commit()
        return _facts(run, done), committed_text(done, before)
    said: list[str] = []
    if again:
        run.forgive()
    if before.done and not quiet:
        note(f"going on with the run {run.run_id}: {before.done:,} of {counted(before.shards, 'shard')} are done")
    with Progress("mapping", total=before.rows - before.rows_done, quiet=quiet) as progress:
        try:
            name = executor or run.folder.executor
            current_session().host.executor_options(name, options, flags=EXECUTOR_FLAGS)
            run.start(name, workers=workers, options=options, say=said.append, progress=_shown(progress))
            run.wait()
        except (KeyboardInterrupt, UsrError) as error:
            run.stop()
            refused = isinstance(error, UsrError) and error.exit_code == ExitCode.USAGE
            if refused and run.planned is not None and not (run.planned.resumed or run.folder.done()):
                run.discard()  # it was planned for a command that could not be run
            elif run.folder.exists():
                _tell_how_to_go_on(run)
            raise
    status = run.status()
    if status.state != "complete":
        return _facts(run, None, said), "\n".join([*said, _standing(status)])
    if not commit:
        return _facts(run, None, said), f"{_standing(status)}; attach it with: usr map commit {run.run_id}"
    done = run.commit()
    return _facts(run, done, said), committed_text(done, status)


def _tell_how_to_go_on(run: MapRun) -> None:
    told = run.status()
    note(f"the run {told.run_id} has {told.done:,} of {counted(told.shards, 'shard')}: usr map resume {told.run_id}")


def _shown(progress: Progress) -> Callable[[RunProgress], None]:
    def show(told: RunProgress) -> None:
        progress.label = f"mapping, {told.shards_done:,} of {counted(told.shards, 'shard')}"
        progress.update(told.rows_done - told.rows_before, total=told.rows - told.rows_before)

    return show


def run_shards(run: MapRun, indices: Sequence[int], *, dry_run: bool) -> tuple[dict[str, Any], str]:
    """Run shards here; those that fail are told on standard error, and the others are run all the same."""
    assert run.folder is not None
    folder, host = run.folder, current_session().host
    specs = [folder.spec(index) for index in indices]
    done: list[int] = []
    failed: list[int] = []
    for spec in specs:
        if dry_run:
            continue
        try:
            with _printing_elsewhere():
                run_shard(spec, host=None if spec.plugins_off else host)
            done.append(spec.index)
        except UsrError as error:
            failed.append(spec.index)
            report(error, debug=current_session().debug)
    outcome = {"run_id": run.run_id, "shards": len(specs), "done": len(done), "failed": failed}
    if dry_run:
        outcome["done"] = len(specs)
        return outcome, f"would run {counted(len(specs), 'shard')} of the run {run.run_id}"
    return outcome, f"ran {len(done):,} of {counted(len(specs), 'shard')} of the run {run.run_id}"


# ------------------------------------------------------------- words


def committed_text(done: RunCommitted, status: RunStatus, *, would: bool = False) -> str:
    """Return what a commit did, in words."""
    if done.already:
        return f"the run {done.run_id} is committed already, by event {done.seq:,}"
    did = "would attach" if would else "attached"
    text = f"{did} {', '.join(status.into)} to {counted(done.rows, 'record')} of {status.dataset}"
    told = [counted(done.shards, "shard"), f"run {done.run_id}", *([] if would else [f"event {done.seq:,}"])]
    told += [f"{done.rows_empty:,} without a value"] if done.rows_empty else []
    told += [f"{done.rows_kept:,} with a value already"] if done.rows_kept else []
    told += [f"{done.rows_gone:,} not in the dataset any more"] if done.rows_gone else []
    told += [f"{counted(done.shards_left_out, 'shard')} left out"] if done.shards_left_out else []
    return f"{text} ({', '.join(told)})"


def status_outcome(run: MapRun) -> tuple[Outcome, str]:
    """Return where a run stands, as a command that would change it tells it."""
    return _facts(run, None), _standing(run.status())


def status_record(run: MapRun, fmt: Format) -> dict[str, object]:
    """Return where a run stands, and the command that goes on with it; for people, each failed shard in one line."""
    told = run.status(failures=True)
    record: dict[str, object] = {
        name: getattr(told, name)
        for name in (
            "run_id", "dataset", "function", "into", "state", "created", "shards", "done", "failed", "pending",
            "rows", "rows_done", "retries", "event",
        )
    }  # fmt: skip
    record["into"] = list(told.into)
    record["next"] = _next_command(told)
    if resolve_format(fmt) is Format.JSON:
        keys = ("shard", "reason", "row", "id", "worker", "at", "trace")
        record["failures"] = [{key: getattr(failure, key) for key in keys} for failure in told.failures]
        return record
    record["created"] = local_time(told.created)
    if told.failures:
        last = {failure.shard: failure.reason for failure in told.failures}
        record["failures"] = [f"shard {shard}: {reason}" for shard, reason in list(last.items())[:20]]
    return record


def _next_command(status: RunStatus) -> str | None:
    if status.state == "committed":
        return None
    return f"usr map {'commit' if status.state == 'complete' else 'resume'} {status.run_id}"


def _standing(status: RunStatus) -> str:
    failed = f", {status.failed:,} failed" if status.failed else ""
    rows = f"{status.rows_done:,} of {counted(status.rows, 'record')}"
    done = f"{status.done:,} of {counted(status.shards, 'shard')}{failed}"
    return f"the run {status.run_id} of {status.dataset} is {status.state}: {done}, {rows}"


def _facts(run: MapRun, done: RunCommitted | None, said: Sequence[str] = ()) -> Outcome:
    """Return the one JSON document of a command that runs, or would."""
    planned = run.planned
    status = run.status() if run.folder is not None and run.folder.exists() else None
    told = planned or status
    return {
        "run_id": run.run_id or (planned.run_id if planned else ""),
        "state": status.state if status else "",
        "shards": told.shards if told else 0,
        "rows": told.rows if told else 0,
        "bytes_in": planned.bytes_in if planned else None,
        "bytes_out": planned.bytes_out if planned else None,
        "seconds": None if planned is None or planned.seconds is None else round(planned.seconds, 3),
        "said": list(said),
        "committed": None if done is None else {
            name: getattr(done, name)
            for name in (
                "already", "seq", "parts", "shards", "rows", "rows_empty", "rows_kept", "rows_gone", "shards_left_out",
            )
        },
    }  # fmt: skip


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@contextlib.contextmanager
def _printing_elsewhere() -> Iterator[None]:
    """Let descriptor 1 be standard error inside the block, for libraries in C and child processes too."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
