"""Far sides that do not answer: what has a time limit ends by it, what has none is told, and nothing runs on there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import Child
from support.sshd import HOST, LoopbackSshd, SshFarSide
from usr_core.plugin.transport_errors import RemoteUnreachable
from usr_core.plugin.transports import DigestRequest, LockRequest
from usr_rsync import session
from usr_rsync.transport import RsyncTransport

_DIGESTS = """
import sys
from usr_core.plugin.transports import DigestRequest
from usr_rsync.transport import RsyncTransport as R
t = R({{'host': {host!r}}})
t.abilities()
print('go', flush=True)
t.digest(DigestRequest(folder={folder!r}, files=('a', 'b')))
"""


@pytest.fixture
def slow_digests(sshd: LoopbackSshd, tmp_path: Path) -> Path:
    """Let sha256sum there never end; each run leaves its number in the file that is returned."""
    folder, runs = tmp_path / "slow", tmp_path / "runs"
    folder.mkdir()
    (folder / "sha256sum").write_text(
        f'#!/bin/sh\ncase $1 in --version) echo GNU; exit ;; esac\necho $$ >>"{runs}"\nexec sleep 300\n'
    )
    (folder / "sha256sum").chmod(0o755)
    (sshd.control / "path").write_text(f"{folder}:{os.environ['PATH']}")
    return runs


def started(runs: Path) -> list[int]:
    """Return the numbers of the digest programs, once there are some."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if runs.exists() and (found := runs.read_text().split()):
            return [int(one) for one in found]
        time.sleep(0.05)
    raise AssertionError("no digest program was started")


def ended(processes: list[int], within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not any(_runs(one) for one in processes):
            return True
        time.sleep(0.05)
    return False


def _runs(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


class TestDigestsThatTakeLong:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_they_end_with_whoever_asked(
        self, slow_digests: Path, far_side: SshFarSide, number: signal.Signals
    ) -> None:
        """However that ended, nothing goes on there."""
        for name in ("a", "b"):
            far_side.write(f"{far_side.root}/{name}", b"x")
        code = _DIGESTS.format(host=HOST, folder=far_side.root)
        with Child([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            programs = started(slow_digests)
            process.send_signal(number)
            process.wait(15)

        assert ended(programs)

    def test_close_ends_them_from_another_thread(self, slow_digests: Path, far_side: SshFarSide) -> None:
        """The call that waits fails at once, without a further try, and the transport can be used again."""
        from concurrent.futures import ThreadPoolExecutor

        far_side.write(f"{far_side.root}/a", b"x")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(far_side.transport.digest, DigestRequest(folder=far_side.root, files=("a",)))
            programs = started(slow_digests)
            far_side.transport.close()
            with pytest.raises(RemoteUnreachable):
                asked.result(timeout=10)

        assert ended(programs)
        assert len(slow_digests.read_text().split()) == 1
        assert far_side.transport.stat(f"{far_side.root}/a") is not None


class TestSilence:
    def test_a_long_silence_is_told(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once for each answer, with what is waited for."""
        monkeypatch.setattr(session, "SILENCE_SECONDS", 0.3)
        far_side.write(f"{far_side.root}/a", b"x")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/sha256sum").write_text('#!/bin/sh\nsleep 1\nexec /usr/bin/sha256sum "$@"\n')
        (tmp_path / "bin/sha256sum").chmod(0o755)
        far_side.transport.abilities()
        told: list[str] = []
        far_side.transport.watch(told.append)
        far_side.transport.close()
        (sshd.control / "path").write_text(f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        far_side.transport.digest(DigestRequest(folder=far_side.root, files=("a",)))

        assert [line for line in told if "compute digests" in line] == [
            f"{HOST} has not answered for 0 s (compute digests); still waiting"
        ]

    def test_each_further_try_is_told(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """With its number; the first session is killed at its start."""
        (tmp_path / "shell").write_text(f"#!/bin/sh\nrm {tmp_path}/shell\nkill -9 $$\n")
        (tmp_path / "shell").chmod(0o755)
        sshd.use_shell(str(tmp_path / "shell"))
        told: list[str] = []

        def tell(line: str) -> None:
            told.append(line)
            sshd.use_shell("/bin/sh")

        far_side.transport.watch(tell)
        far_side.transport.abilities()

        assert told == [f"the connection to {HOST} broke; try 2 of 4"]

    def test_a_login_that_hangs_ends_by_its_time(self, sshd: LoopbackSshd, tmp_path: Path) -> None:
        """Twice the time of a connection, after one try."""
        (tmp_path / "shell").write_text("#!/bin/sh\nexec sleep 60\n")
        (tmp_path / "shell").chmod(0o755)
        sshd.use_shell(str(tmp_path / "shell"))
        transport = RsyncTransport({**sshd.settings, "connect_timeout": 1})
        begun = time.monotonic()
        with pytest.raises(RemoteUnreachable, match="did not answer within 2 s"):
            transport.abilities()
        transport.close()

        assert time.monotonic() - begun < 15
        assert len(sshd.commands()) == 1

    def test_a_lock_that_hangs_ends_by_its_time(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """The time-out and a margin."""
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/flock").write_text("#!/bin/sh\nexec sleep 60\n")
        (tmp_path / "bin/flock").chmod(0o755)
        (sshd.control / "path").write_text(f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        transport = RsyncTransport({**sshd.settings, "connect_timeout": 1})
        begun = time.monotonic()
        with (
            pytest.raises(RemoteUnreachable, match="lock the dataset"),
            transport.lock(LockRequest(folder=far_side.root, timeout=1, label="x")),
        ):
            pass
        transport.close()

        assert time.monotonic() - begun < 15


class TestFrozenConnection:
    @pytest.fixture
    def frozen(self, sshd: LoopbackSshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Open a connection that the user's own configuration shares, and stop its other end."""
        place = Path("/tmp") / f"usr-cm-{os.getpid()}"
        shim = tmp_path / "shim"
        shim.mkdir()
        config = tmp_path / "config"
        config.write_text(
            f"Host {HOST}\n ControlMaster auto\n ControlPath {place}\n" + (sshd.folder / "ssh_config").read_text()
        )
        real = "/usr/bin/ssh"
        (shim / "ssh").write_text(f"#!/bin/sh\nexec {real} -F '{config}' \"$@\"\n")
        (shim / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{shim}:{os.environ['PATH']}")
        subprocess.run(["ssh", "-f", "-N", "-M", HOST], check=True, timeout=20, stderr=subprocess.DEVNULL)
        processes = [*sshd.connections(), *(child for one in sshd.connections() for child in _children(one))]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        yield
        subprocess.run(["ssh", "-O", "exit", HOST], check=False, timeout=20, capture_output=True)
        for process in processes:
            os.kill(process, signal.SIGCONT)
            os.kill(process, signal.SIGKILL)

    def test_the_command_goes_on_without_it(self, frozen: None, sshd: LoopbackSshd) -> None:
        """After the time of a connection, over one of its own, and says so."""
        told: list[str] = []
        transport = RsyncTransport({**sshd.settings, "connect_timeout": 2})
        transport.watch(told.append)
        begun = time.monotonic()
        found = transport.abilities()
        transport.close()

        assert "sha256" in found
        assert time.monotonic() - begun < 20
        assert told == [f"the open connection to {HOST} does not answer; connecting without it"]


def _children(process: int) -> list[int]:
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            try:
                parent = (place / "stat").read_text().rpartition(") ")[2].split()[1]
            except OSError:
                continue
            if int(parent) == process:
                found.append(int(place.name))
    return found
