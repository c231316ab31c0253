"""What the next writer finds, finishes, undoes, keeps and removes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from pathlib import Path

import pytest

from support import crash_child
from support.crash import World, check_whole, files_on_disk, run_child, view
from usr_core.commit import recovery
from usr_core.commit.errors import CommitRecordUnreadable, StagedFileLost
from usr_core.commit.recovery import TRANSFER_DAYS, recover
from usr_core.commit.transaction import Step, Transaction
from usr_core.events.chain import verify_chain
from usr_core.events.event import parse_rfc3339
from usr_core.events.log import read_head, read_lines
from usr_core.fs.errors import LinkInsideDataset
from usr_core.roots.layout import DatasetLayout


def _open(folder: Path) -> None:
    with Transaction(DatasetLayout(folder), command="open", lock_timeout=0):
        pass


def _log(folder: Path) -> Path:
    return folder / ".events.log"


class TestTornLog:
    def test_complete_event_gets_its_newline(self, dataset: Path) -> None:
        """A last line that lacks only its newline is the event it says."""
        crash_child.small_change(dataset)
        _log(dataset).write_bytes(_log(dataset).read_bytes()[:-1])

        assert 3 == crash_child.small_change(dataset)
        assert [] == verify_chain(_log(dataset))

    @pytest.mark.parametrize(
        "tail", [b'{"event_version":1,"timest', b"\0" * 5000, b'{"a":1}\0\0\0', b"{\n"[:1], b"\xff\xfe garbage"]
    )
    def test_torn_event_is_cut_off(self, world: World, dataset: Path, tail: bytes) -> None:
        """A line that is not an event is removed, and the next event follows the last whole one."""
        whole = _log(dataset).read_bytes()
        _log(dataset).write_bytes(whole + tail)
        _open(dataset)

        assert whole == _log(dataset).read_bytes()
        assert 2 == crash_child.small_change(dataset)
        assert [] == verify_chain(_log(dataset))

    def test_is_never_mended_in_silence(self, dataset: Path, caplog: pytest.LogCaptureFixture) -> None:
        """There is one warning, and the next event tells of it."""
        with _log(dataset).open("ab") as log:
            log.write(b'{"torn')
        with caplog.at_level(logging.WARNING, logger="usr"):
            crash_child.small_change(dataset)

        told = "cut 6 bytes of a torn last line off the event log"
        assert [f"dataset: {told}"] == [record.getMessage() for record in caplog.records]
        last = read_head(_log(dataset)).last
        assert last is not None
        assert {"recovered": [told]} == last["maintenance"]

    def test_event_torn_while_its_record_lives_is_written_again(self, world: World, dataset: Path) -> None:
        """A power cut may keep any blocks of the line: zeros and parts of it are written over."""
        run_child(dataset, "--kill", Step.LOGGED)
        record = json.loads((dataset / ".usr.commit.2.json").read_text())
        whole, line = _log(dataset).read_bytes()[: record["offset"]], record["line"].encode()
        for kept in (line[:100], bytes(len(line)), bytes(50) + line[50:80], line[:20] + bytes(30) + line[50:]):
            folder = Path(shutil.copytree(dataset, dataset.with_name("copy"), dirs_exist_ok=True))
            _log(folder).write_bytes(whole + kept)

            assert "new" == world.check_after_crash(folder)
            shutil.rmtree(folder)


class TestOlderLog:
    def test_lines_without_number_are_counted(self, dataset: Path) -> None:
        """A log begun by an older writer is continued: the number counts its lines, the digest is of its last."""
        _log(dataset).write_text('{"action":"init"}\n{"action":"attach"}\n')

        assert 3 == crash_child.small_change(dataset)
        assert [] == verify_chain(_log(dataset))

    def test_blank_lines_count_for_nothing(self, dataset: Path) -> None:
        """An editor's extra newline does not restart the chain."""
        with _log(dataset).open("ab") as log:
            log.write(b"\n\n")

        assert 2 == crash_child.small_change(dataset)
        assert ["not-json", "not-json"] == [fault.kind for fault in verify_chain(_log(dataset))]

    def test_clock_from_the_future_is_outrun(self, dataset: Path) -> None:
        """The last writer's clock was two days fast: the next change is later all the same."""
        line = json.loads(_log(dataset).read_bytes())
        line["clock"] = "2099-01-01T00:00:00.000000Z"
        _log(dataset).write_text(json.dumps(line) + "\n")
        with Transaction(DatasetLayout(dataset), command="clock") as txn:
            assert parse_rfc3339("2099-01-01T00:00:00.000001Z") == txn.clock_us


