"""Reading while a change is half applied, half undone, or comes and goes meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support import crash_child
from support.crash import World, run_child, view
from usr_core.commit import apply
from usr_core.commit.apply import apply_operations, reverse_operations
from usr_core.commit.errors import DatasetBusy
from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import TRIES, read_consistent
from usr_core.commit.record import HeldRecord
from usr_core.commit.transaction import Step, Transaction
from usr_core.events.event import Event
from usr_core.roots.layout import DatasetLayout


class _Stop(Exception):
    pass


def _after_each_rename(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None], look: Callable[[], None]) -> None:
    """Run `act` and look at the dataset after each rename and each unlink that it makes."""
    rename, unlink = os.rename, Path.unlink

    def seen_rename(*args: object) -> None:
        rename(*args)  # type: ignore[arg-type]
        look()

    def seen_unlink(self: Path, missing_ok: bool = False) -> None:
        unlink(self, missing_ok=missing_ok)
        look()

    with monkeypatch.context() as patch:
        patch.setattr(apply.os, "rename", seen_rename)
        patch.setattr(Path, "unlink", seen_unlink)
        act()


class TestHalfApplied:
    def test_is_seen_whole_after_each_operation(
        self, world: World, dataset: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between any two operations a reader sees the new state."""
        run_child(dataset, "--kill", Step.LINKED)
        looks = []
        with HeldRecord.take(dataset, dataset / ".usr.commit.2.json") as held:
            _after_each_rename(
                monkeypatch, lambda: apply_operations(held), lambda: looks.append(view(dataset) == world.new)
            )

        assert [True] * 7 == looks

    def test_and_half_undone_is_seen_as_before(
        self, world: World, dataset: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between any two steps of the undoing a reader sees the old state."""
        run_child(dataset, "--kill", Step.APPLIED)
        looks = []
        with HeldRecord.take(dataset, dataset / ".usr.commit.2.json") as held:
            held.turn_into_abort()
            looks.append(view(dataset) == world.old)
            _after_each_rename(
                monkeypatch, lambda: reverse_operations(held), lambda: looks.append(view(dataset) == world.old)
            )

        assert [True] * 8 == looks


class TestMeanwhile:
    def test_a_commit_makes_the_reader_start_over(self, dataset: Path) -> None:
        """What was opened before and after a change is not mixed."""
        opened = []

        def opener(tree: FileTree) -> str:
            opened.append((dataset / "meta.md").read_text())
            if len(opened) == 1:
                crash_child.small_change(dataset)
            return opened[-1]

        assert "small after 1" == read_consistent(dataset, opener)
        assert 2 == len(opened)

    def test_a_change_that_comes_and_goes_makes_the_reader_start_over(self, dataset: Path) -> None:
        """A change that was undone leaves the log's size as it was; the reader notices all the same."""
        opened = []

        def opener(tree: FileTree) -> int:
            opened.append(1)
            if len(opened) == 1:
                run_child(dataset, "--fail", Step.APPLIED)
            return len(opened)

        assert 2 == read_consistent(dataset, opener)

    def test_an_undoing_always_moves_the_time_of_the_log(self, dataset: Path) -> None:
        """The kernel's clock stands still for milliseconds: the new time is later than the old one all the same."""
        run_child(dataset, "--kill", Step.LINKED)
        ahead = (dataset / ".events.log").stat().st_mtime_ns + 10**12
        os.utime(dataset / ".events.log", ns=(ahead, ahead))
        with HeldRecord.take(dataset, dataset / ".usr.commit.2.json") as held:
            held.turn_into_abort()
            reverse_operations(held)

        assert ahead + 1 == (dataset / ".events.log").stat().st_mtime_ns

    def test_endless_changes_are_told_as_such(self, dataset: Path) -> None:
        """A dataset that changes at every try is busy, with exit code 5."""
        with pytest.raises(DatasetBusy) as caught:
            read_consistent(dataset, lambda tree: crash_child.small_change(dataset))

        assert (TRIES, 5) == (caught.value.tries, caught.value.exit_code)

    @pytest.mark.parametrize("step", [None, Step.LINKED])
    def test_a_file_that_is_really_missing_is_told_as_such(self, dataset: Path, step: Step | None) -> None:
        """A missing file is reported as missing, not as a busy dataset, even beside an interrupted writer's record."""
        if step is not None:
            run_child(dataset, "--kill", step)
        with pytest.raises(FileNotFoundError):
            read_consistent(dataset, lambda tree: (dataset / "absent").read_bytes())

    def test_a_stale_handle_makes_the_reader_start_over(self, dataset: Path) -> None:
        """A network file system says ESTALE where a file was replaced by another host."""
        tries = []

        def opener(tree: FileTree) -> int:
            tries.append(1)
            if len(tries) == 1:
                crash_child.small_change(dataset)
                raise OSError(errno.ESTALE, "stale")
            return len(tries)

        assert 2 == read_consistent(dataset, opener)

    def test_a_first_change_that_comes_and_goes_is_noticed_without_a_log(self, tmp_path: Path) -> None:
        """A dataset that has no event yet is watched by its folder."""
        tries = []

        def opener(tree: FileTree) -> list[str]:
            tries.append(1)
            if len(tries) == 1:
                with pytest.raises(_Stop), Transaction(DatasetLayout(tmp_path), command="x", observer=_stop) as txn:
                    txn.stage("a.txt").write_text("a")
                    txn.commit(Event(action="x", dataset="d", root="r"))
            return tree.names("")

        assert "a.txt" not in read_consistent(tmp_path, opener)
        assert 2 == len(tries)


class TestForeignRecord:
    def test_is_not_seen(self, world: World, dataset: Path) -> None:
        """A record whose place in the log is taken is a late holder's: readers pass it over."""
        run_child(dataset, "--kill", Step.LINKED)
        copy = Path(shutil.copytree(dataset, dataset.with_name("copy")))
        (copy / ".events.log").write_bytes((copy / ".events.log").read_bytes() + b'{"action":"other"}\n')

        assert world.new == view(dataset)
        assert world.old == view(copy)


def _stop(step: Step) -> None:
    if step == Step.APPLIED:
        raise _Stop
