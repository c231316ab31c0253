"""One writer at a time, on one host and on a network file system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from support.cli import clean_env
from support.processes import Child
from usr_core.errors import ExitCode
from usr_core.fs.errors import FileSystemError, LinkRefused, LockTimeout
from usr_core.fs.lock import hold_lock, read_holder

HOLDER = """
import sys, time
from pathlib import Path
from usr_core.fs.lock import hold_lock
options = {"lease": Path(sys.argv[2]), "mount_table": Path(sys.argv[3])} if len(sys.argv) > 2 else {}
with hold_lock(Path(sys.argv[1]), timeout=5, command="a long import", **options):
    print("held", flush=True)
    sys.stdin.readline()
"""


def _holder(*words: object) -> subprocess.Popen[str]:
    process = Child(
        [sys.executable, "-c", HOLDER, *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_env(),
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    (tmp_path / "dataset").mkdir()
    return tmp_path / "dataset" / ".usr.lock"


@pytest.fixture
def network(tmp_path: Path, lock: Path) -> Path:
    """A mount table by which the dataset lies on NFS."""
    table = tmp_path / "mountinfo"
    table.write_text(f"1 0 8:1 / / rw - ext4 /dev/x rw\n2 1 0:9 / {lock.parent} rw - nfs4 server:/x rw\n")
    return table


class TestHold:
    def test_excludes_another_process_and_names_it(self, lock: Path) -> None:
        """Who waits in vain is told the command, process, host and time of the holder; exit code 5."""
        holder = _holder(lock)
        began = time.monotonic()
        with pytest.raises(LockTimeout) as caught, hold_lock(lock, timeout=0.2, command="x"):
            pass
        waited = time.monotonic() - began
        holder.communicate("\n", timeout=30)

        assert f"a long import (pid {holder.pid} on {os.uname().nodename}, since 20" in caught.value.holder
        assert ExitCode.LOCKED == caught.value.exit_code
        assert 0.2 <= waited < 2

    def test_ends_with_the_process(self, lock: Path) -> None:
        """A killed holder holds nothing."""
        holder = _holder(lock)
        holder.kill()
        holder.wait(30)
        with hold_lock(lock, timeout=0, command="x"):
            assert "x (pid" in read_holder(lock)

    def test_waits_for_the_holder(self, lock: Path) -> None:
        """A lock that is given back in time is taken."""
        holder = _holder(lock)
        threading.Timer(0.2, lambda: holder.communicate("\n", timeout=30)).start()
        with hold_lock(lock, timeout=10, command="x"):
            pass

        assert holder.wait(30) == 0

    def test_never_unlinks_its_file(self, lock: Path) -> None:
        """The same file is locked again and again, and names nobody in between."""
        with hold_lock(lock, timeout=0, command="x"):
            inode = lock.stat().st_ino
        with hold_lock(lock, timeout=0, command="x"):
            assert inode == lock.stat().st_ino

        assert b"" == lock.read_bytes()
        assert "" == read_holder(lock)

    def test_of_a_folder_that_was_replaced_is_taken_anew(self, lock: Path) -> None:
        """A waiter whose lock file lost its name does not take that for the dataset's lock."""
        holder = _holder(lock)

        def replace() -> None:
            shutil.rmtree(lock.parent)
            lock.parent.mkdir()
            holder.communicate("\n", timeout=30)

        threading.Timer(0.2, replace).start()
        with hold_lock(lock, timeout=10, command="x"):
            with pytest.raises(LockTimeout), hold_lock(lock, timeout=0, command="y"):
                pass
            assert "x (pid" in read_holder(lock)

    def test_excludes_other_threads(self, lock: Path) -> None:
        """Two threads of one process are two writers."""
        told: list[str] = []

        def other() -> None:
            try:
                with hold_lock(lock, timeout=0, command="y"):
                    told.append("held")
            except LockTimeout as error:
                told.append(error.holder)

        with hold_lock(lock, timeout=0, command="x"):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join(30)

        assert ["x (pid"] == [text[:6] for text in told]

    def test_follows_no_link(self, lock: Path, tmp_path: Path) -> None:
        """The holder's name is never written into a file elsewhere."""
        (tmp_path / "victim").write_text("precious")
        lock.symlink_to(tmp_path / "victim")
        with pytest.raises(LinkRefused), hold_lock(lock, timeout=0, command="x"):
            pass

        assert "precious" == (tmp_path / "victim").read_text()

    def test_of_a_missing_folder_is_an_error_of_ours(self, tmp_path: Path) -> None:
        """The file is named."""
        with pytest.raises(FileSystemError) as caught, hold_lock(tmp_path / "no/lock", timeout=0, command="x"):
            pass

        assert str(tmp_path / "no/lock") == caught.value.facts["file"]

    def test_passes_errors_of_the_block_on(self, lock: Path) -> None:
        """And gives the lock back."""
        with pytest.raises(KeyError), hold_lock(lock, timeout=0, command="x"):
            raise KeyError
        with hold_lock(lock, timeout=0, command="x"):
            pass


class TestLease:
    def test_is_held_on_a_network_file_system(self, lock: Path, network: Path) -> None:
        """Beside the lock there is a lease file, for hosts that the lock does not reach; it goes with the block."""
        lease = lock.with_name(".usr.lease")
        with hold_lock(lock, timeout=1, command="x", lease=lease, mount_table=network):
            assert lease.exists()

        assert not lease.exists()

    def test_is_not_taken_on_a_local_one(self, lock: Path) -> None:
        """The lock is enough there."""
        lease = lock.with_name(".usr.lease")
        with hold_lock(lock, timeout=1, command="x", lease=lease):
            assert not lease.exists()

    def test_excludes_who_does_not_see_the_lock(self, lock: Path, network: Path) -> None:
        """A lock file of its own, as on another host: the lease still says no."""
        lease = lock.with_name(".usr.lease")
        holder = _holder(lock, lease, network)
        with (
            pytest.raises(LockTimeout) as caught,
            hold_lock(lock.with_name("other"), timeout=0.3, command="x", lease=lease, mount_table=network),
        ):
            pass
        holder.communicate("\n", timeout=30)

        assert str(lease) == caught.value.facts["file"]
        assert str(holder.pid) in caught.value.holder

    def test_of_a_dead_process_is_taken_over(self, lock: Path, network: Path) -> None:
        """A killed holder's lease keeps nobody out of its own host."""
        lease = lock.with_name(".usr.lease")
        holder = _holder(lock, lease, network)
        holder.kill()
        holder.wait(30)
        with hold_lock(lock, timeout=10, command="x", lease=lease, mount_table=network):
            assert lease.exists()

    def test_that_cannot_be_made_is_an_error_of_ours(self, lock: Path, network: Path) -> None:
        """Its place is taken by a folder."""
        lease = lock.with_name(".usr.lease")
        lease.mkdir()
        with (
            pytest.raises((FileSystemError, LockTimeout)),
            hold_lock(lock, timeout=0.2, command="x", lease=lease, mount_table=network),
        ):
            pass


class TestReadHolder:
    @pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"pid": 1}', json.dumps({"command": 1}).encode()])
    def test_makes_nothing_of_what_is_no_label(self, lock: Path, content: bytes) -> None:
        """An older or a torn label is not an error."""
        lock.write_bytes(content)

        assert "" == read_holder(lock)
