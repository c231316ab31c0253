"""How two logs relate."""

from __future__ import annotations

import json
import random

import pytest

from usr_core.events.log import NO_PREVIOUS, line_digest
from usr_core.sync.errors import LogNotSyncable
from usr_core.sync.history import LogBytes, compare_logs


def chain(*words: str, seq: int = 0, prev: str = NO_PREVIOUS) -> bytes:
    """Return a chain of lines, one event a word."""
    lines = []
    for number, word in enumerate(words, seq + 1):
        raw = json.dumps({"action": word, "seq": number, "prev": prev}).encode()
        lines.append(raw + b"\n")
        prev = line_digest(raw)
    return b"".join(lines)


def plain(*words: str) -> bytes:
    """Return the lines of an older writer, which carry no number."""
    return b"".join(json.dumps({"action": word}).encode() + b"\n" for word in words)


def log(content: bytes, reads: list[int] | None = None) -> LogBytes:
    """Return a log in memory that notes how much of it was read."""

    def read(offset: int, length: int) -> bytes:
        if reads is not None:
            reads.append(length)
        return content[offset : offset + length]

    return LogBytes(len(content), read)


@pytest.mark.parametrize("lines", [chain, plain])
class TestRelation:
    def test_of_logs_of_every_kind(self, lines):
        """Equal, one the beginning of the other, forked, and without anything in common."""
        cases = [
            ("", "", "equal", 0),
            ("abc", "abc", "equal", 3),
            ("abc", "ab", "ahead", 2),
            ("ab", "abc", "behind", 2),
            ("", "ab", "behind", 0),
            ("ab", "", "ahead", 0),
            ("abx", "aby", "diverged", 2),
            ("abx", "abyz", "diverged", 2),
            ("x", "y", "diverged", 0),
        ]
        for here, there, relation, common in cases:
            found = compare_logs(log(lines(*here)), log(lines(*there)))
            assert (relation, common) == (found.relation, found.common_seq), (here, there)
            assert (len(here), len(there)) == (found.local.seq, found.remote.seq)
            assert lines(*here) == lines(*here)[: found.common] + found.local_only
            assert lines(*there) == lines(*there)[: found.common] + found.remote_only


class TestReading:
    def test_reads_only_the_end_of_a_long_log(self):
        """A chain proves its beginning: a megabyte of common lines is not fetched."""
        common = chain(*(f"event {number}" for number in range(20_000)))
        head = json.loads(common.splitlines()[-1])
        last = line_digest(common.splitlines()[-1])
        more = common + chain("new", seq=head["seq"], prev=last)
        reads: list[int] = []

        found = compare_logs(log(common), log(more, reads))

        assert "behind" == found.relation
        assert sum(reads) < 200_000 < len(common)
        assert 1 == len(found.events_only("remote"))

    def test_a_line_longer_than_a_block(self):
        """The last line is found however long it is."""
        line = chain("x" * 500_000)
        assert "equal" == compare_logs(log(line), log(line)).relation
        assert "behind" == compare_logs(log(b""), log(line)).relation

    def test_a_torn_last_line_counts_for_nothing(self):
        """What stands behind the last newline was cut off."""
        whole = chain("a", "b")
        found = compare_logs(log(whole), log(whole + b'{"action":'))
        assert ("equal", len(whole)) == (found.relation, found.remote.end)


class TestRefusal:
    @pytest.mark.parametrize(
        "more",
        [
            chain("c", seq=2, prev="0" * 64),
            chain("c", seq=7, prev="?"),
            b"no json\n",
            b'"text"\n',
            b"\xff\xfe\n",
        ],
    )
    def test_of_new_lines_that_do_not_follow(self, more):
        """A log that does not continue the common one is never taken over."""
        base = chain("a", "b")
        with pytest.raises(LogNotSyncable):
            compare_logs(log(base), log(base + more))

    def test_of_a_gap_in_the_numbers(self):
        """An event that is missing in the new lines is found."""
        base = chain("a", "b")
        prev = line_digest(base.splitlines()[-1])
        with pytest.raises(LogNotSyncable):
            compare_logs(log(base), log(base + chain("d", seq=3, prev=prev)))


def test_agrees_with_comparing_line_by_line():
    """Thousands of pairs of random chains: the relation and the common part are those of a plain comparison."""
    rng = random.Random(5)
    for _ in range(2_000):
        stem = [rng.choice("ab") for _ in range(rng.randrange(5))]
        tails = [[rng.choice("ab") for _ in range(rng.randrange(3))] for _ in range(2)]
        lines = rng.choice([chain, plain])
        here, there = (lines(*stem, *tail) for tail in tails)
        mine, theirs = here.splitlines(keepends=True), there.splitlines(keepends=True)
        common = 0
        while common < min(len(mine), len(theirs)) and mine[common] == theirs[common]:
            common += 1
        expected = (
            "equal"
            if common == len(mine) == len(theirs)
            else "behind"
            if common == len(mine)
            else "ahead"
            if common == len(theirs)
            else "diverged"
        )
        found = compare_logs(log(here), log(there))
        assert (expected, sum(map(len, mine[:common]))) == (found.relation, found.common)


class TestBrokenLogs:
    """Refused on a first transfer, where the other side has no event, as later."""

    @pytest.mark.parametrize("common", ["", "ab"])
    @pytest.mark.parametrize(
        ("broken", "told"),
        [
            (lambda ab, cd: ab + b"\n" + cd, "is empty"),
            (lambda ab, cd: ab + b"   \n" + cd, "is empty"),
            (lambda ab, cd: ab + b"[1]\n" + cd, "is not a JSON object"),
            (lambda ab, cd: ab + plain("x") + cd, "has no number"),
            (lambda ab, cd: ab + cd.replace(b'"seq": 3', b'"seq": 4'), "event 4 does not follow event 2"),
            (lambda ab, cd: ab + cd.splitlines(keepends=True)[1], "event 4 does not follow event 2"),
        ],
    )
    def test_a_line_that_is_out_of_place_is_refused(self, common, broken, told):
        """Empty, no event, unnumbered behind a numbered one, or leaping."""
        ab = chain(*"ab")
        cd = chain(*"cd", seq=2, prev=line_digest(ab.splitlines()[-1]))

        with pytest.raises(LogNotSyncable, match=told):
            compare_logs(log(chain(*common)), log(broken(ab, cd)))

    def test_a_log_that_does_not_begin_with_its_first_event_is_refused(self):
        """Its beginning was cut off."""
        ab = chain(*"ab")

        with pytest.raises(LogNotSyncable, match="event 2 does not follow event 0"):
            compare_logs(log(b""), log(ab.splitlines(keepends=True)[1]))

    def test_a_log_that_an_older_writer_began_is_followed_by_count(self):
        """Unnumbered lines come first; the first number counts them."""
        old = plain(*"ab")
        new = chain("c", seq=2, prev=line_digest(old.splitlines()[-1]))

        assert "behind" == compare_logs(log(b""), log(old + new)).relation
        with pytest.raises(LogNotSyncable, match="event 1 does not follow event 2"):
            compare_logs(log(b""), log(old + chain("c", prev=line_digest(old.splitlines()[-1]))))

    def test_a_line_without_an_end_is_not_held_in_memory(self):
        """A log of zeros, however long, is refused after some megabytes."""
        reads: list[int] = []

        def read(offset: int, length: int) -> bytes:
            reads.append(length)
            return bytes(length)

        with pytest.raises(LogNotSyncable, match="longer than"):
            compare_logs(log(b""), LogBytes(1 << 40, read, "there"))
        assert max(reads) <= 1 << 26
