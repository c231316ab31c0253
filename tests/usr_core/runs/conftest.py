"""A dataset to map, functions for it, and what has to hold when a run is committed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from usr_core import Dataset
from usr_core.runs.map_run import MapRun
from usr_core.testing.fixtures import DatasetFactory

SEQUENCES = ["".join("ACGT"[at >> 2 * place & 3] for place in range(3)) + "A" * (at % 7 + 1) for at in range(48)]
FUNCTIONS = '''
import os
import resource
import time


def length(sequence, pause=0.0):
    time.sleep(pause)
    return len(sequence)


def lengths(batch):
    return [len(sequence) for sequence in batch["sequence"].to_pylist()]


def worse(sequence):
    raise ValueError("no")


def small_disk(sequence, mark):
    """The first process that runs it can't write files any more."""
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))
    except FileExistsError:
        pass
    return len(sequence)
'''

Plan = Callable[..., MapRun]


@pytest.fixture
def dataset(dataset_factory: DatasetFactory) -> Dataset:
    """48 records, of different lengths, and a column for these."""
    return dataset_factory(SEQUENCES, namespaces={"lab": {"lab__length": "int64", "lab__ratio": "float64"}})


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """A file of functions."""
    path = tmp_path / "fns.py"
    path.write_text(FUNCTIONS, encoding="utf-8")
    return path


@pytest.fixture
def plan(dataset: Dataset, functions: Path) -> Plan:
    """Plan a run of a function; eight shards, one record at a time."""

    def planned(name: str = "length", **options: object) -> MapRun:
        settings: dict[str, object] = {"per_record": True, "shards": 8, "sample": False, "executor": None}
        return dataset.map(f"{functions}:{name}", into="lab__length", **{**settings, **options})  # type: ignore[arg-type]

    return planned
