"""The interface that every verb uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support import crash_child
from support.crash import World, check_whole, view
from support.tree import assert_unchanged
from usr_core.commit.errors import ArchiveNameTaken
from usr_core.commit.transaction import Transaction
from usr_core.errors import UsrError
from usr_core.events.chain import verify_chain
from usr_core.events.event import Event
from usr_core.fs.errors import FileSystemError, LinkInsideDataset, LinkRefused, LockTimeout, SpecialFile
from usr_core.roots.layout import DatasetLayout

EVENT = Event(action="test", dataset="d", root="/root")


def _transaction(folder: Path, **options: object) -> Transaction:
    return Transaction(DatasetLayout(folder), command="test", lock_timeout=0, **options)  # type: ignore[arg-type]


class TestStage:
    def test_gives_each_name_a_file_of_its_own(self, dataset: Path) -> None:
        """A name staged after another was unstaged does not get a file that is in use."""
        with _transaction(dataset) as txn:
            txn.stage("a.txt").write_text("a")
            txn.stage("b.txt").write_text("b")
            txn.unstage("a.txt")
            txn.stage("c.txt").write_text("c")
            txn.commit(EVENT)

        assert "bc" == (dataset / "b.txt").read_text() + (dataset / "c.txt").read_text()
        assert not (dataset / "a.txt").exists()

    def test_of_one_name_gives_one_path(self, dataset: Path) -> None:
        """Asking again is asking for the same file."""
        with _transaction(dataset) as txn:
            assert txn.stage("a.txt") == txn.stage("a.txt")

    @pytest.mark.parametrize("name", ["../x", "/etc/x", "a//b", "", ".", "a/../../b", "a\0b"])
    def test_refuses_what_is_no_name_inside(self, dataset: Path, name: str) -> None:
        """A commit record never gets a name that recovery would refuse."""
        with _transaction(dataset) as txn:
            with pytest.raises(ValueError, match="not a name inside"):
                txn.stage(name)
            with pytest.raises(ValueError, match="not a name inside"):
                txn.retire("meta.md", into=name or "..")

    def test_refuses_a_way_through_a_link(self, dataset: Path, tmp_path: Path) -> None:
        """A folder that is a link leads out of the dataset."""
        (tmp_path / "elsewhere").mkdir()
        (dataset / "_snapshots").symlink_to(tmp_path / "elsewhere")
        with _transaction(dataset) as txn, pytest.raises(LinkInsideDataset):
            txn.stage("_snapshots/x")

    def test_without_writing_is_refused(self, dataset: Path) -> None:
        """A staged name that nobody wrote fails the change, not the dataset."""
        with assert_unchanged(dataset), _transaction(dataset) as txn, pytest.raises(FileSystemError):
            txn.stage("a.txt")
            txn.commit(EVENT)

    def test_keeps_the_mode_of_the_file_it_replaces(self, dataset: Path) -> None:
        """A file that was made private stays private."""
        (dataset / "meta.md").chmod(0o600)
        crash_child.small_change(dataset)

        assert 0o600 == (dataset / "meta.md").stat().st_mode & 0o777

    @pytest.mark.parametrize("dangling", [False, True])
    def test_refuses_to_replace_a_link(self, dataset: Path, tmp_path: Path, dangling: bool) -> None:
        """A file that is a link is somebody else's: it is neither replaced nor written through."""
        (dataset / "meta.md").rename(tmp_path / "outside")
        (dataset / "meta.md").symlink_to(tmp_path / ("nothing" if dangling else "outside"))

        with assert_unchanged(tmp_path), pytest.raises(LinkInsideDataset):
            crash_child.small_change(dataset)

    def test_refuses_a_file_that_became_a_link_meanwhile(self, dataset: Path, tmp_path: Path) -> None:
        """A file that is a link by the time of the commit is refused before anything changes."""
        with _transaction(dataset) as txn:
            txn.stage("meta.md").write_text("new")
            (dataset / "meta.md").rename(tmp_path / "outside")
            (dataset / "meta.md").symlink_to(tmp_path / "outside")
            with pytest.raises(LinkInsideDataset):
                txn.commit(EVENT)

        assert (dataset / "meta.md").is_symlink()

    @pytest.mark.parametrize("name", [".events.log", ".usr.tmp"])
    def test_refuses_a_linked_log_or_staging_folder(self, dataset: Path, tmp_path: Path, name: str) -> None:
        """Neither is written through, and neither is replaced by a file or folder of the dataset's own."""
        if name == ".usr.tmp":
            (tmp_path / "outside").mkdir()
        else:
            (dataset / name).rename(tmp_path / "outside")
        (dataset / name).symlink_to(tmp_path / "outside")

        with assert_unchanged(tmp_path), pytest.raises(LinkInsideDataset):
            crash_child.small_change(dataset)

    @pytest.mark.parametrize("name", [".events.log", ".usr.lock", "meta.md"])
    def test_refuses_a_fifo_without_waiting(self, dataset: Path, name: str) -> None:
        """A FIFO in place of a file is an error at once; nobody would ever write to its other end."""
        (dataset / name).unlink(missing_ok=True)
        os.mkfifo(dataset / name)

        with pytest.raises(SpecialFile, match="is a FIFO"):
            crash_child.small_change(dataset)

    def test_writes_names_that_are_no_utf8(self, dataset: Path) -> None:
        """A file name of any bytes survives the record and the event."""
        name = os.fsdecode(b"_artifacts/caf\xe9.txt")
        with _transaction(dataset) as txn:
            txn.stage(name).write_text("x")
            txn.commit(EVENT)

        assert (dataset / name).read_text() == "x"
        assert [] == verify_chain(dataset / ".events.log")


