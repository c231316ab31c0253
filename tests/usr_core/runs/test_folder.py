"""The folder of a run: what lies there is the group's, as the dataset is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import pyarrow as pa
import pytest

from usr_core import Dataset
from usr_core.runs.map_run import MapRun

from .conftest import Plan


@pytest.fixture
def private_files() -> Iterator[None]:
    """Let this process make files that are its user's alone."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def test_every_file_of_a_run_has_the_rights_of_the_dataset(dataset: Dataset, plan: Plan, private_files: None) -> None:
    """Whatever the umask: another member of the group may go on with it, also with copied rows and lost workers."""
    dataset.write_overlay("lab", pa.table({"id": dataset.head_arrow(1)["id"], "lab__ratio": [0.5]}))
    dataset.path.chmod(0o2770)
    run: MapRun = plan("lengths", per_record=False, where="length > 5", columns=["sequence", "lab__ratio"])
    assert run.folder is not None
    assert run.folder.plan.copied
    run.folder.note_loss(0, "it was ended from outside")
    run.folder.note_failure(1, ValueError("no"), "")
    run.start("inline").wait(60)
    places = [place for place in (run.folder.path, *run.folder.path.rglob("*")) if place.is_file() or place.is_dir()]
    rights = {place.relative_to(run.folder.path).as_posix(): stat.S_IMODE(place.stat().st_mode) for place in places}

    assert {"lost", "input.parquet", "run.json", "last-executor", "done/000000.json", "failed"} <= rights.keys()
    assert {0o2770} == {mode for name, mode in rights.items() if run.folder.path.joinpath(name).is_dir()}
    assert {} == {n: oct(m) for n, m in rights.items() if (run.folder.path / n).is_file() and m != 0o660}
