"""``usr remotes doctor``, ``status`` and ``warm-auth``, on a transport that answers as it is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.cli import Result, run_usr
from support.plugins import FakePlugin, install

HOOKS = '''
import time
from pathlib import Path

from usr_core.errors import UsrError
from usr_core.plugin import TransportSpec, hookimpl
from usr_core.plugin.transport_errors import RemoteToolMissing, RemoteUnreachable
from usr_core.plugin.transports import Probe, Transport

FAILURES = {"unreachable": RemoteUnreachable, "tool": RemoteToolMissing, "bug": KeyError}


class Told(Transport):
    """Answers what the remotes file says."""

    def __init__(self, settings):
        self.settings = settings

    def probe(self, folder):
        self.note(f"probe {folder} {self.settings['ssh_key']}")
        failure = self.settings.get("failure")
        if failure == "bug":
            raise KeyError("a bug")
        if failure:
            raise FAILURES[failure]("it failed", hint="mend it", facts={"answer": "Permission denied"})
        clock = time.time() + self.settings.get("ahead", 0)
        told = {key: self.settings[key] for key in ("lock", "errors", "warnings") if key in self.settings}
        return Probe(facts=self.settings["facts"], clock=clock, folder=self.settings.get("folder", "writable"), **told)

    def stat(self, path):
        return None

    def close(self):
        self.note("close")

    def note(self, text):
        with Path(self.settings["log"]).open("a") as log:
            log.write(text + "\\n")


class Sharing(Told):
    """Has a connection that is shared: a file."""

    @property
    def flag(self):
        return Path(self.settings["flag"])

    def shared_connection(self):
        if self.settings.get("failure") == "lacks":
            return self.nothing_of_that_name
        return self.flag.exists()

    def open_shared_connection(self):
        self.note("open")
        if self.settings.get("failure") != "lost":
            self.flag.touch()


@hookimpl
def usr_transports():
    return [
        TransportSpec(name="told", summary="s", factory=Told, scheme="told"),
        TransportSpec(name="sharing", summary="s", factory=Sharing, scheme="sharing"),
    ]
'''
FACTS = {
    "rsync": "rsync version 3.2.7 protocol version 31",
    "flock": "flock from util-linux 2.38",
    "python3": "Python 3.11",
    "sha256sum": "sha256sum (GNU coreutils) 9.1",
    "pyarrow": "26.0.0",
}


class Far:
    """A remote ``far`` with settings that say what its transport answers."""

    def __init__(self, folder: Path) -> None:
        self.site = folder / "site"
        self.file = folder / "remotes.yaml"
        self.log = folder / "log"
        self.flag = folder / "flag"
        plugin = FakePlugin("told", hooks=HOOKS).provides("transport", "told").provides("transport", "sharing")
        install(self.site, plugin)

    def run(self, *args: str, env: dict[str, str] | None = None, **settings: Any) -> Result:
        far = {"type": "told", "base_dir": "/far/its", "facts": FACTS, **settings}
        far = {"log": str(self.log), "flag": str(self.flag), **far}
        self.file.write_text(json.dumps({"remotes": {"far": far}}))
        self.file.chmod(0o600)
        return run_usr(
            *("remotes", *args, "--remote", "far"),
            env={"PYTHONPATH": self.site, "USR_REMOTES_PATH": self.file, **(env or {})},
        )

    def doctor(self, *args: str, env: dict[str, str] | None = None, **settings: Any) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the findings by what they are about; the doctor never writes to stderr."""
        result = self.run("doctor", "--format", "json", *args, env=env, **settings)
        assert result.err == "", result
        assert result.data["ok"] is (result.rc == 0)
        assert result.data["remote"] == "far"
        for finding in result.data["findings"]:
            assert (finding["verdict"] == "ok") is (finding["fix"] is None), finding
        return result.rc, {finding["what"]: finding for finding in result.data["findings"]}


@pytest.fixture
def far(tmp_path: Path) -> Far:
    return Far(tmp_path)


def verdicts(findings: dict[str, Any]) -> dict[str, str]:
    return {what: finding["verdict"] for what, finding in findings.items()}


