"""``usr remotes list``, ``show``, ``add`` and ``wizard``."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from support.cli import Result, run_usr
from support.plugins import FakePlugin, install

BU_SCC = ("wizard", "--preset", "bu-scc", "--user", "someone", "--base-dir", "/project/someone/usr")
BOX = ("add", "box", "--host", "box.lab", "--user", "me", "--base-dir", "/data/usr")


class Remotes:
    """``usr remotes`` bound to one file, which is not there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *args: str | Path) -> Result:
        return run_usr("remotes", *args, env={"USR_REMOTES_PATH": self.path})

    def ok(self, *args: str | Path) -> Result:
        result = self.run(*args)
        assert result.rc == 0, str(result)
        return result

    def refuses(self, code: int, *args: str | Path) -> Result:
        result = self.run(*args)
        assert result.rc == code, str(result)
        assert result.err.count("error[USR-") == 1, str(result)
        assert "Traceback" not in result.err + result.out, str(result)
        return result

    @property
    def profiles(self) -> dict[str, dict[str, object]]:
        return yaml.safe_load(self.path.read_text())["remotes"]


@pytest.fixture
def remotes(tmp_path: Path) -> Remotes:
    return Remotes(tmp_path / "config" / "remotes.yaml")


class TestWithoutAFile:
    @pytest.mark.parametrize(
        "args",
        [
            ("list",),
            ("show", "box"),
            ("doctor", "--remote", "box"),
            ("status", "--remote", "box"),
            ("warm-auth", "--remote", "box"),
            BU_SCC,
            BOX,
        ],
        ids=lambda args: args[0],
    )
    def test_the_path_has_to_be_named(self, args: tuple[str, ...]):
        """Every command says which variable to set, and how to go on; exit code 2."""
        result = run_usr("remotes", *args)

        assert 2 == result.rc
        assert "error[USR-REMOTES-001]" in result.err
        assert "export USR_REMOTES_PATH=~/.config/usr/remotes.yaml" in result.err

    @pytest.mark.parametrize("args", [("list",), ("show", "box"), ("doctor", "--remote", "box")], ids=lambda a: a[0])
    def test_a_named_file_that_is_missing_is_exit_code_3(self, remotes: Remotes, args: tuple[str, ...]):
        """The file and the wizard are named."""
        result = remotes.refuses(3, *args)

        assert str(remotes.path) in result.err
        assert "usr remotes wizard" in result.err

    def test_the_option_stands_for_the_variable(self, tmp_path: Path):
        """And wins over it; the command that comes next repeats it, quoted."""
        path = tmp_path / "my remotes.yaml"

        result = run_usr("--remotes-config", path, "remotes", *BOX, env={"USR_REMOTES_PATH": "/nowhere/x"})

        assert 0 == result.rc, result
        assert f"next: usr --remotes-config '{path}' remotes doctor --remote box" in result.out
        assert path.is_file()


