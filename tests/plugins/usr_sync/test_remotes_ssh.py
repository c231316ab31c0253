"""``usr remotes doctor``, ``status`` and ``warm-auth`` against a real sshd."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cli import Result, clean_env, run_usr
from support.sshd import HOST, LoopbackSshd, started_sshd

USER = getpass.getuser()
FEW_PROGRAMS = (
    "sh",
    "cat",
    "cut",
    "date",
    "dd",
    "find",
    "grep",
    "head",
    "nproc",
    "printf",
    "sed",
    "tail",
    "tr",
    "uname",
    "xargs",
)


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSshd]:
    with started_sshd(tmp_path_factory.mktemp("sshd") / "box") as running:
        yield running


@pytest.fixture
def sshd(_running: LoopbackSshd) -> LoopbackSshd:
    _running.reset()
    return _running


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder for sockets, whose path is short enough to be one's."""
    folder = Path(tempfile.mkdtemp(prefix="usr", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


class Box:
    """``usr remotes`` with a remote ``box`` on that sshd."""

    def __init__(self, sshd: LoopbackSshd, folder: Path, runtime: Path) -> None:
        self.file = folder / "remotes.yaml"
        self.base_dir = folder / "far root"
        self.base_dir.mkdir()
        self.env = {"USR_REMOTES_PATH": self.file, "PATH": sshd.path, "XDG_RUNTIME_DIR": runtime}
        self.add()

    def add(self, *options: str) -> None:
        added = self.run(
            "add", "box", "--host", HOST, "--user", USER, "--base-dir", self.base_dir, "--overwrite", *options
        )
        assert added.rc == 0, str(added)

    def run(self, *args: str | Path) -> Result:
        return run_usr("remotes", *args, env=self.env)

    def doctor(self, *args: str) -> tuple[int, dict[str, Any]]:
        result = self.run("doctor", "--remote", "box", "--format", "json", *args)
        assert result.err == "", str(result)
        return result.rc, {finding["what"]: finding for finding in result.data["findings"]}


@pytest.fixture
def box(sshd: LoopbackSshd, tmp_path: Path, runtime: Path) -> Box:
    return Box(sshd, tmp_path, runtime)


class TestDoctor:
    def test_a_working_host_is_ok(self, box: Box):
        """Programs on both sides with their versions, the login, the clock, the root there; nothing is left there."""
        code, findings = box.doctor()

        needed = {"ssh here", "rsync here", "login", "rsync there", "sha256 there", "flock there", "clock", "base dir"}
        assert 0 == code
        assert needed <= findings.keys()
        assert {"ok"} == {findings[what]["verdict"] for what in needed}
        assert findings["ssh here"]["found"].startswith("OpenSSH")
        assert "version 3" in findings["rsync there"]["found"]
        assert f"{USER}@{HOST}, without a question" == findings["login"]["found"]
        assert [] == list(box.base_dir.iterdir())

    def test_a_missing_base_dir_is_an_error(self, box: Box):
        """Unless it is not to be looked at."""
        box.base_dir.rmdir()

        code, findings = box.doctor()

        assert (1, "error") == (code, findings["base dir"]["verdict"])
        assert "mkdir -p" in findings["base dir"]["fix"]
        assert 0 == box.doctor("--no-check-base-dir")[0]

    def test_missing_programs_there_are_errors_with_a_fix(self, box: Box, sshd: LoopbackSshd, tmp_path: Path):
        """rsync, a digest tool and flock; python is a note."""
        sshd.limit_path(tmp_path / "few", FEW_PROGRAMS)

        code, findings = box.doctor()

        assert 1 == code, findings
        for what, verdict in {"rsync": "error", "sha256": "error", "flock": "error", "python3": "note"}.items():
            assert ("missing", verdict) == (findings[f"{what} there"]["found"], findings[f"{what} there"]["verdict"])

    def test_settings_that_nobody_reads_are_warnings(self, box: Box):
        """A misspelled one, and a key's path where its variable belongs; one that the transport knows is fine."""
        box.file.write_text(box.file.read_text() + "    prot: 22\n    ssh_key: /k\n    connect_timeout: 20\n")

        code, findings = box.doctor()

        assert (0, "warning", "warning") == (code, findings["prot"]["verdict"], findings["ssh_key"]["verdict"])
        assert "ssh_key_env" in findings["ssh_key"]["fix"]
        assert "connect_timeout" not in findings

    def test_a_host_that_does_not_answer_is_exit_code_7(self, box: Box):
        """The login is the finding."""
        box.add("--port", "1")

        code, findings = box.doctor()

        assert (7, "error") == (code, findings["login"]["verdict"])

    def test_an_unknown_host_key_is_refused(self, box: Box, tmp_path: Path):
        """Host key checking is never switched off; nobody is asked."""
        (tmp_path / "known_hosts").write_text("")
        box.file.write_text(box.file.read_text() + f"    known_hosts: {tmp_path / 'known_hosts'}\n")

        code, findings = box.doctor()

        assert (7, "error") == (code, findings["login"]["verdict"])
        assert "" == (tmp_path / "known_hosts").read_text()


class Direct(Box):
    """The same host without ssh's configuration: address, port, user, key and host keys are in the remotes file."""

    def __init__(self, sshd: LoopbackSshd, folder: Path, runtime: Path) -> None:
        super().__init__(sshd, folder, runtime)
        self.known_hosts = folder / "known hosts"
        host_key = (sshd.folder / "host_key.pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {host_key}")
        self.key, self.port = sshd.folder / "user_key", sshd.port
        self.env["BOX_KEY"] = self.key
        self.write()

    def write(self, **changes: Any) -> None:
        settings = {
            **{"type": "ssh", "host": "127.0.0.1", "port": self.port, "user": USER, "base_dir": str(self.base_dir)},
            **{"known_hosts": str(self.known_hosts), "ssh_key_env": "BOX_KEY"},
            **changes,
        }
        self.file.write_text(json.dumps({"remotes": {"box": settings}}))

    def fix(self, what: str) -> str:
        """Return the fix of a finding that is an error; the command that is running is never part of it."""
        _, findings = self.doctor()
        assert "error" == findings[what]["verdict"], findings
        assert "remotes doctor" not in findings[what]["fix"]
        return findings[what]["fix"]

    def paste(self, fix: str, *, number: int = 0, options: str = "") -> str:
        """Run the n-th command of a fix as a user would, with `options` behind its name; return what it prints."""
        name, _, rest = fix.split("`")[2 * number + 1].partition(" ")
        done = subprocess.run(
            ["sh", "-c", f"{name} {options} {rest}"],
            env=clean_env(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            timeout=30,
            check=True,
        )
        return done.stdout


@pytest.fixture
def direct(sshd: LoopbackSshd, tmp_path: Path, runtime: Path) -> Direct:
    return Direct(sshd, tmp_path, runtime)


class TestFixes:
    def test_an_unknown_host_key_is_accepted_by_the_command_of_the_fix(self, direct: Direct):
        """Port, user, key and the file of host keys are in it; ssh itself asks, here an option answers."""
        direct.known_hosts.write_text("")

        direct.paste(direct.fix("login"), options="-o StrictHostKeyChecking=accept-new")

        assert 0 == direct.doctor()[0]

    def test_a_host_key_that_has_changed_is_taken_out_by_the_first_command(self, direct: Direct, sshd: LoopbackSshd):
        """Then the new one is accepted by the second."""
        other = (sshd.folder / "user_key.pub").read_text()
        direct.known_hosts.write_text(f"[127.0.0.1]:{direct.port} {other}")
        fix = direct.fix("login")

        direct.paste(fix, number=0)
        direct.paste(fix, number=1, options="-o StrictHostKeyChecking=accept-new")

        assert 0 == direct.doctor()[0]

    def test_a_key_that_is_not_let_in_is_installed_by_the_command_of_the_fix(self, direct: Direct, tmp_path: Path):
        """It names the key's public part; as nobody can type a password here, it only says what it would add."""
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "new")], check=True, timeout=60
        )
        (tmp_path / ".ssh").mkdir(mode=0o700)
        direct.env.update({"BOX_KEY": tmp_path / "new", "HOME": tmp_path})
        fix = direct.fix("login")

        assert (tmp_path / "new.pub").read_text().strip() in direct.paste(fix, number=1, options="-n -f")
        assert f"ssh-add {tmp_path / 'new'}" in fix

    def test_a_wrong_port_is_named(self, direct: Direct):
        """So is a wrong host, with where to correct it."""
        direct.write(port=1)
        assert "`usr remotes show box`" in direct.fix("login")
        assert "at port 1." in direct.fix("login")

        direct.write(host="nowhere.invalid")
        assert "Correct the host of the remote (`usr remotes show box`)" in direct.fix("login")

    def test_a_missing_base_dir_is_made_by_the_command_of_the_fix(self, direct: Direct):
        """Blanks in the path included."""
        direct.base_dir.rmdir()

        direct.paste(direct.fix("base dir"))

        assert 0 == direct.doctor()[0]

    def test_a_base_dir_that_is_a_file_is_told(self, direct: Direct):
        """Nothing could be made there."""
        direct.base_dir.rmdir()
        direct.base_dir.write_text("")

        assert direct.fix("base dir").startswith("Correct base_dir")

    def test_a_missing_program_is_looked_for_by_the_command_of_the_fix(
        self, direct: Direct, sshd: LoopbackSshd, tmp_path: Path
    ):
        """It prints the path once the program is there."""
        sshd.limit_path(tmp_path / "few", FEW_PROGRAMS)
        fix = direct.fix("rsync there")
        sshd.reset()

        assert f"{shutil.which('rsync')}\n" == direct.paste(fix)

    def test_a_login_shell_that_prints_is_an_error(self, direct: Direct, sshd: LoopbackSshd):
        """rsync takes it for an answer. The command of the fix shows it, and nothing once it is gone."""
        sshd.say_at_login(b"Welcome to the cluster\n")
        fix = direct.fix("shell there")
        assert "Welcome to the cluster" in direct.doctor()[1]["shell there"]["found"]
        assert "Welcome to the cluster\n" == direct.paste(fix, number=1)

        sshd.reset()

        assert "" == direct.paste(fix, number=1)
        assert (0, False) == (direct.doctor()[0], "shell there" in direct.doctor()[1])


class TestSharedConnection:
    def test_is_down_until_it_is_warmed(self, box: Box, sshd: LoopbackSshd):
        """Status asks only here; afterwards commands go over the one connection."""
        assert {"remote": "box", "shared_connection": False} == box.run(
            "status", "--remote", "box", "--format", "json"
        ).data
        assert [] == sshd.commands()

        opened = box.run("warm-auth", "--remote", "box")

        assert (0, "opened a shared connection to box\n") == (opened.rc, opened.out), str(opened)
        assert "a shared connection to box is up\n" == box.run("status", "--remote", "box").out
        assert 0 == box.doctor()[0]
        sshd.drop_connections()

    def test_a_failed_login_is_exit_code_7(self, box: Box):
        """One error, and no connection."""
        box.add("--port", "1")

        result = box.run("warm-auth", "--remote", "box")

        assert 7 == result.rc, str(result)
        assert 1 == result.err.count("error[USR-TRANSPORT-002]")
