"""A private sshd on 127.0.0.1 with keys of its own, and an `ssh` on PATH that reaches it.

Every session runs under `gate`, a forced command: it writes the command lines down, sets PATH, and can cut the traffic
of rsync after so many bytes in either direction. Settings are files in `control`, so a test changes them at any time.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from support.folders import DiskFarSide
from support.processes import Child
from usr_rsync.transport import RsyncTransport

__all__ = ["HOST", "LoopbackSshd", "SshFarSide", "started_sshd"]

HOST = "loopback"
"""The name under which the client's configuration knows it."""

_GATE = """#!/bin/bash
control='{control}'
command=${{SSH_ORIGINAL_COMMAND-}}
printf '%s\\n' "$command" >>"$control/commands.log"
echo "$$" >>"$control/sessions"
[ ! -s "$control/path" ] || PATH=$(cat "$control/path")
[ ! -s "$control/banner" ] || cat "$control/banner"
shell=$(cat "$control/shell")
if [ -s "$control/cut" ] && [[ $command == rsync\\ --server* ]]; then
    read -r direction bytes <"$control/cut"
    exec '{python}' '{valve}' "$direction" "$bytes" "$shell" -c "$command"
fi
exec "$shell" -c "$command"
"""

_VALVE = '''"""valve.py fetch|send BYTES COMMAND…: run it, pass so many bytes in one direction, then kill it."""
import os, signal, subprocess, sys, threading

direction, left, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
child = subprocess.Popen(command, stdin=subprocess.PIPE if direction == "send" else None,
                         stdout=subprocess.PIPE if direction == "fetch" else None, start_new_session=True)
source, target = (0, child.stdin.fileno()) if direction == "send" else (child.stdout.fileno(), 1)

def ended():
    code = child.wait()
    if direction == "send":
        os._exit(code)

threading.Thread(target=ended, daemon=True).start()
while left > 0:
    chunk = os.read(source, min(left, 65536))
    if not chunk:
        break
    left -= len(chunk)
    view = memoryview(chunk)
    while view:
        view = view[os.write(target, view):]
if left > 0:
    if direction == "send":
        child.stdin.close()
    sys.exit(child.wait())
if direction == "send":
    child.stdin.flush()
    threading.Event().wait(0.3)
os.killpg(child.pid, signal.SIGKILL)
os._exit(12)
'''

_CLIENT = """Host {host}
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    HostKeyAlias {host}
    StrictHostKeyChecking yes
"""

