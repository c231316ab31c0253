"""Small datasets made in this process, through the Python API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.dataset import Dataset
from usr_core.records.ids import record_id
from usr_core.registry.store import register_namespace

__all__ = ["IDS", "SEQUENCES", "make_dataset", "rows_by_id"]

SEQUENCES = ("ACGTACGTAA", "TTGACAGGCT", "GGGCCCATAT", "CATCATCATG", "AATTCCGGAA", "GATTACAGAT")
IDS = tuple(record_id("dna", sequence) for sequence in SEQUENCES)


def make_dataset(
    root: Path, name: str = "ns/base", sequences: Sequence[str] = SEQUENCES, *, history: str | None = None
) -> Dataset:
    """Make a dataset of these records in `root`, whose registry has the namespace ``mock``."""
    root.mkdir(parents=True, exist_ok=True)
    register_namespace(root, "mock", [("mock__score", "float64")])
    dataset = Dataset.open(root, name).init(history=history)
    if sequences:
        dataset.add_sequences([{"sequence": sequence} for sequence in sequences])
    return dataset


def rows_by_id(dataset: Dataset, *, include_deleted: bool = False) -> dict[str, dict[str, object]]:
    """Return the merged view's rows by their ids."""
    return {row["id"]: row for row in dataset.to_arrow(include_deleted=include_deleted).to_pylist()}
