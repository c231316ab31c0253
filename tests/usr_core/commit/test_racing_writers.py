"""Several real processes on one dataset: writers that race, writers that are killed, a reader that keeps looking."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from support import crash_child
from support.cli import clean_env
from support.crash import check_whole, child_argv, files_on_disk, outcome
from support.processes import Child
from usr_core.commit.errors import DatasetBusy
from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.commit.transaction import Transaction
from usr_core.events.chain import verify_chain
from usr_core.events.log import read_lines
from usr_core.roots.layout import EVENT_LOG, DatasetLayout

COMMITS = 20
VIEWS, KILLS = 20, 4


def _writer(folder: Path, times: int) -> subprocess.Popen[str]:
    argv = child_argv(folder, "--change", "triple", "--times", str(times))
    return Child(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=clean_env())


def _numbers(tree: FileTree) -> tuple[str, ...]:
    """Open all that a reader needs, then read: the three files carry the number of the change that wrote them."""
    names = ["one.txt", "_derived/two.txt", *(f"_derived/three/{name}" for name in tree.names("_derived/three"))]
    paths = [tree.path(name) for name in names]
    if None in paths:
        return ("missing", *names)
    handles = [os.open(str(path), os.O_RDONLY) for path in paths]
    try:
        texts = tuple(os.pread(handle, 100, 0).decode() for handle in handles)
    finally:
        for handle in handles:
            os.close(handle)
    return (*texts, names[-1].removeprefix("_derived/three/part-").removesuffix(".txt"))


class TestRace:
    def test_of_two_writers_loses_and_doubles_nothing(self, tmp_path: Path) -> None:
        """Each of two processes commits its changes; the log numbers all of them, once each, in one chain."""
        crash_child.first_change(tmp_path)
        writers = [_writer(tmp_path, COMMITS), _writer(tmp_path, COMMITS)]
        told = [writer.communicate(timeout=60)[0] for writer in writers]

        assert all('"done"' in line for line in told)
        seqs = [line.event["seq"] for line in read_lines(tmp_path / EVENT_LOG) if line.event]
        assert list(range(1, 2 * COMMITS + 2)) == seqs
        check_whole(tmp_path, files_on_disk(tmp_path), events=2 * COMMITS + 1)
        pids = Counter(line.event["actor"]["pid"] for line in read_lines(tmp_path / EVENT_LOG) if line.event)
        assert [COMMITS, COMMITS] == sorted(pids.values())[1:]

    @pytest.mark.parametrize("seconds", [2.0, pytest.param(20.0, marks=pytest.mark.whole_matrix)])
    def test_shows_a_reader_no_torn_view(self, tmp_path: Path, seconds: float) -> None:
        """Three files change together under two writers, of which one or the other is killed now and then."""
        crash_child.first_change(tmp_path)
        crash_child.triple_change(tmp_path)
        chance = random.Random(7)
        writers = [_writer(tmp_path, 10_000), _writer(tmp_path, 10_000)]
        seen: Counter[tuple[str, ...]] = Counter()
        busy = kills = 0
        until = time.monotonic() + seconds
        next_kill = time.monotonic() + 0.4
        try:
            # On a busy machine programs start slowly; then it takes longer until enough has been seen.
            while time.monotonic() < until or ((len(seen) <= VIEWS or kills < KILLS) and time.monotonic() < until + 60):
                try:
                    seen[read_consistent(tmp_path, _numbers)] += 1
                except DatasetBusy:
                    busy += 1
                if time.monotonic() > next_kill:
                    victim = chance.randrange(2)
                    writers[victim].kill()
                    writers[victim].wait(30)
                    writers[victim] = _writer(tmp_path, 10_000)
                    kills, next_kill = kills + 1, time.monotonic() + 0.15 + chance.random() * 0.4
        finally:
            for writer in writers:
                writer.kill()
                writer.wait(30)

        torn = [numbers for numbers in seen if len(set(numbers)) != 1 or len(numbers) != 4]
        assert [] == torn
        assert len(seen) > VIEWS, "the reader saw too few changes to prove anything"
        assert kills >= KILLS
        assert busy < sum(seen.values())
        with Transaction(DatasetLayout(tmp_path), command="check"):
            pass
        lines = [line.event for line in read_lines(tmp_path / EVENT_LOG)]
        assert [] == verify_chain(tmp_path / EVENT_LOG)
        assert str(len(lines)) == (tmp_path / "one.txt").read_text()

    def test_waiter_is_told_who_holds_the_lock(self, tmp_path: Path) -> None:
        """A writer that waits in vain ends with exit code 5 and the holder's command and process."""
        crash_child.first_change(tmp_path)
        holder = Child(
            child_argv(tmp_path, "--pause", "recovered"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_env(),
        )  # fmt: skip
        assert holder.stdout is not None
        assert "paused\n" == holder.stdout.readline()
        waiter = subprocess.run(
            child_argv(tmp_path, "--lock-timeout", "0.3"),
            capture_output=True,
            text=True,
            check=False,
            env=clean_env(),
            timeout=120,
        )
        holder.send_signal(signal.SIGKILL)
        holder.communicate(timeout=30)

        told = outcome(waiter)
        assert ("LockTimeout", 5) == (told["type"], told["exit"])
        assert f"composite (pid {holder.pid} on" in told["facts"]["holder"]
