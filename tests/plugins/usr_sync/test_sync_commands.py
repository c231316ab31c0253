"""`usr diff`, `pull` and `push` as a user runs them, over an sshd on loopback."""

from __future__ import annotations

import getpass
import json
import os
import pty
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.cli import Result, Usr, clean_env, usr_argv
from support.processes import Child
from support.sshd import HOST, LoopbackSshd
from support.tree import tree_digest

NAME = "ns/base"


class Here:
    """A root with a dataset, and a remote `far` that is an empty folder."""

    def __init__(self, usr: Usr, far: Path, remotes: Path, sshd: LoopbackSshd) -> None:
        self.usr, self.far, self.remotes, self.sshd = usr, far, remotes, sshd
        self.env = {"USR_REMOTES_PATH": remotes, "PATH": sshd.path}

    def run(self, *args: str | Path, stdin: str = "") -> Result:
        return self.usr.run(*args, env=self.env, stdin=stdin)

    def ok(self, *args: str | Path) -> Result:
        return self.usr.ok(*args, env=self.env)

    def refuses(self, code: int, *args: str | Path, stdin: str = "") -> Result:
        return self.usr.refuses(code, *args, env=self.env, stdin=stdin)


@pytest.fixture
def here(seeded: Usr, sshd: LoopbackSshd, tmp_path: Path) -> Here:
    far, remotes = tmp_path / "far", tmp_path / "remotes.yaml"
    far.mkdir()
    remotes.write_text(f"remotes:\n  far: {{type: ssh, host: {HOST}, user: {getpass.getuser()}, base_dir: '{far}'}}\n")
    return Here(seeded, far, remotes, sshd)


