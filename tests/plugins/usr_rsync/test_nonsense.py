"""Wrong answers of the remote side: each has an error of its own, and none is believed or held without end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.sshd import LoopbackSshd, SshFarSide
from usr_core.plugin.transport_errors import (
    RemoteNameRefused,
    RemoteNonsense,
    RemoteRefused,
    RemoteShellPrints,
    RemoteUnreachable,
)
from usr_core.plugin.transports import DigestRequest, FetchRequest, LockRequest, ReadRequest, SendRequest
from usr_rsync.listing import parse_clock, parse_digests, parse_entries, parse_facts
from usr_rsync.session import Limits

_HEX = b"0" * 64


def replace_program(sshd: LoopbackSshd, folder: Path, name: str, text: str) -> None:
    """Put a program before the remote side's own."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    (sshd.control / "path").write_text(f"{folder}:/usr/local/bin:/usr/bin:/bin")


class TestForms:
    @pytest.mark.parametrize(
        "body",
        [
            b"f abc 1 1 records.parquet\0",
            b"f\tabc\t1\t1\trecords.parquet\0",
            b"f\t-1\t1\t1\trecords.parquet\0",
            b"f\t99999999999999999999\t1\t1\trecords.parquet\0",
            b"f\t5\tx\t1\trecords.parquet\0",
            b"f\t5\t1\t\trecords.parquet\0",
            b"ff\t5\t1\t1\trecords.parquet\0",
            b"f\t5\t1\t1\trecords.par",
            b"find: something\n\0",
        ],
    )
    def test_a_listing_of_another_form(self, body: bytes) -> None:
        """No entry is left out, and no number made up."""
        with pytest.raises(RemoteNonsense):
            list(parse_entries(body, host="far"))

    @pytest.mark.parametrize(
        "body",
        [
            b"nonsense\n",
            _HEX[:-1] + b"  ./a\n",
            _HEX + b"  ./b\n",
            _HEX + b"  ./a\n" + b"1" + _HEX[1:] + b"  ./a\n",
        ],
    )
    def test_digests_of_another_form(self, body: bytes) -> None:
        """A short one, one of another file, and two of one file."""
        with pytest.raises(RemoteNonsense):
            parse_digests(body, ["a"], host="far")

    @pytest.mark.parametrize("text", ["", "nan", "inf", "-5", "1e9", "12:30", "1700000000.", "9" * 13])
    def test_a_clock_that_is_none(self, text: str) -> None:
        """Not a plain number of seconds."""
        with pytest.raises(RemoteNonsense):
            parse_clock(text, host="far")

    @pytest.mark.parametrize(
        "line", [b"[]", b"5", b"{}", b'{"path": "a", "rows": "x", "columns": 1, "schema": ""}', b"{"]
    )
    def test_facts_of_another_form(self, line: bytes) -> None:
        """Each line is an object with four keys."""
        with pytest.raises(RemoteNonsense):
            parse_facts(line, "/f", host="far")


