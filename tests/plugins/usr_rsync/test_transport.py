"""What this transport promises beyond the contract: reconnecting, delta, resuming, limits of the remote side."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from support.sshd import HOST, LoopbackSshd, SshFarSide
from usr_core.fs.errors import FileSystemError
from usr_core.plugin.transport_errors import (
    RemoteChanged,
    RemoteLocked,
    RemoteRefused,
    RemoteToolMissing,
    RemoteUnreachable,
)
from usr_core.plugin.transports import (
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    ReadRequest,
    SendRequest,
)
from usr_rsync.transport import RsyncTransport

_MEGABYTE = 1 << 20
_BASICS = (
    "sh",
    "bash",
    "dd",
    "tr",
    "find",
    "cat",
    "cut",
    "grep",
    "head",
    "tail",
    "mkdir",
    "rm",
    "date",
    "wc",
    "cp",
    "ln",
)


def lock_request(folder: str, timeout: float = 5) -> LockRequest:
    return LockRequest(folder=folder, timeout=timeout, label="push of ns/x", create=True)


class TestSessions:
    def test_a_session_that_died_is_opened_anew(self, sshd: LoopbackSshd, far_side: SshFarSide) -> None:
        """The next call after the remote side's process was killed answers as if nothing had happened."""
        far_side.write(f"{far_side.root}/file", b"12345")
        far_side.transport.abilities()
        sshd.kill_sessions()

        entry = far_side.transport.stat(f"{far_side.root}/file")

        assert entry is not None
        assert entry.size_bytes == 5

    def test_a_connection_that_died_is_opened_anew(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path
    ) -> None:
        """The shared connection broke, so sessions and transfers make a new one."""
        far_side.write(f"{far_side.root}/file", b"12345")
        far_side.transport.abilities()
        sshd.drop_connections()
        far_side.transport.fetch(FetchRequest(folder=far_side.root, files=("file",), into=tmp_path))

        assert far_side.transport.read(ReadRequest(path=f"{far_side.root}/file")) == b"12345"
        assert (tmp_path / "file").read_bytes() == b"12345"

    def test_a_session_that_died_inside_the_lock_is_not_replaced(
        self, sshd: LoopbackSshd, far_side: SshFarSide
    ) -> None:
        """Every further call fails until the block is left: the lock died with the session."""
        folder = f"{far_side.root}/ns"
        with far_side.transport.lock(lock_request(folder)):
            sshd.kill_sessions()
            for _ in range(2):
                with pytest.raises(RemoteUnreachable):
                    far_side.transport.stat(folder)
            with pytest.raises(RemoteUnreachable):
                far_side.transport.commit(_request(folder))

        assert far_side.transport.stat(folder) is not None

    def test_the_lock_dies_with_the_connection(self, sshd: LoopbackSshd, far_side: SshFarSide) -> None:
        """A stranger gets it at once where the link was cut and nobody has unlocked."""
        folder = f"{far_side.root}/ns"
        with far_side.transport.lock(lock_request(folder)):
            with pytest.raises(TimeoutError), far_side.held_lock(folder):
                pass
            sshd.drop_connections()
            with far_side.held_lock(folder):
                pass

    @pytest.mark.parametrize("shell", ["/bin/bash", "/bin/dash", "/bin/sh"])
    def test_any_login_shell_will_do(self, sshd: LoopbackSshd, far_side: SshFarSide, shell: str) -> None:
        """Whatever the shell is that sshd starts."""
        sshd.use_shell(shell)
        far_side.write(f"{far_side.root}/file", b"1")

        assert [entry.path for entry in far_side.transport.walk(far_side.root)] == ["file"]

    def test_what_a_login_prints_is_no_answer(self, sshd: LoopbackSshd, far_side: SshFarSide) -> None:
        """A banner from a shell's start-up files, bytes that are not text included, is skipped."""
        sshd.say_at_login(b"Welcome \xff\x00 to 0123456789abcdef\nok\n" * 50)
        far_side.write(f"{far_side.root}/file", b"content")

        assert far_side.transport.read(ReadRequest(path=f"{far_side.root}/file")) == b"content"

    def test_looking_costs_little(self, far_side: SshFarSide) -> None:
        """All that a no-op pull of 200 parts asks stays far below 100 kB, both ways together."""
        parts = [f"_derived/mock/part-20260101T000000{n:06d}-0123456789abcdef.parquet" for n in range(200)]
        for part in parts:
            far_side.write(f"{far_side.root}/{part}", part.encode())
        with far_side.transport.lock(lock_request(far_side.root)):
            walked = [entry.path for entry in far_side.transport.walk(far_side.root) if entry.kind == "file"]
            digests = far_side.transport.digest(DigestRequest(folder=far_side.root, files=tuple(parts)))

        traffic = far_side.transport.traffic()
        assert set(parts) < set(walked)
        assert len(digests) == 200
        assert traffic.sent + traffic.received < 90_000