class TestDoctor:
    def test_a_good_remote_is_all_ok(self, far: Far):
        """File, login, programs, clock and folder are told, and the connection is closed."""
        code, findings = far.doctor()

        assert 0 == code
        assert {
            "remotes file": "ok",
            "login": "ok",
            "rsync there": "ok",
            "flock there": "ok",
            "python3 there": "ok",
            "sha256 there": "ok",
            "pyarrow there": "ok",
            "clock": "ok",
            "base dir": "ok",
        } == verdicts(findings)
        assert ["probe /far/its None", "close"] == far.log.read_text().splitlines()

    def test_a_lock_that_fails_there_is_an_error(self, far: Far):
        """Whatever the version of its flock is."""
        code, findings = far.doctor(lock="No locks available")

        assert 1 == code
        assert "No locks available" in findings["flock there"]["found"]
        assert "error" == findings["flock there"]["verdict"]

    def test_a_transport_says_what_to_do_about_its_facts(self, far: Far):
        """As an error, or as a warning with which one can go on."""
        code, findings = far.doctor(
            facts={**FACTS, "links": None, "case": "ignored"},
            errors={"links": "Use ext4."},
            warnings={"case": "Mind the case."},
        )

        assert 1 == code
        assert ("missing", "error", "Use ext4.") == tuple(
            findings["links there"][key] for key in ("found", "verdict", "fix")
        )
        assert ("ignored", "warning", "Mind the case.") == tuple(
            findings["case there"][key] for key in ("found", "verdict", "fix")
        )

    def test_the_table_has_a_line_for_each(self, far: Far):
        """What, found, verdict, fix."""
        result = far.run("doctor", facts={**FACTS, "flock": None})

        assert 1 == result.rc
        assert ["what", "found", "verdict", "fix"] == result.out.splitlines()[0].split()
        assert any(
            line.startswith("flock there") and "error    Install flock" in line for line in result.out.splitlines()
        )

    @pytest.mark.parametrize(
        ("missing", "what"), [("rsync", "rsync there"), ("flock", "flock there"), ("sha256sum", "sha256 there")]
    )
    def test_a_needed_program_that_is_missing_is_an_error(self, far: Far, missing: str, what: str):
        """Exit code 1, with its fix."""
        code, findings = far.doctor(facts={**FACTS, missing: None})

        assert (1, "error", "missing") == (code, findings[what]["verdict"], findings[what]["found"])

    def test_an_old_rsync_is_an_error(self, far: Far):
        """Before version 3 it hands names to a shell."""
        code, findings = far.doctor(facts={**FACTS, "rsync": "rsync  version 2.6.9  protocol version 29"})

        assert (1, "error") == (code, findings["rsync there"]["verdict"])

    def test_any_digest_tool_will_do(self, far: Far):
        """shasum is as good as sha256sum."""
        code, findings = far.doctor(facts={"sha256sum": None, "shasum": "6.02", "rsync": FACTS["rsync"]})

        assert (0, "6.02") == (code, findings["sha256 there"]["found"])

    @pytest.mark.parametrize("missing", ["python3", "pyarrow"])
    def test_what_only_parquet_needs_is_a_note(self, far: Far, missing: str):
        """It is not a failure."""
        code, findings = far.doctor(facts={**FACTS, missing: None})

        assert (0, "note") == (code, findings[f"{missing} there"]["verdict"])

    @pytest.mark.parametrize(("ahead", "verdict"), [(3, "ok"), (-3, "ok"), (60, "warning"), (-60, "warning")])
    def test_clocks_more_than_5_seconds_apart_are_a_warning(self, far: Far, ahead: int, verdict: str):
        """A warning is not a failure."""
        code, findings = far.doctor(ahead=ahead)

        assert (0, verdict) == (code, findings["clock"]["verdict"])
        if verdict != "ok":
            assert ("ahead of" if ahead > 0 else "behind") in findings["clock"]["found"]

    def test_a_missing_base_dir_is_an_error_with_the_command_that_makes_it(self, far: Far):
        """Quoted for a shell."""
        code, findings = far.doctor(folder="missing", base_dir="/far/a b")

        assert (1, "error") == (code, findings["base dir"]["verdict"])
        assert "`mkdir -p -- '/far/a b'` there" in findings["base dir"]["fix"]

    def test_a_base_dir_that_can_only_be_read_is_a_warning(self, far: Far):
        """A pull works."""
        code, findings = far.doctor(folder="read-only")

        assert (0, "warning") == (code, findings["base dir"]["verdict"])

    def test_the_base_dir_can_be_left_out(self, far: Far):
        """Whatever is or is not there is no finding."""
        code, findings = far.doctor("--no-check-base-dir", folder="missing")

        assert 0 == code
        assert "base dir" not in findings

    def test_an_unreachable_remote_is_exit_code_7(self, far: Far):
        """The report is printed all the same, with what the other side said and the fix."""
        code, findings = far.doctor(failure="unreachable")

        assert (7, "error") == (code, findings["login"]["verdict"])
        assert ("it failed Permission denied", "mend it") == (findings["login"]["found"], findings["login"]["fix"])
        assert "close" in far.log.read_text()

    def test_another_failure_there_is_exit_code_1(self, far: Far):
        """It was reached."""
        code, findings = far.doctor(failure="tool")

        assert (1, "error") == (code, findings["there"]["verdict"])

    def test_a_transport_with_a_bug_is_exit_code_4(self, far: Far):
        """That is nothing about the remote."""
        result = far.run("doctor", failure="bug")

        assert 4 == result.rc
        assert "error[USR-PLUGIN-004]" in result.err

    def test_a_transport_that_nobody_offers_is_exit_code_4(self, far: Far):
        """Those that there are are named."""
        result = far.run("doctor", type="none")

        assert 4 == result.rc
        assert "error[USR-PLUGIN-002]" in result.err

    def test_a_login_that_may_ask_is_a_note(self, far: Far):
        """Without batch mode nobody knows."""
        code, findings = far.doctor(batch_mode=False)

        assert (0, "note") == (code, findings["login"]["verdict"])
        assert "batch_mode: true" in findings["login"]["fix"]

    def test_a_remotes_file_that_others_may_change_is_a_warning(self, far: Far):
        """Who changes it decides where data goes."""
        far.doctor()
        far.file.chmod(0o666)

        result = run_usr(
            *("remotes", "doctor", "--remote", "far"), env={"PYTHONPATH": far.site, "USR_REMOTES_PATH": far.file}
        )

        assert 0 == result.rc
        assert f"warning  chmod 600 {far.file}" in result.out

    def test_the_key_is_looked_at_before_the_login(self, far: Far, tmp_path: Path):
        """Unset, missing, open to others: each an error, without a login; then it is handed to the transport."""
        key = tmp_path / "key"
        for env in ({}, {"FAR_KEY": str(key)}):
            code, findings = far.doctor(env=env, ssh_key_env="FAR_KEY")
            assert (1, "error") == (code, findings["ssh key"]["verdict"])
        key.write_text("")
        key.chmod(0o644)
        code, findings = far.doctor(env={"FAR_KEY": str(key)}, ssh_key_env="FAR_KEY")
        assert (1, f"chmod 600 {key}") == (code, findings["ssh key"]["fix"])
        assert not far.log.exists()

        key.chmod(0o600)

        assert 0 == far.doctor(env={"FAR_KEY": str(key)}, ssh_key_env="FAR_KEY")[0]
        assert far.log.read_text().startswith(f"probe /far/its {key}\n")

    def test_missing_programs_here_are_told_without_a_login(self, far: Far, tmp_path: Path):
        """Those that the transport's manifest asks for: ssh and rsync; here neither is on PATH."""
        (tmp_path / "empty").mkdir()

        settings = {"type": "ssh", "host": "127.0.0.1", "user": "u"}
        code, findings = far.doctor(env={"PATH": str(tmp_path / "empty")}, **settings)

        assert 1 == code
        assert {"ssh here": "error", "rsync here": "error"}.items() <= verdicts(findings).items()
        assert "login" not in findings


