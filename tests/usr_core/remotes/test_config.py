"""The remotes file: found, read with faults told by line, written without touching what is not asked for."""

from __future__ import annotations

import dataclasses
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from usr_core.fs.errors import FileSystemError
from usr_core.remotes.config import Remote, find_remotes_file, load_remotes, save_remote
from usr_core.remotes.errors import (
    RemoteExists,
    RemoteKeyUnset,
    RemotesFileInvalid,
    RemotesFileMissing,
    RemotesFileUnnamed,
    RemoteUnknown,
    RemoteValueRefused,
)

BOX = Remote(name="box", type="ssh", host="box.lab", user="me", base_dir="/data/usr")

WRITTEN_BY_HAND = """\
# the lab's machines
version: 3
remotes:
  # the cluster
  bu-scc:  # ask Ann
    type: ssh
    host: scc1.bu.edu
    user: ann
    base_dir: /project/ann/usr
    jump: {via: gate, tries: [1, 2.5, yes, null]}   # not ours
  # the last one
  old: {type: ssh, host: 10.0.0.1, user: "007", base_dir: /old, port: 2222, batch_mode: false}
# the end
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "remotes.yaml"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


class TestFinding:
    def test_the_option_wins_over_the_environment(self, monkeypatch: pytest.MonkeyPatch):
        """What is given is taken, else the variable."""
        monkeypatch.setenv("USR_REMOTES_PATH", "/from/environment.yaml")

        assert Path("given.yaml") == find_remotes_file(Path("given.yaml"))
        assert Path("/from/environment.yaml") == find_remotes_file(None)

    def test_a_home_that_the_shell_did_not_expand_is_expanded(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """Quotes around the value keep the shell from it."""
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USR_REMOTES_PATH", "~/remotes.yaml")

        assert tmp_path / "remotes.yaml" == find_remotes_file(None)

    @pytest.mark.parametrize("value", [None, ""])
    def test_neither_is_an_error_that_says_how_to_make_one(self, monkeypatch: pytest.MonkeyPatch, value: str | None):
        """It names the variable, an export line and the wizard; exit code 2."""
        monkeypatch.delenv("USR_REMOTES_PATH", raising=False)
        if value is not None:
            monkeypatch.setenv("USR_REMOTES_PATH", value)

        with pytest.raises(RemotesFileUnnamed) as caught:
            find_remotes_file(None)

        assert "USR_REMOTES_PATH" in caught.value.message
        assert "export USR_REMOTES_PATH=~/.config/usr/remotes.yaml" in caught.value.hint
        assert "usr remotes wizard" in caught.value.hint
        assert 2 == caught.value.exit_code


class TestReading:
    def test_profiles_come_in_the_files_order_with_all_their_settings(self, path: Path):
        """What the core does not know is kept for the transport."""
        remotes = load_remotes(written(path, WRITTEN_BY_HAND))

        assert ["bu-scc", "old"] == list(remotes.remotes)
        assert {"jump": {"via": "gate", "tries": [1, 2.5, True, None]}} == remotes.get("bu-scc").extra
        assert Remote(
            name="old", type="ssh", host="10.0.0.1", user="007", base_dir="/old", port=2222, batch_mode=False
        ) == remotes.get("old")

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "remotes:\n", "remotes: {}\n", "---\n"])
    def test_an_empty_file_holds_no_remotes(self, path: Path, text: str):
        """A file that was only touched is a good beginning."""
        assert {} == load_remotes(written(path, text)).remotes

    def test_a_port_may_be_written_as_text(self, path: Path):
        """Programs that fill in templates quote everything."""
        text = 'remotes: {a: {type: ssh, host: h, user: u, base_dir: /d, port: "22"}}'

        assert 22 == load_remotes(written(path, text)).get("a").port

    def test_another_scheme_needs_no_host(self, path: Path):
        """What it needs instead is between the file and its plugin."""
        remote = load_remotes(written(path, "remotes: {a: {type: s3, base_dir: /d, bucket: b}}")).get("a")

        assert ("s3", "", {"bucket": "b"}) == (remote.type, remote.host, remote.extra)

    def test_a_missing_file_is_told_with_the_wizard(self, path: Path):
        """Exit code 3."""
        with pytest.raises(RemotesFileMissing) as caught:
            load_remotes(path)

        assert (3, path) == (caught.value.exit_code, caught.value.facts["file"])
        assert "usr remotes wizard" in caught.value.hint

    def test_an_unknown_name_lists_those_that_exist(self, path: Path):
        """Exit code 3."""
        with pytest.raises(RemoteUnknown) as caught:
            load_remotes(written(path, WRITTEN_BY_HAND)).get("nope")

        assert 3 == caught.value.exit_code
        assert "'nope'" in caught.value.message
        assert "Give one of: bu-scc, old." == caught.value.hint

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("bu-sc", "Did you mean bu-scc? Give one of: bu-scc, old."),
            ("lab/promoters", "Give the dataset first, then the remote: bu-scc, old."),
        ],
    )
    def test_a_misspelled_name_and_a_dataset_are_told_apart(self, path: Path, name: str, hint: str):
        """A remote's name has no slash: where there is one, the arguments were exchanged."""
        with pytest.raises(RemoteUnknown) as caught:
            load_remotes(written(path, WRITTEN_BY_HAND)).get(name)

        assert hint == caught.value.hint

    @pytest.mark.parametrize(
        ("text", "line", "key", "reason"),
        [
            ("remotes: [unclosed\n", 2, None, "not YAML"),
            ("remotes:\n  a: {\n", 3, None, "not YAML"),
            ("- a\n", 1, None, "mapping"),
            ("just words", 1, None, "mapping"),
            ("\nremote: {}\n", 2, None, "'remotes' is missing"),
            ("remotes: []\n", 1, "remotes", "mapping"),
            ("remotes: &x\n  a: {}\n", 1, None, "anchors"),
            ("other: !!int 1\nremotes: {}\n", 1, None, "tag"),
            ("remotes: {}\n---\nremotes: {}\n", 2, None, "not YAML"),
            ("remotes: " + "[" * 30 + "]" * 30, 1, None, "deeper than"),
            ("remotes: " + "[" * 3000, 1, None, "nests"),
            ("a\tb: \0", None, None, "not YAML"),
        ],
    )
    def test_a_fault_is_told_with_its_line(self, path: Path, text: str, line: int | None, key: str | None, reason: str):
        """One clear error, exit code 2, that names the file, the line and the key."""
        with pytest.raises(RemotesFileInvalid) as caught:
            load_remotes(written(path, text))

        assert (2, path) == (caught.value.exit_code, caught.value.facts["file"])
        assert (line, key) == (caught.value.line, caught.value.key)
        assert reason in caught.value.message

    @pytest.mark.parametrize(
        ("text", "line", "key", "reason"),
        [
            ("remotes:\n  a: 1\n", 2, "remotes.a", "mapping"),
            ("remotes:\n  1: {}\n", 2, "remotes", "has to be text"),
            ("remotes:\n  a: {type: ssh, host: h}\n", 2, "remotes.a", "no base_dir"),
            ("remotes:\n  a:\n    host: h\n    base_dir: /d\n", 2, "remotes.a", "no type"),
            ("remotes:\n  a:\n    type: ssh\n    user: 7\n", 4, "remotes.a.user", "text"),
            ("remotes:\n  a:\n    host: 12:30\n", 3, "remotes.a.host", "text"),
            ("remotes:\n  a:\n    base_dir: [/a]\n", 3, "remotes.a.base_dir", "text"),
            ("remotes:\n  a:\n    port: true\n", 3, "remotes.a.port", "whole number"),
            ("remotes:\n  a:\n    port: 22.0\n", 3, "remotes.a.port", "whole number"),
            ("remotes:\n  a:\n    port: '1_0'\n", 3, "remotes.a.port", "whole number"),
            ("remotes:\n  a:\n    batch_mode: maybe\n", 3, "remotes.a.batch_mode", "true or false"),
            ("remotes:\n  a:\n    host: x\n    host: y\n", 4, "remotes.a", "'host' is repeated"),
            ("remotes:\n  a: {}\n  a: {}\n", 3, "remotes", "'a' is repeated"),
            ("remotes:\n  a: &x {}\n  b: *x\n", 2, "remotes.a", "anchors"),
            ("remotes:\n  a: !!python/object:os.system {}\n", 2, "remotes.a", "tag"),
            ("remotes:\n  a:\n    since: 2020-01-01\n", 3, "remotes.a.since", "timestamp"),
            ("remotes:\n  a:\n    <<: {host: h}\n", 3, "remotes.a", "merge"),
            ("remotes:\n  a:\n", 2, "remotes.a", "mapping"),
            ("remotes:\n  a: &x\n    - *x\n", 2, "remotes.a", "anchors"),
        ],
    )
    def test_a_fault_of_one_remote_keeps_nobody_from_the_others(
        self, path: Path, text: str, line: int, key: str, reason: str
    ):
        """Only who asks for that remote gets the error, exit code 2, with the file, the line and the key."""
        remotes = load_remotes(written(path, f"{text}  good: {{type: ssh, host: h, base_dir: /d}}\n"))

        assert (["good"], "h") == (list(remotes.remotes), remotes.get("good").host)
        with pytest.raises(RemotesFileInvalid) as caught:
            remotes.get(next(iter(remotes.faults)))
        assert (2, path) == (caught.value.exit_code, caught.value.facts["file"])
        assert (line, key) == (caught.value.line, caught.value.key)
        assert reason in caught.value.message

    def test_bytes_that_are_no_text_are_told(self, path: Path):
        """So is a file that can't be a remotes file by its size, and a folder."""
        path.write_bytes(b"remotes: {}\n\xff")
        with pytest.raises(RemotesFileInvalid, match="not UTF-8"):
            load_remotes(path)

        path.write_bytes(b"#" * ((1 << 20) + 1))
        with pytest.raises(RemotesFileInvalid, match="bytes"):
            load_remotes(path)

        with pytest.raises(RemotesFileInvalid, match="folder"):
            load_remotes(path.parent)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("host", "-oProxyCommand=id"),
            ("user", "a b"),
            ("base_dir", "relative"),
            ("base_dir", "/a/../b"),
            ("port", 70000),
            ("ssh_key_env", "A B"),
            ("known_hosts", "known"),
            ("repo_root", "/$HOME"),
            ("local_repo_root", "here"),
            ("type", "SSH"),
        ],
    )
    def test_a_refused_value_is_told_with_its_line(self, path: Path, key: str, value: object):
        """Exit code 2; the remote, the key and the value are named."""
        settings = {"type": "ssh", "host": "h", "user": "u", "base_dir": "/d", key: value}
        lines = [f"    {name}: {yaml.safe_dump(one).splitlines()[0]}" for name, one in settings.items()]
        written(path, "\n".join(["remotes:", "  a:", *lines]))

        with pytest.raises(RemoteValueRefused) as caught:
            load_remotes(path).get("a")

        assert {"file": path, "line": 3 + list(settings).index(key), "remote": "a", "key": key, "value": value} == (
            caught.value.facts
        )
        assert 2 == caught.value.exit_code

    def test_ssh_needs_a_host(self, path: Path):
        """The profile is named by its line. The login name may stand in ssh's own configuration."""
        written(path, yaml.safe_dump({"remotes": {"a": {"type": "ssh", "user": "u", "base_dir": "/d"}}}))
        with pytest.raises(RemoteValueRefused, match="host is missing") as caught:
            load_remotes(path).get("a")
        assert 2 == caught.value.facts["line"]

        written(path, yaml.safe_dump({"remotes": {"a": {"type": "ssh", "host": "h", "base_dir": "/d"}}}))
        assert "" == load_remotes(path).get("a").user


