"""Writers, pulls and pushes of several hosts at the same time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.cli import Result, clean_env, start_usr, usr_argv
from support.forked_cli import ForkedUsr
from support.processes import Child
from support.sync_faults import Runs
from support.sync_lab import Lab
from support.sync_states import NAME, State, check_never_torn, check_whole_copy
from usr_core.dataset import Dataset

_LOOP = """
import random, sys, time
from pathlib import Path
from usr_core.dataset import Dataset
root, stop = Path(sys.argv[1]), Path(sys.argv[2])
count = 0
while not stop.exists():
    count += 1
    Dataset.open(root, sys.argv[3]).add_sequences([{"sequence": "".join(random.choices("ACGT", k=40))}])
    (stop.parent / "written").write_text(str(count))
    time.sleep(0.05)
"""


@pytest.fixture
def two_hosts(runs: Runs) -> tuple[Lab, Path, State, list[State]]:
    """A far copy, and two hosts that have one record each that nobody else has.

    Returns the lab, whose `here` is one host, the other's root, the far state, and both hosts' states.
    """
    lab = runs.lab
    runs.steps("push", "forward")
    lab.prepare(runs.templates, "push", "forward")
    other = lab.folder / "other"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(lab.there, other)
    shutil.rmtree(lab.here)
    shutil.copytree(lab.there, lab.here)
    for root, sequence in ((lab.here, "AAAAAACCCCCC"), (other, "GGGGGGTTTTTT")):
        Dataset.open(root, NAME).add_sequences([{"sequence": sequence}])
    return lab, other, State.of(lab.there / NAME), [State.of(root / NAME) for root in (lab.here, other)]


def _push_from(lab: Lab, root: Path) -> str:
    """Return the shell command that pushes from the other host, in a far program's environment."""
    settings = " ".join(f"{name}='{value}'" for name, value in clean_env(lab.env).items())
    program = ForkedUsr.programs(Path(usr_argv()[0])) / "usr"
    return f"env -i {settings} '{program}' --root '{root}' push {NAME} far -y"


class TestTwoPushes:
    @pytest.mark.parametrize("moment", ["while its files are on their way", "before it takes the lock to commit"])
    def test_who_comes_second_gets_exit_6(self, two_hosts: tuple[Lab, Path, State, list[State]], moment: str) -> None:
        """The other host pushes in the middle of ours: it wins, and ours changes nothing."""
        lab, other, _, (_, theirs) = two_hosts
        if moment.startswith("while"):
            lab.at_byte("send", 500)
        else:
            lab.at_step(_before_the_commit(lab))
        lab.set_action(f"{_push_from(lab, other)} && echo won >'{lab.control}/other-won'")
        (lab.control / "other-won").unlink(missing_ok=True)
        done = lab.sync("push")

        assert (lab.control / "other-won").exists(), (lab.control / "action.log").read_text()
        assert done.rc == 6, str(done)
        check_never_torn(lab.there / NAME, [theirs])
        lab.mend()
        assert lab.sync("push").rc == 6  # both have an event that the other lacks
        assert theirs == State.of(lab.there / NAME)

    def test_of_two_at_once_one_wins(self, runs: Runs, two_hosts: tuple[Lab, Path, State, list[State]]) -> None:
        """Started together, again and again: one exit 0, one exit 6, and the far copy is the winner's."""
        lab, other, _, states = two_hosts
        for _ in range(2):
            _reset(runs, lab.there)
            started = [start_usr("push", NAME, "far", "-y", root=root, env=lab.env) for root in (lab.here, other)]
            results = [_ended(process) for process in started]

            assert [0, 6] == sorted(result.rc for result in results), [str(result) for result in results]
            won = states[[result.rc for result in results].index(0)]
            assert won == State.of(lab.there / NAME)
            check_whole_log_and_base(lab.there)


