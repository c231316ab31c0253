"""A dataset that keeps its history and goes through every verb, and what each of its versions consists of."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from usr_core import Dataset
from usr_core.registry.store import make_root, register_namespace

STATE = ("records.parquet", "_derived/")


def add(dataset: Dataset, *sequences: str) -> None:
    dataset.add_sequences([{"sequence": text} for text in sequences], bio_type="dna", alphabet="dna_4", source="test")


def state(dataset: Dataset) -> dict[str, bytes]:
    """Return what a version consists of: the base and the overlays, without the archive."""
    files = {path.relative_to(dataset.path).as_posix(): path for path in dataset.path.rglob("*.parquet")}
    return {
        name: path.read_bytes() for name, path in files.items() if name.startswith(STATE) and "_archived" not in name
    }


def everything(dataset: Dataset) -> dict[str, bytes]:
    files = (path for path in dataset.path.rglob("*") if path.is_file() and ".usr." not in path.name)
    return {path.relative_to(dataset.path).as_posix(): path.read_bytes() for path in files}


def values(dataset: Dataset, value: float, rows: int = 3) -> None:
    ids = dataset.head_arrow(rows)["id"]
    dataset.write_overlay_part("lab", pa.table({"id": ids, "lab__gc": [value] * len(ids)}), key="id")


def through_every_verb(dataset: Dataset) -> dict[int, dict[str, bytes]]:
    """Change the dataset in every way; return the files of each version."""
    seen = {}

    def note() -> None:
        seen[len(dataset.layout.event_log.read_text().splitlines())] = state(dataset)

    def ids(count: int) -> list[str]:
        return list(dataset.head_arrow(count)["id"].to_pylist())

    note()
    steps = [
        lambda: add(dataset, "GGGG", "GGGGA"),
        lambda: values(dataset, 0.1),
        lambda: values(dataset, 0.2),
        lambda: dataset.delete(ids(1), reason="test"),
        lambda: dataset.set_state(ids(2), qc_status="fail"),
        lambda: dataset.compact_overlay("lab"),
        lambda: dataset.materialize(drop_overlays=True),
        lambda: values(dataset, 0.3),
        lambda: dataset.clear_overlay("lab", columns=["lab__gc"]),
        lambda: add(dataset, "TTTT"),
        lambda: dataset.materialize(drop_deleted=True),
        lambda: add(dataset, "TTTTA", "TTTTC"),
        lambda: values(dataset, 0.4),
        lambda: dataset.remove_overlay("lab", mode="delete"),
        lambda: dataset.rollback(6),
        lambda: add(dataset, "CCCC"),
    ]
    with dataset.maintenance(reason="test"):
        for step in steps:
            step()
            note()
    return seen


def keeping(root: Path) -> Dataset:
    """Make a root, and a dataset of three records at its second version."""
    make_root(root)
    register_namespace(root, "lab", [("lab__gc", "float64")])
    made = Dataset.open(root, "demo/one").init()
    add(made, "ACGT", "ACGTA", "ACGTAC")
    return made
