"""A run over the records of an earlier version, whose values are attached to the dataset as it is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from usr_core import Dataset
from usr_core.store.versions.errors import VersionMissing

from .conftest import SEQUENCES

TWICE = "def twice(ratio):\n    return None if ratio is None else int(2 * ratio)\n"


@pytest.fixture
def twice(tmp_path: Path) -> dict[str, object]:
    """A function of a value that is attached, and how it is mapped."""
    (tmp_path / "twice.py").write_text(TWICE, encoding="utf-8")
    return {
        "function": f"{tmp_path / 'twice.py'}:twice", "columns": "lab__ratio", "into": "lab__length",
        "per_record": True, "shards": 3, "sample": False, "executor": "inline",
    }  # fmt: skip


def give(dataset: Dataset, value: float) -> int:
    """Give every record a ratio; return the version that this makes."""
    ids = dataset.to_arrow(columns=["id"])["id"].to_pylist()
    dataset.write_overlay("lab", pa.table({"id": ids, "lab__ratio": [value] * len(ids)}))
    return sum(1 for _ in dataset.events())


def lengths(dataset: Dataset) -> list[int | None]:
    found: list[int | None] = dataset.to_arrow(columns=["lab__length"])["lab__length"].to_pylist()
    return found


def test_records_and_values_of_then_are_mapped_and_attached_to_the_present(
    dataset: Dataset, twice: dict[str, object]
) -> None:
    """Records that came since have no value; the event says of which version the values are."""
    then = give(dataset, 4.0)
    dataset.add_sequences([{"sequence": "GGGGG"}])
    give(dataset, 100.0)
    done = dataset.at(then).map(**twice).wait(60).commit()  # type: ignore[arg-type]

    assert [8] * len(SEQUENCES) + [None] == lengths(dataset)
    assert (48, 0, 3) == (done.rows, done.rows_gone, done.shards)
    last = list(dataset.events())[-1].event
    assert last is not None
    assert then == last["args"]["at"]
    assert dataset.validate(strict=True).ok


def test_records_that_are_gone_since_are_counted(dataset: Dataset, twice: dict[str, object]) -> None:
    """They are found by id, as after every rewrite of the base."""
    then = give(dataset, 4.0)
    run = dataset.at(then).map(**twice).wait(60)  # type: ignore[arg-type]
    dataset.delete(ids=dataset.to_arrow(columns=["id"])["id"].to_pylist()[:5])
    with dataset.maintenance("fewer"):
        dataset.materialize(drop_deleted=True)
    done = run.commit()

    assert (43, 5) == (done.rows, done.rows_gone)
    assert [8] * 43 == lengths(dataset)


def test_the_same_question_of_a_version_is_the_same_run_whatever_came_since(
    dataset: Dataset, twice: dict[str, object]
) -> None:
    """What a version held does not change; the dataset as it is, is another question."""
    then = give(dataset, 4.0)
    planned = twice | {"executor": None, "mode": "all"}
    first = dataset.at(then).map(**planned)  # type: ignore[arg-type]
    now = dataset.map(**planned)  # type: ignore[arg-type]
    dataset.add_sequences([{"sequence": "GGGGG"}])
    again = dataset.at(then).map(**planned)  # type: ignore[arg-type]

    assert first.run_id == again.run_id != now.run_id
    assert again.planned is not None
    assert again.planned.resumed


def test_a_version_that_is_not_there_plans_nothing(dataset: Dataset, twice: dict[str, object]) -> None:
    """It is refused as for every question."""
    with pytest.raises(VersionMissing):
        dataset.at(99).map(**twice)  # type: ignore[arg-type]

    assert [] == dataset.runs()