class TestWriters:
    @pytest.mark.parametrize(("action", "writer"), [("push", "here"), ("pull", "there")])
    def test_a_writer_at_work_where_the_files_come_from(self, runs: Runs, action: str, writer: str) -> None:
        """Each transfer brings one whole state or is refused; when the writer has stopped, the next one completes."""
        lab = runs.lab
        lab.prepare(runs.templates, action, "forward")  # type: ignore[arg-type]
        giver, taker = lab.sides(action)  # type: ignore[arg-type]
        with _writing(lab, giver):
            codes = []
            for _ in range(2):
                done = lab.sync(action)  # type: ignore[arg-type]
                codes.append(done.rc)
                assert done.rc in (0, 5, 6), str(done)
                assert "Traceback" not in done.err
                check_whole_log_and_base(taker)
        assert lab.sync(action).rc == 0, codes  # type: ignore[arg-type]
        assert check_whole_copy(lab.here) == check_whole_copy(lab.there)

    def test_a_writer_at_work_here_during_a_pull(self, runs: Runs) -> None:
        """The pull is refused once both sides have events of their own, and changes nothing there."""
        lab = runs.lab
        runs.steps("pull", "forward")
        lab.prepare(runs.templates, "pull", "forward")
        there = State.of(lab.there / NAME)
        with _writing(lab, lab.here):
            for _ in range(2):
                done = lab.sync("pull")
                assert done.rc in (5, 6), str(done)
                assert "Traceback" not in done.err
        assert there == State.of(lab.there / NAME)
        check_whole_log_and_base(lab.here)

    def test_a_record_that_is_added_here_while_a_pull_fetches_stays(self, runs: Runs) -> None:
        """The pull sees it under the lock, and leaves the dataset to it."""
        lab = runs.lab
        size = runs.bytes("pull", "forward")
        lab.prepare(runs.templates, "pull", "forward")
        code = f"from usr_core.dataset import Dataset; Dataset.open({str(lab.here)!r}, {NAME!r})"
        lab.set_action(f"'{sys.executable}' -c \"{code}.add_sequences([{{'sequence': 'CCCCCCAAAAAA'}}])\"")
        lab.at_byte("fetch", size // 2)
        done = lab.sync("pull")

        assert lab.hit
        assert done.rc == 6, str(done)
        assert 301 == len(Dataset.open(lab.here, NAME).to_arrow(columns=["id"]))
        check_whole_log_and_base(lab.here)


def check_whole_log_and_base(root: Path) -> None:
    """Check that a dataset that somebody may be writing to is valid."""
    from usr_core.events.chain import verify_chain

    assert verify_chain(root / NAME / ".events.log") == []
    report = Dataset.open(root, NAME).validate(registry_mode="frozen")
    assert [finding for finding in report.findings if finding.severity == "error"] == []


@contextmanager
def _writing(lab: Lab, root: Path) -> Iterator[None]:
    """Let a program add records to a root's dataset, one after the other, inside the block."""
    stop, written = lab.control / "stop", lab.control / "written"
    for path in (stop, written):
        path.unlink(missing_ok=True)
    argv = [sys.executable, "-c", _LOOP, str(root), str(stop), NAME]
    with Child(argv, stderr=subprocess.PIPE, text=True) as process:
        try:
            while not written.exists() and process.poll() is None:
                time.sleep(0.02)
            yield
        finally:
            stop.touch()
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert int(written.read_text()) > 3


def _before_the_commit(lab: Lab) -> int:
    """Return the number of the step that makes the folder to lock for the commit, by a push without a fault."""
    aside = lab.folder / "aside"
    shutil.copytree(lab.there, aside)
    kept = lab.folder / "kept"
    shutil.copytree(lab.here, kept)
    lab.at_step(10**9)
    assert lab.sync("push").rc == 0
    found = [n for n, step in enumerate(lab.steps, 1) if step.startswith("mkdir -p") and step.endswith(f"/{NAME}")]
    for copy, root in ((aside, lab.there), (kept, lab.here)):
        shutil.rmtree(root)
        copy.rename(root)
    lab.mend()
    return found[-1]


def _reset(runs: Runs, root: Path) -> None:
    shutil.rmtree(root)
    shutil.copytree(runs.templates.old, root)


def _ended(process: subprocess.Popen[str]) -> Result:
    out, err = process.communicate(timeout=120)
    return Result(args=tuple(map(str, process.args)), rc=process.returncode, out=out, err=err)  # type: ignore[arg-type]
