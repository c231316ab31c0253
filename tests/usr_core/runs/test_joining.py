"""What is joined from shards: a run of what is missing replaces no value, whenever that came."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from usr_core import Dataset

from .conftest import SEQUENCES

BOTH = "def both(batch):\n    return {'length': [0] * batch.num_rows, 'ratio': [0.5] * batch.num_rows}\n"
TWO = ["lab__length", "lab__ratio"]


@pytest.fixture
def both(tmp_path: Path) -> str:
    """A function of two columns."""
    (tmp_path / "both.py").write_text(BOTH, encoding="utf-8")
    return f"{tmp_path / 'both.py'}:both"


def attach_lengths(dataset: Dataset, sequences: list[str]) -> None:
    found = dataset.to_arrow(columns=["sequence", "id"])
    ids = dict(zip(found["sequence"].to_pylist(), found["id"].to_pylist(), strict=True))
    dataset.write_overlay(
        "lab", pa.table({"id": [ids[one] for one in sequences], "lab__length": [len(one) for one in sequences]})
    )


def lengths(dataset: Dataset) -> list[int | None]:
    found: list[int | None] = dataset.to_arrow(columns=["lab__length"])["lab__length"].to_pylist()
    return found


def rows(dataset: Dataset) -> list[tuple[int | None, float | None]]:
    table = dataset.to_arrow(columns=TWO)
    return list(zip(*(table[name].to_pylist() for name in TWO), strict=True))


def test_of_several_columns_only_what_is_missing_is_filled(dataset: Dataset, both: str) -> None:
    """A record that lacks one of them keeps the values of the others."""
    attach_lengths(dataset, SEQUENCES[::2])
    done = dataset.map(both, into=TWO, shards=3, sample=False, executor="inline").wait(60).commit()

    assert [(len(one) if at % 2 == 0 else 0, 0.5) for at, one in enumerate(SEQUENCES)] == rows(dataset)
    assert (len(SEQUENCES), 0, 0) == (done.rows, done.rows_kept, done.rows_empty)


def test_a_value_that_came_while_the_run_went_on_is_kept(dataset: Dataset, both: str) -> None:
    """A record that lacks nothing any more is counted, and not written."""
    run = dataset.map(both, into="lab__length", shards=3, sample=False, executor="inline").wait(60)
    attach_lengths(dataset, SEQUENCES[:10])
    done = run.commit()

    assert [len(one) for one in SEQUENCES[:10]] + [0] * 38 == lengths(dataset)
    assert (38, 10, 0, 0) == (done.rows, done.rows_kept, done.rows_empty, done.rows_gone)


def test_where_the_base_was_rewritten_meanwhile_too(dataset: Dataset, both: str) -> None:
    """Records are found by id then, and so is what they have."""
    run = dataset.map(both, into="lab__length", shards=3, sample=False, executor="inline").wait(60)
    attach_lengths(dataset, SEQUENCES[5:20])
    dataset.delete(ids=dataset.to_arrow(columns=["id"])["id"].to_pylist()[:5])
    with dataset.maintenance("fewer"):
        dataset.materialize(drop_deleted=True)
    done = run.commit()

    assert [len(one) for one in SEQUENCES[5:20]] + [0] * 28 == lengths(dataset)
    assert (28, 15, 5) == (done.rows, done.rows_kept, done.rows_gone)


def test_a_run_of_every_record_replaces_what_is_there(dataset: Dataset, both: str) -> None:
    """That is what `all` asks for."""
    attach_lengths(dataset, SEQUENCES[:10])
    done = dataset.map(both, into=TWO, mode="all", shards=3, sample=False, executor="inline").wait(60).commit()

    assert [(0, 0.5)] * 48 == rows(dataset)
    assert (48, 0) == (done.rows, done.rows_kept)
