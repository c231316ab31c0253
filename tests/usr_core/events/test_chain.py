"""What verifying the chain finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from usr_core.events.chain import verify_chain
from usr_core.events.log import NO_PREVIOUS, line_digest

Lines = list[bytes]


def _chain(count: int, *, older: int = 0) -> Lines:
    lines: Lines = [json.dumps({"action": "old", "n": n}).encode() for n in range(older)]
    for seq in range(older + 1, older + count + 1):
        prev = line_digest(lines[-1]) if lines else NO_PREVIOUS
        lines.append(json.dumps({"action": "x", "seq": seq, "prev": prev}).encode())
    return lines


def _faults(tmp_path: Path, lines: Lines, end: bytes = b"\n") -> list[tuple[int, str]]:
    log = tmp_path / ".events.log"
    log.write_bytes(b"\n".join(lines) + end)
    return [(fault.line, fault.kind) for fault in verify_chain(log)]


def _edit(line: bytes, **more: object) -> bytes:
    return json.dumps({**json.loads(line), **more}).encode()


class TestWhole:
    @pytest.mark.parametrize("count", [1, 2, 50])
    @pytest.mark.parametrize("older", [0, 1, 3])
    def test_chain_has_no_fault(self, tmp_path: Path, count: int, older: int) -> None:
        """With or without an older writer's beginning."""
        assert [] == _faults(tmp_path, _chain(count, older=older))

    def test_empty_and_missing_logs_have_none(self, tmp_path: Path) -> None:
        """Nothing was written, nothing is wrong."""
        assert [] == _faults(tmp_path, [], b"")
        assert [] == verify_chain(tmp_path / "absent")


class TestFault:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            (lambda c: [*c[:3], _edit(c[3], action="y"), *c[4:]], [(4, "edited")]),
            (lambda c: [_edit(c[0], action="y"), *c[1:]], [(1, "edited")]),
            (lambda c: [*c[:3], _edit(c[3], seq=9), *c[4:]], [(4, "edited")]),
            (lambda c: [*c[:3], _edit(c[3], prev="0" * 64), *c[4:]], [(4, "edited")]),
            (lambda c: [*c[:7], _edit(c[7], seq=3)], [(8, "edited")]),
            (lambda c: [*c[:3], *c[4:]], [(4, "deleted")]),
            (lambda c: [*c[:3], *c[6:]], [(4, "deleted")]),
            (lambda c: c[2:], [(1, "deleted")]),
            (lambda c: [*c[:3], _edit(c[3], action="y"), *c[3:]], [(4, "inserted")]),
            (lambda c: [*c[:3], b'{"seq":4,"prev":"x"}', *c[3:]], [(4, "inserted")]),
            (lambda c: [*c[:5], c[1], *c[5:]], [(6, "inserted")]),
            (lambda c: [*c[:2], c[3], c[2], *c[4:]], [(3, "reordered")]),
            (lambda c: [*c[:2], *c[3:6], c[2], *c[6:]], [(3, "reordered"), (6, "reordered")]),
            (lambda c: [*c[:3], b"garbage", *c[4:]], [(4, "not-json")]),
            (lambda c: [*c[:3], b"garbage", *c[3:]], [(4, "not-json")]),
            (lambda c: [*c[:3], b"", *c[3:]], [(4, "not-json")]),
            (lambda c: [*c[:3], b'{"action":"old"}', *c[3:]], [(4, "inserted")]),
            (lambda c: [*c[:2], *c[3:5], _edit(c[5], action="y"), *c[6:]], [(3, "deleted"), (5, "edited")]),
        ],
    )
    def test_is_named_with_its_line(
        self, tmp_path: Path, change: Callable[[Lines], Lines], expected: list[tuple[int, str]]
    ) -> None:
        """One change of the log is one fault, at the line where it was made."""
        assert expected == _faults(tmp_path, change(_chain(8)))

    def test_of_an_older_writer_behind_the_beginning_is_told(self, tmp_path: Path) -> None:
        """Its line is counted and followed, but vouches for nothing itself."""
        lines = [*_chain(3), b'{"action":"old"}']
        lines.append(json.dumps({"seq": 5, "prev": line_digest(lines[-1])}).encode())

        assert [(4, "legacy")] == _faults(tmp_path, lines)

    @pytest.mark.parametrize("cut", [1, 5])
    def test_of_a_torn_end_is_told(self, tmp_path: Path, cut: int) -> None:
        """Without its newline the last line is torn, whether or not it is complete otherwise."""
        lines = _chain(3)
        lines[-1] = lines[-1][: len(lines[-1]) + 1 - cut]

        assert [(3, "torn")] == _faults(tmp_path, lines, b"")

    def test_of_every_single_byte_is_found(self, tmp_path: Path) -> None:
        """Any byte changed in any line but the last is a fault."""
        whole = b"\n".join(_chain(4)) + b"\n"
        log = tmp_path / ".events.log"
        for place in range(whole.rindex(b"\n", 0, -1)):
            log.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])

            assert verify_chain(log), place

    def test_is_one_sentence(self, tmp_path: Path) -> None:
        """The message names the line and says what is wrong."""
        lines = _chain(4)
        log = tmp_path / ".events.log"
        log.write_bytes(b"\n".join([lines[0], *lines[2:]]) + b"\n")

        assert ["line 2: event 2 is missing before it"] == [fault.message for fault in verify_chain(log)]
