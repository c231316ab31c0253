"""The folder of a run: the plan, its input, the parts and receipts of its shards, and notes of what failed.

    .usr.tmp/map-<run_id>/run.json          the plan; the run is there once this file is
                          input.parquet     the base as it was planned (a second name of the file), or the chosen rows
                          parts/            staged and published parts
                          done/             a receipt a finished shard, made by create-only links
                          failed/           a note a failure, with the traceback
                          lost              a line a worker that was lost
                          committed.json    what the commit said; everything else is gone by then

Readers of the dataset never look here. A receipt is linked once its part is whole on disk, so that a receipt means a
whole part, whoever else ran the shard too.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from usr_core.commit.recovery import RUN_PREFIX
from usr_core.errors import UsrError
from usr_core.events.event import now_us, rfc3339
from usr_core.fs.durable import link_create_only, remove_tree, sync_folder, write_new
from usr_core.fs.files import make_shared_folder, share
from usr_core.plugin.executors import ShardReceipt, ShardSpec
from usr_core.roots.layout import STAGING
from usr_core.runs.errors import FunctionFailed, RunDamaged, RunMissing
from usr_core.runs.plan import Failure, RunPlan, RunStatus

__all__ = ["COMMITTED", "INPUT", "RUN_PREFIX", "RunFolder", "find_run", "runs_of"]

INPUT = "input.parquet"
COMMITTED = "committed.json"
MOST_FAILURES = 3
_PLAN = "run.json"
_HANDED = "last-executor"


class RunFolder:
    """One run on disk.

    Args:
        path: The folder; absolute.

    Example:
        >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor=None)
        >>> run.folder.spec(0).row_ranges, run.folder.is_done(0)
        (((0, 3),), False)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._plan: RunPlan | None = None
        self._plugins_off: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"RunFolder({self.path.name})"

    @property
    def run_id(self) -> str:
        return self.path.name.removeprefix(RUN_PREFIX)

    @property
    def plan(self) -> RunPlan:
        """The plan.

        Raises:
            RunMissing: The run was never whole, or is discarded; its plan can't be read.
        """
        if self._plan is None:
            try:
                self._plan = RunPlan.from_json((self.path / _PLAN).read_text(encoding="utf-8"))
            except (FileNotFoundError, NotADirectoryError):
                raise RunMissing(run_id=self.run_id) from None
            except (ValueError, TypeError, KeyError) as error:  # damaged, or of a later version of USR
                raise RunMissing(run_id=self.run_id, where=f": {self.path / _PLAN} is not its plan") from error
        return self._plan

    def exists(self) -> bool:
        """Tell whether its plan is there."""
        return (self.path / _PLAN).is_file()

    @property
    def input(self) -> Path:
        return self.path / INPUT

    @property
    def parts(self) -> Path:
        return self.path / "parts"

    # ------------------------------------------------------------- the plan

    def create(self, plan: RunPlan, *, like: Path) -> None:
        """Write the plan, last of all: the run is there from now on. Another writer's equal plan is as good."""
        for name in ("parts", "done", "failed"):
            make_shared_folder(self.path / name, like=like)
        sync_folder(self.path)
        _publish(self.path / _PLAN, json.dumps(asdict(plan), indent=1).encode())
        sync_folder(self.path.parent)

    def hand_to(self, executor: str, *, plugins_off: Sequence[str] = ()) -> None:
        """Note who gets the shards from now on, and without which plugins; of two at once, either may be noted.

        Raises:
            RunMissing: The run is discarded.
        """
        staged = self.path / f".{_HANDED}.{secrets.token_hex(6)}"
        try:
            write_new(staged, "\n".join((executor, *plugins_off)).encode())
            share(staged, like=self.path)
            staged.replace(self.path / _HANDED)
            self._plugins_off = tuple(plugins_off)
        except FileNotFoundError:
            raise RunMissing(run_id=self.run_id) from None
        finally:
            staged.unlink(missing_ok=True)

    @property
    def executor(self) -> str:
        """The executor that had shards last, else the one that the run was planned for."""
        return next(iter(self._handed()), "") or self.plan.executor or "local"

    def _handed(self) -> list[str]:
        try:
            return (self.path / _HANDED).read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            return []

    def spec(self, index: int) -> ShardSpec:
        """Return a shard as an executor gets it.

        Raises:
            RunMissing: The run has no such shard.
        """
        plan = self.plan
        if self._plugins_off is None:
            self._plugins_off = tuple(self._handed()[1:])
        if not 0 <= index < plan.shards:
            raise RunMissing(run_id=f"{self.run_id} {index}", where=f": its shards are 0 to {plan.shards - 1:,}")
        return ShardSpec(
            run_id=plan.run_id,
            index=index,
            folder=str(self.path),
            row_ranges=plan.ranges_of(index),
            columns=plan.columns,
            function=plan.function,
            params=plan.params,
            into=plan.into,
            on_error=plan.on_error,
            batch_rows=plan.batch_rows,
            plugins_off=self._plugins_off,
        )

    # ------------------------------------------------------------- shards

    def receipt(self, index: int) -> ShardReceipt | None:
        """Return what a finished shard left, or None.

        Raises:
            RunDamaged: It can't be read.
        """
        file = self.receipt_file(index)
        try:
            return ShardReceipt(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise RunDamaged(
                file=f"done/{file.name}", reason="it is not a receipt", shard=index, receipt=file, run_id=self.run_id
            ) from error

    def receipt_file(self, index: int) -> Path:
        return self.path / "done" / f"{index:06}.json"

    def done(self) -> set[int]:
        """Return the finished shards, by the names of their receipts."""
        return set(self._numbers("done"))

    def is_done(self, index: int) -> bool:
        return self.receipt_file(index).exists()

    def publish(self, receipt: ShardReceipt) -> bool:
        """Link a receipt, unless the shard has one: True where this one counts. The part is durable already."""
        sync_folder(self.parts)
        return _publish(self.receipt_file(receipt.index), json.dumps(asdict(receipt)).encode())

    def note_failure(self, index: int, error: BaseException, trace: str) -> int:
        """Keep what a shard failed on; return how often it has failed."""
        known = error if isinstance(error, FunctionFailed) else None
        failure = Failure(
            shard=index,
            reason=known.message if known else _reason(error),
            row=known.row if known else None,
            id=known.id if known else None,
            trace=(known.trace if known else "") or trace,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            at=rfc3339(now_us()),
        )
        with contextlib.suppress(OSError):
            path = self.path / "failed" / f"{index:06}.{secrets.token_hex(4)}.json"
            _publish(path, json.dumps(asdict(failure)).encode())  # whole or not at all: the disk may be full
        return self.failure_counts()[index]

    def failure_counts(self) -> Counter[int]:
        """Return how often each shard has failed."""
        return Counter(self._numbers("failed"))

    def failures(self, index: int | None = None) -> list[Failure]:
        """Return what shards failed on, of one or of all, by shard and time."""
        found = []
        pattern = "*.json" if index is None else f"{index:06}.*.json"
        for path in sorted((self.path / "failed").glob(pattern)):
            with contextlib.suppress(OSError, ValueError):
                found.append(Failure(**json.loads(path.read_bytes())))
        return sorted(found, key=lambda failure: (failure.shard, failure.at))

    def quarantined(self) -> set[int]:
        """Return the shards that have failed as often as they may, and are not done."""
        return {index for index, count in self.failure_counts().items() if count >= MOST_FAILURES} - self.done()

    def forgive(self) -> None:
        """Forget the failures of shards that are not done, so that they may be tried again."""
        done = self.done()
        for path in (self.path / "failed").glob("*.json"):
            if int(path.name.partition(".")[0]) not in done:
                path.unlink(missing_ok=True)

    def note_loss(self, index: int, detail: str) -> None:
        """Keep that a shard lost its worker."""
        line, path = json.dumps({"shard": index, "detail": detail, "at": rfc3339(now_us())}), self.path / "lost"
        with contextlib.suppress(OSError):
            new = not path.exists()
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
            if new:
                share(path, like=self.path)

    def losses(self) -> int:
        """Return how many workers were lost."""
        try:
            return (self.path / "lost").read_bytes().count(b"\n")
        except OSError:
            return 0

    # ------------------------------------------------------------- standing

    def committed(self) -> dict[str, Any] | None:
        """Return what the commit said, or None, also where that can't be read: the event log says it too."""
        try:
            told: dict[str, Any] = json.loads((self.path / COMMITTED).read_bytes())
            return told if {"seq", "parts"} <= told.keys() else None
        except (FileNotFoundError, ValueError, AttributeError):
            return None

    def status(self, *, failures: bool = False) -> RunStatus:
        """Return where the run stands, with what shards failed on where that is asked for.

        Raises:
            RunMissing: It is discarded.
        """
        plan, committed = self.plan, self.committed()
        counts = self.failure_counts()
        done = set(range(plan.shards)) if committed is not None else self.done()
        failed = {index for index, count in counts.items() if count >= MOST_FAILURES} - done
        rows_done = sum(map(plan.rows_of, done))
        if committed is not None:
            state = "committed"
        elif len(done) == plan.shards:
            state = "complete"
        elif failed:
            state = "failed"
        else:
            state = "partial" if done else "planned"
        return RunStatus(
            run_id=plan.run_id,
            dataset=plan.dataset,
            function=plan.function.name,
            into=tuple(name for name, _ in plan.into),
            state=state,
            created=plan.created,
            shards=plan.shards,
            done=len(done),
            failed=len(failed),
            pending=plan.shards - len(done) - len(failed),
            rows=plan.rows,
            rows_done=rows_done,
            retries=sum(counts.values()) + self.losses(),
            event=None if committed is None else committed["seq"],
            failures=tuple(self.failures()) if failures else (),
        )

    def mark_committed(self, told: Mapping[str, Any]) -> None:
        """Say that the run is committed, and remove what it does not need any more; a full disk is no error.

        The event log says it already, and whoever maps next looks there (`usr_core.runs.commit.settle_runs`).
        """
        with contextlib.suppress(OSError):
            if self.committed() is None:
                (self.path / COMMITTED).unlink(missing_ok=True)
            _publish(self.path / COMMITTED, json.dumps(dict(told)).encode())
            self.sweep()

    def sweep(self) -> None:
        """Remove everything but the plan and what the commit said."""
        for place in list(self.path.iterdir()):
            if place.name not in (_PLAN, COMMITTED):
                with contextlib.suppress(OSError):
                    remove_tree(place)

    def remove(self) -> None:
        """Remove the run; it is renamed first, so that no worker puts a file into a folder that is being removed."""
        gone = self.path.with_name(f"discarded-{secrets.token_hex(6)}")
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(gone)
        self._plan = None
        remove_tree(gone)
        with contextlib.suppress(OSError):
            self.path.parent.rmdir()

    def last_touched(self) -> float:
        """Return when anything in the run was last made, in seconds since 1970."""
        times = [place.lstat().st_mtime for place in (self.path, *self.path.iterdir()) if place.name != INPUT]
        return max(times, default=time.time())

    def _numbers(self, folder: str) -> Iterator[int]:
        with contextlib.suppress(FileNotFoundError), os.scandir(self.path / folder) as entries:
            for entry in entries:
                number, _, rest = entry.name.partition(".")
                if rest.endswith("json") and number.isdecimal():
                    yield int(number)


def runs_of(dataset: Path) -> list[RunFolder]:
    """Return the runs that lie in a dataset's folder, the oldest first; one that can't be read is none."""
    found = []
    for place in (dataset / STAGING).glob(f"{RUN_PREFIX}*"):
        run = RunFolder(place)
        with contextlib.suppress(RunMissing):  # somebody may discard it meanwhile
            found.append((run.plan.created, run.run_id, run))
    return [run for *_, run in sorted(found, key=lambda one: one[:2])]


def find_run(dataset: Path, run_id: str) -> RunFolder:
    """Return the run of a dataset whose id begins so.

    Raises:
        RunMissing: There is none, or there are several.
    """
    wanted = run_id.removeprefix(RUN_PREFIX)
    found = [run for run in runs_of(dataset) if wanted and run.run_id.startswith(wanted)]
    if len(found) != 1:
        where = f" in {dataset.name}" + (f": {len(found)} of its runs begin so" if found else "")
        raise RunMissing(run_id=run_id, where=where)
    return found[0]


def _reason(error: BaseException) -> str:
    if not isinstance(error, UsrError):
        return str(error) or type(error).__name__
    cause = error.facts.get("cause")
    return error.message if cause is None else f"{error.message.rstrip('.')}: {cause}"


def _publish(path: Path, content: bytes) -> bool:
    """Give a whole, durable file its name, unless that is taken; True where it is ours."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        write_new(staged, content)
        share(staged, like=path.parent)
        link_create_only(staged, path)
    except FileExistsError:
        return False
    finally:
        staged.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True