class TestStaging:
    def test_of_a_transfer_is_kept_for_a_week(self, dataset: Path) -> None:
        """An unfinished pull or push is kept for its resume and removed after seven days."""
        for name in ("pull-young", "push-young", "pull-old", "deadbeef"):
            (dataset / ".usr.tmp" / name).mkdir(parents=True)
        past = time.time() - TRANSFER_DAYS * 86_400 - 60
        os.utime(dataset / ".usr.tmp/pull-old", (past, past))
        _open(dataset)

        assert ["pull-young", "push-young"] == sorted(path.name for path in (dataset / ".usr.tmp").iterdir())

    def test_may_hold_files_and_links(self, world: World, dataset: Path, tmp_path: Path) -> None:
        """Whatever else lies there is removed; a link is removed itself, not what it points to."""
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious/file").touch()
        (dataset / ".usr.tmp").mkdir()
        (dataset / ".usr.tmp/file").touch()
        (dataset / ".usr.tmp/link").symlink_to(tmp_path / "precious")
        _open(dataset)

        check_whole(dataset, world.old, events=1)
        assert (tmp_path / "precious/file").exists()

    def test_folder_that_is_a_link_is_not_entered(self, dataset: Path, tmp_path: Path) -> None:
        """A dataset that somebody handed over can't make a writer empty a folder elsewhere."""
        (tmp_path / "home/precious").mkdir(parents=True)
        (dataset / ".usr.tmp").symlink_to(tmp_path / "home")
        with pytest.raises(LinkInsideDataset):
            _open(dataset)

        assert (tmp_path / "home/precious").exists()
        assert (dataset / ".usr.tmp").is_symlink()

    def test_of_a_record_that_appears_meanwhile_is_given_back(self, world: World, dataset: Path) -> None:
        """A writer that was taken for dead and links its record keeps its staging, or is refused: never half."""
        run_child(dataset, "--kill", Step.LINKED)
        record = dataset / ".usr.commit.2.json"
        hidden = record.rename(dataset / "hidden")
        txn = json.loads(hidden.read_text())["txn"]
        place = dataset / ".usr.tmp" / txn
        assert [place] == recovery.stale_staging(dataset)
        hidden.rename(record)
        recovery._remove_unless_claimed(dataset, place)

        assert place.is_dir()
        assert "new" == world.check_after_crash(dataset)


