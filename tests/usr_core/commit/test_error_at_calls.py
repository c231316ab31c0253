"""A writer of which one system call fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.crash import World, outcome, run_child_with
from support.strace import Call
from support.tree import tree_digest
from usr_core.commit.transaction import Transaction
from usr_core.roots.layout import DatasetLayout

ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EMFILE")


class TestError:
    @pytest.mark.parametrize("shift", range(4))
    def test_at_any_call_leaves_every_byte_or_a_finished_change(
        self, world: World, tmp_path: Path, calls: list[Call], shift: int
    ) -> None:
        """Each call fails once with one of the errors: a typed error and the same bytes, or the change made whole."""
        for index, call in list(enumerate(calls))[shift::4]:
            folder = world.copy(tmp_path / "dataset")
            before = tree_digest(folder)
            error = ERRORS[index % len(ERRORS)]
            told = outcome(run_child_with(folder, call, f"error={error}"))
            try:
                world.check_after_error(folder, told, before)
            except AssertionError as failure:
                raise AssertionError(f"{error} at {call}: {failure}") from failure

    def test_of_looking_is_never_taken_for_absence(self, world: World, tmp_path: Path, looks: list[Call]) -> None:
        """A file that can't be looked at behind the commit point is not called published or retired for that."""
        for call in looks[::3]:
            folder = world.copy(tmp_path / "dataset")
            before = tree_digest(folder)
            told = outcome(run_child_with(folder, call, "error=EIO"))
            try:
                world.check_after_error(folder, told, before)
            except AssertionError as failure:
                raise AssertionError(f"EIO at {call}: {failure}") from failure

    def test_that_lasts_still_leaves_one_state(self, world: World, tmp_path: Path, calls: list[Call]) -> None:
        """Where all later renames fail too, undoing can't finish: CommitPending, and the next writer settles it."""
        renames = [call for call in calls if call.name == "rename"]
        for call in renames:
            folder = world.copy(tmp_path / "dataset")
            told = outcome(run_child_with(folder, call, "error=EIO", lasting=True))

            assert "CommitPending" == told["type"], call
            assert "new" == world.check_after_crash(folder), call

    def test_of_event_and_undo_is_settled_as_the_old_state(
        self, world: World, tmp_path: Path, calls: list[Call]
    ) -> None:
        """Where the event can't be written and the undoing stops half-way, readers see the old state, and it stays."""
        event = next(call for call in calls if call.name == "pwrite64" and ".events.log" in call.line)
        renames = [call for call in calls if call.name == "rename"]
        for later in range(2, 6):  # the first of them gives the record its abort name
            folder = world.copy(tmp_path / "dataset")
            blocked = Call("rename", renames[-1].nth + later, "")
            done = run_child_with(folder, event, "error=EIO", also=[(blocked, "error=EIO")])

            assert "CommitPending" == outcome(done)["type"]
            assert "old" == world.check_after_crash(folder)

    def test_of_the_log_after_the_commit_point_is_undone(self, world: World, tmp_path: Path, calls: list[Call]) -> None:
        """Not even a log that can't be looked at right after the link leaves a record without its staged files."""
        link = next(i for i, call in enumerate(calls) if call.name == "link" and ".usr.commit" in call.line)
        look = next(call for call in calls[link:] if call.name == "openat" and ".events.log" in call.line)
        folder = world.copy(tmp_path / "dataset")
        before = tree_digest(folder)
        told = outcome(run_child_with(folder, look, "error=EMFILE"))

        assert "TooManyOpenFiles" == told["type"]
        assert before == tree_digest(folder)
        with Transaction(DatasetLayout(folder), command="check", lock_timeout=0) as txn:
            assert 1 == txn.head.seq

    def test_of_linking_an_undo_copy_is_answered_by_a_copy(
        self, world: World, tmp_path: Path, calls: list[Call]
    ) -> None:
        """A file that has all the names its file system allows is copied, and the copy undoes as well as a link."""
        undo = next(call for call in calls if call.name == "link" and "/undo-" in call.line)
        event = next(call for call in calls if call.name == "pwrite64" and ".events.log" in call.line)
        folder = world.copy(tmp_path / "dataset")
        before = tree_digest(folder)
        undone = run_child_with(folder, undo, "error=EMLINK", also=[(event, "error=EIO")])

        assert "FileSystemError" == outcome(undone)["type"]
        assert before == tree_digest(folder)
        assert {"done": 2} == outcome(run_child_with(folder, undo, "error=EMLINK"))

    def test_of_linking_the_record_says_that_links_are_missing(
        self, world: World, tmp_path: Path, calls: list[Call]
    ) -> None:
        """A file system without hard links is refused with its own error, and nothing has happened."""
        link = next(call for call in calls if call.name == "link" and ".usr.commit" in call.line)
        folder = world.copy(tmp_path / "dataset")
        before = tree_digest(folder)
        told = outcome(run_child_with(folder, link, "error=EOPNOTSUPP"))

        assert ("LinksUnsupported", "USR-FS-006") == (told["type"], told["error"])
        assert before == tree_digest(folder)
