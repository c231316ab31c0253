"""A DenseGen run: typed columns, nothing twice, nothing lost by a kill, and a log that tells how it went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.registry.errors import NamespaceNotRegistered
from usr_core.registry.store import register_namespace
from usr_core.store.changes.session.errors import SessionInUse, SessionRowError
from usr_core.store.changes.session.known import base_mark
from usr_densegen.artifacts import FOLDER, read_arrays
from usr_densegen.errors import ArraysInvalid, NamespaceIncomplete
from usr_densegen.namespace import COLUMNS
from usr_densegen.writer import DenseGenWriter


def record(number: int, **more: object) -> dict[str, Any]:
    letters = "".join("ACGT"[(number >> (2 * at)) & 3] for at in range(12))
    return {
        "sequence": letters,
        "plan": "sigma70",
        "used_tfbs": [f"lexA:{letters[:6]}"],
        "used_tfbs_detail": [{"tf": "lexA", "tfbs": letters[:6], "orientation": "fwd", "offset": 0}],
        "used_tf_counts": [{"tf": "lexA", "count": 1}],
        "length": 12,
        "gc_total": 0.5,
        "random_seed": number,
        **more,
    }


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    root = tmp_path / "root"
    root.mkdir()
    register_namespace(root, "densegen", COLUMNS)
    return Dataset.open(root, "densegen/run").init()


def health(dataset: Dataset) -> list[dict[str, Any]]:
    return [line.event for line in dataset.events() if line.event and line.event["action"] == "densegen_health"]


def statuses(dataset: Dataset) -> list[str]:
    return [event["metrics"]["densegen"]["status"] for event in health(dataset)]


class TestRecords:
    def test_fields_become_typed_columns(self, dataset: Dataset) -> None:
        """Bare or full names; the run's id is filled in, and the source says where records come from."""
        with DenseGenWriter(dataset, run_id="r1") as writer:
            writer.add([record(1), {"sequence": "GGGG", "densegen__plan": "other"}])
            assert (2, 0) == (writer.added, writer.skipped)

        rows = dataset.to_arrow().to_pylist()
        assert ["sigma70", "other"] == [row["densegen__plan"] for row in rows]
        assert {"r1"} == {row["densegen__run_id"] for row in rows}
        assert {"densegen"} == {row["source"] for row in rows}
        assert [{"tf": "lexA", "count": 1}] == rows[0]["densegen__used_tf_counts"]
        assert 12 == rows[0]["densegen__length"]
        assert dataset.validate(strict=True).ok

    def test_known_records_are_skipped_and_counted(self, dataset: Dataset) -> None:
        """Those of the dataset, of this run, and of one call."""
        dataset.add_sequences([{"sequence": record(1)["sequence"]}])
        with DenseGenWriter(dataset, run_id="r1") as writer:
            writer.add([record(1), record(2), record(2)])
            writer.add([record(2), record(3)])
            assert (2, 3) == (writer.added, writer.skipped)

        assert 3 == dataset.overview().rows

    def test_each_128_records_are_safe(self, dataset: Dataset) -> None:
        """By default; the dataset changes much more seldom."""
        with DenseGenWriter(dataset, run_id="r1", flush_seconds=3600) as writer:
            for number in range(300):
                writer.add([record(number)])
            (journal,) = (dataset.path / ".usr.journal").rglob("*.journal")
            assert 2 == writer._open_session().flushes
            assert journal.stat().st_size > 0
            assert 0 == dataset.overview().rows

        assert 300 == dataset.overview().rows

    def test_a_bad_record_is_told_and_the_run_goes_on(self, dataset: Dataset) -> None:
        """Nothing of its call is kept."""
        with DenseGenWriter(dataset, run_id="r1") as writer:
            with pytest.raises(SessionRowError) as caught:
                writer.add([record(1), record(2, length=1.5)])
            writer.add([record(3)])

        assert ("densegen__length", 2) == (caught.value.column, caught.value.row)
        assert 1 == dataset.overview().rows


