"""The transport in memory keeps the contract of every transport, and lets things go wrong when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.plugin.transport_errors import RemoteLocked, RemoteRefused, RemoteToolMissing, RemoteUnreachable
from usr_core.plugin.transports import (
    DigestRequest,
    FetchRequest,
    LockRequest,
    ReadRequest,
    SendRequest,
    Transport,
)
from usr_core.testing.commit_jobs import Job
from usr_core.testing.memory_transport import MemoryRemote, MemoryTransport
from usr_core.testing.transport_contract import TransportContract


class TestMemoryTransport(TransportContract):
    @pytest.fixture
    def remote(self) -> MemoryRemote:
        return MemoryRemote()


def sent(transport: Transport, remote: MemoryRemote, place: Path, content: bytes, *, basis: str | None = None) -> None:
    """Send one file to ``<root>/into/file``."""
    (place / "file").write_bytes(content)
    transport.send(SendRequest(source=place, files=("file",), into=f"{remote.root}/into", basis=basis))


def lock_of(remote: MemoryRemote, timeout: float = 0) -> LockRequest:
    """Return the request for the lock of the root."""
    return LockRequest(folder=remote.root, timeout=timeout, label="test")


class TestFaults:
    def test_a_call_fails_when_it_was_told_to(self):
        """The n-th from now, once."""
        remote = MemoryRemote()
        remote.at_call(2, RemoteUnreachable("gone", hint="wait"))
        remote.transport.stat(remote.root)

        with pytest.raises(RemoteUnreachable):
            remote.transport.stat(remote.root)
        assert remote.transport.stat(remote.root) is not None
        assert ["stat"] * 3 == [call.name for call in remote.calls]

    def test_something_changes_before_a_call_of_a_name(self):
        """Between two looks, as somebody else's write would."""
        remote = MemoryRemote()
        remote.at_call("read", lambda: remote.write(f"{remote.root}/file", b"new"))
        remote.write(f"{remote.root}/file", b"old")
        request = ReadRequest(path=f"{remote.root}/file")

        assert remote.transport.stat(f"{remote.root}/file") is not None
        assert b"new" == remote.transport.read(request)

    def test_the_hook_sees_every_call_and_step(self):
        """In order, with the request; a step has its call's number."""
        remote = MemoryRemote()
        seen: list[tuple[int, str]] = []
        job = Job(remote=remote, operations=(), staged={})
        job.lay_out()
        remote.before = lambda call: seen.append((call.number, call.name))
        with remote.transport.lock(LockRequest(folder=job.folder, timeout=0, label="test")):
            remote.transport.commit(job.request())

        steps = ["checked", "copied", "linked", "applied", "logged", "cleaned"]
        assert [(1, "lock"), (2, "commit"), *((2, f"commit:{step}") for step in steps)] == seen

    def test_something_happens_after_some_bytes(self, tmp_path: Path):
        """Once, in the middle of a file: here the source is replaced, and the copy is a mixture."""
        remote = MemoryRemote()
        remote.write(f"{remote.root}/file", b"a" * 200_000)
        remote.at_bytes("fetch", 100_000, lambda: remote.write(f"{remote.root}/file", b"b" * 200_000))
        remote.transport.fetch(FetchRequest(folder=remote.root, files=("file",), into=tmp_path))

        assert {ord("a"), ord("b")} == set((tmp_path / "file").read_bytes())

    @pytest.mark.parametrize("place", [0, 70_000, 199_999])
    def test_a_byte_is_flipped_on_its_way(self, tmp_path: Path, place: int):
        """That one byte, once."""
        remote = MemoryRemote()
        remote.flip_at("send", place)
        sent(remote.transport, remote, tmp_path, b"a" * 200_000)
        arrived = remote.read(f"{remote.root}/into/file")
        sent(remote.transport, remote, tmp_path, b"a" * 200_000)

        assert [place] == [at for at, byte in enumerate(arrived) if byte != ord("a")]
        assert b"a" * 200_000 == remote.read(f"{remote.root}/into/file")

    def test_a_full_remote_refuses(self, tmp_path: Path):
        """With what fitted left behind, as on a disk."""
        remote = MemoryRemote(capacity=100_000)

        with pytest.raises(RemoteRefused, match="no space left"):
            sent(remote.transport, remote, tmp_path, b"a" * 200_000)
        assert 65_536 == len(remote.read(f"{remote.root}/into/file"))

    def test_a_basis_saves_traffic(self, tmp_path: Path):
        """Only blocks that differ are counted."""
        remote = MemoryRemote()
        remote.write(f"{remote.root}/basis/file", b"a" * 200_000)
        sent(remote.transport, remote, tmp_path, b"a" * 199_999 + b"b", basis=f"{remote.root}/basis")

        assert 200_000 - 3 * 65_536 == remote.transport.traffic().sent

    def test_a_read_only_remote_gives_no_lock_and_takes_nothing(self, tmp_path: Path):
        """The lock yields False; sending is refused."""
        remote = MemoryRemote(writable=False)
        with remote.transport.lock(lock_of(remote)) as held:
            assert held is False

        with pytest.raises(RemoteRefused):
            sent(remote.transport, remote, tmp_path, b"x")
        assert [] == remote.names(remote.root)

    def test_what_the_far_side_can_not_do_is_a_tool_missing(self):
        """A digest without the ability, a lock without the ability."""
        remote = MemoryRemote(abilities=frozenset())

        with pytest.raises(RemoteToolMissing):
            remote.transport.digest(DigestRequest(folder=remote.root, files=()))
        with pytest.raises(RemoteToolMissing), remote.transport.lock(lock_of(remote)):
            pass

    def test_two_transports_are_two_hosts(self):
        """One's lock keeps the other out, until it is closed."""
        remote = MemoryRemote()
        other = MemoryTransport(remote)
        with remote.transport.lock(lock_of(remote)):
            with pytest.raises(RemoteLocked), other.lock(lock_of(remote)):
                pass
            remote.transport.close()
            with other.lock(lock_of(remote)) as held:
                assert held is True

    def test_a_lost_connection_frees_the_lock_and_stops_the_commit(self):
        """Nothing can be committed in a session whose lock may be somebody else's by now."""
        remote = MemoryRemote()
        job = Job(remote=remote)
        job.lay_out()
        with remote.transport.lock(LockRequest(folder=job.folder, timeout=0, label="test")):
            remote.drop_connections()
            with pytest.raises(RemoteUnreachable):
                remote.transport.commit(job.request())
            with remote.held_lock(job.folder):
                pass

        assert job.live == job.found()

    @pytest.mark.parametrize("step", ["linked", "applied-0", "applied-3", "applied", "logged"])
    def test_a_commit_that_was_killed_is_finished_by_another(self, step: str):
        """From the record that it left, by another host under the lock."""
        remote = MemoryRemote()
        job = Job(remote=remote)
        job.lay_out()
        remote.at_call(f"commit:{step}", RemoteUnreachable("killed", hint="run again"))
        lock = LockRequest(folder=job.folder, timeout=0, label="test")
        with remote.transport.lock(lock), pytest.raises(RemoteUnreachable):
            remote.transport.commit(job.request())
        left = remote.exists(f"{job.folder}/{job.record().name()}")
        other = MemoryTransport(remote)
        with other.lock(lock):
            other.commit(job.request("finish"))

        assert left
        assert job.after == job.found()

    @pytest.mark.parametrize("step", ["linked", "applied-0", "applied-3", "applied", "logged"])
    def test_a_commit_that_meets_an_error_is_taken_back(self, step: str):
        """Whatever was done of it."""
        remote = MemoryRemote()
        job = Job(remote=remote)
        job.lay_out()
        remote.at_call(f"commit:{step}", RemoteRefused("disk full", hint="make room"))
        with (
            remote.transport.lock(LockRequest(folder=job.folder, timeout=0, label="test")),
            pytest.raises(RemoteRefused),
        ):
            remote.transport.commit(job.request())

        assert job.live == job.found()

    def test_a_commit_needs_the_lock(self):
        """Without it the caller is in error."""
        job = Job(remote=(remote := MemoryRemote()))
        job.lay_out()

        with pytest.raises(RuntimeError, match="needs the lock"):
            remote.transport.commit(job.request())
