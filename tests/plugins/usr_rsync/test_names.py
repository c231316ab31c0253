"""Hostile hosts, users, ports, paths and names: refused before a program runs, or handed on as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.sshd import LoopbackSshd, SshFarSide
from usr_core.plugin.transport_errors import RemoteNameRefused
from usr_core.plugin.transports import (
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    ReadRequest,
    RemoveRequest,
    SendRequest,
)
from usr_rsync.names import check_host
from usr_rsync.transport import RsyncTransport

HOSTS = (
    "",
    "-oProxyCommand=touch gone",
    "-",
    "host name",
    "host;touch gone",
    "host$(touch gone)",
    "`touch gone`",
    "host\ntouch gone",
    "user@host",
    "host:22",
    "host/path",
    "ssh://host",
    "höst",
    "host\0",
    "h" * 300,
    "::1%eth0; touch gone",
    "[::1]",
    "'host'",
)
USERS = ("-l", "me you", "me;touch gone", "me$(touch gone)", "me@host", "mé", "me\n", "a:b", "../me", "me|cat", "me\\")
PORTS = (0, -1, 65536, "22; touch gone", "-p", "twenty", "2 2", "٢٢", 22.5, True, "022222", "0x16")
KEYS = ("-oProxyCommand=x", 'a"b', "a\nb", "$(touch gone)", "a'b", "a\\b", "`x`", "${HOME}/x")
PATHS = (
    "",
    "/",
    "relative",
    "/a/../b",
    "/..",
    "/a//b",
    "/a/./b",
    "/a/",
    "/a\nb",
    "/a\0b",
    "/a\x1b[2J",
    "~/x",
    "-rf",
    "/a\x7f",
)
NAMES = (
    "",
    "/etc/passwd",
    "../x",
    "a/../../x",
    "a//b",
    ".",
    "..",
    "a\nb",
    "a\0b",
    "a\rb",
    "./a",
    "a/",
    "a/.",
    "a\x9bb",
)
ODD_PATHS = (
    "$(touch gone)",
    "`touch gone`",
    "; touch gone",
    "| touch gone",
    "&& touch gone #",
    "' ; touch gone '",
    '" ; touch gone "',
    "\\",
    "-rf",
    "--rsync-path=touch gone",
    "* ? [a-z]",
    "host:/path",
    "${IFS}touch${IFS}gone",
    "%n%s",
    "!!",
    "~root",
    "a\u00a0b\u2028c",
    "名前",
)


class TestSettings:
    @pytest.mark.parametrize("host", HOSTS)
    def test_a_host_that_is_no_name(self, host: str) -> None:
        """Refused when the transport is built."""
        with pytest.raises(RemoteNameRefused):
            RsyncTransport({"host": host})

    @pytest.mark.parametrize("user", USERS)
    def test_a_user_that_is_no_name(self, user: str) -> None:
        """Refused when the transport is built."""
        with pytest.raises(RemoteNameRefused):
            RsyncTransport({"host": "h", "user": user})

    @pytest.mark.parametrize("port", PORTS)
    def test_a_port_that_is_no_number(self, port: Any) -> None:
        """Refused when the transport is built."""
        with pytest.raises(RemoteNameRefused):
            RsyncTransport({"host": "h", "port": port})

    @pytest.mark.parametrize("setting", ["ssh_key", "known_hosts"])
    @pytest.mark.parametrize("path", KEYS)
    def test_a_key_file_that_ssh_would_read_otherwise(self, setting: str, path: str) -> None:
        """Refused when the transport is built."""
        with pytest.raises(RemoteNameRefused):
            RsyncTransport({"host": "h", setting: path})

    @pytest.mark.parametrize("host", ["h", "scc1.bu.edu", "10.0.0.1", "::1", "2001:db8::5", "my_alias", "a-b.c"])
    def test_hosts_as_they_are(self, host: str) -> None:
        """Names, aliases of the ssh configuration, addresses."""
        assert check_host(host) == host

    def test_what_is_not_set_is_not_passed_on(self) -> None:
        """The user's own ssh configuration decides about user, port, key and known hosts."""
        command = RsyncTransport({"host": "h", "port": None, "user": None}).settings.ssh()

        assert not {"-p", "-l", "-i"} & set(command)
        assert not [word for word in command if "HostKey" in word or "KnownHosts" in word or "HostKeyChecking" in word]
        assert {"BatchMode=yes", "ConnectTimeout=15", "ForwardAgent=no", "ForwardX11=no"} <= set(command)