# With SHLVL the login shell, where it is bash, takes itself for an inner one and does not run the user's .bashrc.
_SERVER = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
PermitUserEnvironment no
MaxStartups 100
MaxSessions 50
ForceCommand {folder}/gate
KexAlgorithms curve25519-sha256
SetEnv SHLVL=1
LogLevel ERROR
"""


@dataclass
class LoopbackSshd:
    """A running sshd.

    Attributes:
        folder: Everything of it.
        port: Where it listens.
        bin: A folder with an `ssh` that knows the host; first on PATH, it makes the product reach it.
    """

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def bin(self) -> Path:
        return self.folder / "bin"

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def path(self) -> str:
        """The PATH with the shim in front."""
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    @property
    def settings(self) -> dict[str, Any]:
        """What the remotes file would say."""
        return {"host": HOST}

    def reset(self) -> None:
        """Forget what a test has set: nothing is cut, PATH is whole, no commands were seen."""
        for name in ("cut", "path", "banner", "commands.log", "sessions"):
            (self.control / name).write_text("")
        (self.control / "shell").write_text("/bin/sh")

    def commands(self) -> list[str]:
        """Return the command lines that sessions were asked to run."""
        return (self.control / "commands.log").read_text(encoding="utf-8").splitlines()

    def cut(self, direction: Literal["fetch", "send"], after_bytes: int) -> None:
        """Let every rsync break off after so many bytes in that direction."""
        (self.control / "cut").write_text(f"{direction} {after_bytes}\n")

    def mend(self) -> None:
        """Let rsync through again."""
        (self.control / "cut").write_text("")

    def kill_sessions(self) -> None:
        """Kill every session that was started since `reset`, as a dying login node would."""
        for line in (self.control / "sessions").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(line), signal.SIGKILL)
        (self.control / "sessions").write_text("")

    def connections(self) -> set[int]:
        """Return the server's processes, one for each connection."""
        found = set()
        for place in Path("/proc").iterdir():
            if place.name.isdecimal():
                with contextlib.suppress(OSError):
                    # pid (command) state parent …; the command may hold anything
                    state, parent = (place / "stat").read_text().rpartition(") ")[2].split()[:2]
                    if state != "Z" and int(parent) == self.process.pid:
                        found.add(int(place.name))
        return found

    def drop_connections(self) -> None:
        """End every connection from the server's side; it goes on listening."""
        for pid in self.connections():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def use_shell(self, shell: str) -> None:
        """Let sessions run under another login shell."""
        (self.control / "shell").write_text(shell)

    def say_at_login(self, banner: bytes) -> None:
        """Let every login print something first, as some hosts do."""
        (self.control / "banner").write_bytes(banner)

    def limit_path(self, folder: Path, programs: tuple[str, ...]) -> None:
        """Let sessions find these programs only; links to them are made in `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        for program in programs:
            found = shutil.which(program)
            assert found is not None, program
            (folder / program).symlink_to(found)
        (self.control / "path").write_text(str(folder))


@dataclass
class SshFarSide(DiskFarSide):
    """The remote side of the transport under test: `usr_core.testing.far_side.FarSide`, on this machine's own disk."""

    sshd: LoopbackSshd
    root: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    declared: frozenset[str] = frozenset({"interrupt", "other_locker"})

    def __post_init__(self) -> None:
        self.transport = RsyncTransport({**self.sshd.settings, **self.settings})

    def names(self, folder: str) -> list[str]:
        place = Path(folder)
        found = (path for path in place.rglob("*") if path.is_symlink() or not path.is_dir())
        return sorted(path.relative_to(place).as_posix() for path in found)

    def cut(self, direction: Literal["fetch", "send"], after_bytes: int) -> None:
        self.sshd.cut(direction, after_bytes)

    def mend(self) -> None:
        self.sshd.mend()

    @contextlib.contextmanager
    def held_lock(self, folder: str) -> Iterator[None]:
        """Hold the lock by the program flock, in a process of its own."""
        command = ["flock", "-w", "0.5", f"{folder}/.usr.lock", "-c", "echo held; read line"]
        with Child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None and process.stdout is not None
            try:
                if process.stdout.readline() != b"held\n":
                    raise TimeoutError(folder)
                yield
            finally:
                process.stdin.close()
                process.wait(5)


@contextlib.contextmanager
def started_sshd(folder: Path) -> Iterator[LoopbackSshd]:
    """Run an sshd for the length of the block; everything it needs is made in `folder`."""
    server = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert server is not None, "sshd is not installed; make programs"
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd's own demand when root runs it
    _lay_out(folder)
    for _ in range(5):
        port = _free_port()
        (folder / "sshd_config").write_text(_SERVER.format(folder=folder, port=port))
        (folder / "ssh_config").write_text(_CLIENT.format(host=HOST, folder=folder, port=port, user=getpass.getuser()))
        with (folder / "sshd.log").open("ab") as log:
            process = Child([server, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
        if _listens(port, process):
            break
        process.kill()
        process.wait(30)
    else:
        raise RuntimeError((folder / "sshd.log").read_text())
    running = LoopbackSshd(folder, port, process)
    running.reset()
    try:
        yield running
    finally:
        running.drop_connections()
        process.terminate()
        process.wait(10)


def _lay_out(folder: Path) -> None:
    for place in ("bin", "control"):
        (folder / place).mkdir(parents=True)
    for key in ("host_key", "user_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True, timeout=120
        )
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    (folder / "known_hosts").write_text(f"{HOST} {(folder / 'host_key.pub').read_text()}")
    real = shutil.which("ssh")
    assert real is not None, "ssh is not installed; make programs"
    (folder / "valve.py").write_text(_VALVE)
    gate = _GATE.format(control=folder / "control", python=sys.executable, valve=folder / "valve.py")
    _program(folder / "gate", gate)
    _program(folder / "bin/ssh", f"#!/bin/sh\nexec '{real}' -F '{folder}/ssh_config' \"$@\"\n")


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.02)
    return False
