"""Planning a run takes memory for a few records, however long these are, and refuses what can't be asked."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.commit.file_tree import FileTree
from usr_core.runs.errors import RunRequestInvalid
from usr_core.runs.planning import second_name
from usr_core.store.view.merged_view import MergedView
from usr_core.testing.fixtures import DatasetFactory

SOURCE = """
def length(batch, seen=""):
    if seen:
        with open(seen, "a", encoding="utf-8") as file:
            file.write(f"{batch.nbytes}\\n")
    return [len(sequence) for sequence in batch["sequence"].to_pylist()]
"""
MEGABYTES = 120


@pytest.fixture
def dataset(dataset_factory: DatasetFactory) -> Dataset:
    """Records of a million letters."""
    sequences = ["ACGT"[at % 4] * (at + 1) + "ACGT" * 250_000 for at in range(MEGABYTES)]
    return dataset_factory(sequences, namespaces={"lab": {"lab__length": "int64", "lab__more": "int64"}})


@pytest.fixture
def function(tmp_path: Path) -> str:
    (tmp_path / "fns.py").write_text(SOURCE, encoding="utf-8")
    return f"{tmp_path / 'fns.py'}:length"


def test_the_function_is_tried_on_a_few_long_records(dataset: Dataset, function: str, tmp_path: Path) -> None:
    """No more than a worker gives it at once."""
    seen = tmp_path / "seen"
    dataset.map(function, into="lab__length", params={"seen": str(seen)}, dry_run=True)

    assert 1 << 20 < sum(map(int, seen.read_text().split())) <= 17 << 20


def test_long_records_are_copied_a_few_at_a_time(dataset: Dataset, function: str, tmp_path: Path) -> None:
    """Those of a run that needs columns of overlays."""
    ids = dataset.to_arrow(columns=["id"]).column("id")
    more = tmp_path / "more.parquet"
    pq.write_table(pa.table({"id": ids, "lab__more": pa.array(range(MEGABYTES), pa.int64())}), more)
    dataset.attach(more, "lab", key="id")
    run = dataset.map(
        function, columns=["sequence", "lab__more"], into="lab__length", sample=False, shards=1, executor=None
    )
    assert run.folder is not None
    metadata = pq.read_metadata(run.folder.input)
    largest = max(metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups))

    assert (True, MEGABYTES) == (run.folder.plan.copied, metadata.num_rows)
    assert largest < 70 << 20


def test_a_base_that_has_been_renamed_since_it_was_opened_is_planned(
    dataset_factory: DatasetFactory, tmp_path: Path
) -> None:
    """A reader opens the staged base of a change that is being committed; a moment later it has its final name."""
    dataset = dataset_factory(["ACGT", "TTGA"])
    records = dataset.path / "records.parquet"
    with contextlib.closing(MergedView.open(FileTree(dataset.path))) as view:
        second_name(view, tmp_path / "staged.parquet", tmp_path / "input.parquet")

    assert records.read_bytes() == (tmp_path / "input.parquet").read_bytes()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"mode": "missing_only"}, "mode as one of: missing, all"),
        ({"mode": None}, "mode as one of"),
        ({"on_error": "ignore"}, "on_error as one of: fail, null, skip"),
        ({"shards": 0}, "shards as a whole number from 1 on"),
        ({"shards": 2.0}, "shards as a whole number"),
        ({"batch_rows": 0}, "batch_rows as a whole number"),
        ({"batch_rows": "64"}, "batch_rows as a whole number"),
        ({"workers": -1}, "workers as a whole number"),
        ({"workers": True}, "workers as a whole number"),
    ],
)
def test_words_and_numbers_that_mean_nothing_are_refused(
    dataset_factory: DatasetFactory, asked: dict[str, Any], told: str
) -> None:
    """From Python, too: a misspelt `on_error` does not let every record pass, and nothing is planned."""
    dataset = dataset_factory(["ACGT", "TTGA"], namespaces={"lab": {"lab__length": "int64"}})
    with assert_unchanged(dataset.path), pytest.raises(RunRequestInvalid) as caught:
        dataset.map("length", into="lab__length", executor=None, **asked)

    assert told in str(caught.value.hint)
    assert repr(str(next(iter(asked.values())))) in caught.value.message
