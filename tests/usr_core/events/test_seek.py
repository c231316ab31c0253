"""One event of a long log is found by halving, and gives what reading the log from its beginning gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from usr_core.events.event import rfc3339
from usr_core.events.log import read_lines
from usr_core.events.seek import event_time_us, events_backwards, last_line_until, line_of_seq, seq_of

START = 1_700_000_000_000_000


def write_log(path: Path, events: int, *, older: int = 0, torn: bytes = b"") -> None:
    """Write a log of lines of very different lengths, the first `older` of them without number and clock."""
    with path.open("wb") as file:
        for number in range(1, events + 1):
            told = {"action": "import", "args": {"text": "x" * (37 * number % 20_000)}}
            told["timestamp_utc"] = rfc3339(START + number * 10).removesuffix("Z")
            if number > older:
                told |= {"seq": number, "clock": rfc3339(START + number * 10)}
            file.write(json.dumps(told).encode() + b"\n")
        file.write(torn)


@pytest.mark.parametrize("older", [0, 5, 40])
@pytest.mark.parametrize("torn", [b"", b'{"seq": 41, "cl'])
def test_each_event_is_found_by_its_number_and_by_its_time(tmp_path: Path, older: int, torn: bytes) -> None:
    """Also those of an older writer, which carry no number; none is found before the first and behind the last."""
    log = tmp_path / "log"
    write_log(log, 40, older=older, torn=torn)
    for number, line in enumerate(list(read_lines(log))[:40], 1):
        found = line_of_seq(log, number)
        assert found is not None
        assert (found.offset, found.raw, seq_of(log, found)) == (line.offset, line.raw, number)
        for later in (0, 9):
            until = last_line_until(log, START + number * 10 + later)
            assert until is not None
            assert (until.offset, until.raw) == (line.offset, line.raw)
        assert event_time_us(line.event) == START + number * 10
    assert line_of_seq(log, 41) is None
    assert line_of_seq(log, 0) is None
    assert last_line_until(log, START + 9) is None


def test_a_log_that_is_not_there_has_no_event(tmp_path: Path) -> None:
    """Nothing is found, and nothing is raised."""
    assert line_of_seq(tmp_path / "log", 1) is None
    assert last_line_until(tmp_path / "log", START) is None
    assert list(events_backwards(tmp_path / "log")) == []


def test_one_event_of_many_is_found_without_reading_the_others(tmp_path: Path) -> None:
    """Of 20,000 lines a few dozen places are looked at."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        for number in range(1, 20_001):
            file.write(b'{"seq":%d,"clock":"%s"}\n' % (number, rfc3339(START + number).encode()))
    size = log.stat().st_size
    with log.open("r+b") as file:  # what is not looked at may hold anything
        file.seek(size // 3)
        file.write(b"\xff" * 100)
    found = line_of_seq(log, 19_999)
    assert found is not None
    assert found.number == 19_999


def test_events_backwards_are_the_lines_from_the_end(tmp_path: Path) -> None:
    """With `holding` only those that hold the bytes."""
    log = tmp_path / "log"
    write_log(log, 30, torn=b'{"seq": 31')
    forwards = list(read_lines(log))[:30]
    assert [(line.offset, line.raw) for line in events_backwards(log)] == [
        (line.offset, line.raw) for line in reversed(forwards)
    ]
    assert [line.number for line in events_backwards(log, holding=b'"seq": 7')] == [7]
