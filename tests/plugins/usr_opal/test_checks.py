"""What ``usr validate`` says of labels that came past the writer."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from support.cli import Usr
from support.small_datasets import IDS, make_dataset
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from usr_opal.checks import check_offsets, check_vectors
from usr_opal.labels import COLUMNS, OFFSET, VECTOR

DS = "ns/base"
GOOD = [0.5] * 8


def labelled(root: Path, kind: str, labels: dict[int, object]) -> Dataset:
    """Return a dataset whose namespace has vectors of that type, with labels by number of the record, from 1."""
    dataset = make_dataset(root)
    register_namespace(root, "opal", [(VECTOR, kind), COLUMNS[1]])
    ids = [IDS[row - 1] for row in labels]
    dataset.write_overlay_part("opal", pa.table({"id": ids, "y_sfxi": pa.array(list(labels.values()))}))
    return dataset


def findings(dataset: Dataset) -> list[tuple[str, tuple[int, ...], int]]:
    return [
        (found.code, found.rows, found.count)
        for found in dataset.validate(strict=True).findings
        if found.code.startswith("USR-OPAL")
    ]


class TestValidate:
    def test_good_labels_are_no_finding(self, tmp_path: Path) -> None:
        """Records without a label are none either."""
        dataset = labelled(tmp_path / "root", COLUMNS[0][1], {2: GOOD, 5: GOOD})

        assert [] == findings(dataset)
        assert dataset.validate(strict=True).ok

    def test_lengths_and_numbers_have_rows_and_counts(self, tmp_path: Path) -> None:
        """A record with two bad numbers is one record; rows are numbered in the base's order."""
        bad = [math.nan, math.inf, *GOOD[2:]]
        labels = {1: GOOD, 2: GOOD[:7], 3: bad, 4: [*GOOD, 1.0], 6: [None, *GOOD[1:]]}
        dataset = labelled(tmp_path / "root", "list<float64>", labels)

        assert [("USR-OPAL-201", (2, 4), 2), ("USR-OPAL-202", (3, 6), 2)] == findings(dataset)

    def test_the_command_says_where(self, tmp_path: Path) -> None:
        """Exit code 1, the finding with its rows and what to do."""
        dataset = labelled(tmp_path / "root", COLUMNS[0][1], {4: [math.nan, *GOOD[1:]]})
        dataset.write_overlay_part("opal", pa.table({"id": [IDS[0]], "intensity_log2_offset_delta": [-math.inf]}))
        done = Usr(root=dataset.ref.root).run("validate", DS)

        assert 1 == done.rc
        lines = done.out.splitlines()
        assert [
            "error    USR-OPAL-203  opal__intensity_log2_offset_delta is not finite in 1 record, first in row 1",
            "         rows: 1",
        ] == lines[:2]
        assert "         rows: 4" in lines
        assert "--writer opal" in done.out

    def test_a_namespace_of_other_types(self, tmp_path: Path) -> None:
        """Registered by hand as text: one finding, and no more."""
        dataset = labelled(tmp_path / "root", "string", {1: "1;2", 2: "x"})

        assert [("USR-OPAL-204", (), 1)] == findings(dataset)


class TestBatches:
    @pytest.mark.parametrize("kind", [pa.list_(pa.float64(), 8), pa.list_(pa.float64())])
    def test_rows_go_on_over_batches_and_slices(self, kind: pa.DataType) -> None:
        """A slice's rows are its own; of many rows the first twenty are told."""
        bad = [*GOOD[:7], math.nan]
        column = pa.array([bad, None, GOOD, bad, *[bad] * 40], kind)
        whole = pa.RecordBatch.from_arrays([column], names=[VECTOR])
        (found,) = check_vectors([whole.slice(1, 2), whole.slice(3)])

        assert "USR-OPAL-202" == found.code
        assert 41 == found.count
        assert tuple(range(3, 23)) == found.rows

    def test_no_batches(self) -> None:
        """A dataset without records has nothing wrong."""
        assert [] == [*check_vectors([]), *check_offsets([])]

    def test_null_offsets_are_none(self) -> None:
        """Only what is there is looked at."""
        column = pa.array([None, 1.0, math.nan])

        (found,) = check_offsets([pa.RecordBatch.from_arrays([column], names=[OFFSET])])
        assert ((3,), 1) == (found.rows, found.count)
