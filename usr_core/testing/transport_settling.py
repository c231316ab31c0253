"""What every transport has to do about an interrupted writer's change: finish it, take it back, discard it."""

from __future__ import annotations

import contextlib
from typing import Literal

import pytest

from usr_core.errors import UsrError
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.roots.layout import EVENT_LOG
from usr_core.testing.commit_jobs import Job
from usr_core.testing.far_side import FarSide
from usr_core.testing.transport_commits import locked

__all__ = ["SettlingContract"]

_LINE = len(Job.line)
_STATES = [*((done, 0) for done in range(6)), (5, 4), (5, _LINE)]
"""How many operations were done, how many bytes of the line written: every state, in the order of a commit."""


class SettlingContract:
    """Names alone decide what has been done; repeating a step is harmless."""

    @pytest.mark.parametrize(("done", "line_bytes"), _STATES)
    def test_finish_goes_on_from_every_half_done_state(self, remote: FarSide, done: int, line_bytes: int) -> None:
        """The dataset is what the commit would have made it; neither record nor staging is left."""
        job = Job(remote=remote)
        job.lay_out_half_done(done, line_bytes=line_bytes)
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request("finish"))

        assert job.found() == job.after
        assert not remote.exists(f"{job.folder}/{job.staging}")

    @pytest.mark.parametrize(("done", "line_bytes"), _STATES)
    def test_undo_restores_everything(self, remote: FarSide, done: int, line_bytes: int) -> None:
        """Every file as it was before the change, the log cut to its offset, neither record nor staging left."""
        job = Job(remote=remote)
        job.lay_out_half_done(done, line_bytes=line_bytes)
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request("undo"))

        assert job.found() == job.live
        assert not remote.exists(f"{job.folder}/{job.staging}")

    @pytest.mark.parametrize("undone", range(6))
    def test_an_undo_that_was_begun_goes_on(self, remote: FarSide, undone: int) -> None:
        """A file that is back in its place already is not removed again as if it were the new one."""
        job = Job(remote=remote)
        job.lay_out_half_done(5, undone=undone, record_name=job.record().abort_name())
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request("undo"))

        assert job.found() == job.live
        assert not remote.exists(f"{job.folder}/{job.staging}")

    @pytest.mark.parametrize("action", ["finish", "undo"])
    def test_a_change_without_a_line_is_settled_too(self, remote: FarSide, action: str) -> None:
        """The log stays as it is."""
        job = Job(remote=remote, line=b"")
        job.lay_out_half_done(2)
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request("finish" if action == "finish" else "undo"))

        assert job.found() == (job.after if action == "finish" else job.live)

    @pytest.mark.parametrize("action", ["finish", "undo", "discard"])
    def test_what_was_settled_by_another_stays_settled(
        self, remote: FarSide, action: Literal["finish", "undo", "discard"]
    ) -> None:
        """Without its record a change is not one any more: above all, its files are not taken back."""
        job = Job(remote=remote)
        job.lay_out()
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request())
            job.lay_out_job()
            with contextlib.suppress(UsrError):
                remote.transport.commit(job.request(action))

        assert job.found() == job.after

    def test_finish_is_refused_where_the_log_moved_on(self, remote: FarSide) -> None:
        """Other bytes at the offset: the record is a late holder's, and nothing of it is applied."""
        job = Job(remote=remote)
        job.lay_out_half_done(0)
        job.put(EVENT_LOG, job.live[EVENT_LOG] + b'{"seq": 3, "by": "somebody else"}\n')
        before = job.found()

        with remote.transport.lock(locked(job.folder)), pytest.raises(RemoteChanged):
            remote.transport.commit(job.request("finish"))
        assert job.found() == before

    def test_discard_removes_the_record_and_its_staging(self, remote: FarSide) -> None:
        """Nothing of it is applied, and the log keeps what overtook it."""
        job = Job(remote=remote)
        job.lay_out_half_done(0)
        log = job.live[EVENT_LOG] + b'{"seq": 3, "by": "somebody else"}\n'
        job.put(EVENT_LOG, log)
        with remote.transport.lock(locked(job.folder)):
            remote.transport.commit(job.request("discard"))

        assert job.found() == job.live | {EVENT_LOG: log}
        assert not remote.exists(f"{job.folder}/{job.staging}")
