"""Far sides whose programs are not GNU's: everything works with BusyBox, and what is missing is named."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from support.sshd import LoopbackSshd, SshFarSide
from usr_core.plugin.transport_errors import RemoteLocked, RemoteRefused, RemoteToolMissing
from usr_core.plugin.transports import ABILITY_SHA256, DigestRequest, LockRequest, SendRequest
from usr_core.testing.commit_jobs import Job

_FLOCK = """#!/bin/sh
for a; do
    case $a in -w | --*) echo "flock: invalid option -- $a" >&2; exit 1 ;; esac
done
exec {flock} "$@"
"""
"""BusyBox's own: `[-sxun] FD`; Debian builds it without."""


def applets() -> list[str]:
    """Return the names of BusyBox's programs."""
    return subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True, timeout=120).stdout.split()


@pytest.fixture
def busybox(sshd: LoopbackSshd, tmp_path: Path) -> Path:
    """Let sessions run under BusyBox alone, its shell included; rsync and a flock like that of Alpine are there."""
    folder = tmp_path / "busybox"
    sshd.limit_path(folder, ("rsync",))
    found = shutil.which("busybox")
    assert found is not None
    for name in applets():
        if name != "[" and not (folder / name).exists():
            (folder / name).symlink_to(found)
    _program(folder / "flock", _FLOCK.format(flock=shutil.which("flock")))
    return folder


def _program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def without(folder: Path, program: str) -> None:
    """Take a program away, from a shell that has none built in."""
    (folder / program).unlink()
    (folder / "sh").unlink()
    (folder / "sh").symlink_to("/bin/sh")


def request(folder: str, timeout: float = 5) -> LockRequest:
    return LockRequest(folder=folder, timeout=timeout, label="push of ns/x", create=True)


class TestBusyBox:
    def test_a_change_is_made_with_its_programs(self, busybox: Path, far_side: SshFarSide) -> None:
        """Lock, looking, digests and the commit of files, odd names included."""
        job = Job(remote=far_side)
        job.lay_out()
        with far_side.transport.lock(request(job.folder)) as held:
            walked = {e.path: (e.kind, e.size_bytes) for e in far_side.transport.walk(job.folder)}
            digests = far_side.transport.digest(DigestRequest(folder=job.folder, files=("records.parquet", "absent")))
            far_side.transport.commit(job.request())

        assert held is True
        assert walked["records.parquet"] == ("file", len(b"old records"))
        assert set(digests) == {"records.parquet"}
        assert job.found() == job.after

    def test_half_done_changes_are_settled(self, busybox: Path, far_side: SshFarSide) -> None:
        """Finished and taken back, as everywhere."""
        for done, action in ((2, "finish"), (4, "undo")):
            job = Job(remote=far_side, txn=f"push-{done}")
            job.operations = tuple(_for(job.txn, one) for one in job.operations)
            shutil.rmtree(job.folder, ignore_errors=True)
            job.lay_out_half_done(done)
            with far_side.transport.lock(request(job.folder)):
                far_side.transport.commit(job.request(action))  # type: ignore[arg-type]

            assert job.found() == (job.after if action == "finish" else job.live)

    def test_its_flock_keeps_others_out(self, busybox: Path, far_side: SshFarSide) -> None:
        """It can't wait, so it is asked again until the time is over; then the holder has it, and nobody else."""
        folder = f"{far_side.root}/ns"
        with far_side.transport.lock(request(folder)), pytest.raises(TimeoutError), far_side.held_lock(folder):
            pass
        with (
            far_side.held_lock(folder),
            pytest.raises(RemoteLocked),
            far_side.transport.lock(request(folder, timeout=1)),
        ):
            pass
        with far_side.transport.lock(request(folder)) as held:
            assert held is True

    def test_the_probe_knows_it(self, busybox: Path, far_side: SshFarSide) -> None:
        """Its clock is a number, its lock was tried, and nothing is left of that."""
        probe = far_side.transport.probe(far_side.root)

        assert probe.clock > 1_700_000_000
        assert probe.lock == ""
        assert far_side.names(far_side.root) == []
        assert ABILITY_SHA256 in far_side.transport.abilities()


def _for(txn: str, operation: object) -> object:
    from usr_core.commit.record import Retire

    if isinstance(operation, Retire) and operation.target.startswith(".usr.tmp/"):
        return Retire(final=operation.final, target=f".usr.tmp/{txn}/retired-0")
    return operation


class TestWhatIsMissing:
    @pytest.mark.parametrize("program", ["awk", "cmp", "xargs", "sed"])
    def test_a_program_of_the_commit_is_named(self, busybox: Path, far_side: SshFarSide, program: str) -> None:
        """Before anything has changed."""
        without(busybox, program)
        job = Job(remote=far_side)
        job.lay_out()
        with (
            far_side.transport.lock(request(job.folder)),
            pytest.raises(RemoteToolMissing, match=rf"lacks the program {program}\b"),
        ):
            far_side.transport.commit(job.request())

        assert job.found() == job.live

    def test_a_program_of_every_session_is_named(self, busybox: Path, far_side: SshFarSide) -> None:
        """At the first request."""
        without(busybox, "tail")
        with pytest.raises(RemoteToolMissing, match="lacks the program tail"):
            far_side.transport.abilities()

    def test_a_flock_that_takes_no_lock_is_not_another_writer(self, busybox: Path, far_side: SshFarSide) -> None:
        """What it says is told; the probe has found it as well."""
        _program(busybox / "flock", "#!/bin/sh\necho 'flock: 9: No locks available' >&2\nexit 1\n")
        with pytest.raises(RemoteRefused) as caught, far_side.transport.lock(request(far_side.root)):
            pass

        assert "No locks available" in str(caught.value.facts["answer"])
        assert "No locks available" in str(far_side.transport.probe(far_side.root).lock)

    def test_a_flock_of_other_options_is_named(self, busybox: Path, far_side: SshFarSide) -> None:
        """As a program that is missing, exit 7."""
        _program(busybox / "flock", "#!/bin/sh\necho 'flock: invalid option' >&2\nexit 1\n")
        with pytest.raises(RemoteToolMissing, match="flock that understands -n"):
            far_side.transport.lock(request(far_side.root)).__enter__()

    def test_a_flock_that_locks_nobody_out_is_found(self, busybox: Path, far_side: SshFarSide) -> None:
        """By taking a lock twice, which a version does not tell."""
        _program(busybox / "flock", "#!/bin/sh\nexit 0\n")

        assert far_side.transport.probe(far_side.root).lock == "two processes get it at once"


class TestSending:
    def test_files_are_sent_and_made_durable_there(self, busybox: Path, far_side: SshFarSide, tmp_path: Path) -> None:
        """With its own sync."""
        (tmp_path / "from").mkdir()
        for number in range(70):
            (tmp_path / f"from/f {number}").write_bytes(b"x")
        names = tuple(f"f {number}" for number in range(70))
        into = f"{far_side.root}/.usr.tmp/push-1"
        far_side.transport.send(SendRequest(source=tmp_path / "from", files=names, into=into))

        assert far_side.names(into) == sorted(names)