class TestTransfer:
    def test_asks_before_anything_moves(self, here):
        """The answer no leaves both sides as they were; the end of the input is a usage error that names -y."""
        before = tree_digest(here.far)
        assert 1 == here.run("push", NAME, "far", stdin="n\n").rc
        assert "-y" in here.refuses(2, "push", NAME, "far").err
        assert before == tree_digest(here.far)
        assert 0 == here.run("push", NAME, "far", stdin="y\n").rc
        assert (here.far / NAME / "records.parquet").is_file()

    def test_ends_with_a_summary(self, here):
        """State, sections, histories and bytes are shown."""
        out = here.ok("push", NAME, "far", "-y").out
        for word in ("audit: TRANSFERRED", "records.parquet", "meta.md", "_derived", "_snapshots", "bytes sent"):
            assert word in out
        assert "nothing to do" in here.ok("pull", NAME, "far", "-y").out

    def test_writes_the_audit_that_json_prints(self, here, tmp_path):
        """One document, in a file and on stdout alike, with every documented key."""
        file = tmp_path / "audit.json"
        data = here.ok("push", NAME, "far", "-y", "--format", "json", "--audit-json-out", file).data
        assert {"usr_output_version": 1, "data": data} == json.loads(file.read_text())
        assert "TRANSFERRED" == data["transfer_state"]
        assert {"sent", "received", "total"} == set(data["bytes"])
        assert data[".events.log"]["local_head"]["seq"] == len(here.usr.events(NAME))

    def test_writes_the_audit_of_a_failure(self, here, tmp_path):
        """With `error`, and the exit code of what happened."""
        here.ok("push", NAME, "far", "-y")
        here.usr.ok("snapshot", NAME)
        file = tmp_path / "audit.json"
        here.refuses(6, "pull", NAME, "far", "-y", "--audit-json-out", file)
        data = json.loads(file.read_text())["data"]
        assert "FAILED" == data["transfer_state"]
        assert "USR-SYNC-004" == data["error"]["code"]
        assert "ahead" == data[".events.log"]["relation"]

    def test_an_audit_that_cant_be_written_is_found_before_anything_moves(self, here, tmp_path):
        """The place is tried first."""
        before = tree_digest(here.far)
        refused = here.refuses(1, "push", NAME, "far", "-y", "--audit-json-out", tmp_path / "none" / "audit.json")
        assert "hint: Give --audit-json-out a file in a folder that is there." in refused.err
        assert before == tree_digest(here.far)

    def test_a_run_that_ends_early_replaces_an_old_audit(self, here, tmp_path):
        """A script never reads the account of an earlier run."""
        file = tmp_path / "audit.json"
        here.ok("push", NAME, "far", "-y", "--audit-json-out", file)
        result = here.run("push", NAME, "nofar", "-y", "--audit-json-out", file, "--format", "json")
        data = json.loads(file.read_text())["data"]
        assert (3, "FAILED", "nofar") == (result.rc, data["transfer_state"], data["remote"])
        assert data == result.data
        assert data["error"]["code"].startswith("USR-REMOTES-")

    def test_a_signal_ends_it_as_ctrl_c_does(self, here):
        """No program, socket or folder of ours stays behind."""
        (here.usr.path(NAME) / "blob.bin").write_bytes(os.urandom(3_000_000))
        here.sshd.cut("send", 100_000)
        temporary = here.far.parent / "tmp"
        temporary.mkdir()
        with Child(
            [*usr_argv(), "--root", str(here.usr.root), "push", NAME, "far", "-y"],
            env=clean_env({**here.env, "TMPDIR": temporary}),
            stderr=subprocess.PIPE,
        ) as process:
            while not any("--server" in line for line in here.sshd.commands()):
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGTERM)
            assert 143 == process.wait(20)
        assert [] == list(temporary.iterdir())

    def test_an_interrupt_at_the_question_is_told_as_one(self, here):
        """Nothing had begun, and the message does not say that something may have; exit 130."""
        with Child(
            ["env", "--default-signal=INT", *usr_argv(), "--root", str(here.usr.root), "push", NAME, "far"],
            env=clean_env(here.env),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            told = b""
            while b"[y/N]" not in told:
                told += os.read(process.stderr.fileno(), 4096)
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert 130 == process.wait(20)
            told += process.stderr.read()
        assert b"warning: nothing was changed or moved" in told
        assert [] == list(here.far.iterdir())

    def test_shows_progress_on_a_terminal_only(self, here):
        """Bytes and rate on stderr where that is a terminal; --quiet silences it."""
        (here.usr.path(NAME) / "blob.bin").write_bytes(os.urandom(30_000_000))
        loud = _on_terminal([*usr_argv(), "--root", str(here.usr.root), "push", NAME, "far", "-y"], here.env)
        assert "bytes/s" in loud

    def test_a_dataset_folder_needs_no_root(self, here, tmp_path):
        """Its root is found upward."""
        done = subprocess.run(
            [*usr_argv(), "push", str(here.usr.path(NAME)), "far", "-y"],
            env=clean_env(here.env),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert 0 == done.returncode, done.stderr
        assert (here.far / NAME / "records.parquet").is_file()


class TestDiff:
    def test_exits_with_0_and_tells_both_ways(self, here):
        """Whether there is a difference stands in the JSON; nothing changes anywhere, lock files included."""
        first = here.ok("diff", NAME, "far", "--format", "json").data
        assert [] == list(here.far.iterdir())
        here.ok("push", NAME, "far", "-y")
        before = tree_digest(here.far), tree_digest(here.usr.root)
        second = here.ok("diff", NAME, "far", "--format", "json").data
        assert (True, False) == (first["changed"], second["changed"])
        assert ("DIFF-ONLY", before) == (second["transfer_state"], (tree_digest(here.far), tree_digest(here.usr.root)))
        assert "alike" in here.ok("diff", NAME, "far").out


class TestErrors:
    def test_no_remotes_file(self, seeded):
        """Named with what to do, before anything else."""
        for action in ("diff", "pull", "push"):
            assert "USR_REMOTES_PATH" in seeded.run(action, NAME, "far").err

    def test_unknown_remote(self, here):
        """Those that exist are listed."""
        assert "far" in here.refuses(3, "pull", NAME, "near", "-y").err

    def test_unreachable_remote(self, here):
        """Exit 7, with what ssh said."""
        here.remotes.write_text(here.remotes.read_text().replace(HOST, "host.invalid"))
        assert "host.invalid" in here.refuses(7, "diff", NAME, "far").err

    def test_unknown_strategy(self, here):
        """Those that exist are listed."""
        assert "hash" in here.refuses(4, "diff", NAME, "far", "--verify", "crc").err

    def test_dataset_options_with_a_file(self, here, tmp_path):
        """They fail at once."""
        file = tmp_path / "x.bin"
        file.write_bytes(b"x")
        for option in (
            "--primary-only",
            "--skip-snapshots",
            "--history",
            "--no-verify-sidecars",
            "--verify-derived-hashes",
        ):
            err = here.refuses(2, "push", file, "far", "-y", option, "--remote-path", "/tmp/x.bin").err
            assert option in err

    def test_a_remote_root_that_is_not_there(self, here):
        """Nothing is made there."""
        here.far.rmdir()
        here.refuses(3, "push", NAME, "far", "-y")
        assert not here.far.exists()

    def test_a_folder_outside_every_root(self, here, tmp_path):
        """Its own history tells its id; where it tells another name, the id there would be a guess, and exit 2."""
        shutil.copytree(here.usr.path(NAME), tmp_path / "copies" / "other")
        before = tree_digest(here.far)

        refused = here.refuses(2, "push", tmp_path / "copies" / "other", "far", "-y")

        assert f"--root {tmp_path / 'copies'} for other" in refused.err
        assert before == tree_digest(here.far)
        (tmp_path / "copies" / "other").rename(tmp_path / "copies" / NAME.rpartition("/")[2])
        here.ok("push", tmp_path / "copies" / NAME.rpartition("/")[2], "far", "-y")
        assert (here.far / NAME / "records.parquet").is_file()

    def test_a_far_folder_that_is_a_link(self, here, tmp_path):
        """Named before anything is sent."""
        here.ok("push", NAME, "far", "-y")
        (here.far / NAME).rename(tmp_path / "moved")
        (here.far / NAME).symlink_to(tmp_path / "moved")
        for action in ("diff", "pull", "push"):
            assert "symbolic link" in here.refuses(1, action, NAME, "far").err

    def test_a_first_pull_by_path_can_be_repeated(self, here, tmp_path):
        """What a failed try left does not turn the dataset's folder into something else."""
        here.ok("push", NAME, "far", "-y")
        fresh = tmp_path / "fresh"
        (fresh / "ns").mkdir(parents=True)
        (fresh / "registry.yaml").write_bytes((here.usr.root / "registry.yaml").read_bytes())
        here.sshd.cut("fetch", 1_500)
        here.refuses(7, "pull", fresh / NAME, "far", "-y")
        here.sshd.mend()
        here.ok("pull", fresh / NAME, "far", "-y")
        assert (fresh / NAME / "records.parquet").is_file()

    def test_a_dataset_in_another_datasets_place(self, here):
        """The far folder on the way is a dataset itself."""
        (here.far / "ns").mkdir()
        (here.far / "ns" / "records.parquet").write_bytes(b"")
        here.refuses(3, "push", NAME, "far", "-y")


def _on_terminal(argv: list[str], env: dict[str, object]) -> str:
    master, slave = pty.openpty()
    with Child(
        argv, env={**clean_env(env), "TERM": "xterm"}, stdin=slave, stdout=subprocess.DEVNULL, stderr=slave
    ) as process:
        os.close(slave)
        shown = b""
        while True:
            try:
                chunk = os.read(master, 4096)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
        assert 0 == process.wait(30)
    os.close(master)
    return shown.decode()
