"""The executor `local` keeps the contract of executors."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from usr_core import Dataset
from usr_core.api import ExecutorSpec, UsrError
from usr_core.api.runs import ExecutorRequest, RunFolder, ShardOutcome
from usr_core.plugin.isolation import passes
from usr_core.testing import ExecutorContract
from usr_core.testing.fixtures import DatasetFactory
from usr_local import pool
from usr_local.errors import WorkersUnusable
from usr_local.plugin import usr_executors
from usr_local.pool import LocalExecutor


@pytest.fixture
def dataset(dataset_factory: DatasetFactory) -> Dataset:
    """Two records, and a column for a number."""
    return dataset_factory(["ACGT", "TTTT"], namespaces={"lab": {"lab__score": "float64"}})


class TestLocal(ExecutorContract):
    """A function may end its process. One worker at a time is enough here; test_torture.py has more of them."""

    features = frozenset({"survives"})
    workers = 1

    @pytest.fixture
    def spec(self) -> ExecutorSpec:
        return next(spec for spec in usr_executors() if spec.name == "local")


FORKING = '''
import multiprocessing
import os
import signal
import time


def scores(batch, mark):
    """End this process as the kernel does for lack of memory, the first time; a process that it has forked goes on."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return [1.0] * batch.num_rows
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,)).start()
    os.kill(os.getpid(), signal.SIGKILL)
'''


def test_a_worker_that_ends_is_noticed_while_a_process_of_it_goes_on(
    dataset_factory: DatasetFactory, tmp_path: Path
) -> None:
    """A process that the function has forked holds the pipe of outcomes open; nobody waits for that one."""
    dataset = dataset_factory(["ACGT", "TTTT"], namespaces={"lab": {"lab__score": "float64"}})
    (tmp_path / "forking.py").write_text(FORKING, encoding="utf-8")
    run = dataset.map(
        f"{tmp_path / 'forking.py'}:scores",
        into="lab__score",
        params={"mark": str(tmp_path / "mark")},
        shards=1,
        sample=False,
        executor="local",
        workers=1,
    )
    began = time.monotonic()
    run.wait(25.0)

    assert ("complete", 1) == (run.status().state, run.status().retries)
    assert time.monotonic() - began < 25.0


@pytest.fixture
def another_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let worker processes run other code."""

    def replaced(code: str) -> None:
        package = tmp_path / "other" / "usr_local"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "worker.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", str(package.parent))

    return replaced


def made(dataset: Dataset, tmp_path: Path, **options: Any) -> tuple[RunFolder, LocalExecutor]:
    """Return a run of one shard, and an executor that has it."""
    (tmp_path / "fns.py").write_text("def one(batch):\n    return [1.0] * batch.num_rows\n", encoding="utf-8")
    run = dataset.map(f"{tmp_path / 'fns.py'}:one", into="lab__score", shards=1, sample=False, executor=None)
    assert run.folder is not None
    request = ExecutorRequest(run_id=run.run_id, folder=run.folder.path, shards=1, workers=1, options=options)
    executor = LocalExecutor(request)
    executor.submit(run.folder.spec(0))
    return run.folder, executor


def outcome_of(executor: LocalExecutor, seconds: float = 30.0) -> ShardOutcome:
    end = time.monotonic() + seconds
    while not (found := executor.wait(0.1)):
        assert time.monotonic() < end, "nothing was said"
    return found[0]


class TestBadStarts:
    def test_workers_that_end_at_once_are_an_error_with_their_exit_code(
        self, dataset: Dataset, tmp_path: Path, another_worker: Callable[[str], None]
    ) -> None:
        """It is the executor's own error, which the host lets through as it is."""
        another_worker("raise SystemExit(7)")
        run, executor = made(dataset, tmp_path)
        with pytest.raises(WorkersUnusable, match="3 worker processes ended with code 7") as caught:
            for _ in range(3):
                outcome_of(executor)
                executor.submit(run.spec(0))
        executor.close()

        assert ("USR-MAP-101", 7) == (caught.value.code, caught.value.ended)
        assert passes(caught.value)

    def test_where_no_process_can_be_begun_the_systems_words_are_told(
        self, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In place of a failure of the plugin."""
        monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))

        with pytest.raises(UsrError, match="begin a worker process") as caught:
            made(dataset, tmp_path)
        assert "USR-FS" in caught.value.code

    def test_one_that_is_killed_before_it_is_ready_says_nothing_about_the_next_one(
        self, dataset: Dataset, tmp_path: Path, another_worker: Callable[[str], None]
    ) -> None:
        """However often that happens: its shard has lost it each time."""
        another_worker("import time; time.sleep(60)")
        run, executor = made(dataset, tmp_path)
        found = []
        for _ in range(4):
            (worker,) = executor._workers
            assert worker is not None
            worker.process.kill()
            found.append(outcome_of(executor))
            executor.submit(run.spec(0))
        executor.cancel()

        assert ["lost"] * 4 == [outcome.state for outcome in found]


STUCK = '''
import os
import signal
import time


def stopped(batch, mark):
    """Stop this process, the first time."""
    return once(batch, mark, lambda: os.kill(os.getpid(), signal.SIGSTOP))


def hanging(batch, mark):
    """Take longer than anybody waits, the first time."""
    return once(batch, mark, lambda: time.sleep(300))


def once(batch, mark, accident):
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return [1.0] * batch.num_rows
    accident()
'''


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("stopped", {}, "was stopped (SIGSTOP) for more than 0 seconds"),
        ("hanging", {"walltime": "0:00:05"}, "took longer than 0:00:05 for the shard"),
    ],
)
def test_a_worker_that_does_not_go_on_is_ended_and_its_shard_run_again(
    dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    options: dict[str, str],
    why: str,
) -> None:
    """By the same driver: as lost, which is no failure of the function."""
    monkeypatch.setattr(pool, "_STOPPED_SECONDS", 0.3)
    (tmp_path / "stuck.py").write_text(STUCK, encoding="utf-8")
    run = dataset.map(
        f"{tmp_path / 'stuck.py'}:{name}", into="lab__score", params={"mark": str(tmp_path / "mark")}, shards=1,
        sample=False, executor="local", workers=1, options=options,
    )  # fmt: skip
    run.wait(60.0)
    run.close()
    assert run.folder is not None

    assert ("complete", 1) == (run.status().state, run.status().retries)
    assert run.folder.failure_counts().total() == 0
    assert why in (run.folder.path / "lost").read_text(encoding="utf-8")


def test_the_time_of_a_shard_follows_those_that_are_done(dataset: Dataset, tmp_path: Path) -> None:
    """As long as none is, nothing tells; a shard that has exceeded it gets twice the time."""
    _, executor = made(dataset, tmp_path)
    first = executor._limit(0)
    assert "done" == outcome_of(executor).state
    short = executor._limit(0)
    executor._longest = 300.0
    long = executor._limit(0)
    executor._late[0] += 1
    again = executor._limit(0)
    executor.close()

    assert [None, 900.0, 3000.0, 6000.0] == [first, short, long, again]
