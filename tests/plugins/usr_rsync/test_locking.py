"""The lock where flock alone may not reach all hosts, and a commit whose remote side is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import SoftFileLease, Timeout

from support.sshd import LoopbackSshd, SshFarSide
from usr_core.commit.record import Publish
from usr_core.fs.lock import LEASE_SECONDS, hold_lock
from usr_core.plugin.transport_errors import RemoteLocked, RemoteUnreachable
from usr_core.plugin.transports import LockRequest
from usr_core.testing.commit_jobs import Job

_PROGRAMS = [
    "sh",
    "awk",
    "sed",
    "bash",
    "dd",
    "tr",
    "find",
    "cat",
    "cut",
    "grep",
    "head",
    "tail",
    "mkdir",
    "rm",
    "rmdir",
    "date",
    "wc",
    "cp",
    "ln",
    "mv",
    "xargs",
    "sort",
    "sync",
    "cmp",
    "touch",
    "sleep",
    "ls",
    "sha256sum",
    "flock",
    "rsync",
    "hostname",
    "df",
    "kill",
]


def request(folder: str, timeout: float = 5) -> LockRequest:
    return LockRequest(folder=folder, timeout=timeout, label="push", create=True)


def pretend_nfs(sshd: LoopbackSshd, folder: Path) -> None:
    """Let the remote side's stat say that every place is on NFS."""
    sshd.limit_path(folder, tuple(p for p in _PROGRAMS if shutil.which(p)))
    (folder / "stat").write_text(
        f'#!/bin/sh\n[ "$1" != -f ] || {{ echo nfs; exit; }}\nexec {shutil.which("stat")} "$@"\n'
    )
    (folder / "stat").chmod(0o755)


