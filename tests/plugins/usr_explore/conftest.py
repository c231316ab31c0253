"""A root with datasets to look at: one with columns of every kind, one without any, one without records."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from support.explore import ROWS, explored_sequences
from usr_core import Dataset
from usr_core.registry.store import register_namespace


@pytest.fixture(scope="session")
def explore_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a root that tests may add events to; nothing else of it is changed."""
    root = tmp_path_factory.mktemp("explore")
    columns = ["strength:float64", "reads:int64", "plate:string", "name:string", "vec:fixed_size_list<float32>[8]"]
    register_namespace(root, "lab", [tuple(f"lab__{one}".split(":")) for one in columns])  # type: ignore[misc]
    Dataset.open(root, "demo/empty").init()
    Dataset.open(root, "demo/plain").init().add_sequences(
        [{"sequence": one} for one in ("ACGTACGT", "GATTACA", "CCGG")], bio_type="dna", alphabet="dna_4"
    )
    dataset = Dataset.open(root, "demo/first").init()
    dataset.add_sequences([{"sequence": one} for one in explored_sequences()], bio_type="dna", alphabet="dna_4")
    rng = random.Random(5)
    vectors = [
        [(row % 2) * 4 + rng.gauss(0, 0.3) if at == 0 else rng.gauss(0, 0.3) for at in range(8)] for row in range(ROWS)
    ]
    table = pa.table(
        {
            "id": dataset.to_arrow(columns=["id"])["id"],
            "lab__strength": pa.array([None if row == 7 else row / 10 for row in range(ROWS)], pa.float64()),
            "lab__reads": pa.array([row % 50 for row in range(ROWS)], pa.int64()),
            "lab__plate": pa.array([f"p{row % 3}" for row in range(ROWS)], pa.string()),
            "lab__name": pa.array([f"<b>prom_{row}</b>" for row in range(ROWS)], pa.string()),
            "lab__vec": pa.array(vectors, pa.list_(pa.float32(), 8)),
        }
    )
    dataset.write_overlay_part("lab", table, key="id")
    return root
