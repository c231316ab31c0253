"""What a worker gets of this machine, and what its end means."""

from __future__ import annotations

import signal

import pytest

from usr_core.api import OptionInvalid
from usr_local.machine import cores, end_of, seconds_of, worker_environment


def test_gpus_go_round() -> None:
    """Among those that this process sees; each worker sees one."""
    seen = {"CUDA_VISIBLE_DEVICES": "2, 5,GPU-7"}
    told = [worker_environment(number, 4, seen)["CUDA_VISIBLE_DEVICES"] for number in range(4)]

    assert ["2", "5", "GPU-7", "2"] == told


def test_where_no_gpu_is_to_be_seen_none_is() -> None:
    """An empty list is the user's word."""
    assert "" == worker_environment(0, 2, {"CUDA_VISIBLE_DEVICES": ""})["CUDA_VISIBLE_DEVICES"]


def test_threads_are_the_processors_divided_by_the_workers() -> None:
    """Unless the user has said how many; never none."""
    told = worker_environment(0, 1, {"OMP_NUM_THREADS": "7"})

    assert ("7", str(cores())) == (told["OMP_NUM_THREADS"], told["OPENBLAS_NUM_THREADS"])
    assert "1" == worker_environment(0, 10 * cores(), {})["MKL_NUM_THREADS"]


@pytest.mark.parametrize(
    ("code", "out_of_memory", "state", "words"),
    [
        (0, False, "failed", "exit code 0"),
        (3, False, "failed", "exit code 3"),
        (-signal.SIGSEGV, False, "failed", "crashed (SIGSEGV)"),
        (-signal.SIGABRT, True, "failed", "crashed (SIGABRT)"),
        (-signal.SIGKILL, True, "failed", "ran out of memory"),
        (-signal.SIGKILL, False, "lost", "ended from outside (SIGKILL)"),
        (-signal.SIGTERM, False, "lost", "ended from outside (SIGTERM)"),
        (-signal.SIGXCPU, False, "lost", "ended from outside (SIGXCPU)"),
    ],
)
def test_the_end_of_a_worker_is_a_failure_or_a_loss(code: int, out_of_memory: bool, state: str, words: str) -> None:
    """A loss is nobody's fault: what ended it came from outside."""
    told, detail = end_of(code, out_of_memory=out_of_memory)

    assert (state, True) == (told, words in detail)


@pytest.mark.parametrize(("text", "seconds"), [("0:00:02", 2), ("04:00:00", 14_400), ("1-00:00:30", 86_430)])
def test_a_time_is_read_as_batch_systems_write_it(text: str, seconds: int) -> None:
    """Hours, minutes and seconds, and days before them."""
    assert seconds == seconds_of(text)


@pytest.mark.parametrize("text", ["", "2", "1h", "0:2", "0:00:00", "-1:00:00", "1:00:00\n"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With the option that gives one."""
    with pytest.raises(OptionInvalid, match="walltime") as caught:
        seconds_of(text)

    assert "--walltime 0:30:00" in caught.value.hint
