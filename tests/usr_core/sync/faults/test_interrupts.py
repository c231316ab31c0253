"""A signal ends a transfer at once, whatever the remote is doing, and nothing of it runs on there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import clean_env
from support.processes import Child
from support.small_datasets import make_dataset
from support.sync_lab import Lab
from support.sync_states import NAME


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_pull_ends_while_the_remote_computes_digests(
    lab: Lab, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """With the exit code of the signal, within seconds; the program there has ended too."""
    lab.here.mkdir(exist_ok=True)
    make_dataset(lab.there, NAME)
    runs = _never_ending_digests(lab, tmp_path)
    with _usr(lab, "pull", NAME, "far", "-y") as process:
        program = _first_line(runs)
        sent = time.monotonic()
        process.send_signal(number)
        process.communicate(timeout=30)
        took = time.monotonic() - sent

    assert process.returncode == code
    assert took < 15
    assert _gone(program)
    assert not (lab.here / NAME / "records.parquet").exists()


def test_a_second_ctrl_c_ends_a_push_whose_commit_the_remote_does_not_answer(lab: Lab, tmp_path: Path) -> None:
    """The first one waits; it says that the last step may have begun, and the next push makes the change."""
    make_dataset(lab.here, NAME)
    lab.there.mkdir(exist_ok=True)
    runs = _never_ending_commit(lab, tmp_path)
    with _usr(lab, "push", NAME, "far", "-y") as process:
        program = _first_line(runs)
        for _ in range(2):
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        _, said = process.communicate(timeout=30)

    assert process.returncode == 130
    assert b"unless the last step had begun" in said
    os.kill(program, signal.SIGKILL)  # a commit there goes on without us, as it may not stop half-way
    assert _gone(program)
    (tmp_path / "bin/ln").unlink()
    with _usr(lab, "push", NAME, "far", "-y") as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert (lab.there / NAME / "records.parquet").read_bytes() == (lab.here / NAME / "records.parquet").read_bytes()


def _never_ending_commit(lab: Lab, folder: Path) -> Path:
    (folder / "bin").mkdir()
    program, runs = folder / "bin/ln", folder / "runs"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *.usr.commit.*) echo $$ >>"{runs}"; exec sleep 200 ;; esac\nexec /bin/ln "$@"\n'
    )
    program.chmod(0o755)
    (lab.sshd.control / "path").write_text(f"{folder / 'bin'}:{os.environ['PATH']}")
    return runs


def _never_ending_digests(lab: Lab, folder: Path) -> Path:
    (folder / "bin").mkdir()
    program, runs = folder / "bin/sha256sum", folder / "runs"
    program.write_text(f'#!/bin/sh\ncase $1 in --version) echo GNU; exit ;; esac\necho $$ >>"{runs}"\nexec sleep 200\n')
    program.chmod(0o755)
    (lab.sshd.control / "path").write_text(f"{folder / 'bin'}:{os.environ['PATH']}")
    return runs


def _usr(lab: Lab, *arguments: str) -> subprocess.Popen[bytes]:
    return Child(
        [str(Path(sys.executable).parent / "usr"), "--root", str(lab.here), *arguments],
        env=clean_env(lab.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def _first_line(path: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and (found := path.read_text().split()):
            return int(found[0])
        time.sleep(0.05)
    raise AssertionError("the remote has computed no digest")


def _gone(process: int) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ") Z " in Path(f"/proc/{process}/stat").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False