class TestHardLinks:
    def test_a_backup_of_hard_links_keeps_its_log(self, dataset: Path, tmp_path: Path) -> None:
        """The log gets an inode of its own before it is extended, with its owner, mode and whole chain."""
        (dataset / ".events.log").chmod(0o640)
        before = (dataset / ".events.log").read_bytes()
        os.link(dataset / ".events.log", tmp_path / "backup")

        crash_child.small_change(dataset)

        log = dataset / ".events.log"
        assert before == (tmp_path / "backup").read_bytes()
        assert log.read_bytes().startswith(before) and len(log.read_bytes()) > len(before)
        assert 0o640 == log.stat().st_mode & 0o777
        assert [] == verify_chain(log)
        assert [] == list(dataset.glob("*.tmp"))

    def test_a_torn_line_is_cut_in_the_own_copy_only(self, dataset: Path, tmp_path: Path) -> None:
        """Repairing the log's end leaves a backup of it as it was."""
        with (dataset / ".events.log").open("ab") as log:
            log.write(b'{"torn')
        os.link(dataset / ".events.log", tmp_path / "backup")

        crash_child.small_change(dataset)

        assert (tmp_path / "backup").read_bytes().endswith(b'{"torn')
        assert [] == verify_chain(dataset / ".events.log")


class TestRetire:
    def test_and_stage_of_one_name_archive_the_old_file(self, dataset: Path) -> None:
        """The old content goes to the archive, the new one gets the name."""
        with _transaction(dataset) as txn:
            txn.retire("meta.md", into="_snapshots/meta.md")
            txn.stage("meta.md").write_text("new")
            txn.commit(EVENT)

        assert "first note\n" == (dataset / "_snapshots/meta.md").read_text()
        assert "new" == (dataset / "meta.md").read_text()

    def test_never_overwrites(self, dataset: Path) -> None:
        """An archive name that is taken fails the change."""
        with assert_unchanged(dataset), _transaction(dataset) as txn, pytest.raises(ArchiveNameTaken):
            txn.retire("meta.md", into="swap.txt")
            txn.commit(EVENT)

    def test_of_what_is_not_there_is_an_error_of_ours(self, dataset: Path) -> None:
        """The file is named."""
        with _transaction(dataset) as txn, pytest.raises(FileSystemError) as caught:
            txn.retire("absent")

        assert str(dataset / "absent") == caught.value.facts["file"]

    @pytest.mark.parametrize("name", ["_derived/old", "swap.txt"])
    def test_refuses_folders_and_repetitions(self, dataset: Path, name: str) -> None:
        """Only files are retired, each once."""
        with _transaction(dataset) as txn:
            txn.retire("swap.txt")
            with pytest.raises(ValueError, match=r"is a folder|already"):
                txn.retire(name)


