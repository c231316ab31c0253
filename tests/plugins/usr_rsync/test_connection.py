"""Whose connection is used, and that none of ours stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.processes import Child
from support.sshd import HOST, LoopbackSshd, SshFarSide
from usr_core.plugin.transports import FetchRequest, ReadRequest
from usr_rsync.connection import open_shared_connection, shared_connection_is_up
from usr_rsync.transport import RsyncTransport


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short XDG_RUNTIME_DIR."""
    with tempfile.TemporaryDirectory(prefix="u%r ", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def clients(sshd: LoopbackSshd) -> list[str]:
    """Return the ssh clients of this sshd that run, and the shared ones among them."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            zombie = ") Z " in (place / "stat").read_text()
        except OSError:
            continue
        if (
            place.name.isdecimal()
            and (str(sshd.folder / "ssh_config") in command or _is_shared(command))
            and not zombie
        ):
            found.append(command)
    return found


def _is_shared(command: str) -> bool:
    return command.startswith("ssh: /") and "usr-" in command and "[mux]" in command


def gone_within(sshd: LoopbackSshd, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not [c for c in clients(sshd) if str(sshd.folder) in c]:
            return True
        time.sleep(0.05)
    return False


class TestOwnConnection:
    def test_nothing_is_left_after_close(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """Neither a process nor the folder of its socket."""
        far_side.write(f"{far_side.root}/file", b"x")
        far_side.transport.fetch(FetchRequest(folder=far_side.root, files=("file",), into=tmp_path))
        far_side.transport.abilities()
        folder = far_side.transport._connection._folder
        assert folder is not None
        assert (folder / "c").exists()
        far_side.transport.close()

        assert not folder.exists()
        assert gone_within(sshd, 3)

    def test_one_login_serves_a_whole_command(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """Sessions and transfers go over the same connection."""
        far_side.write(f"{far_side.root}/file", b"x")
        far_side.transport.abilities()
        sshd_children = sshd.connections()
        far_side.transport.fetch(FetchRequest(folder=far_side.root, files=("file",), into=tmp_path))
        far_side.transport.read(ReadRequest(path=f"{far_side.root}/file"))

        assert sshd.connections() == sshd_children
        assert len(sshd.commands()) == 2

    def test_forgetting_to_close_leaves_nothing(self, sshd: LoopbackSshd) -> None:
        """A process that just ends takes the connection with it."""
        code = (
            "from usr_rsync.transport import RsyncTransport as R\n"
            f"t = R({{'host': {HOST!r}}}); t.abilities(); print(t._connection._folder)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)

        assert not Path(done.stdout.strip()).exists()
        assert gone_within(sshd, 5)

    def test_an_interrupt_ends_the_transfer(self, sshd: LoopbackSshd, tmp_path: Path) -> None:
        """Ctrl-C in the middle of a fetch leaves no rsync and no ssh behind."""
        (tmp_path / "from").mkdir()
        (tmp_path / "into").mkdir()
        (tmp_path / "from/big").write_bytes(os.urandom(200 << 20))
        code = (
            "import sys\n"
            "from pathlib import Path\n"
            "from usr_core.plugin.transports import FetchRequest\n"
            "from usr_rsync.transport import RsyncTransport as R\n"
            f"t = R({{'host': {HOST!r}}}); t.abilities(); print('go', flush=True)\n"
            "try:\n"
            f"    into = Path({str(tmp_path / 'into')!r})\n"
            f"    t.fetch(FetchRequest(folder={str(tmp_path / 'from')!r}, files=('big',), into=into))\n"
            "except KeyboardInterrupt:\n"
            "    t.close(); sys.exit(130)\n"
        )
        with Child([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.6)
            process.send_signal(signal.SIGINT)
            code_returned = process.wait(15)

        assert code_returned == 130
        assert gone_within(sshd, 5)


class TestSharedConnection:
    def test_a_warmed_one_is_used_and_stays(self, sshd: LoopbackSshd, runtime: Path) -> None:
        """It is up after `open_shared_connection`, a transport goes over it, and does not close it."""
        assert not shared_connection_is_up(sshd.settings)
        open_shared_connection(sshd.settings)
        try:
            assert shared_connection_is_up(sshd.settings)
            before = sshd.connections()
            transport = RsyncTransport(sshd.settings)
            transport.abilities()
            during = sshd.connections()
            transport.close()

            assert before == during
            assert transport._connection._folder is None
            assert shared_connection_is_up(sshd.settings)
        finally:
            (socket,) = runtime.glob("usr-*")
            subprocess.run(["ssh", "-O", "exit", "-S", str(socket).replace("%", "%%"), HOST], check=True, timeout=120)

    def test_the_users_own_is_used_and_stays(self, sshd: LoopbackSshd, runtime: Path) -> None:
        """One that the user's configuration shares."""
        config = sshd.folder / "ssh_config"
        kept = config.read_text()
        with tempfile.TemporaryDirectory(prefix="own", dir="/tmp") as place:
            config.write_text(f"{kept}    ControlPath {place}/%C\n")
            subprocess.run(["ssh", "-f", "-N", "-M", HOST], check=True, timeout=120)
            try:
                before = sshd.connections()
                transport = RsyncTransport(sshd.settings)
                transport.abilities()
                during = sshd.connections()
                transport.close()

                assert before == during
                assert shared_connection_is_up(sshd.settings)
            finally:
                subprocess.run(["ssh", "-O", "exit", HOST], check=True, timeout=120)
                config.write_text(kept)
