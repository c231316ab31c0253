"""The doctor sees what is wrong, says what to do, and changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.processes import Child
from support.tree import assert_unchanged
from usr_core.commit.record import CommitRecord
from usr_core.dataset import Dataset
from usr_core.fs.lock import hold_lock
from usr_core.registry.store import register_namespace
from usr_core.store.checks.doctor.errors import FolderMissing
from usr_core.store.checks.doctor.examination import DoctorReport, examine
from usr_core.store.checks.doctor.folder import try_folder
from usr_core.store.checks.doctor.leftovers import find_leftovers
from usr_core.store.checks.doctor.lock import read_lock
from usr_core.store.checks.doctor.snapshots import read_snapshots


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A small dataset."""
    register_namespace(tmp_path, "mock", [("mock__x", "int64")])
    made = Dataset.open(tmp_path, "ns/d").init()
    made.add_sequences([{"sequence": text} for text in ("ACGT", "GGGG", "TTTT")])
    return made


def _problems(report: DoctorReport) -> list[str]:
    return [finding.code for finding in report.findings if finding.severity != "note"]


def _record(dataset: Dataset, name: str) -> Path:
    record = CommitRecord(seq=9, txn="t", operations=(), folders=(), line=b"{}\n", offset=0)
    path = dataset.path / name
    path.write_bytes(record.encode())
    return path


class TestExamine:
    def test_healthy_dataset_has_no_problem(self, dataset: Dataset) -> None:
        """Nothing is wrong with a dataset that was closed properly; the registry's hash is told."""
        with assert_unchanged(dataset.ref.root):
            report = examine(dataset.ref.root, ref=dataset.ref)

        assert (report.ok, _problems(report)) == (True, [])
        assert report.dataset is not None
        assert (report.dataset.events, report.dataset.lock.held) == (2, False)
        assert report.registry_hash is not None

    def test_looking_makes_no_lock_file(self, dataset: Dataset) -> None:
        """A dataset that was only read, like a fresh copy, gets no lock file by being looked at."""
        dataset.layout.lock.unlink()

        examine(dataset.ref.root, ref=dataset.ref)

        assert not dataset.layout.lock.exists()

    def test_versions_and_tools_are_told_without_a_root(self) -> None:
        """The machine alone can be looked at."""
        report = examine(None)

        assert (report.root, report.dataset) == (None, None)
        assert all(report.versions[name] for name in ("usr", "python", "pyarrow", "duckdb", "numpy", "filelock"))
        assert {"rsync", "ssh", "flock", "sha256sum"} == set(report.tools)

    def test_missing_tool_is_a_note(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Programs that only transfers need are not a problem on a machine without transfers."""
        monkeypatch.setenv("PATH", "/nonexistent")

        report = examine(None)

        assert [finding.code for finding in report.findings].count("USR-DOCTOR-002") == 4
        assert report.ok

    def test_invalid_registry_is_a_problem(self, dataset: Dataset) -> None:
        """A registry that would stop every change is told beforehand."""
        (dataset.ref.root / "registry.yaml").write_text("namespaces: []")

        assert _problems(examine(dataset.ref.root)) == ["USR-REGISTRY-007"]

    def test_root_without_registry_is_none(self, tmp_path: Path) -> None:
        """Before the first registration there is nothing wrong."""
        assert examine(tmp_path).ok

    def test_cut_log_is_a_problem(self, dataset: Dataset) -> None:
        """A torn end is told, with the next write as its fix."""
        log = dataset.layout.event_log
        log.write_bytes(log.read_bytes() + b'{"event_ver')

        report = examine(dataset.ref.root, ref=dataset.ref)

        assert _problems(report) == ["USR-DOCTOR-007"]
        assert "next command that writes" in report.findings[-1].hint


class TestLeftovers:
    @pytest.mark.parametrize("name", [".usr.commit.9.json", ".usr.abort.9.json"])
    def test_records_are_told(self, dataset: Dataset, name: str) -> None:
        """A live record without a writer is a leftover, whichever way it goes."""
        _record(dataset, name)

        report = examine(dataset.ref.root, ref=dataset.ref)

        assert _problems(report) == ["USR-DOCTOR-006"]
        assert [leftover.relative for leftover in find_leftovers(dataset.path)] == [name]

    def test_next_write_settles_them(self, dataset: Dataset) -> None:
        """What the doctor promises is what happens."""
        (dataset.layout.staging / "dead").mkdir(parents=True)
        (dataset.layout.staging / "dead" / "staged-1").write_bytes(b"x")
        (dataset.path / ".usr.commit.9.dead.tmp").write_bytes(b"x")

        before = examine(dataset.ref.root, ref=dataset.ref)
        dataset.add_sequences([{"sequence": "CCCC"}])

        assert _problems(before) == ["USR-DOCTOR-006", "USR-DOCTOR-006"]
        assert examine(dataset.ref.root, ref=dataset.ref).ok

    def test_work_of_a_running_writer_is_no_problem(self, dataset: Dataset) -> None:
        """While the lock is held, its staging is not abandoned."""
        (dataset.layout.staging / "busy").mkdir(parents=True)

        with hold_lock(dataset.layout.lock, timeout=0, command="import"):
            report = examine(dataset.ref.root, ref=dataset.ref)

        assert report.ok
        assert "USR-DOCTOR-006" in [finding.code for finding in report.findings]

    def test_transfers_are_kept_for_seven_days(self, dataset: Dataset) -> None:
        """An interrupted pull can be resumed; an old one is a leftover."""
        fresh, old = dataset.layout.staging / "pull-1", dataset.layout.staging / "pull-2"
        fresh.mkdir(parents=True)
        old.mkdir()
        long_ago = time.time() - 8 * 86_400
        os.utime(old, (long_ago, long_ago))

        found = {leftover.relative: leftover.abandoned for leftover in find_leftovers(dataset.path)}

        assert found == {".usr.tmp/pull-1": False, ".usr.tmp/pull-2": True}

    def test_temporary_files_are_told_wherever_they_lie(self, dataset: Dataset) -> None:
        """Every `.tmp` file is told, but for artifacts, which are anybody's."""
        for name in ("_derived/.x.0.tmp", "_artifacts/x.tmp", ".y.tmp"):
            path = dataset.path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"")

        assert [leftover.relative for leftover in find_leftovers(dataset.path)] == [".y.tmp", "_derived/.x.0.tmp"]

    def test_unreadable_record_is_told(self, dataset: Dataset) -> None:
        """A record of another version is a finding and not a crash."""
        (dataset.path / ".usr.commit.4.json").write_text('{"usr_commit": 7}')

        (leftover,) = find_leftovers(dataset.path)

        assert "can't be read" in leftover.message


