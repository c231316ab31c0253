"""The end of the log, and following it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from usr_core.events.tail import follow_events, tail_events


def _line(seq: int, pad: int = 0) -> bytes:
    return json.dumps({"seq": seq, "pad": "x" * pad}).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / ".events.log"
    path.write_bytes(b"".join(map(_line, range(1, 11))))
    return path


def _seqs(log: Path, *, n: int = 0, since: int | None = None) -> list[int]:
    return [line.event["seq"] for line in tail_events(log, n=n, since=since) if line.event]


class TestTail:
    @pytest.mark.parametrize(
        ("n", "since", "expected"),
        [
            (0, None, range(1, 11)),
            (1, None, [10]),
            (3, None, [8, 9, 10]),
            (99, None, range(1, 11)),
            (0, 7, [8, 9, 10]),
            (2, 7, [9, 10]),
            (0, 0, range(1, 11)),
            (0, 10, []),
        ],
    )
    def test_is_the_last_lines_in_order(self, log: Path, n: int, since: int | None, expected: list[int]) -> None:
        """So many of them, those after a number, or both."""
        assert list(expected) == _seqs(log, n=n, since=since)

    @pytest.mark.parametrize("pad", [10, 70_000])
    def test_knows_number_and_offset(self, log: Path, pad: int) -> None:
        """Read from the end or from the beginning, a line is the same, however long."""
        with log.open("ab") as handle:
            handle.write(_line(11, pad) + _line(12, pad) + _line(13))
        every = list(tail_events(log, n=0, since=None))

        assert every[-3:] == list(tail_events(log, n=3, since=None))
        assert [11, 12, 13] == [line.number for line in every[-3:]]

    def test_leaves_out_what_is_no_line(self, log: Path) -> None:
        """A torn end and blank lines are not given out; a complete line without newline is."""
        with log.open("ab") as handle:
            handle.write(b"\n" + _line(11)[:-1])
        assert [10, 11] == _seqs(log, n=2)
        with log.open("ab") as handle:
            handle.write(b'\n{"seq": 12')

        assert [10, 11] == _seqs(log, n=2)
        assert 11 == len(_seqs(log))

    def test_counts_lines_of_an_older_writer(self, log: Path) -> None:
        """A line without number goes by its place."""
        log.write_bytes(b'{"a":1}\n{"a":2}\n' + _line(3))

        assert [2, 3] == [line.number for line in tail_events(log, n=0, since=1)]

    def test_of_a_missing_log_is_empty(self, tmp_path: Path) -> None:
        """No error."""
        assert [] == list(tail_events(tmp_path / "absent", n=5, since=None))

    def test_of_a_long_log_reads_little(self, log: Path) -> None:
        """The last two lines of a log of 4 MB take the reading of a few blocks."""
        log.write_bytes(b"".join(_line(seq, 1_000) for seq in range(1, 4_001)))
        before = _bytes_read()
        assert [3_999, 4_000] == _seqs(log, n=2)

        assert _bytes_read() - before < 500_000


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


class TestFollow:
    def _follow(self, log: Path, act: Callable[[], None], *, start: int, count: int) -> list[int]:
        """Follow from `start` in this thread while `act` runs in another, until `count` lines came or 5 s went by."""
        got: list[int] = []
        deadline = time.monotonic() + 60
        worker = threading.Thread(target=act)
        worker.start()
        for line in follow_events(
            log, start=start, poll_seconds=0.005, stop=lambda: len(got) >= count or time.monotonic() > deadline
        ):
            assert line.event is not None, line.raw
            got.append(line.event["seq"])
        worker.join(30)
        return got

    def test_gives_lines_as_they_come_and_never_a_part(self, log: Path) -> None:
        """A line written in pieces is given out once, when it is whole."""

        def act() -> None:
            with log.open("ab", buffering=0) as handle:
                for seq in range(11, 31):
                    for byte in (_line(seq)[:5], _line(seq)[5:-1], _line(seq)[-1:]):
                        handle.write(byte)
                        time.sleep(0.001)

        assert list(range(11, 31)) == self._follow(log, act, start=log.stat().st_size, count=20)

    def test_waits_for_a_log_that_is_not_there(self, tmp_path: Path) -> None:
        """The first event may be still to come."""
        log = tmp_path / "later"
        assert [1] == self._follow(log, lambda: (time.sleep(0.05), log.write_bytes(_line(1)))[0], start=0, count=1)

    def test_goes_back_when_the_log_is_cut(self, log: Path) -> None:
        """An event that was taken back is followed by what comes in its place."""

        def act() -> None:
            size = log.stat().st_size
            with log.open("ab") as handle:
                handle.write(_line(11))
            time.sleep(0.1)
            os.truncate(log, size)
            time.sleep(0.05)
            with log.open("ab") as handle:
                handle.write(_line(11, 3) + _line(12))

        assert [11, 11, 12] == self._follow(log, act, start=log.stat().st_size, count=3)

    def test_goes_on_in_a_log_that_was_replaced(self, log: Path) -> None:
        """A pull brings a log with the same lines and more: only what is new is given out."""

        def act() -> None:
            with log.open("ab") as handle:
                handle.write(_line(11))
            time.sleep(0.1)
            other = log.with_name("other")
            other.write_bytes(log.read_bytes() + _line(12) + _line(13))
            other.rename(log)

        assert [11, 12, 13] == self._follow(log, act, start=log.stat().st_size, count=3)

    def test_begins_again_in_another_log(self, log: Path) -> None:
        """A log that has nothing in common with the one before is given out from its beginning."""

        def act() -> None:
            time.sleep(0.05)
            other = log.with_name("other")
            other.write_bytes(_line(101) + _line(102))
            other.rename(log)

        assert [101, 102] == self._follow(log, act, start=log.stat().st_size, count=2)

    def test_holds_back_zeros_at_the_end(self, log: Path) -> None:
        """Blocks that have not arrived read as zeros; the line is given out when it is there."""

        def act() -> None:
            size = log.stat().st_size
            line = _line(11)
            with log.open("r+b", buffering=0) as handle:
                handle.seek(size)
                handle.write(bytes(len(line) - 1) + b"\n")
                time.sleep(0.05)
                handle.seek(size)
                handle.write(line)

        assert [11] == self._follow(log, act, start=log.stat().st_size, count=1)