class TestSettings:
    def test_the_transport_gets_everything_and_the_key_itself(self):
        """The variable's value, not its name; what is not set is None; extras are handed on."""
        remote = dataclasses.replace(BOX, ssh_key_env="LAB_KEY", port=22, extra={"jump": "gate"})

        assert {
            "jump": "gate",
            "name": "box",
            "host": "box.lab",
            "user": "me",
            "base_dir": "/data/usr",
            "repo_root": None,
            "port": 22,
            "batch_mode": True,
            "ssh_key": "/keys/lab",
            "known_hosts": None,
        } == remote.settings({"LAB_KEY": "/keys/lab"})
        assert BOX.settings({"LAB_KEY": "/keys/lab"})["ssh_key"] is None

    @pytest.mark.parametrize("environ", [{}, {"LAB_KEY": ""}])
    def test_an_unset_variable_is_an_error_that_names_it(self, environ: dict[str, str]):
        """Exit code 2."""
        with pytest.raises(RemoteKeyUnset, match="LAB_KEY") as caught:
            dataclasses.replace(BOX, ssh_key_env="LAB_KEY").settings(environ)

        assert 2 == caught.value.exit_code

    def test_extras_never_stand_in_for_the_cores_settings(self):
        """Nobody can slip a host past the allow-list."""
        assert "box.lab" == dataclasses.replace(BOX, extra={"host": "-oX"}).settings({})["host"]

    @pytest.mark.parametrize(
        ("given", "kept"), [("/", "/"), ("//", "/"), ("/a/", "/a"), ("//a//./b/.", "/a/b"), ("/a b", "/a b")]
    )
    def test_folders_there_are_kept_plain(self, given: str, kept: str):
        """Transports refuse empty parts and single dots."""
        remote = dataclasses.replace(BOX, base_dir=given, repo_root=given)

        assert (kept, kept) == (remote.base_dir, remote.repo_root)

    def test_a_remote_can_be_a_key(self):
        """Equal ones have equal hashes, also with extras."""
        assert 1 == len({dataclasses.replace(BOX, extra={"a": [1]}), dataclasses.replace(BOX, extra={"a": [1]})})