class TestLock:
    def test_names_the_holder_in_another_process(self, dataset: Dataset) -> None:
        """Who holds the lock right now is told, with its command."""
        source = (
            "import sys, time; from pathlib import Path; from usr_core.fs.lock import hold_lock\n"
            "with hold_lock(Path(sys.argv[1]), timeout=0, command='attach'):\n"
            "    print('held', flush=True); sys.stdin.read()\n"
        )
        child = Child(
            [sys.executable, "-c", source, str(dataset.layout.lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()

        state = read_lock(dataset.layout.lock)
        child.communicate(b"", timeout=30)

        assert state.held
        assert state.holder.startswith(f"attach (pid {child.pid} on ")
        assert not read_lock(dataset.layout.lock).held

    def test_missing_lock_file_is_free(self, tmp_path: Path) -> None:
        """A dataset that nobody changed yet is not locked."""
        assert not read_lock(tmp_path / ".usr.lock").held


class TestSnapshots:
    def test_link_to_the_base_is_no_copy(self, dataset: Dataset) -> None:
        """A snapshot that shares the base's inode takes nothing; once the base is replaced it does."""
        dataset.snapshot()
        linked = read_snapshots(dataset.path)
        dataset.add_sequences([{"sequence": "CCCC"}])
        alone = read_snapshots(dataset.path)

        assert (linked.files, linked.links, linked.extra_bytes) == (1, 1, 0)
        assert (alone.files, alone.links) == (1, 0)
        assert alone.extra_bytes > 0

    def test_two_names_of_one_file_count_once(self, dataset: Dataset) -> None:
        """Snapshots of one state are one file on disk."""
        dataset.snapshot()
        dataset.snapshot()
        dataset.add_sequences([{"sequence": "CCCC"}])

        found = read_snapshots(dataset.path)

        assert found.files == 2
        assert found.extra_bytes < found.apparent_bytes + 8192
        assert found.extra_bytes == (next((dataset.path / "_snapshots").iterdir())).stat().st_blocks * 512


class TestFolder:
    def test_good_folder_can_all_and_is_left_as_it_was(self, tmp_path: Path) -> None:
        """Every ability is tried, and the test files are gone."""
        with assert_unchanged(tmp_path):
            tried = try_folder(tmp_path)

        assert [ability.name for ability in tried][:6] == ["write", "create-only", "link", "lock", "fsync", "rename"]
        assert [ability.name for ability in tried[:6] if not ability.works] == []

    def test_missing_folder_is_an_error(self, tmp_path: Path) -> None:
        """There is nothing to try."""
        with pytest.raises(FolderMissing):
            try_folder(tmp_path / "none")

    def test_unwritable_folder_is_a_finding(self) -> None:
        """A place where nobody can write is told, not raised."""
        tried = try_folder(Path("/proc/self"))

        assert (tried[0].name, tried[0].works) == ("write", False)
        assert tried[0].fix

    def test_problem_of_a_folder_is_in_the_report(self) -> None:
        """What does not work is a finding of its own."""
        assert "USR-DOCTOR-008" in _problems(examine(None, folder=Path("/proc/self")))
