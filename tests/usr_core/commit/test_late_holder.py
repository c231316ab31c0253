"""A holder that was paused, lost the lock to another writer, and wakes up."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support import crash_child
from support.cli import clean_env
from support.crash import World, check_whole, child_argv, files_on_disk, outcome, view
from support.processes import Child
from usr_core.commit.apply import apply_operations, reverse_operations
from usr_core.commit.errors import LateHolder
from usr_core.commit.record import HeldRecord
from usr_core.commit.recovery import recover
from usr_core.commit.transaction import Step, Transaction
from usr_core.events.event import Event
from usr_core.roots.layout import DatasetLayout


@contextmanager
def _paused(folder: Path, step: Step) -> Iterator[dict[str, Any]]:
    """Pause a writer at `step` for the length of the block, with its lock broken; afterwards tell what became of it."""
    told: dict[str, Any] = {}
    holder = Child(
        child_argv(folder, "--pause", step), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_env()
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "paused\n"
    # What a network file system does whose lock ran out: the next one gets a lock that excludes nobody.
    (folder / ".usr.lock").unlink()
    yield told
    out, _ = holder.communicate("go on\n", timeout=30)
    told.update(outcome(subprocess.CompletedProcess([], 0, out, "")))


def _uncommitted(folder: Path) -> None:
    with Transaction(DatasetLayout(folder), command="look"):
        pass


class TestLateHolder:
    @pytest.mark.parametrize("step", [Step.RECOVERED, Step.STAGED, Step.RESERVED, Step.RECORDED])
    def test_is_refused_when_another_has_committed(self, dataset: Path, step: Step) -> None:
        """Whoever wakes up before its commit point finds the number taken, and nothing of it is applied."""
        with _paused(dataset, step) as told:
            crash_child.small_change(dataset)
            expected = view(dataset)

        assert ("LateHolder", 5) == (told["type"], told["exit"])
        _uncommitted(dataset)
        check_whole(dataset, expected, events=2)

    @pytest.mark.parametrize("step", [Step.STAGED, Step.RESERVED, Step.RECORDED])
    def test_is_refused_when_its_staging_was_cleared(self, world: World, dataset: Path, step: Step) -> None:
        """A number that is still free does not help who has lost its staged files."""
        with _paused(dataset, step) as told:
            _uncommitted(dataset)

        assert "LateHolder" == told["type"]
        _uncommitted(dataset)
        check_whole(dataset, world.old, events=1)

    @pytest.mark.parametrize("step", [Step.LINKED, Step.APPLIED, Step.LOGGED])
    def test_is_told_of_success_when_another_finished_its_change(self, world: World, dataset: Path, step: Step) -> None:
        """Behind its commit point the change is finished by whoever comes next, and what that one changed stays."""
        with _paused(dataset, step) as told:
            crash_child.small_change(dataset)

        assert {"done": 2} == told
        _uncommitted(dataset)
        check_whole(dataset, {**world.new, "meta.md": b"small after 2"}, events=3)

    def test_leaves_a_newer_file_of_a_retired_name(self, dataset: Path) -> None:
        """A name that the late change retired may have come into use again; it is not moved away."""
        with _paused(dataset, Step.LINKED) as told, Transaction(DatasetLayout(dataset), command="newer") as txn:
            txn.stage("_derived/old/part-a.parquet").write_bytes(b"newer")
            txn.stage("_derived/old/part-b.parquet").write_bytes(b"newer")
            txn.commit(Event(action="newer", dataset="d", root="r"))

        assert {"done": 2} == told
        assert b"newer" == (dataset / "_derived/old/part-a.parquet").read_bytes()
        assert b"newer" == (dataset / "_derived/old/part-b.parquet").read_bytes()


class TestSettledRecord:
    """The same in one process, at points where no step is named."""

    def _killed_at(self, dataset: Path, step: Step) -> Path:
        argv = child_argv(dataset, "--kill", step)
        assert subprocess.run(argv, env=clean_env(), capture_output=True, check=False, timeout=120).returncode == -9
        return dataset / ".usr.commit.2.json"

    @pytest.mark.parametrize("act", [apply_operations, reverse_operations])
    def test_is_neither_applied_nor_reversed(self, dataset: Path, act: Any) -> None:
        """Who still holds a record that another settled may go on with nothing of it, not even its undoing."""
        path = self._killed_at(dataset, Step.LINKED)
        with HeldRecord.take(dataset, path) as held:
            recover(dataset)
            crash_child.small_change(dataset)
            expected = files_on_disk(dataset)
            with pytest.raises(LateHolder):
                act(held)

            assert expected == files_on_disk(dataset)
        check_whole(dataset, expected, events=3)

    def test_is_told_from_a_new_one_of_the_same_name(self, dataset: Path) -> None:
        """A record that was taken back leaves its number free; the next record of that number is another one."""
        path = self._killed_at(dataset, Step.LINKED)
        with HeldRecord.take(dataset, path) as held:
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)

            assert not held.alive()