class TestLease:
    def test_a_lease_is_held_on_a_network_file_system(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """The lock library of other hosts sees it held inside the block, and free after it."""
        pretend_nfs(sshd, tmp_path / "bin")
        lease = Path(far_side.root) / "ns/.usr.lease"
        with far_side.transport.lock(request(str(lease.parent))) as held:
            assert held is True
            with pytest.raises(Timeout):
                SoftFileLease(lease, lease_duration=LEASE_SECONDS).acquire(timeout=0.5)
        free = SoftFileLease(lease, lease_duration=LEASE_SECONDS)
        free.acquire(timeout=1)
        free.release()

        assert sorted(path.name for path in lease.parent.iterdir()) == [".usr.lock"]

    def test_a_lease_of_another_host_is_waited_for(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """As long as we were told; then the holder is named."""
        pretend_nfs(sshd, tmp_path / "bin")
        folder = Path(far_side.root)
        lease = SoftFileLease(folder / ".usr.lease", lease_duration=LEASE_SECONDS)
        with lease, pytest.raises(RemoteLocked) as caught, far_side.transport.lock(request(far_side.root, timeout=1)):
            pass
        with far_side.transport.lock(request(far_side.root)) as held:
            assert held is True

        assert f"pid={os.getpid()}" in str(caught.value.facts["holder"])

    def test_the_lease_goes_when_the_connection_does(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """The remote side ends with its input and gives it back."""
        pretend_nfs(sshd, tmp_path / "bin")
        lease = Path(far_side.root) / ".usr.lease"
        with far_side.transport.lock(request(far_side.root)):
            assert lease.exists()
            sshd.drop_connections()
            deadline = time.monotonic() + 60
            while lease.exists() and time.monotonic() < deadline:
                time.sleep(0.05)

        assert not lease.exists()

    def test_no_lease_on_a_local_disk(self, far_side: SshFarSide) -> None:
        """Only the lock."""
        with far_side.transport.lock(request(far_side.root)):
            assert far_side.names(far_side.root) == [".usr.lock"]


class TestExclusion:
    def test_a_local_writer_and_a_remote_one_exclude_each_other(self, far_side: SshFarSide) -> None:
        """The lock of `usr_core.fs.lock` on that host is the same lock."""
        with (
            hold_lock(Path(far_side.root) / ".usr.lock", timeout=1, command="attach"),
            pytest.raises(RemoteLocked) as caught,
            far_side.transport.lock(request(far_side.root, timeout=0)),
        ):
            pass

        assert "attach" in str(caught.value.facts["holder"])


class TestKilledThere:
    @pytest.mark.parametrize("victim", ["cp", "ln", "mv", "cat", "rm", "rmdir", "sync", "fallocate"])
    @pytest.mark.parametrize("count", [1, 2, 4])
    def test_a_commit_that_is_killed_is_settled_by_the_next(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path, victim: str, count: int
    ) -> None:
        """The remote side dies just before its n-th run of a program: old files or, after finishing, the new ones."""
        job = Job(remote=far_side)
        job.lay_out()
        killer = tmp_path / "bin"
        sshd.limit_path(
            killer, tuple(p for p in (*_PROGRAMS, "stat", "getconf", "ps") if shutil.which(p) and p != victim)
        )
        real = shutil.which(victim)
        (killer / victim).write_text(
            f"#!/bin/sh\necho x >>{tmp_path}/runs\n"
            f'if [ -e {tmp_path}/armed ] && [ "$(wc -l <{tmp_path}/runs)" -eq {count} ]; then\n'
            f"    for s in $(cat {sshd.control}/sessions); do kill -9 -$s; done\n    exit 1\nfi\n"
            f'exec {real} "$@"\n'
        )
        (killer / victim).chmod(0o755)
        killed = False
        with far_side.transport.lock(request(job.folder)):
            (tmp_path / "runs").write_text("")
            (tmp_path / "armed").touch()
            try:
                far_side.transport.commit(job.request())
            except RemoteUnreachable:
                killed = True
        (tmp_path / "armed").unlink()
        sshd.reset()
        linked = far_side.exists(f"{job.folder}/.usr.commit.3.json")
        if linked:
            lay_out_job(job)
            with far_side.transport.lock(request(job.folder)):
                far_side.transport.commit(job.request("finish"))
        found = {name: content for name, content in job.found().items() if not name.endswith(".tmp")}

        # Every rename comes after the record was linked; what is killed before that has changed nothing.
        assert linked or victim != "mv"
        assert found == job.after if linked or not killed else found in (job.live, job.after)


def lay_out_job(job: Job) -> None:
    from usr_core.testing.commit_jobs import job_files

    for name, content in job_files(job.record()).items():
        job.put(f"{job.job}/{name}", content)


class TestFull:
    def test_a_full_disk_there_is_refused_at_once(self, sshd: LoopbackSshd, tmp_path: Path) -> None:
        """The remote side's error, with what rsync said; on our own disk it is ours. Nothing is tried again."""
        unshare = [shutil.which("unshare") or "unshare", "--mount"]
        if os.geteuid() != 0:
            unshare.append("--map-root-user")
        place = tmp_path / "small"
        place.mkdir()
        code = Path(__file__).with_name("full_disk_child.py")
        done = subprocess.run(
            [*unshare, sys.executable, str(code), str(place), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, Path(__file__).parents[3:1:-1]))},
            timeout=600,
        )

        assert done.stdout.splitlines() == ["fetch DiskFull", "send RemoteRefused", "commit RemoteRefused unchanged"], (
            done.stderr
        )


class TestManyFiles:
    @pytest.mark.parametrize("folder_is_there", [False, True])
    def test_a_commit_of_many_new_files_runs_few_programs(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path, folder_is_there: bool
    ) -> None:
        """A new folder is renamed as one, and new files of an old one in batches: the lock is held for a moment."""
        names = [f"_derived/mock/part {number}.parquet" for number in range(300)]
        job = Job(
            remote=far_side,
            operations=tuple(Publish(staged=f"files/{name}", final=name, undo=None) for name in names),
            staged={f"files/{name}": name.encode() for name in names},
        )
        if folder_is_there:
            job.live["_derived/mock/part old.parquet"] = b"old"
        job.lay_out()
        (tmp_path / "bin").mkdir()
        for program in ("mv", "ln", "cp", "rm", "mkdir", "sync"):
            (tmp_path / "bin" / program).write_text(
                f'#!/bin/sh\necho {program} >>"{tmp_path}/runs"\nexec {shutil.which(program)} "$@"\n'
            )
            (tmp_path / "bin" / program).chmod(0o755)
        (sshd.control / "path").write_text(f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        with far_side.transport.lock(request(job.folder)):
            far_side.transport.commit(job.request())

        assert job.found() == job.after
        assert len((tmp_path / "runs").read_text().splitlines()) < 25