class TestOverSsh:
    def test_programs_that_answer_nonsense(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """A date and a sha256sum of another world; the session goes on."""
        far_side.write(f"{far_side.root}/file", b"x")
        replace_program(sshd, tmp_path / "bin", "sha256sum", "echo 12345 file")
        replace_program(sshd, tmp_path / "bin", "date", "echo soon")

        with pytest.raises(RemoteNonsense):
            far_side.transport.digest(DigestRequest(folder=far_side.root, files=("file",)))
        with pytest.raises(RemoteNonsense):
            far_side.transport.probe(far_side.root)
        assert far_side.transport.read(ReadRequest(path=f"{far_side.root}/file")) == b"x"

    def test_an_answer_without_an_end_is_not_held_in_memory(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """It ends at the most that was asked for."""
        far_side.write(f"{far_side.root}/file", b"x")
        replace_program(sshd, tmp_path / "bin", "head", "case $1 in --version) exit 1 ;; esac\nexec yes")
        with pytest.raises(RemoteNonsense, match="more than 10 bytes"):
            far_side.transport.read(ReadRequest(path=f"{far_side.root}/file", offset=0, length=10))

        assert far_side.transport.traffic().received < 10_000_000

    def test_a_login_that_prints_without_an_end(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """It ends after a megabyte."""
        (tmp_path / "shell").write_text("#!/bin/sh\nexec yes\n")
        (tmp_path / "shell").chmod(0o755)
        sshd.use_shell(str(tmp_path / "shell"))
        with pytest.raises(RemoteNonsense, match="to log in"):
            far_side.transport.abilities()

    def test_a_login_that_runs_no_commands(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """It is told in its own words, with what the login said, after one try."""
        (tmp_path / "nologin").write_text("#!/bin/sh\necho 'This account is currently not available.'\nexit 1\n")
        (tmp_path / "nologin").chmod(0o755)
        sshd.use_shell(str(tmp_path / "nologin"))
        with pytest.raises(RemoteUnreachable, match="runs no shell commands") as caught:
            far_side.transport.abilities()

        assert "not available" in str(caught.value.facts["answer"])
        assert len(sshd.commands()) == 1

    def test_a_login_shell_that_prints_breaks_rsync_by_its_own_name(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """Looking works; a transfer is refused at once, and the error and the probe quote what it prints."""
        sshd.say_at_login(b"Welcome to the cluster\n")
        far_side.write(f"{far_side.root}/file", b"x")
        (tmp_path / "into").mkdir()
        (tmp_path / "own").write_bytes(b"x")
        fetch = FetchRequest(folder=far_side.root, files=("file",), into=tmp_path / "into")
        send = SendRequest(source=tmp_path, files=("own",), into=f"{far_side.root}/to")
        with pytest.raises(RemoteShellPrints, match="prints something by itself") as fetching:
            far_side.transport.fetch(fetch)
        with pytest.raises(RemoteShellPrints) as sending:
            far_side.transport.send(send)

        assert "bashrc" in fetching.value.hint
        assert "Welcome" in str(sending.value.facts["printed"])
        assert far_side.transport.probe(far_side.root).facts["greeting"] == "Welcome to the cluster"
        assert sum("--server" in line for line in sshd.commands()) == 2

    def test_a_path_that_is_too_long_is_refused_before_anything_runs(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """4,096 bytes with the final zero are the most that systems take, of the name and the folder together."""
        name = "/".join(["n" * 200] * 13)
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
        into = f"{far_side.root}/" + "/".join(["f" * 200] * 8)
        far_side.transport.abilities()
        before = sshd.commands()
        with pytest.raises(RemoteNameRefused, match=r"has 4,\d\d\d bytes"):
            far_side.transport.send(SendRequest(source=tmp_path, files=(name,), into=into))
        with pytest.raises(RemoteNameRefused, match="has 5,001 bytes"):
            far_side.transport.stat("/" + "d" * 5000)

        assert sshd.commands() == before

    def test_a_full_disk_there_names_the_upload_that_fills_it(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """With what to remove, should its room be needed."""
        replace_program(
            sshd, tmp_path / "bin", "rsync", "echo 'rsync: write failed: No space left on device (28)' >&2; exit 11"
        )
        (tmp_path / "file").write_bytes(b"x")
        into = f"{far_side.root}/ns/.usr.tmp/push-1/files"
        with pytest.raises(RemoteRefused, match="No space is left") as caught:
            far_side.transport.send(SendRequest(source=tmp_path, files=("file",), into=into))

        assert f"{far_side.root}/ns/.usr.tmp/push-1 " in caught.value.hint


class TestSpecialFiles:
    @pytest.mark.parametrize("kind", ["pipe", "folder"])
    def test_a_lock_file_that_is_none_is_refused_at_once(self, far_side: SshFarSide, kind: str) -> None:
        """A named pipe in its place is not opened: that would wait for its other end."""
        lock = Path(far_side.root) / ".usr.lock"
        os.mkfifo(lock) if kind == "pipe" else lock.mkdir()
        with (
            pytest.raises(RemoteRefused, match=r"in place of \.usr\.lock"),
            far_side.transport.lock(LockRequest(folder=far_side.root, timeout=5, label="x")),
        ):
            pass

    def test_reading_a_pipe_is_refused_at_once(self, far_side: SshFarSide) -> None:
        """And nothing says that it goes away by itself."""
        os.mkfifo(f"{far_side.root}/pipe")
        with pytest.raises(RemoteRefused) as caught:
            far_side.transport.read(ReadRequest(path=f"{far_side.root}/pipe"))

        assert "again" not in caught.value.hint


def test_limits_are_small_where_nothing_is_said() -> None:
    """A request that has no body to speak of may not get one."""
    assert Limits(doing="x").body <= 1 << 20
