"""Things that every verb refuses, with every byte left as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.parts.errors import AmbiguousOverlay


def maintained(act: Callable[[Dataset], object]) -> Callable[[Dataset], object]:
    def run(dataset: Dataset) -> object:
        with dataset.maintenance("test"):
            return act(dataset)

    return run


VERBS: dict[str, Callable[[Dataset], object]] = {
    "add": lambda dataset: dataset.add_sequences([{"sequence": "ACGT"}]),
    "snapshot": lambda dataset: dataset.snapshot(),
    "attach": lambda dataset: dataset.write_overlay("mock", pa.table({"id": [IDS[0]], "score": [1.0]})),
    "delete": lambda dataset: dataset.delete(IDS[:1]),
    "state": lambda dataset: dataset.set_state(IDS[:1], masked=True),
    "materialize": maintained(lambda dataset: dataset.materialize()),
    "freeze": maintained(lambda dataset: dataset.freeze_registry()),
    "compact": maintained(lambda dataset: dataset.compact_overlay("mock")),
    "dedupe": maintained(lambda dataset: dataset.dedupe(key="id")),
    "archive": lambda dataset: dataset.archive(),
    "read": lambda dataset: dataset.to_arrow(),
    "head": lambda dataset: dataset.head_arrow(1),
    "get": lambda dataset: dataset.get(IDS[0]),
    "grep": lambda dataset: dataset.grep("A"),
    "describe": lambda dataset: dataset.describe(),
    "overview": lambda dataset: dataset.overview(),
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_file_beside_a_folder_stops_every_verb(tmp_path: Path, verb: Callable[[Dataset], object]) -> None:
    """Nobody can tell which of the two is meant, so nothing is read and nothing is written."""
    dataset = make_dataset(tmp_path / "root")
    dataset.write_overlay("mock", pa.table({"id": [IDS[0]], "score": [1.0]}))
    (part,) = (dataset.path / "_derived" / "mock").iterdir()
    shutil.copy(part, dataset.path / "_derived" / "mock.parquet")

    with assert_unchanged(dataset.path), pytest.raises(AmbiguousOverlay):
        verb(dataset)


def test_seconds_and_empty_bytes_survive_every_format(tmp_path: Path) -> None:
    """What export writes, attach reads back: timestamps in seconds, and bytes that are none."""
    dataset = make_dataset(tmp_path / "root")
    register_namespace(dataset.ref.root, "lab", [("lab__t", "timestamp[s]"), ("lab__b", "binary")])
    rows = pa.table(
        {
            "id": [IDS[0], IDS[1]],
            "t": pa.array([0, 1_700_000_000], pa.timestamp("s")),
            "b": pa.array([b"", None], pa.binary()),
        }
    )
    dataset.write_overlay("lab", rows)
    before = dataset.to_arrow(columns=["id", "lab__t", "lab__b"])

    for fmt in ("csv", "jsonl", "parquet"):
        dataset.export(tmp_path / f"o.{fmt}", fmt=fmt, columns=["id", "lab__t", "lab__b"])
        dataset.attach(tmp_path / f"o.{fmt}", "lab", key="id", allow_overwrite=True)
        with dataset.maintenance("test"):
            dataset.compact_overlay("lab")

        assert before.equals(dataset.to_arrow(columns=["id", "lab__t", "lab__b"])), fmt
        assert dataset.validate(strict=True).ok