class TestArrays:
    def test_they_become_a_file_that_the_record_refers_to(self, dataset: Dataset) -> None:
        """With digest, size and names; records without arrays have no reference."""
        arrays = {"pwm": np.eye(4), "hits": [[1], [2, 3]]}
        with DenseGenWriter(dataset, run_id="r1") as writer:
            writer.add([record(1, arrays=arrays), record(2)])

        with_arrays, without = dataset.to_arrow().to_pylist()
        ref, digest = with_arrays["densegen__npz_ref"], with_arrays["densegen__npz_sha256"]
        assert ["hits", "pwm"] == with_arrays["densegen__npz_fields"]
        assert (dataset.path / ref).stat().st_size == with_arrays["densegen__npz_bytes"]
        assert np.array_equal(np.eye(4), read_arrays(dataset.path, ref, digest)["pwm"])
        assert without["densegen__npz_ref"] is None

    def test_those_of_known_records_are_not_kept(self, dataset: Dataset) -> None:
        """Nothing would refer to them."""
        with DenseGenWriter(dataset, run_id="r1") as writer:
            writer.add([record(1)])
            writer.add([record(1, arrays={"a": [1]})])

        assert not (dataset.path / FOLDER).exists()

    def test_bad_ones_are_refused_with_their_call(self, dataset: Dataset) -> None:
        """Objects would have to be pickled."""
        with DenseGenWriter(dataset, run_id="r1") as writer:
            with pytest.raises(ArraysInvalid):
                writer.add([record(1, arrays={"a": [object()]})])
            with pytest.raises(ArraysInvalid):
                writer.add([record(1, arrays=[1, 2])])
            assert 0 == writer.added


class TestRegistration:
    def test_it_registers_when_asked(self, tmp_path: Path) -> None:
        """In a root that knows nothing of DenseGen, or a part of its columns."""
        register_namespace(tmp_path, "densegen", [("densegen__plan", "string")])
        dataset = Dataset.open(tmp_path, "d").init()
        with assert_unchanged(dataset.path), pytest.raises(NamespaceIncomplete), DenseGenWriter(dataset, run_id="r"):
            pass
        with DenseGenWriter(dataset, run_id="r", register=True) as writer:
            writer.add([record(1)])

        assert ["r"] == dataset.to_arrow()["densegen__run_id"].to_pylist()

    def test_an_unregistered_namespace_is_refused(self, tmp_path: Path) -> None:
        """With nothing written."""
        register_namespace(tmp_path, "mock", [("mock__a", "string")])
        dataset = Dataset.open(tmp_path, "d").init()
        with assert_unchanged(dataset.path), pytest.raises(NamespaceNotRegistered), DenseGenWriter(dataset, run_id="r"):
            pass


