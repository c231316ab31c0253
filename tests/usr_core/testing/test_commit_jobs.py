"""The states that a contract builds by hand are those that the core's own recovery knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.commit.recovery import recover
from usr_core.testing.commit_jobs import Job
from usr_core.testing.memory_transport import MemoryRemote

_STATES = [*((done, 0) for done in range(6)), (5, 4), (5, len(Job.line))]


def on_disk(job: Job, place: Path) -> Path:
    """Write a job's remote side to disk and return the dataset's folder."""
    for name in job.remote.names(job.folder):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(job.remote.read(f"{job.folder}/{name}"))
    return place


def live_files(folder: Path) -> dict[str, bytes]:
    """Return the dataset's files, without staging."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(".usr.tmp/")}


@pytest.mark.parametrize(("done", "line_bytes"), _STATES)
def test_recovery_finishes_every_half_done_state(tmp_path: Path, done: int, line_bytes: int):
    """What a contract expects of `finish` is what the core does here."""
    job = Job(remote=MemoryRemote())
    job.lay_out_half_done(done, line_bytes=line_bytes)
    folder = on_disk(job, tmp_path)

    recover(folder)

    assert job.after == live_files(folder)


@pytest.mark.parametrize("undone", range(6))
def test_recovery_takes_every_begun_undo_to_its_end(tmp_path: Path, undone: int):
    """What a contract expects of `undo` is what the core does here."""
    job = Job(remote=MemoryRemote())
    job.lay_out_half_done(5, undone=undone, record_name=job.record().abort_name())
    folder = on_disk(job, tmp_path)

    recover(folder)

    assert job.live == live_files(folder)
