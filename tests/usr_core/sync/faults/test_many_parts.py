"""A dataset of 200 parts: looking at it again moves next to nothing."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pyarrow as pa
import pytest

from support.small_datasets import make_dataset
from support.sync_lab import Lab
from support.sync_states import NAME, check_whole_copy
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace

_PARTS = 200


@pytest.mark.parametrize(
    "part_bytes", [10_000, pytest.param(5_000_000, marks=pytest.mark.whole_matrix, id="a-gigabyte")]
)
def test_the_second_pull_is_a_no_op_and_sends_little(lab: Lab, part_bytes: int) -> None:
    """Whatever the parts' size, a no-op costs less than 100 kB each way."""
    lab.here.mkdir()
    dataset = make_dataset(lab.there, NAME)
    register_namespace(lab.there, "bulk", [("bulk__blob", "binary")])
    _fill(dataset, part_bytes)
    (lab.here / "registry.yaml").write_bytes((lab.there / "registry.yaml").read_bytes())
    audit = lab.folder / "audit.json"

    first = lab.sync("pull", "--audit-json-out", audit)
    assert first.rc == 0, str(first)
    assert _read(audit)["bytes"]["received"] >= _PARTS * part_bytes
    second = lab.sync("pull", "--audit-json-out", audit)

    assert second.rc == 0, str(second)
    told = _read(audit)
    assert "NO-OP" == told["transfer_state"]
    assert told["bytes"]["sent"] < 100_000
    assert told["bytes"]["total"] < 200_000
    assert check_whole_copy(lab.here).keys() == check_whole_copy(lab.there).keys()
    assert _PARTS == told["_derived"]["local_files"]


def _fill(dataset: Dataset, part_bytes: int) -> None:
    chance = random.Random(5)
    ids = dataset.to_arrow(columns=["id"]).column("id")
    for _ in range(_PARTS):
        blobs = pa.array([chance.randbytes(part_bytes // len(ids) + 1) for _ in range(len(ids))], pa.binary())
        dataset.write_overlay_part("bulk", pa.table({"id": ids, "bulk__blob": blobs}))


def _read(path: Path) -> dict:  # type: ignore[type-arg]
    return json.loads(path.read_text())["data"]