class TestCopies:
    def test_a_changed_file_moves_few_bytes(self, far_side: SshFarSide, tmp_path: Path) -> None:
        """20 MB with 100 bytes changed travel as a few kilobytes, in either direction, where there is a basis."""
        old = random.Random(1).randbytes(20 * _MEGABYTE)
        new = old[: 7 * _MEGABYTE] + b"x" * 100 + old[7 * _MEGABYTE :]
        here, there = tmp_path / "here", f"{far_side.root}/there"
        for place, content in (("old", old), ("new", new)):
            (here / place).mkdir(parents=True)
            (here / place / "f").write_bytes(content)
            far_side.write(f"{there}/{place}/f", content)
        (here / "into").mkdir()
        far_side.transport.fetch(
            FetchRequest(folder=f"{there}/new", files=("f",), into=here / "into", basis=here / "old")
        )
        fetched = far_side.transport.traffic()
        far_side.transport.send(
            SendRequest(source=here / "new", files=("f",), into=f"{there}/into", basis=f"{there}/old")
        )
        both = far_side.transport.traffic()

        assert (here / "into/f").read_bytes() == new
        assert far_side.read(f"{there}/into/f") == new
        assert fetched.received + fetched.sent < 200_000
        assert both.sent + both.received < 400_000

    def test_what_arrived_is_not_sent_again(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """A fetch that was cut off four times leaves what it got, and the next moves only the rest."""
        content = random.Random(2).randbytes(6 * _MEGABYTE)
        far_side.write(f"{far_side.root}/big", content)
        request = FetchRequest(folder=far_side.root, files=("big",), into=tmp_path)
        sshd.cut("fetch", _MEGABYTE)
        with pytest.raises(RemoteUnreachable) as caught:
            far_side.transport.fetch(request)
        sshd.mend()
        before = far_side.transport.traffic().received
        far_side.transport.fetch(request)

        assert "kept" in caught.value.hint
        assert (tmp_path / "big").read_bytes() == content
        assert far_side.transport.traffic().received - before < 4 * _MEGABYTE
        assert sorted(path.name for path in tmp_path.iterdir()) == ["big"]

    def test_a_folder_is_not_taken_for_a_pattern(self, far_side: SshFarSide, tmp_path: Path) -> None:
        """A folder `f*` is that folder, not `fx` beside it; nor do brackets or backslashes mean anything."""
        for name in ("f*", "fx", "[ab]", "a", "b\\*", "b\\x", "b*"):
            far_side.write(f"{far_side.root}/{name}/file", name.encode())
        for name in ("f*", "[ab]", "b\\*", "b\\x"):
            into = tmp_path / name
            into.mkdir()
            far_side.transport.fetch(FetchRequest(folder=f"{far_side.root}/{name}", files=("file",), into=into))
            far_side.transport.send(SendRequest(source=into, files=("file",), into=f"{far_side.root}/to/{name}"))

            assert (into / "file").read_bytes() == name.encode()
            assert far_side.read(f"{far_side.root}/to/{name}/file") == name.encode()

    def test_nothing_is_sent_through_a_link_in_the_staging(self, far_side: SshFarSide, tmp_path: Path) -> None:
        """A staging folder that is a link, or lies in one, is refused; what it points to gets no file."""
        (tmp_path / "file").write_bytes(b"x")
        outside = f"{far_side.root}/outside"
        far_side.write(f"{outside}/keep", b"x")
        far_side.link(f"{far_side.root}/a/.usr.tmp", outside)
        far_side.link(f"{far_side.root}/b/.usr.tmp/push-1", outside)
        for name in ("a", "b"):
            into = f"{far_side.root}/{name}/.usr.tmp/push-1"
            with pytest.raises(RemoteRefused):
                far_side.transport.send(SendRequest(source=tmp_path, files=("file",), into=into))

        assert far_side.names(outside) == ["keep"]

    def test_progress_ends_with_all_of_it(self, far_side: SshFarSide, tmp_path: Path) -> None:
        """The total is what the walk has seen."""
        far_side.write(f"{far_side.root}/big", bytes(3 * _MEGABYTE))
        list(far_side.transport.walk(far_side.root))
        told: list[tuple[int, int]] = []
        request = FetchRequest(folder=far_side.root, files=("big",), into=tmp_path, progress=lambda *p: told.append(p))
        far_side.transport.fetch(request)

        assert told[-1] == (3 * _MEGABYTE, 3 * _MEGABYTE)

    def test_a_missing_file_here_is_no_transfer(self, far_side: SshFarSide, tmp_path: Path) -> None:
        """Nothing of that name arrives."""
        with pytest.raises(RemoteChanged):
            far_side.transport.send(SendRequest(source=tmp_path, files=("absent",), into=f"{far_side.root}/into"))

        assert far_side.names(far_side.root) == []


class TestWhatTheFarSideLacks:
    def test_no_digest_tool(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """It is not an ability then, and asking for digests says what to install."""
        sshd.limit_path(tmp_path / "bin", _BASICS)
        far_side.write(f"{far_side.root}/file", b"x")

        assert far_side.transport.abilities() == frozenset()
        with pytest.raises(RemoteToolMissing, match="sha256sum"):
            far_side.transport.digest(DigestRequest(folder=far_side.root, files=("file",)))

    def test_no_flock(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """The lock is refused, not left out."""
        sshd.limit_path(tmp_path / "bin", _BASICS)

        with pytest.raises(RemoteToolMissing, match="flock"), far_side.transport.lock(lock_request(far_side.root)):
            pass

    def test_no_rsync(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """A transfer says so at once, without further tries."""
        sshd.limit_path(tmp_path / "bin", _BASICS)
        far_side.write(f"{far_side.root}/file", b"x")
        (tmp_path / "into").mkdir()

        with pytest.raises(RemoteToolMissing, match="rsync"):
            far_side.transport.fetch(FetchRequest(folder=far_side.root, files=("file",), into=tmp_path / "into"))
        assert sum("--server" in line for line in sshd.commands()) == 1

    @pytest.mark.parametrize("tool", [("shasum", "perl"), ("openssl",)])
    def test_other_digest_tools(
        self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path, tool: tuple[str, ...]
    ) -> None:
        """shasum and openssl give the same digests, odd names included."""
        names = ("plain", "-n", "back\\slash", "it's *", "é è")
        for name in names:
            far_side.write(f"{far_side.root}/{name}", name.encode())
        expected = far_side.transport.digest(DigestRequest(folder=far_side.root, files=names))
        far_side.transport.close()
        sshd.limit_path(tmp_path / "bin", (*_BASICS, "xargs", "getconf", *tool))

        assert far_side.transport.digest(DigestRequest(folder=far_side.root, files=(*names, "absent"))) == expected

    def test_no_gnu_find(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """A find without -printf lists the same."""
        for name in ("a/b c", "-d/é", "e"):
            far_side.write(f"{far_side.root}/{name}", b"12345")
        far_side.link(f"{far_side.root}/link", "e")
        expected = [(e.path, e.kind, e.size_bytes) for e in far_side.transport.walk(far_side.root)]
        far_side.transport.close()
        sshd.limit_path(tmp_path / "bin", (*(name for name in _BASICS if name != "find"), "stat"))
        real = shutil.which("find")
        (tmp_path / "bin/find").write_text(
            f'#!/bin/sh\nfor a do [ "$a" != -printf ] || exit 1; done\nexec {real} "$@"\n'
        )
        (tmp_path / "bin/find").chmod(0o755)
        walked = list(far_side.transport.walk(far_side.root))
        (looked,) = [entry for entry in walked if entry.path == "e"]

        assert [(e.path, e.kind, e.size_bytes) for e in walked] == expected
        entry = far_side.transport.stat(f"{far_side.root}/e")
        assert entry is not None
        assert entry.mark == looked.mark


class TestRefusals:
    def test_a_wrong_host_key_is_refused(self, sshd: LoopbackSshd, far_side: SshFarSide, tmp_path: Path) -> None:
        """ssh's own words are in the error, and no second try is made."""
        hosts = tmp_path / "known hosts"
        other = (sshd.folder / "user_key.pub").read_text()
        hosts.write_text(f"{HOST} {other}")
        transport = RsyncTransport({**sshd.settings, "known_hosts": str(hosts)})

        with pytest.raises(RemoteUnreachable) as caught:
            transport.abilities()
        transport.close()
        assert "HOST IDENTIFICATION" in str(caught.value.facts) or "Host key" in str(caught.value.facts)
        assert "ssh-keygen" in caught.value.hint
        assert sshd.commands() == []

    def test_a_port_where_nobody_listens(self, sshd: LoopbackSshd) -> None:
        """Unreachable, at once, with what ssh said."""
        transport = RsyncTransport({**sshd.settings, "port": 1})
        start = time.monotonic()
        with pytest.raises(RemoteUnreachable) as caught:
            transport.abilities()

        assert "refused" in str(caught.value.facts["answer"])
        assert time.monotonic() - start < 5

    def test_no_ssh_here(self, sshd: LoopbackSshd, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The error names the package."""
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(RemoteToolMissing) as caught:
            RsyncTransport(sshd.settings).abilities()

        assert "openssh" in caught.value.hint

    def test_a_holder_is_named(self, sshd: LoopbackSshd, far_side: SshFarSide) -> None:
        """Whoever waits in vain is told who has the lock; the file is empty when it is free."""
        other = RsyncTransport(sshd.settings)
        folder = f"{far_side.root}/ns"
        with (
            other.lock(lock_request(folder)),
            pytest.raises(RemoteLocked) as caught,
            far_side.transport.lock(lock_request(folder, timeout=0)),
        ):
            pass
        other.close()

        assert "push of ns/x" in str(caught.value.facts["holder"])
        assert far_side.read(f"{folder}/.usr.lock") == b""

    def test_a_lock_file_that_is_a_link_is_refused(self, far_side: SshFarSide) -> None:
        """What it points to is not written."""
        far_side.write(f"{far_side.root}/outside", b"keep")
        far_side.link(f"{far_side.root}/ns/.usr.lock", f"{far_side.root}/outside")
        with pytest.raises(RemoteRefused), far_side.transport.lock(lock_request(f"{far_side.root}/ns")):
            pass

        assert far_side.read(f"{far_side.root}/outside") == b"keep"

    def test_a_missing_folder_is_read_without_its_lock(self, far_side: SshFarSide) -> None:
        """And it is not made."""
        request = LockRequest(folder=f"{far_side.root}/absent", timeout=1, label="diff")
        with far_side.transport.lock(request) as held:
            assert held is False

        assert not far_side.exists(f"{far_side.root}/absent")

    def test_a_commit_needs_the_lock(self, far_side: SshFarSide) -> None:
        """It is not even asked for without."""
        with pytest.raises(RuntimeError):
            far_side.transport.commit(_request(far_side.root))

    def test_placing_into_a_missing_folder_is_refused(self, far_side: SshFarSide) -> None:
        """The staged file stays."""
        far_side.write(f"{far_side.root}/staged", b"x")
        with pytest.raises(RemoteRefused):
            far_side.transport.place(
                PlaceRequest(staged=f"{far_side.root}/staged", final=f"{far_side.root}/absent/final")
            )

        assert far_side.read(f"{far_side.root}/staged") == b"x"

    def test_a_local_folder_that_is_missing_is_our_error(self, far_side: SshFarSide, tmp_path: Path) -> None:
        """Not the remote side's."""
        far_side.write(f"{far_side.root}/file", b"x")
        with pytest.raises(FileSystemError):
            far_side.transport.fetch(FetchRequest(folder=far_side.root, files=("file",), into=tmp_path / "absent"))


class TestCommitJobs:
    @pytest.mark.parametrize(
        "operation",
        [
            "publish\t.usr.tmp/push-1/a\t../evil\t-",
            "publish\t.usr.tmp/push-1/a\t/tmp/usr-evil\t-",
            "publish\t../secret\tb\t-",
            "publish\tsecret\tb\t-",
            "publish\t.usr.tmp/push-1/a\tlinked/evil\t-",
            "publish\t.usr.tmp/push-1/a\t.usr.lock\t-",
            "publish\t.usr.tmp/push-1/a\tsecret\t../undo",
            "retire\tsecret\t../evil",
            "retire\tlinked/keep\tmoved",
            "retire\tsecret\tlinked/evil",
            "destroy\tsecret\tb",
        ],
    )
    @pytest.mark.parametrize("action", ["commit", "undo"])
    def test_operations_that_lead_out_are_refused(self, far_side: SshFarSide, operation: str, action: str) -> None:
        """Nothing outside the dataset's folder changes, and nothing inside it."""
        folder = f"{far_side.root}/ns"
        far_side.write(f"{far_side.root}/outside/keep", b"keep")
        far_side.write(f"{far_side.root}/secret", b"keep")
        far_side.link(f"{folder}/linked", f"{far_side.root}/outside")
        files = {"record.json": b"{}\n", "line": b"", "operations": operation.encode(), "reversed": operation.encode()}
        for name, content in {**files, "a": b"evil"}.items():
            far_side.write(f"{folder}/.usr.tmp/push-1/{name}", content)
        far_side.write(f"{folder}/secret", b"keep")
        if action == "undo":
            far_side.write(f"{folder}/.usr.commit.1.json", b"{}\n")
        before = far_side.names(far_side.root)
        with far_side.transport.lock(lock_request(folder)), pytest.raises(Exception) as caught:
            far_side.transport.commit(_request(folder, action=action))

        assert caught.value.__class__.__name__ in ("RemoteNameRefused", "RemoteRefused", "RemoteChanged")
        assert [name for name in far_side.names(far_side.root) if not name.endswith(".lock")] == before


def _request(folder: str, action: str = "commit") -> CommitRequest:
    return CommitRequest(
        folder=folder,
        job=".usr.tmp/push-1",
        staging=".usr.tmp/push-1",
        seq=1,
        offset=0,
        length=0,
        action=action,  # type: ignore[arg-type]
    )


def test_a_program_that_is_missing_in_the_tests_would_be_seen() -> None:
    """What the tests above take away is there otherwise."""
    found = subprocess.run(
        ["sh", "-c", "for p in sha256sum flock rsync; do command -v $p; done"],
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout

    assert len(found.splitlines()) == 3
