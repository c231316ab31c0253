"""The end of the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from usr_core.events.event import Event, encode_line
from usr_core.events.log import NO_PREVIOUS, line_digest, read_head, read_last, read_lines


def _line(seq: int | None, **more: object) -> bytes:
    return json.dumps({**({} if seq is None else {"seq": seq}), **more}).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / ".events.log"


class TestReadHead:
    def test_of_a_missing_and_of_an_empty_log(self, log: Path) -> None:
        """Number 0, no digest, nothing torn."""
        for _ in range(2):
            head = read_head(log)
            assert (0, NO_PREVIOUS, 0, b"", None) == (head.seq, head.digest, head.end, head.torn, head.last)
            log.touch()

    def test_is_its_last_line(self, log: Path) -> None:
        """Number, clock, digest and end are those of the last line."""
        log.write_bytes(_line(1) + _line(2, clock="2026-01-01T00:00:00.000001Z"))
        head = read_head(log)

        assert (2, log.stat().st_size) == (head.seq, head.end)
        assert line_digest(_line(2, clock="2026-01-01T00:00:00.000001Z")[:-1]) == head.digest
        assert 1767225600000001 == head.clock_us

    @pytest.mark.parametrize("length", [10, 65_530, 65_536, 65_540, 300_000])
    def test_holds_for_lines_of_any_length(self, log: Path, length: int) -> None:
        """Blocks of reading leave no trace."""
        log.write_bytes(_line(1) + _line(2, text="x" * length) + _line(3, text="y" * length))

        assert 3 == read_head(log).seq
        assert line_digest(_line(3, text="y" * length)[:-1]) == read_head(log).digest

    @pytest.mark.parametrize("torn", [b'{"seq": 3', b"\0" * 200_000, b"[1]", b'"text"'])
    def test_tells_what_was_torn_off(self, log: Path, torn: bytes) -> None:
        """What follows the last whole line and is not an event counts for nothing."""
        log.write_bytes(_line(1) + _line(2) + torn)
        head = read_head(log)

        assert (2, torn, len(_line(1) + _line(2))) == (head.seq, head.torn, head.end)

    def test_takes_a_complete_line_without_newline(self, log: Path) -> None:
        """Its newline is still to be written: the end is one byte past the file."""
        log.write_bytes(_line(1) + _line(2)[:-1])
        head = read_head(log)

        assert (2, log.stat().st_size + 1, b"") == (head.seq, head.end, head.torn)

    @pytest.mark.parametrize(
        ("content", "seq"),
        [
            (_line(None) * 4, 4),
            (_line(None) + _line(2) + _line(None), 3),
            (_line(7) + _line(None) * 2, 9),
            (_line(1) + b"garbage\n", 2),
            (_line(1) + b"\n\n", 1),
            (b"\n\n", 0),
            (_line(1) + b'{"seq": true}\n', 2),
            (_line(1) + b'{"seq": -5}\n', 2),
            (_line(1) + b"[" * 100_000 + b"\n", 2),
            (_line(None) * 3 + b'{"torn', 3),
        ],
    )
    def test_counts_lines_that_carry_no_number(self, log: Path, content: bytes, seq: int) -> None:
        """An older writer's lines, and what somebody wrote by hand, count one each; blank ones none."""
        log.write_bytes(content)

        assert seq == read_head(log).seq


class TestReadLines:
    def test_gives_number_offset_and_object(self, log: Path) -> None:
        """A line that is not an object has no event; the torn last one is given too."""
        log.write_bytes(b'{"a":1}\nnope\n{"b"')

        assert [(1, 0, {"a": 1}), (2, 8, None), (3, 13, None)] == [
            (line.number, line.offset, line.event) for line in read_lines(log)
        ]

    def test_of_a_missing_log_are_none(self, log: Path) -> None:
        """No error."""
        assert [] == list(read_lines(log))


class TestEncodeLine:
    def test_is_one_line_for_every_tool(self) -> None:
        """Line ends of Unicode are escaped: a tool that splits text there still sees one line."""
        text = "a\x85b\u2028c\u2029d\ne\x0bf\x1cg"
        line = encode_line(
            Event(action="x", dataset="d", root="r", args={"t": text}).as_line(seq=1, clock_us=0, prev="")
        )

        assert 1 == len(line.decode().splitlines())
        assert text == json.loads(line)["args"]["t"]

    def test_keeps_the_order_of_the_format(self) -> None:
        """Keys stand as format.md lists them."""
        line = Event(action="x", dataset="d", root="r").as_line(seq=1, clock_us=0, prev="")

        assert (
            "event_version timestamp_utc action dataset args metrics artifacts maintenance fingerprint registry_hash "
            "actor version seq clock prev"
        ) == " ".join(line)

    def test_refuses_what_is_no_json(self) -> None:
        """NaN would make the line unreadable elsewhere."""
        with pytest.raises(ValueError, match="JSON"):
            encode_line({"metrics": float("nan")})


class TestReadLast:
    def test_a_last_line_that_lacks_its_newline_counts_where_it_is_asked_for(self, tmp_path):
        """As it counts for `read_head`; a line that is cut counts for neither."""
        log = tmp_path / "log"
        log.write_bytes(b'{"seq": 1}\n{"seq": 2}')
        assert (read_last(log), read_last(log, torn=True)) == ({"seq": 1}, {"seq": 2})

        log.write_bytes(b'{"seq": 1}\n{"seq": 2')
        assert (read_last(log), read_last(log, torn=True)) == ({"seq": 1}, {"seq": 1})