class TestRecord:
    @pytest.mark.parametrize("step", [Step.LINKED, Step.APPLIED, Step.LOGGED])
    def test_in_a_copied_dataset_is_finished_there(self, world: World, dataset: Path, step: Step) -> None:
        """A folder copied with the record of an interrupted writer has new inodes, and is settled like the original."""
        run_child(dataset, "--kill", step)
        copy = Path(shutil.copytree(dataset, dataset.with_name("copy")))

        assert "new" == world.check_after_crash(copy)
        assert "new" == world.check_after_crash(dataset)

    def test_in_a_copied_dataset_is_undone_there(self, world: World, dataset: Path) -> None:
        """The same for a change that was being taken back."""
        run_child(dataset, "--kill", Step.APPLIED)
        (dataset / ".usr.commit.2.json").rename(dataset / ".usr.abort.2.json")
        copy = Path(shutil.copytree(dataset, dataset.with_name("copy")))

        assert "old" == world.check_after_crash(copy)

    def test_of_a_stale_holder_is_discarded(self, dataset: Path) -> None:
        """Other bytes at its offset: nothing of it is applied, and its staging goes."""
        run_child(dataset, "--kill", Step.LINKED)
        content = (dataset / ".usr.commit.2.json").read_bytes()
        staging = shutil.copytree(dataset / ".usr.tmp", dataset.with_name("staging"))
        recover(dataset)
        crash_child.small_change(dataset)
        expected = files_on_disk(dataset)
        stale = content.replace(b'"offset": ', b'"offset": 1')
        (dataset / ".usr.commit.2.json").write_bytes(stale)
        shutil.copytree(staging, dataset / ".usr.tmp")

        assert expected == view(dataset)
        assert ["discarded change 2 of a writer that came too late"] == recover(dataset)
        check_whole(dataset, expected, events=3)

    @pytest.mark.parametrize(
        "content",
        [
            b"not json",
            b"[]",
            b'{"usr_commit": 2}',
            b'{"usr_commit": 1}',
            b'{"usr_commit": 1, "seq": 2, "txn": "..", "operations": [], "folders": [], "line": "x", "offset": 0}',
            b'{"usr_commit": 1, "seq": 2, "txn": "t", "operations": '
            b'[{"op": "retire", "final": "../x", "target": "y"}], "folders": [], "line": "x", "offset": 0}',
            b'{"usr_commit": 1, "seq": 2, "txn": "t", "operations": [{"op": "rm", "final": "x"}], "folders": [], '
            b'"line": "x", "offset": 0}',
            b"[" * 100_000,
        ],
    )
    def test_that_cannot_be_trusted_stops_writers(self, dataset: Path, content: bytes) -> None:
        """A record of another format, or one that names something outside the dataset, is refused, not guessed at."""
        (dataset / ".usr.commit.2.json").write_bytes(content)
        with pytest.raises(CommitRecordUnreadable):
            _open(dataset)

        assert content == (dataset / ".usr.commit.2.json").read_bytes()

    @pytest.mark.parametrize("name", [".usr.commit.².json", ".usr.commit.-1.json", ".usr.commit..json"])
    def test_name_without_a_plain_number_is_none(self, world: World, dataset: Path, name: str) -> None:
        """Files that merely look like records disturb nobody."""
        (dataset / name).write_text("{}")
        _open(dataset)

        assert world.old == view(dataset)

    def test_whose_staged_file_was_removed_is_not_called_done(self, dataset: Path) -> None:
        """Somebody removed `.usr.tmp` under a live record: the new file is nowhere, so no event may claim it."""
        run_child(dataset, "--kill", Step.LINKED)
        shutil.rmtree(dataset / ".usr.tmp")
        with pytest.raises(StagedFileLost) as caught:
            _open(dataset)

        assert "_derived/new/part-c.parquet" == caught.value.final
        assert 1 == sum(1 for _ in read_lines(_log(dataset)))

    def test_leads_nowhere_through_a_link(self, dataset: Path, tmp_path: Path) -> None:
        """A folder that became a link after the record was written takes nothing out of the dataset."""
        run_child(dataset, "--kill", Step.LINKED)
        (tmp_path / "elsewhere").mkdir()
        shutil.move(dataset / "_derived", tmp_path / "elsewhere/derived")
        (dataset / "_derived").symlink_to(tmp_path / "elsewhere/derived")
        with pytest.raises(LinkInsideDataset):
            _open(dataset)

        assert ["old"] == [path.name for path in (tmp_path / "elsewhere/derived").iterdir()]

    def test_of_thousands_of_operations_is_finished(self, tmp_path: Path) -> None:
        """Numbers of files do not matter."""
        crash_child.first_change(tmp_path)
        with Transaction(DatasetLayout(tmp_path), command="many") as txn:
            for number in range(2_000):
                txn.stage(f"_derived/many/part-{number}.parquet").write_bytes(b"x")
            txn.commit(crash_child._event("many"))
        with Transaction(DatasetLayout(tmp_path), command="many") as txn:
            for name in txn.tree.names("_derived/many"):
                txn.retire(f"_derived/many/{name}", into=f"_derived/_archived/many/1/{name}")
            txn.commit(crash_child._event("many"))

        assert 2_000 == sum(1 for _ in (tmp_path / "_derived/_archived/many/1").iterdir())
        assert not (tmp_path / "_derived/many").exists()
