"""Naming a dataset that is not there: allowed until something is asked of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support.small_datasets import make_dataset
from usr_core import Dataset
from usr_core.roots.errors import DatasetMissing

ASKED: dict[str, Callable[[Dataset], object]] = {
    "read": lambda dataset: dataset.to_arrow(),
    "overview": lambda dataset: dataset.overview(),
    "columns": lambda dataset: dataset.columns(),
    "base_rows": lambda dataset: dataset.base_rows(),
    "get_state": lambda dataset: dataset.get_state(["f" * 40]),
    "snapshot": lambda dataset: dataset.snapshot(),
    "add": lambda dataset: dataset.add_sequences([{"sequence": "ACGT"}]),
    "delete": lambda dataset: dataset.delete(["f" * 40]),
    "writer": lambda dataset: dataset.writer(),
    "validate": lambda dataset: dataset.validate(),
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_what_is_asked_of_a_dataset_that_is_not_there_names_it(tmp_path: Path, asked: Callable[[Dataset], object]):
    """The error says which dataset and where, and nothing is made."""
    make_dataset(tmp_path / "root")
    dataset = Dataset.open(tmp_path / "root", "ns/bas")

    with pytest.raises(DatasetMissing, match="ns/bas"):
        asked(dataset)
    assert ["base"] == [place.name for place in (tmp_path / "root" / "ns").iterdir()]
