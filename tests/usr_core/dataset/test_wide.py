"""Datasets with very many columns: the time of each verb grows as their number does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from support.small_datasets import IDS, make_dataset
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace

NARROW, WIDE = 160, 800
# Five times the columns: linear work takes five times as long, quadratic work 25 times. Between the two, much noise.
MOST = 12


def seconds_of_each_verb(root: Path, columns: int) -> dict[str, float]:
    """Return the CPU seconds that each verb takes on a dataset of so many columns and a few rows."""
    dataset = make_dataset(root)
    names = [f"wide__c{index}" for index in range(columns)]
    table = pa.table({"id": list(IDS), **{name: pa.array([1.0] * len(IDS), pa.float32()) for name in names}})
    return {
        name: _seconds(verb)
        for name, verb in {
            "register": lambda: register_namespace(root, "wide", [(name, "float32") for name in names]),
            "write_overlay_part": lambda: dataset.write_overlay_part("wide", table),
            "write_overlay_part again": lambda: dataset.write_overlay_part("wide", table),
            "describe": dataset.describe,
            "columns": dataset.columns,
            "validate": dataset.validate,
            "compact": lambda: _maintained(dataset, lambda held: held.compact_overlay("wide")),
            "materialize": lambda: _maintained(dataset, lambda held: held.materialize()),
            "validate materialized": lambda: dataset.validate(strict=True),
            "export": lambda: dataset.export(root / "out.csv", fmt="csv"),
        }.items()
    }


def _maintained(dataset: Dataset, verb: Callable[[Dataset], object]) -> None:
    with dataset.maintenance("test") as held:
        verb(held)


def _seconds(verb: Callable[[], object]) -> float:
    started = time.process_time()
    verb()
    return time.process_time() - started


def test_each_verb_takes_time_in_proportion_to_the_columns(tmp_path: Path) -> None:
    """Looking a column up takes no search through all of them, and no reader is opened for one column alone."""
    seconds_of_each_verb(tmp_path / "warm", 2)
    grown: dict[str, tuple[float, float]] = {}
    for attempt in range(3):  # on a busy machine single figures are wrong; what is quadratic is so each time
        narrow = seconds_of_each_verb(tmp_path / f"narrow{attempt}", NARROW)
        wide = seconds_of_each_verb(tmp_path / f"wide{attempt}", WIDE)
        grown = {verb: (narrow[verb], wide[verb]) for verb in wide if wide[verb] > MOST * max(narrow[verb], 0.05)}
        if not grown:
            break
    assert {} == grown
