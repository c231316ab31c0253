"""What every transport has to keep when it changes a dataset there: the lock, the commit, renames and removals."""

from __future__ import annotations

import time

import pytest

from usr_core.commit.record import Publish, Retire
from usr_core.errors import UsrError
from usr_core.plugin.transport_errors import RemoteChanged, RemoteLocked
from usr_core.plugin.transports import ABILITY_LOCK, LockRequest, PlaceRequest, RemoveRequest
from usr_core.roots.layout import EVENT_LOG, RECORDS
from usr_core.testing.commit_jobs import Job
from usr_core.testing.far_side import FarSide

__all__ = ["CommitContract", "locked"]


def locked(folder: str, *, timeout: float = 5, create: bool = False) -> LockRequest:
    """Return the request for a dataset's lock."""
    return LockRequest(
        folder=folder, timeout=timeout, label='it\'s a "contract" test; $(touch gone) `touch gone`', create=create
    )


class CommitContract:
    """A change is seen whole or not at all, by one writer at a time; docs/adr/0003-commit-record.md."""

    # ------------------------------------------------------------ lock

    def test_the_lock_is_held_inside_the_block(self, remote: FarSide) -> None:
        """True inside; free again after it, and after an error in it."""
        assert ABILITY_LOCK in remote.transport.abilities()
        folder = f"{remote.root}/ns/it's"
        remote.write(f"{folder}/{RECORDS}", b"x")
        with remote.transport.lock(locked(folder)) as held:
            assert held is True
        with pytest.raises(ZeroDivisionError), remote.transport.lock(locked(folder)):
            raise ZeroDivisionError
        with remote.transport.lock(locked(folder)) as held:
            assert held is True

    def test_the_lock_makes_the_folder_when_asked_to(self, remote: FarSide) -> None:
        """A dataset that is new there can be locked before its first file comes."""
        folder = f"{remote.root}/new/data set"
        with remote.transport.lock(locked(folder, create=True)) as held:
            assert held is True
            assert remote.exists(folder)

    def test_a_folder_that_is_not_there_is_not_locked(self, remote: FarSide) -> None:
        """False, and none is made, unless asked to."""
        with remote.transport.lock(locked(f"{remote.root}/absent")) as held:
            assert held is False

        assert not remote.exists(f"{remote.root}/absent")

    def test_other_calls_work_inside_the_lock(self, remote: FarSide) -> None:
        """Looking at the dataset that is locked."""
        folder = f"{remote.root}/ns"
        remote.write(f"{folder}/{RECORDS}", b"12345")
        with remote.transport.lock(locked(folder)):
            entry = remote.transport.stat(f"{folder}/{RECORDS}")
            walked = [entry.path for entry in remote.transport.walk(folder)]

        assert entry is not None
        assert entry.size_bytes == 5
        assert RECORDS in walked

    def test_a_lock_that_another_holds_is_waited_for(self, remote: FarSide) -> None:
        """As long as we were told, then `RemoteLocked`; when it is free again it is ours."""
        if "other_locker" not in remote.declared:
            return
        folder = f"{remote.root}/ns"
        remote.write(f"{folder}/{RECORDS}", b"x")
        with remote.held_lock(folder):
            start = time.monotonic()
            with pytest.raises(RemoteLocked), remote.transport.lock(locked(folder, timeout=1)):
                pass
            waited = time.monotonic() - start
        with remote.transport.lock(locked(folder)) as held:
            assert held is True

        assert waited >= 0.9

    def test_our_lock_keeps_others_out(self, remote: FarSide) -> None:
        """A stranger can't have it inside the block, and can after it or once the transport is closed."""
        if "other_locker" not in remote.declared:
            return
        folder = f"{remote.root}/ns"
        remote.write(f"{folder}/{RECORDS}", b"x")
        with remote.transport.lock(locked(folder)), pytest.raises(TimeoutError), remote.held_lock(folder):
            pass
        with remote.held_lock(folder):
            pass
        with remote.transport.lock(locked(f"{remote.root}/ns")):
            pass
        remote.transport.close()
        with remote.held_lock(folder):
            pass

    # ------------------------------------------------------------ commit

    @pytest.mark.parametrize("same_folder", [False, True])
    def test_a_commit_does_everything_and_clears_up(self, remote: FarSide, same_folder: bool) -> None:
        """Files published and retired, the log extended at its offset, neither record nor staging left."""
        job = Job(remote=remote, same_folder=same_folder)
        job.lay_out()
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request())

        assert job.found() == job.after
        assert not remote.exists(f"{job.folder}/{job.staging}")

    def test_a_commit_may_leave_the_log_as_it_is(self, remote: FarSide) -> None:
        """A change of files alone: its line is empty."""
        job = Job(remote=remote, line=b"")
        job.lay_out()
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request())

        assert job.found() == job.after
        assert job.found()[EVENT_LOG] == job.live[EVENT_LOG]

    def test_a_commit_may_be_a_line_alone(self, remote: FarSide) -> None:
        """No operation at all, and bytes that a shell or a text tool would change."""
        line = '{"a": "%s \\\\n $(touch gone) `touch gone` \'\\"Ä 😀"}\n'.encode() * 3
        job = Job(remote=remote, line=line, operations=(), staged={})
        job.lay_out()
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request())

        assert job.found() == job.after

    def test_a_commit_makes_the_log_and_the_folders(self, remote: FarSide) -> None:
        """Into a dataset that is new there."""
        publish = Publish(staged="0.parquet", final="a/b/c d", undo=None)
        job = Job(remote=remote, live={}, operations=(publish,), staged={"0.parquet": b"new"}, seq=1)
        job.lay_out()
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request())

        assert job.found() == job.after

    @pytest.mark.parametrize(
        "missing",
        [
            ".usr.tmp/push-0123abcd/1.parquet",
            RECORDS,
            "_derived/few/part-1.parquet",
            "_derived/same.parquet",
            EVENT_LOG,
        ],
    )
    def test_what_is_missing_fails_before_anything_changed(self, remote: FarSide, missing: str) -> None:
        """A staged file, one to replace, one to retire, or the log: `RemoteChanged`, and every file as it was."""
        job = Job(remote=remote)
        job.lay_out(without=missing)
        before = job.found()

        with remote.transport.lock(locked(job.folder)), pytest.raises(RemoteChanged):
            remote.transport.commit(job.request())
        assert job.found() == before

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("_derived/n'e w/part *$(x).parquet", b"in the place of a new one"),
            (".usr.replaced/now/_derived/few/part-1.parquet", b"has the name to retire to"),
            (".usr.commit.3.json", b'{"usr_commit": 1, "somebody": "else"}'),
            (EVENT_LOG, b'{"seq": 1}\n{"seq": 2}\n{"seq": 3, "by": "somebody else"}\n'),
            (EVENT_LOG, b'{"seq": 1}\n'),
        ],
    )
    def test_what_was_not_there_fails_before_anything_changed(self, remote: FarSide, name: str, content: bytes) -> None:
        """A file, a record or a log of somebody else's: `RemoteChanged`, and every file as it was."""
        job = Job(remote=remote)
        job.lay_out()
        job.put(name, content)
        before = job.found()

        with remote.transport.lock(locked(job.folder)), pytest.raises(RemoteChanged):
            remote.transport.commit(job.request())
        assert job.found() == before

    def test_a_commit_that_fails_half_way_is_taken_back(self, remote: FarSide) -> None:
        """A file stands where a folder is needed: every file is as it was, and no record is left."""
        operations = (
            Retire(final="_derived/same.parquet", target=".usr.replaced/now/same"),
            Publish(staged="0.parquet", final=RECORDS, undo="undo-0"),
            Publish(staged="1.parquet", final="meta.md/below", undo=None),
        )
        job = Job(remote=remote, operations=operations)
        job.lay_out()
        with remote.transport.lock(locked(job.folder)), pytest.raises(UsrError):
            remote.transport.commit(job.request())

        assert job.found() == job.live

    def test_a_commit_needs_the_lock(self, remote: FarSide) -> None:
        """Without it the caller is in error, and nothing happens."""
        job = Job(remote=remote)
        job.lay_out()

        with pytest.raises((RuntimeError, UsrError)):
            remote.transport.commit(job.request())
        assert job.found() == job.live

    @pytest.mark.parametrize("kind", ["publish", "retire"])
    def test_a_commit_does_not_lead_out_through_a_link(self, remote: FarSide, kind: str) -> None:
        """Where a folder of the dataset is a link, nothing behind it is written, moved or removed."""
        publish = Publish(staged="0.parquet", final="linked/new", undo=None)
        retire = Retire(final="linked/there", target=".usr.replaced/now/there")
        job = Job(remote=remote, operations=(publish if kind == "publish" else retire,))
        job.lay_out()
        remote.write(f"{remote.root}/outside/there", b"not ours")
        remote.link(f"{job.folder}/linked", f"{remote.root}/outside")

        with remote.transport.lock(locked(job.folder)), pytest.raises(UsrError):
            remote.transport.commit(job.request())
        assert remote.names(f"{remote.root}/outside") == ["there"]
        assert {name: remote.read(f"{job.folder}/{name}") for name in job.live} == job.live

    # ------------------------------------------------------------ place

    def test_place_gives_a_staged_file_its_name(self, remote: FarSide) -> None:
        """Replacing what has it, odd names included."""
        for name in ("it's new *", "-old"):
            staged, final = f"{remote.root}/.usr.tmp/push-1/{name}", f"{remote.root}/{name}"
            remote.write(staged, b"staged")
            if name == "-old":
                remote.write(final, b"replaced")
            remote.transport.place(PlaceRequest(staged=staged, final=final))

            assert remote.read(final) == b"staged"
            assert not remote.exists(staged)

    def test_place_does_not_move_into_a_folder(self, remote: FarSide) -> None:
        """A folder that has the final name is an error, and gets nothing."""
        remote.write(f"{remote.root}/staged", b"staged")
        remote.write(f"{remote.root}/final/inside", b"x")

        with pytest.raises(UsrError):
            remote.transport.place(PlaceRequest(staged=f"{remote.root}/staged", final=f"{remote.root}/final"))
        assert remote.names(remote.root) == ["final/inside", "staged"]

    def test_placing_what_is_not_there_is_an_error(self, remote: FarSide) -> None:
        """And the file that has the name stays."""
        remote.write(f"{remote.root}/final", b"stays")

        with pytest.raises(UsrError):
            remote.transport.place(PlaceRequest(staged=f"{remote.root}/absent", final=f"{remote.root}/final"))
        assert remote.read(f"{remote.root}/final") == b"stays"

    # ------------------------------------------------------------ remove_staging

    def test_remove_staging_removes_one_staging_folder(self, remote: FarSide) -> None:
        """With all that is in it; `.usr.tmp` goes with the last one, and what is gone is fine."""
        remote.write(f"{remote.root}/.usr.tmp/push-1/a/b", b"x")
        remote.write(f"{remote.root}/.usr.tmp/push-2/c", b"x")
        remote.write(f"{remote.root}/{RECORDS}", b"x")
        first = RemoveRequest(folder=remote.root, name="push-1")
        remote.transport.remove_staging(first)
        assert remote.names(remote.root) == [".usr.tmp/push-2/c", RECORDS]

        remote.transport.remove_staging(first)
        remote.transport.remove_staging(RemoveRequest(folder=remote.root, name="push-2"))
        remote.transport.remove_staging(first)
        remote.transport.remove_staging(RemoveRequest(folder=f"{remote.root}/absent", name="push-1"))

        assert remote.names(remote.root) == [RECORDS]
        assert not remote.exists(f"{remote.root}/.usr.tmp")
        assert not remote.exists(f"{remote.root}/absent")

    def test_remove_staging_does_not_follow_links(self, remote: FarSide) -> None:
        """A link in staging goes; what it points to stays."""
        remote.write(f"{remote.root}/outside/file", b"x")
        remote.write(f"{remote.root}/.usr.tmp/push-1/a", b"x")
        remote.link(f"{remote.root}/.usr.tmp/push-1/link", f"{remote.root}/outside")
        remote.transport.remove_staging(RemoveRequest(folder=remote.root, name="push-1"))

        assert remote.names(remote.root) == ["outside/file"]

    @pytest.mark.parametrize("name", ["", ".", "..", "../ns", "/", "push-1/../.."])
    def test_remove_staging_refuses_names_that_lead_out(self, remote: FarSide, name: str) -> None:
        """Nothing but a staging folder can be removed this way."""
        remote.write(f"{remote.root}/ns/{RECORDS}", b"x")
        remote.write(f"{remote.root}/ns/.usr.tmp/push-1/a", b"x")

        with pytest.raises(UsrError):
            remote.transport.remove_staging(RemoveRequest(folder=f"{remote.root}/ns", name=name))
        assert remote.names(remote.root) == ["ns/.usr.tmp/push-1/a", f"ns/{RECORDS}"]
