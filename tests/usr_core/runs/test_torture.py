"""Runs whose workers and drivers die, stop, wake up late and come twice: no record is lost, doubled or half there.

Each test is one run. In every suite there is one of each kind, and of the driver that dies at every step a sample;
`make torture-map` makes fifty of each, and every step.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import clean_env, run_usr
from support.forked_cli import ForkedUsr
from usr_core import Dataset
from usr_core.runs.errors import ShardFailed
from usr_core.runs.folder import RunFolder
from usr_core.runs.map_run import MapRun

from .conftest import SEQUENCES, Plan

RUNS = range(int(os.environ.get("USR_MAP_RUNS", "1")))
EVERY_STEP = int(os.environ.get("USR_MAP_RUNS", "1")) > 1
SECONDS = 90.0


def folder_of(run: MapRun) -> RunFolder:
    assert run.folder is not None
    return run.folder


def workers_of(process: int) -> list[int]:
    """Return the worker processes that this one has begun."""
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        with contextlib.suppress(OSError):  # a thread or a process that has ended meanwhile
            for child in (task / "children").read_text().split():
                if b"usr_local.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return found


@contextlib.contextmanager
def reading_all_the_time(dataset: Dataset) -> Iterator[list[int]]:
    """Read the dataset in a thread; yield how many values were seen by each reading."""
    seen: list[int] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.wait(0.02):
            table = dataset.to_arrow()
            names = set(table.column_names)
            seen.append(len(table) - table["lab__length"].null_count if "lab__length" in names else 0)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(SECONDS)


def assert_whole(dataset: Dataset, sequences: list[str] = SEQUENCES) -> None:
    """Every record has its value, by one event, and the dataset is sound."""
    table = dataset.to_arrow(columns=["sequence", "lab__length"])
    found = dict(zip(table["sequence"].to_pylist(), table["lab__length"].to_pylist(), strict=True))

    assert {one: len(one) for one in sequences} == found
    assert 1 == sum((line.event or {}).get("action") == "map" for line in dataset.events())
    assert [] == dataset.verify_events()
    assert dataset.validate(strict=True).ok


def wait_until(ready: object, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@pytest.mark.parametrize("number", RUNS)
def test_a_fifth_of_the_workers_is_killed(dataset: Dataset, plan: Plan, number: int) -> None:
    """Each shard is run again by another process, and no reader sees a part of the result."""
    chance = random.Random(number)
    run = plan(params={"pause": 0.03}, shards=10)
    killed = 0
    with reading_all_the_time(dataset) as seen:
        run.start("local", workers=2)
        while run._driving is not None:
            run.wait(0.1)
            alive = workers_of(os.getpid())
            if alive and (killed == 0 or chance.random() < 0.2) and killed < 4:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(alive), signal.SIGKILL)
                killed += 1
        done = run.commit()

    assert killed
    assert (len(SEQUENCES), 10) == (done.rows, done.shards)
    assert {0, len(SEQUENCES)} >= set(seen)
    assert_whole(dataset)
    again = plan(mode="all", params={"pause": 0.03}, shards=10)
    assert 0 == again.planned.rows if again.planned and again.folder is None else True


@pytest.mark.parametrize("number", RUNS)
def test_a_stopped_worker_wakes_up_after_its_shard_was_done_by_another(
    dataset: Dataset, plan: Plan, number: int
) -> None:
    """Nothing of what it makes counts, or lies about."""
    run = plan(params={"pause": 0.1}, shards=8)
    run.start("local", workers=1).wait(0.0)
    wait_until(lambda: list(folder_of(run).parts.iterdir()) and workers_of(os.getpid()))
    (worker,) = workers_of(os.getpid())
    os.kill(worker, signal.SIGSTOP)
    try:
        other = dataset.run(run.run_id).start("inline")
        first = other.wait(60).commit()
        before = {path: path.read_bytes() for path in dataset.path.rglob("*.parquet")}
    finally:
        os.kill(worker, signal.SIGCONT)
    run.stop()

    assert len(SEQUENCES) == first.rows
    assert before == {path: path.read_bytes() for path in dataset.path.rglob("*.parquet")}
    assert run.commit().already
    assert {"run.json", "committed.json"} == {place.name for place in folder_of(run).path.iterdir()}
    assert_whole(dataset)


@pytest.mark.parametrize("number", RUNS)
def test_a_worker_whose_disk_is_full_fails_and_the_run_is_resumed(
    dataset: Dataset, plan: Plan, tmp_path: Path, number: int
) -> None:
    """With the file system's words; what the others finished stays."""
    run = plan("small_disk", params={"mark": str(tmp_path / f"mark{number}")}, shards=4)
    with pytest.raises(ShardFailed, match="File too large"):
        run.start("local", workers=1).wait(SECONDS)
    assert {"run.json", "last-executor", "input.parquet", "parts", "done", "failed"} >= {
        place.name for place in folder_of(run).path.iterdir()
    }
    assert [] == list(folder_of(run).parts.iterdir()) or run.status().done

    assert len(SEQUENCES) == run.forgive().start("inline").wait(60).commit().rows
    assert_whole(dataset)


