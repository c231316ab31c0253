"""The events behind a record: what added it, and what has attached the values that it has."""

from __future__ import annotations

import pyarrow as pa
import pytest

from usr_core import Dataset
from usr_core.testing.fixtures import DatasetFactory
from usr_explore.condition import Query
from usr_explore.exploring import Exploration


@pytest.fixture
def dataset(dataset_factory: DatasetFactory) -> Dataset:
    """Two records, a third that came later, values for the first one, and an event about others."""
    dataset = dataset_factory(["ACGT", "TTTT"], namespaces={"lab": {"lab__score": "float64"}})
    dataset.write_overlay("lab", pa.table({"id": dataset.head_arrow(1)["id"], "lab__score": [0.5]}))
    dataset.add_sequences([{"sequence": "GGGG"}])
    dataset.delete(dataset.to_arrow(columns=["id"])["id"].to_pylist()[1:2])
    return dataset


def behind(dataset: Dataset) -> list[list[str]]:
    """Return what is behind each live record, the newest first."""
    exploration = Exploration(dataset.ref.root, dataset.name)
    loaded = exploration.load(dataset.name)
    return [[one.action for one in exploration.record(loaded, row, Query())[2]] for row in range(loaded.rows)]


def test_are_what_added_it_and_what_gave_it_values(dataset: Dataset) -> None:
    """Not what added, deleted or restored others; rows count as they lie in the base, deleted ones too."""
    before = behind(dataset)
    dataset.restore(dataset.to_arrow(columns=["id"], include_deleted=True)["id"].to_pylist()[1:2])

    assert [["write_overlay", "import"], ["import"]] == before
    assert [["write_overlay", "import"], ["import"], ["import"]] == behind(dataset)


def test_before_the_base_was_written_anew_every_import_counts(dataset: Dataset) -> None:
    """Nothing tells which row a record was then."""
    with dataset.maintenance("fewer"):
        dataset.materialize(drop_deleted=True)

    assert [["materialize", "import", "write_overlay", "import"], ["materialize", "import", "import"]] == behind(
        dataset
    )


def test_a_dataset_as_it_was_is_looked_at_and_not_marked(dataset: Dataset) -> None:
    """With the records of the version, and what was behind them then."""
    past = Exploration(dataset.ref.root, dataset.name, at=3)
    loaded = past.load(dataset.name)

    assert loaded.rows == dataset.at(3).rows == 2
    assert Exploration(dataset.ref.root, dataset.name).load(dataset.name).column("sequence").to_pylist()[-1] == "GGGG"
    assert [one.action for one in past.record(loaded, 0, Query())[2]] == ["write_overlay", "import"]
    assert not past.writable(dataset.name)
