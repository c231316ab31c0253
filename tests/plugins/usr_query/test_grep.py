"""``usr grep`` as it is typed."""

from __future__ import annotations

from support.cli import Usr
from support.overlays import ids_of, write_tombstones
from support.tree import assert_unchanged

DS = "ns/base"
HEADER = f"{'id':<40}  sequence"


class TestGrep:
    def test_a_line_a_match(self, seeded: Usr) -> None:
        """Id and text, below a header."""
        ids = ids_of(seeded.path(DS))

        lines = seeded.ok("grep", DS, "--pattern", "GATTACA").out.splitlines()

        assert [HEADER, f"{ids[2]}  GGGCCCATATCGCGATTACA", f"{ids[5]}  GATTACAGATTACAGATTAC"] == lines

    def test_json_is_a_list(self, seeded: Usr) -> None:
        """Also an empty one."""
        ids = ids_of(seeded.path(DS))

        found = seeded.ok("grep", DS, "--pattern", "^GATT", "--format", "json").data
        none = seeded.ok("grep", DS, "--pattern", "N", "--format", "json").data

        assert [{"id": ids[5], "sequence": "GATTACAGATTACAGATTAC"}] == found
        assert [] == none

    def test_no_match_is_no_failure(self, seeded: Usr) -> None:
        """It is said on stderr, unless --quiet."""
        result = seeded.ok("grep", DS, "--pattern", "N")

        assert ("", "no record matches\n") == (result.out, result.err)
        assert "" == seeded.ok("grep", DS, "--pattern", "N", "--quiet").err

    def test_the_limit(self, seeded: Usr) -> None:
        """0 is all."""
        assert 3 == len(seeded.ok("grep", DS, "--pattern", "A", "--limit", "2").out.splitlines())
        assert 7 == len(seeded.ok("grep", DS, "--pattern", "A", "--limit", "0").out.splitlines())
        seeded.refuses(2, "grep", DS, "--pattern", "A", "--limit", "-1")

    def test_case(self, seeded: Usr) -> None:
        """It counts unless told otherwise."""
        assert "" == seeded.ok("grep", DS, "--pattern", "gattaca").out
        assert 3 == len(seeded.ok("grep", DS, "--pattern", "gattaca", "--ignore-case").out.splitlines())

    def test_deleted_records(self, seeded: Usr) -> None:
        """They are left out unless asked for."""
        ids = ids_of(seeded.path(DS))
        write_tombstones(seeded.path(DS), [ids[2]])

        assert ids[2] not in seeded.ok("grep", DS, "--pattern", "GATTACA").out
        assert ids[2] in seeded.ok("grep", DS, "--pattern", "GATTACA", "--include-deleted").out

    def test_a_pattern_or_column_that_does_not_do(self, seeded: Usr) -> None:
        """Wrong usage, one line and a hint, and nothing changed."""
        with assert_unchanged(seeded.root):
            assert "missing )" in seeded.refuses(2, "grep", DS, "--pattern", "A(").err
            assert "int32" in seeded.refuses(2, "grep", DS, "--pattern", "A", "--column", "length").err
            assert "nope" in seeded.refuses(1, "grep", DS, "--pattern", "A", "--column", "nope").err


class TestMotif:
    def test_a_line_a_hit(self, seeded: Usr) -> None:
        """Id, place, strand, mismatches and the letters found, below a header."""
        ids = ids_of(seeded.path(DS))

        lines = seeded.ok("grep", DS, "--motif", "GATN{4}GATTACA").out.splitlines()

        assert f"{'id':<40}  start      end        strand  mismatches  site" == lines[0]
        assert [f"{ids[5]}  0          14         +       0           GATTACAGATTACA"] == lines[1:]

    def test_json_has_the_same(self, seeded: Usr) -> None:
        """Numbers are numbers; on the other strand the letters are read there."""
        hits = seeded.ok("grep", DS, "--motif", "TGTAATC", "--format", "json", "--limit", "0").data

        assert {"id", "start", "end", "strand", "mismatches", "site"} == set(hits[0])
        assert ["TGTAATC"] * len(hits) == [hit["site"] for hit in hits]
        assert {"-"} == {hit["strand"] for hit in hits}
        assert [] == seeded.ok("grep", DS, "--motif", "TGTAATC", "--strands", "forward", "--format", "json").data

    def test_mismatches_and_a_limit(self, seeded: Usr) -> None:
        """More are found with a mismatch; --limit counts hits."""
        none = seeded.ok("grep", DS, "--motif", "GATTTCA")
        some = seeded.ok("grep", DS, "--motif", "GATTTCA", "--mismatches", "1", "--limit", "2")

        assert ("", "no record has the motif") == (none.out, none.err.strip())
        assert 3 == len(some.out.splitlines())

    def test_what_does_not_go_together_is_refused(self, seeded: Usr) -> None:
        """Exit code 2, and nothing is read."""
        with assert_unchanged(seeded.root):
            seeded.refuses(2, "grep", DS)
            seeded.refuses(2, "grep", DS, "--motif", "A", "--pattern", "A")
            seeded.refuses(2, "grep", DS, "--pattern", "A", "--mismatches", "1")
            seeded.refuses(2, "grep", DS, "--pattern", "A", "--strands", "both")
            seeded.refuses(2, "grep", DS, "--motif", "A", "--column", "id")
            seeded.refuses(2, "grep", DS, "--motif", "A", "--ignore-case")
            assert "USR-MOTIF-001" in seeded.refuses(2, "grep", DS, "--motif", "AX").err
            assert "USR-MOTIF-003" in seeded.refuses(2, "grep", DS, "--motif", "AC", "--mismatches", "4").err