class TestPaths:
    @pytest.mark.parametrize("path", PATHS)
    def test_a_path_that_is_not_plain(self, sshd: LoopbackSshd, path: str, tmp_path: Path) -> None:
        """Every call refuses it before a program runs."""
        transport = RsyncTransport(sshd.settings)
        calls: list[Any] = [
            lambda: transport.stat(path),
            lambda: list(transport.walk(path)),
            lambda: transport.probe(path),
            lambda: transport.read(ReadRequest(path=path)),
            lambda: transport.digest(DigestRequest(folder=path, files=("a",))),
            lambda: transport.fetch(FetchRequest(folder=path, files=("a",), into=tmp_path)),
            lambda: transport.send(SendRequest(source=tmp_path, files=("a",), into=path)),
            lambda: transport.send(SendRequest(source=tmp_path, files=("a",), into="/x", basis=path)),
            lambda: transport.lock(LockRequest(folder=path, timeout=0, label="x")).__enter__(),
            lambda: transport.place(PlaceRequest(staged=path, final="/x")),
            lambda: transport.place(PlaceRequest(staged="/x", final=path)),
            lambda: transport.remove_staging(RemoveRequest(folder=path, name="push-1")),
        ]
        for call in calls:
            with pytest.raises(RemoteNameRefused):
                call()

        assert sshd.commands() == []

    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_that_is_not_plain(self, sshd: LoopbackSshd, name: str, tmp_path: Path) -> None:
        """Every call that takes names refuses it before a program runs."""
        transport = RsyncTransport(sshd.settings)
        calls: list[Any] = [
            lambda: transport.digest(DigestRequest(folder="/x", files=("a", name))),
            lambda: transport.fetch(FetchRequest(folder="/x", files=("a", name), into=tmp_path)),
            lambda: transport.send(SendRequest(source=tmp_path, files=("a", name), into="/x")),
            lambda: transport.remove_staging(RemoveRequest(folder="/x", name=name)),
        ]
        for call in calls:
            with pytest.raises(RemoteNameRefused):
                call()

        assert sshd.commands() == []

    @pytest.mark.parametrize("name", ODD_PATHS)
    def test_an_odd_path_is_only_a_path(self, far_side: SshFarSide, name: str, tmp_path: Path) -> None:
        """Every call works below a folder of that name; nothing is run and nothing is written beside it."""
        folder = f"{far_side.root}/{name}"
        transport = far_side.transport
        for place in ("here", "back"):
            (tmp_path / place).mkdir()
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(b"content")
        with transport.lock(LockRequest(folder=folder, timeout=1, label=name, create=True)) as held:
            assert held is True
            assert transport.probe(folder).folder == "writable"
        transport.send(
            SendRequest(source=tmp_path / "here", files=(name,), into=f"{folder}/.usr.tmp/push-1", basis=folder)
        )
        transport.place(PlaceRequest(staged=f"{folder}/.usr.tmp/push-1/{name}", final=f"{folder}/final"))
        transport.remove_staging(RemoveRequest(folder=folder, name="push-1"))
        transport.fetch(FetchRequest(folder=folder, files=("final",), into=tmp_path / "back", basis=tmp_path / "here"))

        assert (tmp_path / "back/final").read_bytes() == b"content"
        assert list(transport.digest(DigestRequest(folder=folder, files=("final",)))) == ["final"]
        assert transport.read(ReadRequest(path=f"{folder}/final")) == b"content"
        assert far_side.names(str(Path(far_side.root))) == sorted([f"{name}/.usr.lock", f"{name}/final"])
        assert not list(Path.home().glob("gone*"))
        assert not list(Path.cwd().glob("gone*"))

    @pytest.mark.parametrize("job", ["", "..", ".usr.tmp/..", ".usr.tmp/../x", "/x", "push-1/x", ".usr.tmp/push-1;x"])
    def test_a_job_that_is_no_staging_folder(self, far_side: SshFarSide, job: str) -> None:
        """Refused, whether it is the job's folder or the staging's."""
        with far_side.transport.lock(LockRequest(folder=far_side.root, timeout=1, label="x")):
            for names in ((job, "push-1"), ("push-1", job)):
                with pytest.raises(RemoteNameRefused):
                    far_side.transport.commit(
                        CommitRequest(folder=far_side.root, job=names[0], staging=names[1], seq=1, offset=0, length=0)
                    )

    def test_a_label_of_many_lines_is_one_argument(self, far_side: SshFarSide) -> None:
        """It can't become a request of its own."""
        label = "push\nremove\n/\npush-1\n'; touch gone"
        with far_side.transport.lock(LockRequest(folder=far_side.root, timeout=1, label=label)):
            told = far_side.read(f"{far_side.root}/.usr.lock")

        assert b"push remove / push-1 '; touch gone" in told