class TestSaving:
    def test_makes_the_file_and_its_folders_for_the_user_alone(self, tmp_path: Path):
        """Folders 0700, the file 0600, whatever the umask; no port is written where none was given."""
        path = tmp_path / "config" / "usr" / "remotes.yaml"

        assert save_remote(path, BOX)

        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
        assert [0o700, 0o700] == [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path.parent.parent)]
        settings = {"type": "ssh", "host": "box.lab", "user": "me", "base_dir": "/data/usr", "batch_mode": True}
        assert {"remotes": {"box": settings}} == yaml.safe_load(path.read_text())
        assert BOX == load_remotes(path).get("box")

    def test_a_new_one_leaves_every_line_that_is_there(self, path: Path):
        """Comments, order and unknown keys stay; the profile stands behind the last one."""
        written(path, WRITTEN_BY_HAND)

        save_remote(path, BOX)

        lines = path.read_text().splitlines()
        before = WRITTEN_BY_HAND.splitlines()
        assert [*before[:-1], "  box:"] == lines[: len(before)]
        assert "# the end" == lines[-1]
        assert ["bu-scc", "old", "box"] == list(load_remotes(path).remotes)

    def test_a_replaced_one_keeps_what_it_was_not_asked_about(self, path: Path):
        """Other profiles, comments around it, and settings of its own that only its transport knows."""
        written(path, WRITTEN_BY_HAND)

        save_remote(path, dataclasses.replace(BOX, name="bu-scc"), overwrite=True)

        remotes = load_remotes(path)
        assert ("box.lab", "me") == (remotes.get("bu-scc").host, remotes.get("bu-scc").user)
        assert {"jump": {"via": "gate", "tries": [1, 2.5, True, None]}} == remotes.get("bu-scc").extra
        assert "# the last one\n  old: {type: ssh" in path.read_text()
        assert path.read_text().startswith("# the lab's machines\nversion: 3\nremotes:\n  # the cluster\n  bu-scc:\n")

    @pytest.mark.parametrize(
        "text",
        [
            "remotes: {a: {type: x, base_dir: /d}}\n",
            "remotes:\n    a: {type: x,\n      base_dir: /d}",
            "remotes:\n    a:\n      type: x\n      base_dir: /d",
            "remotes:\n  a:\n    type: x\n    base_dir: /d\n    note: |\n      two\n      lines\n\n\n",
            "remotes:\n  a:\n    type: x\n    base_dir: /d\n    list:\n    - 1\n    - b: 2\n      c: 3\nmore: 1\n",
            "remotes:\n  ? a\n  : {type: x, base_dir: /d}\n",
            "\ufeffremotes:\r\n  a:\r\n    type: x\r\n    base_dir: /d\r\n",
            "remotes:\n  a:\n    type: x\n    base_dir: /d\n...\n",
            "remotes: {a: {type: x, base_dir: /d, note: \u00e4\u2028}, b: {}}\n",
        ],
    )
    @pytest.mark.parametrize("name", ["a", "box"])
    def test_however_it_is_written_the_rest_means_the_same(self, path: Path, text: str, name: str):
        """Added or replaced, everything else in the file reads as before."""
        path.write_bytes(text.encode())
        before = yaml.safe_load(text)

        save_remote(path, dataclasses.replace(BOX, name=name), overwrite=True)

        after = yaml.safe_load(path.read_bytes())
        assert {"host": "box.lab", "base_dir": "/data/usr"}.items() <= after["remotes"].pop(name).items()
        before["remotes"].pop(name, None)
        assert before == after

    def test_a_broken_profile_of_another_name_is_left_alone(self, path: Path):
        """It is reported when it is used; adding one beside it is not a reason to fail."""
        written(path, "remotes:\n  odd: {host: '-x'}\n")

        save_remote(path, BOX)

        assert {"host": "-x"} == yaml.safe_load(path.read_text())["remotes"]["odd"]

    def test_the_same_again_writes_nothing(self, path: Path):
        """Also where somebody has added settings by hand."""
        save_remote(path, BOX)
        path.write_text(path.read_text() + "    repo_root: /repo\n")
        before = path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino

        assert not save_remote(path, BOX)
        assert before == (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)

    def test_another_one_of_the_same_name_is_refused(self, path: Path):
        """Nothing is written; the hint names --overwrite."""
        save_remote(path, BOX)
        before = path.read_bytes()

        with pytest.raises(RemoteExists) as caught:
            save_remote(path, dataclasses.replace(BOX, host="other"))

        assert "--overwrite" in caught.value.hint
        assert before == path.read_bytes()

    def test_a_broken_file_is_not_written_over(self, path: Path):
        """What can't be read can't be kept."""
        written(path, "remotes: [unclosed\n")

        with pytest.raises(RemotesFileInvalid):
            save_remote(path, BOX)

        assert "remotes: [unclosed\n" == path.read_text()

    def test_a_file_that_others_could_read_becomes_the_users_alone(self, path: Path):
        """Mode 0600 when USR rewrites it."""
        written(path, "remotes: {}\n").chmod(0o664)

        save_remote(path, BOX)

        assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    def test_a_link_stays_a_link(self, tmp_path: Path):
        """People keep such files in a repository and link to it."""
        real, link = tmp_path / "dotfiles" / "remotes.yaml", tmp_path / "remotes.yaml"
        real.parent.mkdir()
        real.write_text("remotes: {}\n")
        link.symlink_to(real)

        save_remote(link, BOX)

        assert link.is_symlink()
        assert "box" in real.read_text()

    def test_concurrent_writers_lose_nothing(self, path: Path):
        """Eight at once: eight profiles."""
        names = [f"box{number}" for number in range(8)]
        program = "import sys; from pathlib import Path; from usr_core.remotes.config import Remote, save_remote\n" + (
            "save_remote(Path(sys.argv[1]), Remote(name=sys.argv[2], type='ssh', host='h', user='u', base_dir='/d'))"
        )

        def add(name: str) -> int:
            return subprocess.run([sys.executable, "-c", program, path, name], check=False, timeout=120).returncode

        with ThreadPoolExecutor(8) as pool:
            done = list(pool.map(add, names))

        assert [0] * 8 == done
        assert names == sorted(load_remotes(path).remotes)
        assert [".remotes.yaml.lock", "remotes.yaml"] == sorted(one.name for one in path.parent.iterdir())

    def test_a_place_that_can_not_be_a_folder_is_told(self, tmp_path: Path):
        """A typed error, and nothing is made."""
        (tmp_path / "file").write_text("")

        with pytest.raises(FileSystemError):
            save_remote(tmp_path / "file" / "sub" / "remotes.yaml", BOX)

        assert ["file"] == [one.name for one in tmp_path.iterdir()]

    @pytest.mark.parametrize("key", ["host", "user", "base_dir", "name", "type", "repo_root"])
    def test_a_refused_value_never_becomes_a_remote(self, key: str):
        """So there is nothing that could be written."""
        with pytest.raises(RemoteValueRefused) as caught:
            dataclasses.replace(BOX, **{key: "-o$(id)"})

        assert (key, "-o$(id)") == (caught.value.key, caught.value.value)