class TestSharedConnection:
    def test_status_says_whether_one_is_up(self, far: Far):
        """Exit code 0 either way."""
        down = far.run("status", type="sharing")
        far.flag.touch()
        up = far.run("status", type="sharing")

        assert (0, 0) == (down.rc, up.rc)
        assert "no shared connection to far is up; `usr remotes warm-auth --remote far` opens one\n" == down.out
        assert "a shared connection to far is up\n" == up.out

    def test_status_in_json(self, far: Far):
        """The remote and a truth value."""
        assert {"remote": "far", "shared_connection": False} == far.run(
            "status", "--format", "json", type="sharing"
        ).data

    def test_warm_auth_opens_one(self, far: Far):
        """Once; then there is one already."""
        first = far.run("warm-auth", type="sharing")
        second = far.run("warm-auth", type="sharing")

        assert ("opened a shared connection to far\n", "there is a shared connection to far already\n") == (
            first.out,
            second.out,
        )
        assert 1 == far.log.read_text().splitlines().count("open")

    def test_one_that_does_not_stay_is_exit_code_7(self, far: Far):
        """Then the next command would ask again."""
        result = far.run("warm-auth", type="sharing", failure="lost")

        assert 7 == result.rc
        assert "ControlPersist" in result.err

    @pytest.mark.parametrize("command", ["status", "warm-auth"])
    def test_a_transport_without_one_has_nothing_to_warm_up(self, far: Far, command: str):
        """Exit code 2."""
        result = far.run(command)

        assert 2 == result.rc
        assert "there is nothing to warm up for 'far'" in result.err

    def test_a_bug_in_the_transport_is_not_taken_for_that(self, far: Far):
        """An attribute error inside its method is its own."""
        result = far.run("status", type="sharing", failure="lacks")

        assert 4 == result.rc
        assert "nothing_of_that_name" in result.err
