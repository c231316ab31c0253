"""What runs leave in a dataset's folder, and for how long."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from pathlib import Path

import pytest

from usr_core import Dataset
from usr_core.runs.errors import RunMissing
from usr_core.runs.map_run import MapRun
from usr_core.store.checks.doctor.leftovers import find_leftovers
from usr_core.testing.fixtures import DatasetFactory

SOURCE = "def length(sequence):\n    return len(sequence)\n"


@pytest.fixture
def dataset(dataset_factory: DatasetFactory) -> Dataset:
    return dataset_factory(["ACGT", "TTGACA", "TATAAT"], namespaces={"lab": {"lab__length": "int64"}})


@pytest.fixture
def run(dataset: Dataset, tmp_path: Path) -> MapRun:
    """A run that is planned."""
    (tmp_path / "fns.py").write_text(SOURCE, encoding="utf-8")
    return dataset.map(
        f"{tmp_path / 'fns.py'}:length", into="lab__length", per_record=True, shards=3, sample=False, executor=None
    )


def age(folder: Path, days: float) -> None:
    """Let a folder and what is in it look as old as that."""
    then = time.time() - days * 86_400
    for place in (*folder.rglob("*"), folder):
        os.utime(place, (then, then))


def test_a_run_outlives_the_changes_of_others(dataset: Dataset, run: MapRun) -> None:
    """The next writer removes staging that nobody needs, and no run."""
    dataset.add_sequences([{"sequence": "GGGCCC"}])
    run.start("inline").wait(60)
    dataset.set_state(["f" * 40], split="train", allow_missing=True)

    assert 3 == run.commit().rows


def test_a_run_in_which_nothing_happens_for_14_days_is_removed(dataset: Dataset, run: MapRun) -> None:
    """By the next change; a day earlier it is kept."""
    assert run.folder is not None
    age(run.folder.path, 13)
    dataset.add_sequences([{"sequence": "GGGCCC"}])
    assert run.folder.exists()

    age(run.folder.path, 15)
    (leftover,) = find_leftovers(dataset.path)
    assert leftover.abandoned
    dataset.add_sequences([{"sequence": "GGGTTT"}])
    assert not run.folder.exists()


def test_a_shard_keeps_its_run_young(dataset: Dataset, run: MapRun) -> None:
    """Whenever the run was planned."""
    assert run.folder is not None
    age(run.folder.path, 30)
    run.start("inline").wait(0)
    run.folder.note_loss(0, "stopped")
    dataset.add_sequences([{"sequence": "GGGCCC"}])

    assert run.folder.exists()


def test_doctor_tells_a_run_that_is_not_committed(dataset: Dataset, run: MapRun) -> None:
    """With the line to type; a committed one is nothing to tell of, and holds next to nothing."""
    (leftover,) = find_leftovers(dataset.path)
    assert (False, True) == (leftover.abandoned, f"usr map resume {run.run_id}" in leftover.fix)

    run.start("inline").wait(60).commit()
    assert run.folder is not None
    assert [] == find_leftovers(dataset.path)
    assert {"run.json", "committed.json"} == {place.name for place in run.folder.path.iterdir()}


def test_nothing_is_left_of_a_run_that_is_discarded_while_workers_write(run: MapRun) -> None:
    """Whatever they were about to put into its folder."""
    assert run.folder is not None
    parts, ended = run.folder.parts, threading.Event()

    def work() -> None:
        with contextlib.suppress(FileNotFoundError):
            while not ended.is_set():
                (parts / secrets.token_hex(6)).touch()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while len(list(parts.iterdir())) < 50:
            time.sleep(0.001)
        run.discard()
    finally:
        ended.set()
        worker.join(60)

    assert not run.folder.path.parent.exists()


@pytest.mark.parametrize("content", ["{", "{}", '{"later": 1}'], ids=["damaged", "empty", "later"])
def test_a_plan_that_cannot_be_read_is_no_run(dataset: Dataset, run: MapRun, tmp_path: Path, content: str) -> None:
    """The other runs of the dataset are not held up by it."""
    assert run.folder is not None
    (run.folder.path / "run.json").write_text(content, encoding="utf-8")
    other = dataset.map(
        f"{tmp_path / 'fns.py'}:length", into="lab__length", per_record=True, shards=2, sample=False, executor=None
    )

    assert [other.run_id] == [one.run_id for one in dataset.runs()]
    with pytest.raises(RunMissing, match="There is no run"):
        dataset.run(run.run_id)


def test_a_plan_that_cannot_be_read_is_made_anew(dataset: Dataset, run: MapRun, tmp_path: Path) -> None:
    """By the same question."""
    assert run.folder is not None
    (run.folder.path / "run.json").write_text("{", encoding="utf-8")
    again = dataset.map(
        f"{tmp_path / 'fns.py'}:length", into="lab__length", per_record=True, shards=3, sample=False, executor="inline"
    )

    assert (run.run_id, 3) == (again.run_id, again.wait(60).commit().rows)