class TestWizard:
    def test_makes_the_file_and_names_the_next_command(self, remotes: Remotes):
        """The host is known, no port is written, the file is the user's alone."""
        result = remotes.ok(*BU_SCC)

        assert {
            "bu-scc": {
                "type": "ssh",
                "host": "scc1.bu.edu",
                "user": "someone",
                "base_dir": "/project/someone/usr",
                "batch_mode": True,
            }
        } == remotes.profiles
        assert 0o600 == stat.S_IMODE(remotes.path.stat().st_mode)
        assert 0o700 == stat.S_IMODE(remotes.path.parent.stat().st_mode)
        assert [f"wrote the remote bu-scc to {remotes.path}", "next: usr remotes doctor --remote bu-scc"] == (
            result.out.splitlines()
        )

    @pytest.mark.parametrize(
        ("more", "host"),
        [
            (["--transfer-node"], "scc-globus.bu.edu"),
            (["--host", "scc2.bu.edu"], "scc2.bu.edu"),
            (["--transfer-node", "--host", "scc4.bu.edu"], "scc4.bu.edu"),
        ],
    )
    def test_the_host_can_be_another_one(self, remotes: Remotes, more: list[str], host: str):
        """The transfer node has a host of its own, and one that is given wins."""
        remotes.ok(*BU_SCC, *more)

        assert host == remotes.profiles["bu-scc"]["host"]

    def test_generic_takes_everything_from_options(self, remotes: Remotes):
        """Name, host, user, folder, port and the key's variable."""
        remotes.ok(
            *("wizard", "--preset", "generic", "--name", "lab", "--user", "me", "--host", "::1", "--base-dir", "/d"),
            *("--port", "2222", "--ssh-key-env", "LAB_KEY"),
        )

        assert {"host": "::1", "port": 2222, "ssh_key_env": "LAB_KEY"}.items() <= remotes.profiles["lab"].items()

    @pytest.mark.parametrize(
        ("args", "word"),
        [
            (("wizard", "--preset", "bu-scc", "--base-dir", "/d"), "--user"),
            (("wizard", "--preset", "bu-scc", "--user", "me"), "--base-dir"),
            (("wizard", "--preset", "generic", "--name", "a", "--user", "me", "--base-dir", "/d"), "--host"),
            (("wizard", "--preset", "generic", "--host", "h", "--user", "me", "--base-dir", "/d"), "--name"),
            (("wizard", "--preset", "moon", "--user", "me", "--base-dir", "/d"), "moon"),
            (
                ("wizard", "--name", "a", "--host", "h", "--user", "u", "--base-dir", "/d", "--transfer-node"),
                "transfer",
            ),
        ],
    )
    def test_what_is_missing_or_unknown_is_named(self, remotes: Remotes, args: tuple[str, ...], word: str):
        """Exit code 2, nobody is asked, and nothing is made."""
        assert word in remotes.refuses(2, *args).err
        assert not remotes.path.parent.exists()

    def test_the_same_again_changes_nothing(self, remotes: Remotes):
        """A script may run it each time."""
        remotes.ok(*BU_SCC)

        assert "holds the remote bu-scc so already" in remotes.ok(*BU_SCC).out

    def test_another_profile_of_that_name_is_not_replaced(self, remotes: Remotes):
        """Exit code 1; the file is as it was."""
        remotes.ok(*BU_SCC)
        before = remotes.path.read_bytes()

        assert "USR-REMOTES-006" in remotes.refuses(1, *BU_SCC, "--host", "scc2.bu.edu").err
        assert before == remotes.path.read_bytes()