class TestHealth:
    def test_a_run_starts_and_completes(self, dataset: Dataset) -> None:
        """With the counts below ``densegen``, figures of the caller's own beside them, and the run as the actor."""
        with DenseGenWriter(dataset, run_id="r1", health=lambda: {"attempts": 5}) as writer:
            writer.add([record(1), record(1)])

        assert ["started", "completed"] == statuses(dataset)
        last = health(dataset)[-1]
        told = last["metrics"]["densegen"]
        assert (1, 1, 5, "r1") == (told["rows_added"], told["rows_skipped"], told["attempts"], told["run_id"])
        assert ("densegen", "r1") == (last["actor"]["tool"], last["actor"]["run_id"])
        assert [] == dataset.verify_events()

    def test_a_run_says_that_it_is_running(self, dataset: Dataset) -> None:
        """When it is due and not before; the base is not copied for it."""
        dataset.add_sequences([{"sequence": "ACGT"}])
        base = base_mark(dataset.layout.records)
        with DenseGenWriter(dataset, run_id="r1", health_seconds=0.0) as writer:
            writer.add([record(1)])
            writer.add([record(2)])
            assert ["started", "running", "running"] == statuses(dataset)
            assert base == base_mark(dataset.layout.records)
        with DenseGenWriter(dataset, run_id="r2") as writer:
            for number in range(50):
                writer.add([record(number)])

        assert ["started", "completed"] == statuses(dataset)[-2:]

    def test_a_failure_is_told_and_what_was_given_is_kept(self, dataset: Dataset) -> None:
        """The caller's error comes out; secrets that it quotes are not in the log."""
        with pytest.raises(RuntimeError), DenseGenWriter(dataset, run_id="r1") as writer:
            writer.add([record(1)])
            raise RuntimeError("solver at https://user:hunter2@host/ is gone")

        assert ["started", "failed"] == statuses(dataset)
        assert "RuntimeError" in health(dataset)[-1]["args"]["error"]
        assert "hunter2" not in dataset.layout.event_log.read_text("utf-8")
        assert 1 == dataset.overview().rows

    def test_the_same_run_again_is_resumed(self, dataset: Dataset) -> None:
        """Another run is not."""
        for run_id in ("r1", "r1", "r2"):
            with DenseGenWriter(dataset, run_id=run_id) as writer:
                writer.add([record(1)])

        assert ["started", "completed", "resumed", "completed", "started", "completed"] == statuses(dataset)

    def test_one_process_a_run(self, dataset: Dataset) -> None:
        """The second is refused and tells nothing."""
        with DenseGenWriter(dataset, run_id="r1"):
            with pytest.raises(SessionInUse), DenseGenWriter(dataset, run_id="r1"):
                pass
            assert ["started"] == statuses(dataset)


CHILD = """
import os, signal, sys
from usr_core import Dataset
from usr_densegen.writer import DenseGenWriter
sys.path.insert(0, sys.argv[4])
from test_writer import record
dataset = Dataset.open(sys.argv[1], "densegen/run")
with DenseGenWriter(dataset, run_id="r1", flush_rows=20, commit_rows=60, commit_fraction=0.0) as writer:
    for start in range(0, int(sys.argv[2]), 20):
        writer.add([record(n, arrays={"a": [n]}) for n in range(start, start + 20)])
        if start + 20 == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
"""


class TestKill:
    @pytest.mark.parametrize("die_after", [20, 60, 100])
    def test_another_process_goes_on_and_no_flushed_row_is_lost(self, dataset: Dataset, die_after: int) -> None:
        """Every record once with its values, one file of arrays each, and the log says that it was resumed."""
        codes = [self.run(dataset, 160, after) for after in (die_after, 0)]

        rows = dataset.to_arrow().to_pylist()
        assert [-signal.SIGKILL, 0] == codes
        assert [*range(160)] == [row["densegen__random_seed"] for row in rows]
        assert 160 == len(list((dataset.path / FOLDER).iterdir()))
        assert {row["densegen__npz_ref"] for row in rows} == {
            f"{FOLDER}/{path.name}" for path in (dataset.path / FOLDER).iterdir()
        }
        assert ["started", "resumed", "completed"] == statuses(dataset)
        told = health(dataset)[-1]["metrics"]["densegen"]
        assert (160 - die_after, die_after) == (told["rows_added"], told["rows_skipped"])
        assert dataset.validate(strict=True).ok

    def test_what_was_flushed_arrives_though_nothing_is_given_again(self, dataset: Dataset) -> None:
        """Opening the run and closing it is enough."""
        self.run(dataset, 160, 100)
        before = dataset.overview().rows
        with DenseGenWriter(dataset, run_id="r1") as writer:
            assert 40 == writer.resumed

        assert (60, 100) == (before, dataset.overview().rows)

    @staticmethod
    def run(dataset: Dataset, count: int, die_after: int) -> int:
        words = [str(dataset.ref.root), str(count), str(die_after), str(Path(__file__).parent)]
        tests = Path(__file__).parents[2]
        environment = {**os.environ, "PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, "-c", CHILD, *words], check=False, env=environment, timeout=120
        ).returncode
