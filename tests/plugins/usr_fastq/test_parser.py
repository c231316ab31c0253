"""Reading FASTQ text."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usr_core.api.formats import BadRecord, HeaderOptions
from usr_fastq.parser import parse_fastq

NOTES: list[str] = []
Row = tuple[str | None, str | None, str, str]


def rows(content: bytes, size: int = 1 << 20, **options: str) -> list[dict[str, object]]:
    batches = parse_fastq(io.BytesIO(content), HeaderOptions(**options), batch_bytes=size, say=NOTES.append)  # type: ignore[arg-type]
    return [row for batch in batches for row in batch.to_pylist()]


def read(text: str | bytes, size: int = 1 << 20, **options: str) -> list[tuple[object, ...]]:
    """Return name, description, letters and qualities of each record."""
    content = text.encode() if isinstance(text, str) else text
    names = ("fastq__name", "fastq__description", "sequence", "fastq__quality")
    return [tuple(row[name] for name in names) for row in rows(content, size, **options)]


def refused(text: str | bytes, size: int = 1 << 20, **options: str) -> BadRecord:
    with pytest.raises(BadRecord) as caught:
        read(text, size, **options)
    return caught.value


SIZES = pytest.mark.parametrize("size", [1, 3, 7, 1 << 20])


class TestRecords:
    @SIZES
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_four_lines(self, end: str, size: int) -> None:
        """With any line end, the last one may lack; the name may stand behind + again, whole or as its first word."""
        text = end.join(["@a 1:N:0", "ACGT", "+", "IIII", "@b c", "AC", "+b c", "@!", "@d e", "GT", "+d", "++"])
        expected = [("a", "1:N:0", "ACGT", "IIII"), ("b", "c", "AC", "@!"), ("d", "e", "GT", "++")]

        assert expected == read(text, size) == read(text + end, size)

    @SIZES
    def test_wrapped_records(self, size: int) -> None:
        """A line of qualities may begin with @ or +; how many there are says where they end."""
        text = "@a\nACGT\nAC\n+\n@III\n+I\n\n@b\nAC\n+\n@@\n"

        assert [("a", None, "ACGTAC", "@III+I"), ("b", None, "AC", "@@")] == read(text, size)

    def test_a_long_record_is_one(self) -> None:
        """However many chunks it takes, on one line or on many."""
        letters, quality = "ACGT" * 3_000, "I" * 12_000
        wrapped = "\n".join(letters[start : start + 50] for start in range(0, len(letters), 50))
        text = f"@a\n{letters}\n+\n{quality}\n@b\n{wrapped}\n+\n{quality}\n"

        assert [letters] * 2 == [row[2] for row in read(text, 100)]

    def test_the_mean_error_is_that_of_probabilities(self) -> None:
        """Q40 and Q0 are wrong every second time, not as often as Q20."""
        (row,) = rows(b"@a\nACG\n+\nI!5\n")

        assert np.float32((1e-4 + 1 + 1e-2) / 3) == np.float32(row["fastq__mean_error"])

    def test_blanks_in_sequence_lines_are_left_out_and_said_once(self) -> None:
        """The note says where the first is."""
        NOTES.clear()

        assert ["AC", "GT"] == [row[2] for row in read("@a\nA C\n+\nII\n@b\nGT \n+\nII\n")]
        assert ["Blanks inside sequence lines are left out (first in record 1)."] == NOTES

    def test_an_empty_file_has_no_record(self) -> None:
        """Nor has one of blank lines."""
        assert [] == read("") == read("\n\n")

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
    def test_other_encodings_are_read_by_option(self, encoding: str) -> None:
        """Chunks may end inside a letter."""
        assert [("é", "ü", "AC", "II")] == read("@é ü\nAC\n+\nII\n".encode(encoding), 3, encoding=encoding)


class TestFaults:
    @SIZES
    @pytest.mark.parametrize(
        ("text", "reason", "name", "line", "cut_off"),
        [
            ("@a\nAC\n+b\nII\n", "not that of the record", "a", 3, False),
            ("@a x\nAC\n+\nIII\n", "2 letters and 3 qualities", "a", 4, False),
            ("@a\nAC\n+\nI\n@b\nAC\n+\nII\n", "2 letters and 1 qualities", "a", 4, False),
            ("@a\nAC\nGT\n+\nII\nIII\n", "4 letters and 5 qualities", "a", 6, False),
            ("@a\n+\n\n", "no letters", "a", 1, False),
            ("@a\nAC\n+\nI \n", "not Phred+33", "a", 4, False),
            ("@a\nAC\n+\nIé\n", "qualities", "a", 4, False),
            ("x\nAC\n+\nII\n", "begins with @", None, 1, False),
            ("@a\nAC\n+\nI", "2 letters and 1 qualities", "a", 4, True),
            ("@a\nAC\n+\n", "2 letters and 0 qualities", "a", 3, True),
            ("@a\nAC\n", "no line with +", "a", 1, True),
            ("@a", "no line with +", "a", 1, True),
        ],
    )
    def test_are_told_with_their_place(
        self, text: str, reason: str, name: str | None, line: int, cut_off: bool, size: int
    ) -> None:
        """Record, name and line are exact, whatever was read before, and there is a hint."""
        for lead, lines in (("@r s\nACGT\n+\nIIII\n", 4), ("@r s\nAC\nGT\n+\nII\nII\n\n", 7)):
            bad = refused(lead * 20 + text, size)

            assert reason in bad.reason
            assert (21, name, line + 20 * lines, cut_off) == (bad.row, bad.name, bad.line, bad.cut_off)
            assert bad.hint

    @SIZES
    def test_wrong_bytes_name_the_option(self, size: int) -> None:
        """With record, name and line."""
        bad = refused("@a\nAC\n+\nII\n@b é\nAC\n+\nII\n".encode("latin-1"), size)

        assert (2, "b", 5) == (bad.row, bad.name, bad.line)
        assert "encoding=latin-1" in bad.hint

    def test_fasta_is_recognised(self) -> None:
        """The hint names its importer."""
        assert "--from fasta" in refused(">a\nAC\n").hint


WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs")), min_size=1, max_size=12)
READS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=120).flatmap(
    lambda quality: st.tuples(st.text("ACGTN", min_size=len(quality), max_size=len(quality)), st.just(quality))
)


class TestAnyFile:
    @settings(max_examples=60, deadline=None)
    @given(
        records=st.lists(st.tuples(WORDS, st.none() | WORDS, READS), max_size=10),
        widths=st.lists(st.none() | st.integers(1, 80), min_size=10, max_size=10),
        end=st.sampled_from(["\n", "\r\n", "\r"]),
        size=st.integers(1, 200),
    )
    def test_is_read_as_it_was_written(
        self,
        records: list[tuple[str, str | None, tuple[str, str]]],
        widths: list[int | None],
        end: str,
        size: int,
    ) -> None:
        """Wrapped and not, one after the other, for any line end and size of a chunk."""
        lines: list[str] = []
        for (name, description, (letters, quality)), width in zip(records, widths, strict=False):
            step = width or len(letters)
            lines.append(f"@{name}{'' if description is None else f' {description}'}")
            lines += [letters[start : start + step] for start in range(0, len(letters), step)]
            lines.append("+")
            lines += [quality[start : start + step] for start in range(0, len(letters), step)]
        expected = [(name, description, *reads) for name, description, reads in records]

        assert expected == read("".join(line + end for line in lines), size)
