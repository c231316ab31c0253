"""``usr infer pending``: which records lack a value, in row order."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from support.cli import Usr
from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_infer.registration import register_outputs, wanted_columns

DS = "ns/base"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Six records; the third and the fifth have a value, the latter NaN, the first an explicit null."""
    made = make_dataset(tmp_path / "root")
    register_outputs(tmp_path / "root", wanted_columns(dim=2, model=None, job=None, outputs=()))
    values = pa.table({"id": [IDS[4], IDS[0], IDS[2]], "llr": [math.nan, None, 1.0]})
    made.write_overlay_part("infer", values)
    return made


@pytest.fixture
def usr(dataset: Dataset) -> Usr:
    return Usr(root=dataset.ref.root)


class TestPending:
    def test_ids_that_lack_a_value_in_row_order(self, usr: Usr) -> None:
        """A null is not a value; NaN is one."""
        with assert_unchanged(usr.root):
            out = usr.ok("infer", "pending", DS, "--column", "infer__llr").out

        assert [IDS[0], IDS[1], IDS[3], IDS[5]] == out.split()

    @pytest.mark.parametrize("name", ["infer__embedding", "embedding", "mock__score"])
    def test_a_column_that_nothing_was_attached_to(self, usr: Usr, name: str) -> None:
        """Every record lacks it; any registered column may be asked for."""
        assert list(IDS) == usr.ok("infer", "pending", DS, "--column", name).out.split()

    def test_vectors(self, dataset: Dataset, usr: Usr) -> None:
        """A vector is a value."""
        vector = pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2))
        dataset.write_overlay_part("infer", pa.table({"id": [IDS[0]], "embedding": vector}))

        assert list(IDS[1:]) == usr.ok("infer", "pending", DS, "--column", "embedding").out.split()

    def test_deleted_records_are_not_pending(self, dataset: Dataset, usr: Usr) -> None:
        """Nobody computes for them."""
        dataset.delete([IDS[0]], reason="test")

        assert [IDS[1], IDS[3], IDS[5]] == usr.ok("infer", "pending", DS, "--column", "llr").out.split()

    def test_nothing_is_pending(self, dataset: Dataset, usr: Usr) -> None:
        """Exit code 0, and nothing is printed."""
        dataset.write_overlay_part("infer", pa.table({"id": list(IDS), "llr": [0.0] * 6}))
        done = usr.ok("infer", "pending", DS, "--column", "infer__llr")

        assert ("", "") == (done.out, done.err)

    @pytest.mark.parametrize(("limit", "complete"), [(0, True), (3, False), (4, True), (9, True)])
    def test_json(self, usr: Usr, limit: int, complete: bool) -> None:
        """One document, which knows whether there are more."""
        data = usr.ok("infer", "pending", DS, "--column", "llr", "--format", "json", "--limit", str(limit)).data

        expected = [IDS[0], IDS[1], IDS[3], IDS[5]][: limit or None]
        assert {"column": "infer__llr", "ids": expected, "listed": len(expected), "complete": complete} == data

    def test_a_limit_says_that_there_are_more(self, usr: Usr) -> None:
        """On stderr, and not under --quiet."""
        words = ("infer", "pending", DS, "--column", "llr", "--limit", "1")

        assert "more than 1" in usr.ok(*words).err
        assert "" == usr.ok(*words, "--quiet").err

    def test_a_file_of_ids(self, usr: Usr, tmp_path: Path) -> None:
        """One a line, as --id-file takes them; an existing file is replaced only when asked."""
        file = tmp_path / "todo.txt"
        out = usr.ok("infer", "pending", DS, "--column", "llr", "--out", file).out

        assert f"wrote 4 ids to {file}\n" == out
        assert f"{IDS[0]}\n{IDS[1]}\n{IDS[3]}\n{IDS[5]}\n" == file.read_text()
        with assert_unchanged(tmp_path):
            usr.refuses(1, "infer", "pending", DS, "--column", "llr", "--out", file)
        done = usr.ok(
            "infer", "pending", DS, "--column", "llr", "--out", file, "--overwrite", "--limit", "2", "--format", "json"
        )
        assert {"column": "infer__llr", "file": str(file), "listed": 2, "complete": False} == done.data

    def test_what_an_attachment_brings_is_pending_no_more(self, usr: Usr, tmp_path: Path) -> None:
        """The loop of a run that goes on: pending, compute, attach."""
        usr.ok("infer", "pending", DS, "--column", "llr", "--limit", "2", "--out", tmp_path / "llr.ids")
        import numpy as np

        np.save(tmp_path / "llr.npy", np.array([7.0, 8.0]))
        usr.ok("attach", DS, "--writer", "infer", "--path", tmp_path / "llr.npy", "--allow-overwrite")

        assert [IDS[3], IDS[5]] == usr.ok("infer", "pending", DS, "--column", "llr").out.split()

    @pytest.mark.parametrize(("rc", "name"), [(1, "infer__nope"), (1, "nope"), (1, "other__x")])
    def test_an_unknown_column(self, usr: Usr, rc: int, name: str) -> None:
        """What is registered is told."""
        assert "infer__llr" in usr.refuses(rc, "infer", "pending", DS, "--column", name).err

    def test_an_unknown_dataset(self, usr: Usr) -> None:
        """Exit code 3."""
        usr.refuses(3, "infer", "pending", "ns/none", "--column", "infer__llr")