class TestAdd:
    def test_writes_what_is_given(self, remotes: Remotes):
        """Port, batch mode and the key's variable as on the command line."""
        remotes.ok(*BOX, "--port", "2222", "--no-batch-mode", "--ssh-key-env", "LAB_KEY")

        assert {
            "type": "ssh",
            "host": "box.lab",
            "user": "me",
            "base_dir": "/data/usr",
            "port": 2222,
            "batch_mode": False,
            "ssh_key_env": "LAB_KEY",
        } == remotes.profiles["box"]

    def test_another_transport_needs_no_host(self, remotes: Remotes, tmp_path: Path):
        """What ssh needs is ssh's."""
        install(tmp_path / "site", FakePlugin("cloud").provides("transport", "s3"))
        env = {"USR_REMOTES_PATH": remotes.path, "PYTHONPATH": tmp_path / "site"}

        added = run_usr("remotes", "add", "cloud", "--type", "s3", "--base-dir", "/bucket", env=env)

        assert 0 == added.rc, str(added)
        assert {"type": "s3", "base_dir": "/bucket", "batch_mode": True} == remotes.profiles["cloud"]

    def test_a_transport_that_no_plugin_offers_is_refused(self, remotes: Remotes):
        """Exit code 2; those that there are are listed, and nothing is written."""
        result = remotes.refuses(2, *BOX, "--type", "sftp")

        assert "known: folder, ssh" in result.err
        assert "key: type\n  value: sftp\n" in result.err
        assert not remotes.path.exists()

    def test_overwrite_replaces_one_profile(self, remotes: Remotes):
        """Without it the name is taken."""
        remotes.ok(*BOX)
        remotes.ok(*BU_SCC)
        remotes.refuses(1, *BOX, "--port", "22")

        remotes.ok(*BOX, "--port", "22", "--overwrite")

        assert {"box": 22, "bu-scc": None} == {name: one.get("port") for name, one in remotes.profiles.items()}

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("--host", "-oProxyCommand=touch x"),
            ("--host", "a;b"),
            ("--user", "$(id)"),
            ("--base-dir", "relative"),
            ("--base-dir", "/a/../b"),
            ("--base-dir", "/a'b"),
            ("--port", "0"),
            ("--port", "65536"),
            ("--ssh-key-env", "A-B"),
            ("--type", "S S"),
        ],
    )
    def test_a_hostile_value_is_refused_and_nothing_is_written(self, remotes: Remotes, option: str, value: str):
        """Exit code 2; key and value are named."""
        result = remotes.refuses(2, *BOX, f"{option}={value}")

        key = option.removeprefix("--").replace("-", "_")
        assert f"key: {key}\n  value: {value}\n" in result.err
        assert not remotes.path.exists()

    def test_a_hostile_name_is_refused(self, remotes: Remotes):
        """It would be a word of later command lines."""
        assert "USR-REMOTES-005" in remotes.refuses(2, "add", "a/../b", *BOX[2:]).err

    def test_the_login_name_may_stand_in_sshs_configuration(self, remotes: Remotes):
        """A host of ~/.ssh/config needs no --user."""
        remotes.ok("add", "cluster", "--host", "cluster", "--base-dir", "/data/usr")

        assert {"type": "ssh", "host": "cluster", "base_dir": "/data/usr", "batch_mode": True} == (
            remotes.profiles["cluster"]
        )

    @pytest.mark.parametrize("option", ["--host", "--base-dir"])
    def test_what_ssh_needs_is_named(self, remotes: Remotes, option: str):
        """Exit code 2."""
        at = BOX.index(option)

        assert f"{option} missing" in remotes.refuses(2, *BOX[:at], *BOX[at + 2 :]).err


