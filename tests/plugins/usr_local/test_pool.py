"""The executor `local` keeps the contract of executors."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from usr_core.api import ExecutorSpec
from usr_core.testing import ExecutorContract
from usr_core.testing.fixtures import DatasetFactory
from usr_local.plugin import usr_executors


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