class TestCommit:
    def test_of_nothing_but_an_event_is_a_change(self, world: World, dataset: Path) -> None:
        """A change without files leaves its event."""
        with _transaction(dataset) as txn:
            txn.commit(EVENT)

        check_whole(dataset, world.old, events=2)

    def test_twice_is_refused(self, dataset: Path) -> None:
        """A transaction is one change."""
        with _transaction(dataset) as txn:
            txn.commit(EVENT)
            with pytest.raises(RuntimeError):
                txn.commit(EVENT)

    def test_that_never_comes_leaves_nothing(self, world: World, dataset: Path) -> None:
        """Leaving the block, by an exception too, removes what was staged."""
        with assert_unchanged(dataset), pytest.raises(KeyError), _transaction(dataset) as txn:
            txn.stage("a.txt").write_text("a")
            raise KeyError

    def test_reports_what_came_and_went(self, dataset: Path) -> None:
        """The event names the files with their sizes, as they were staged and as they were before."""
        with _transaction(dataset) as txn:
            txn.stage("a.txt").write_text("four")
            txn.retire("meta.md")
            event = txn.commit(EVENT)

        assert {
            "added": [{"path": "a.txt", "size_bytes": 4}],
            "removed": [{"path": "meta.md", "size_bytes": 11}],
        } == event["artifacts"]


class TestClock:
    def test_is_later_than_what_it_is_kept_after(self, dataset: Path) -> None:
        """A part that claims to be from the future is older than what is written now."""
        with _transaction(dataset) as txn:
            future = txn.head.clock_us or 0
            txn.keep_clock_after(future + 10**15)

            assert future + 10**15 + 1 == txn.clock_us
            with pytest.raises(RuntimeError):
                txn.keep_clock_after(1)


class TestEnter:
    @pytest.mark.parametrize(("name", "error"), [(".usr.lock", LinkRefused), (".events.log", LinkInsideDataset)])
    def test_writes_through_no_link(self, dataset: Path, tmp_path: Path, name: str, error: type[UsrError]) -> None:
        """A lock or a log that is a link would let a dataset from elsewhere overwrite any file of ours."""
        victim = tmp_path / "victim"
        victim.write_bytes((dataset / ".events.log").read_bytes())
        before = victim.read_bytes()
        (dataset / name).unlink()
        (dataset / name).symlink_to(victim)
        with pytest.raises(error):
            crash_child.small_change(dataset)

        assert before == victim.read_bytes()

    def test_inside_another_is_refused(self, dataset: Path) -> None:
        """One process can't hold a dataset twice."""
        with _transaction(dataset), pytest.raises(LockTimeout), _transaction(dataset):
            pass

    def test_that_fails_gives_the_lock_back(self, dataset: Path) -> None:
        """Whatever stops the entering, the next one can enter."""
        (dataset / ".usr.commit.2.json").write_text("?")
        for _ in range(2):
            with pytest.raises(Exception, match="can't be read"), _transaction(dataset):
                pass
        (dataset / ".usr.commit.2.json").unlink()
        with _transaction(dataset):
            pass

    def test_of_a_missing_dataset_is_an_error_of_ours(self, tmp_path: Path) -> None:
        """No bare FileNotFoundError."""
        with pytest.raises(FileSystemError), _transaction(tmp_path / "absent"):
            pass

    def test_sees_the_files_after_recovery(self, world: World, dataset: Path) -> None:
        """The tree inside the block is the plain disk."""
        with _transaction(dataset) as txn:
            assert dataset / "meta.md" == txn.tree.path("meta.md")
            assert ["part-a.parquet", "part-b.parquet"] == txn.tree.names("_derived/old")
        assert view(dataset) == world.old