class TestListAndShow:
    def test_list_is_a_table_in_the_files_order(self, remotes: Remotes):
        """One line a remote."""
        remotes.ok(*BU_SCC)
        remotes.ok(*BOX, "--port", "22")

        lines = remotes.ok("list").out.splitlines()
        assert ["name", "type", "user", "host", "port", "base_dir"] == lines[0].split()
        assert ["bu-scc", "ssh", "someone", "scc1.bu.edu", "/project/someone/usr"] == lines[1].split()
        assert ["box", "ssh", "me", "box.lab", "22", "/data/usr"] == lines[2].split()

    def test_list_in_json_has_every_key(self, remotes: Remotes):
        """What is not set is null."""
        remotes.ok(*BU_SCC)

        assert [
            {
                "name": "bu-scc",
                "type": "ssh",
                "user": "someone",
                "host": "scc1.bu.edu",
                "port": None,
                "base_dir": "/project/someone/usr",
                "fault": None,
            }
        ] == remotes.ok("list", "--format", "json").data

    def test_an_empty_file_is_a_remark(self, remotes: Remotes):
        """On stderr; JSON is an empty list."""
        remotes.path.parent.mkdir()
        remotes.path.write_text("remotes: {}\n")

        assert ("", "no remotes yet; `usr remotes wizard` adds one\n") == (
            remotes.ok("list").out,
            remotes.ok("list").err,
        )
        assert [] == remotes.ok("list", "--format", "json").data

    def test_show_has_every_setting(self, remotes: Remotes):
        """Those of the file that the core does not know included."""
        remotes.ok(*BOX)
        remotes.path.write_text(remotes.path.read_text() + "    repo_root: /repo\n    jump: {via: gate}\n")

        data = remotes.ok("show", "box", "--format", "json").data
        assert {"repo_root": "/repo", "extra": {"jump": {"via": "gate"}}, "port": None}.items() <= data.items()
        assert str(remotes.path) == data["file"]
        assert ["host", "box.lab"] in [line.split() for line in remotes.ok("show", "box").out.splitlines()]

    def test_control_characters_are_made_visible(self, remotes: Remotes):
        """A file from somebody else can't draw on the terminal."""
        remotes.ok(*BOX)
        remotes.path.write_text(remotes.path.read_text() + '    note: "a\\e[31mb"\n')

        assert "\x1b" not in remotes.ok("show", "box").out
        assert "a\x1b[31mb" == remotes.ok("show", "box", "--format", "json").data["extra"]["note"]

    def test_an_unknown_remote_is_exit_code_3(self, remotes: Remotes):
        """Those that exist are named."""
        remotes.ok(*BU_SCC)

        for args in (("show", "nope"), ("doctor", "--remote", "nope"), ("status", "--remote", "nope")):
            result = remotes.refuses(3, *args)
            assert "'nope'" in result.err
            assert "Give one of: bu-scc." in result.err

    def test_a_bad_remote_is_listed_with_its_fault_and_the_others_work(self, remotes: Remotes):
        """Only a command about that one fails, with exit code 2 and the line."""
        remotes.ok(*BOX)
        bad = "  a: {type: ssh, host: h, base_dir: /d, port: none}\n  b: {type: sftp, host: h, base_dir: /d}\n"
        remotes.path.write_text(remotes.path.read_text() + bad)

        rows = {row["name"]: row for row in remotes.ok("list", "--format", "json").data}

        assert ["box", "b", "a"] == list(rows)
        assert rows["box"]["fault"] is None
        assert "port has to be a whole number. (line 8)" in rows["a"]["fault"]
        assert "No plugin offers 'sftp' (known: folder, ssh)." == rows["b"]["fault"]
        assert "fault" in remotes.ok("list").out.splitlines()[0]
        assert "/data/usr" in remotes.ok("show", "box").out
        for args in (("show", "a"), ("doctor", "--remote", "a"), ("warm-auth", "--remote", "a")):
            result = remotes.refuses(2, *args)
            assert "The remote 'a' can't be used: port has to be a whole number." in result.err
            assert "line: 8" in result.err

    def test_a_remote_can_be_added_beside_a_bad_one(self, remotes: Remotes):
        """The bad one's lines stay as they are; it can't be overwritten, as nobody knows what it holds."""
        remotes.path.parent.mkdir()
        remotes.path.write_text("remotes:\n  a:\n    host: x\n    host: y\n")

        remotes.ok(*BOX)

        assert remotes.path.read_text().startswith("remotes:\n  a:\n    host: x\n    host: y\n  box:\n")
        assert "'host' is repeated" in remotes.refuses(2, "add", "a", *BOX[2:], "--overwrite").err

    def test_a_file_that_is_not_yaml_is_one_error_with_its_line(self, remotes: Remotes):
        """Exit code 2, whatever is asked."""
        remotes.path.parent.mkdir()
        remotes.path.write_text("remotes:\n  a: {type: ssh\n  b: {}\n")

        for args in (("list",), ("show", "a"), ("doctor", "--remote", "a")):
            result = remotes.refuses(2, *args)
            assert "line: 3" in result.err

    def test_a_file_that_may_not_be_read_is_one_error(self, remotes: Remotes):
        """So is one that may not be written; its bytes are as before."""
        remotes.ok(*BOX)
        before = remotes.path.read_bytes()
        env = {"USR_REMOTES_PATH": remotes.path}
        remotes.path.chmod(0)
        unread = run_usr("remotes", "list", env=env, unprivileged=True)
        remotes.path.chmod(0o400)
        remotes.path.parent.chmod(0o500)

        unwritten = run_usr("remotes", *BU_SCC, env=env, unprivileged=True)

        remotes.path.parent.chmod(0o700)
        for result in (unread, unwritten):
            assert 1 == result.rc, str(result)
            assert 1 == result.err.count("error[USR-FS-004]"), str(result)
        assert before == remotes.path.read_bytes()