@pytest.mark.parametrize("number", RUNS)
def test_of_two_commits_at_once_one_is_it(dataset: Dataset, plan: Plan, number: int) -> None:
    """The other one says that it is done already."""
    run = plan().start("inline").wait(60)
    told: list[str] = []

    def commit() -> None:
        told.append(run_usr("map", "commit", str(folder_of(run).path), root=dataset.ref.root).out)

    threads = [threading.Thread(target=commit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)

    assert 1 == sum("attached" in out for out in told), told
    assert 1 == sum("committed already" in out for out in told), told
    assert_whole(dataset)


# ------------------------------------------------------------- the driver dies at every step

DRIVER = """
import os, signal, sys
from usr_core import Dataset

root, function, fatal = sys.argv[1], sys.argv[2], int(sys.argv[3])
steps = 0
CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}
dataset = Dataset.open(root, "test/data")
dataset.host.executor_spec("inline")


def note(event, arguments):
    global steps
    flags = arguments[2] if event == "open" and isinstance(arguments[2], int) else 0
    written = flags & (os.O_CREAT | os.O_WRONLY | os.O_RDWR)
    inside = arguments and str(arguments[0]).startswith(root)
    if (event in CHANGES or written) and inside:
        steps += 1
        if steps == fatal:
            os.kill(os.getpid(), signal.SIGKILL)


sys.addaudithook(note)
run = dataset.map(function, into="lab__length", per_record=True, shards=3, sample=False, executor="inline")
run.wait().commit()
print(steps)
"""


def drive(dataset: Dataset, functions: Path, fatal: int) -> tuple[int, str]:
    """Map and commit in a fork that is killed before its step `fatal`; 0 lets it end."""
    words = ["driver", str(dataset.ref.root), f"{functions}:length", str(fatal)]
    rc, out, err = ForkedUsr.run(words, cwd=None, env=clean_env(), given=b"", timeout=SECONDS, code=DRIVER)
    assert rc in (0, -signal.SIGKILL), err.decode()
    return rc, out.decode()


def test_the_driver_is_killed_at_each_step_and_the_same_question_goes_on(
    dataset: Dataset, functions: Path, tmp_path: Path
) -> None:
    """Before each change of a file or folder, from the first one of the plan to the last one of the commit."""
    template = Path(shutil.copytree(dataset.ref.root, tmp_path / "template"))
    _, out = drive(dataset, functions, 0)
    steps = int(out)
    assert_whole(dataset)

    assert steps > 30
    for fatal in range(1, steps + 1, 1 if EVERY_STEP else 13):
        shutil.rmtree(dataset.ref.root)
        shutil.copytree(template, dataset.ref.root)
        killed, _ = drive(dataset, functions, fatal)
        ended, _ = drive(dataset, functions, 0)

        assert (-signal.SIGKILL, 0) == (killed, ended), fatal
        dataset.clean(older_than_seconds=86_400)  # staging of the writer that died, where no other one came
        assert_whole(dataset)
