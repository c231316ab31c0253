"""FASTQ text as batches of Arrow records: names, letters and qualities.

Records of four lines, which nearly all are, are read in bulk. Where one is not, or is at fault, it and those behind it
in the same chunk are read line by line.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.api import LONGEST_RECORD
from usr_core.api.arrow import fixed_array, string_parts
from usr_core.api.formats import (
    BadRecord,
    HeaderOptions,
    line_ends,
    pieces,
    split_headers,
    text_chunks,
    text_fault,
    text_format,
)

__all__ = ["COLUMNS", "parse_fastq"]

COLUMNS = ("sequence", "fastq__name", "fastq__description", "fastq__quality", "fastq__mean_error")

_HINT = "A record is @ and a name, letters, a line with +, and as many qualities as letters."
_BLANKS = b" \t\x0b\x0c"
_ERROR = 10.0 ** (-(np.arange(256) - 33) / 10)
"""The probability of an error that each character stands for."""
_AT_ONCE = 1 << 20


@dataclass(slots=True)
class _Reading:
    """How far a file has been read: the next record, its line, the bytes of the content taken; and what was said."""

    options: HeaderOptions
    say: Callable[[str], None]
    row: int = 1
    line: int = 1
    taken: int = 0
    said: bool = False

    def fault(
        self,
        reason: str,
        *,
        record: int,
        line: int,
        header: bytes | None = None,
        value: bytes | None = None,
        hint: str = _HINT,
        cut_off: bool = False,
    ) -> BadRecord:
        """Return the fault of a record and a line that are counted from the next ones."""
        words = (header or b"")[1:].split(None, 1)
        return BadRecord(
            reason,
            hint=hint,
            row=self.row + record,
            line=self.line + line,
            name=None if header is None else (words[0] if words else b"").decode("utf-8", "replace"),
            value=None if value is None else value.decode("latin-1"),
            cut_off=cut_off,
        )


@dataclass(slots=True)
class _Found:
    """Headers, letters and qualities of records, and how many lines and bytes they take."""

    headers: pa.Array
    sequences: pa.Array
    qualities: pa.Array
    lines: int
    size: int


def parse_fastq(
    stream: BinaryIO,
    options: HeaderOptions | None = None,
    *,
    columns: Collection[str] = COLUMNS,
    batch_bytes: int = 1 << 20,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[pa.RecordBatch]:
    """Yield the records with those of `columns` that FASTQ has, in the order of `columns`.

    All are text but ``fastq__mean_error``, a float32. A name or description that is not there is null. Blanks in
    sequence lines are left out, which `say` is told once.

    Raises:
        BadRecord: A record is not FASTQ, has no letters, or more or fewer qualities than letters; the name behind ``+``
            is another one; the file ends inside a record; the text has another encoding.

    Holds about `batch_bytes`, or twice the longest record.
    """
    reading = _Reading(options or HeaderOptions(), say)
    for content, is_last in _contents(stream, reading, batch_bytes):
        letters, starts, ends = line_ends(content)
        count = _good_records(letters, starts, ends) if content.isascii() and b"\0" not in content else 0
        if count:
            found = _in_bulk(content, starts, ends, count, reading)
            yield _batch(found, columns, reading)
        if 4 * count < len(starts):
            slowly = _one_by_one(content[reading.taken :].split(b"\n")[:-1], reading, is_last=is_last)
            if len(slowly.headers):
                yield _batch(slowly, columns, reading)


def _contents(stream: BinaryIO, reading: _Reading, size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield whole lines, and whether they are the last; what `reading` has not taken comes again, with more behind."""
    chunks = text_chunks(stream, encoding=reading.options.encoding, size=size)
    held, wanted, is_last = b"", 0, False
    while not is_last:
        parts, length = [held], len(held)
        while len(parts) == 1 or length <= wanted:
            chunk = next(chunks, None)
            if chunk is None:
                is_last = True
                break
            parts.append(chunk)
            length += len(chunk)
            if length > 2 * LONGEST_RECORD:
                reason = f"The record is longer than {2 * LONGEST_RECORD >> 20} MiB, the most for one record."
                raise reading.fault(reason, record=0, line=0, header=parts[0].partition(b"\n")[0])
        text = b"".join(parts)
        cut = text.rfind(b"\n") + 1
        reading.taken = 0
        if cut:
            yield text[:cut], is_last
        held = text[reading.taken :]
        # Twice as much each time that no record was whole, so that a long one is not looked at again and again.
        wanted = 0 if reading.taken else 2 * len(held)


def _good_records(letters: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> int:
    """Return how many records from the first on have four lines, as many qualities as letters, and no blanks."""
    whole = len(starts) // 4 * 4
    if not whole:
        return 0
    first = letters[starts[:whole]].reshape(-1, 4)
    lengths = (ends[:whole] - starts[:whole]).reshape(-1, 4)
    good = (first[:, 0] == ord("@")) & (first[:, 2] == ord("+")) & (first[:, 1] != ord("+"))
    good &= (lengths[:, 1] == lengths[:, 3]) & (lengths[:, 1] > 0)
    return len(good) if good.all() else int(np.argmin(good))


def _in_bulk(
    content: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], count: int, reading: _Reading
) -> _Found:
    starts, ends = starts[: 4 * count], ends[: 4 * count]
    named = np.flatnonzero(ends[2::4] - starts[2::4] > 1)
    for record in named.tolist():
        header, plus = (content[starts[4 * record + at] : ends[4 * record + at]] for at in (0, 2))
        _check_plus(header, plus, record, 4 * record + 2, reading)
    sequences = pieces(content, starts[1::4], ends[1::4])
    qualities = pieces(content, starts[3::4], ends[3::4])
    marks = np.frombuffer(qualities.buffers()[2], np.uint8)
    bad = (marks < 33) | (marks > 126)
    blank = np.frombuffer(sequences.buffers()[2], np.uint8) <= 32
    if bad.any() or blank.any():
        lines = [content[start:end] for start, end in zip(starts, ends, strict=True)]
        return _one_by_one(lines, reading, is_last=True)
    return _Found(pieces(content, starts[::4] + 1, ends[::4]), sequences, qualities, 4 * count, int(ends[-1]) + 1)


def _check_plus(header: bytes, plus: bytes, record: int, line: int, reading: _Reading) -> None:
    named = plus[1:].strip()
    if named and named != header[1:].strip() and named != (header[1:].split(None, 1) or [b""])[0]:
        hint = "Look for a line that is missing above, or write + alone."
        reason = "The name behind + is not that of the record."
        raise reading.fault(reason, record=record, line=line, header=header, value=plus, hint=hint)


@dataclass(slots=True)
class _Lists:
    headers: list[bytes] = field(default_factory=list)
    sequences: list[bytes] = field(default_factory=list)
    qualities: list[bytes] = field(default_factory=list)


def _one_by_one(lines: list[bytes], reading: _Reading, *, is_last: bool) -> _Found:
    """Read records of any number of lines, as far as they are whole."""
    found, place, record = _Lists(), 0, 0
    while True:
        begin = place
        while begin < len(lines) and not lines[begin].strip():
            begin += 1
        if begin == len(lines):
            place = begin
            break
        after = _record(lines, begin, record, found, reading, is_last=is_last)
        if after is None:
            break
        place, record = after, record + 1
    size = sum(map(len, lines[:place])) + place
    return _Found(_texts(found.headers), _texts(found.sequences), _texts(found.qualities), place, size)


def _record(
    lines: list[bytes], begin: int, record: int, found: _Lists, reading: _Reading, *, is_last: bool
) -> int | None:
    """Add the record that begins at a line, and return the line behind it; None where it is not whole yet."""
    header = lines[begin]
    if not header.startswith(b"@"):
        other, hint = text_format(header), _HINT
        if other is not None:
            hint = f"It looks like {other[0]}: --from {other[1]}."
            if reading.row + record > 1:
                hint = f"It looks like {other[0]} from here on: put that into a file of its own."
        reason = "A record begins with @ and a name, and this line does not."
        raise reading.fault(reason, record=record, line=begin, value=header, hint=hint)
    plus = _line_with_plus(lines, begin, record, reading)
    if plus is None:
        if is_last:
            raise _cut_off("the last record has no line with +", record, begin, header, reading)
        return None
    _check_plus(header, lines[plus], record, plus, reading)
    letters, taken = _letters(b"".join(lines[begin + 1 : plus]), record, reading), plus - begin - 1
    if not letters:
        raise reading.fault("The record has no letters.", record=record, line=begin, header=header)
    parts, length, at = list[bytes](), 0, plus + 1
    while at < len(lines) and length < len(letters) and (taken > 1 or not parts):
        parts.append(lines[at])
        length, at = length + len(lines[at]), at + 1
    if at == len(lines) and length < len(letters):
        if is_last:
            why = f"the last record has {len(letters)} letters and {length} qualities"
            raise _cut_off(why, record, at - 1, header, reading)
        return None
    if length != len(letters):
        reason = f"The record has {len(letters)} letters and {length} qualities."
        raise reading.fault(reason, record=record, line=at - 1, header=header)
    quality = b"".join(parts)
    if min(quality) < 33 or max(quality) > 126:
        hint = "Qualities are written as Phred+33, the characters from ! to ~."
        raise reading.fault("A quality is not Phred+33.", record=record, line=plus + 1, header=header, hint=hint)
    _check_text(lines, range(begin, plus), record, reading)
    found.headers.append(header[1:])
    found.sequences.append(letters)
    found.qualities.append(quality)
    return at


def _line_with_plus(lines: list[bytes], begin: int, record: int, reading: _Reading) -> int | None:
    for at in range(begin + 1, len(lines)):
        if lines[at].startswith(b"+"):
            return at
        if lines[at].startswith(b"@"):
            reason = "Another record begins before this one has a line with + and its qualities."
            raise reading.fault(reason, record=record, line=at, header=lines[begin], value=lines[at])
    return None


def _letters(sequence: bytes, record: int, reading: _Reading) -> bytes:
    letters = sequence.translate(None, _BLANKS)
    if len(letters) < len(sequence) and not reading.said:
        reading.say(f"Blanks inside sequence lines are left out (first in record {reading.row + record}).")
        reading.said = True
    return letters


def _check_text(lines: list[bytes], places: range, record: int, reading: _Reading) -> None:
    for line in places:
        found = text_fault(lines[line], reading.options.encoding)
        if found is not None:
            fault = reading.fault(found.reason, record=record, line=line, header=lines[places.start], hint=found.hint)
            fault.value = found.value
            raise fault


def _cut_off(why: str, record: int, line: int, header: bytes, reading: _Reading) -> BadRecord:
    hint = "Copy or download it again, and compare its size with the original's."
    return reading.fault(why, record=record, line=line, header=header, hint=hint, cut_off=True)


def _texts(values: list[bytes]) -> pa.Array:
    ends = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=ends[1:])
    return pa.Array.from_buffers(pa.string(), len(values), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))])


def _batch(found: _Found, columns: Collection[str], reading: _Reading) -> pa.RecordBatch:
    reading.row += len(found.headers)
    reading.line += found.lines
    reading.taken += found.size
    arrays = {"sequence": found.sequences, "fastq__quality": found.qualities}
    if "fastq__name" in columns or "fastq__description" in columns:
        whole = reading.options.name == "whole"
        arrays["fastq__name"], arrays["fastq__description"] = split_headers(found.headers, whole=whole)
    if "fastq__mean_error" in columns:
        arrays["fastq__mean_error"] = _mean_errors(found.qualities)
    chosen = [name for name in columns if name in COLUMNS]
    return pa.RecordBatch.from_arrays([arrays[name] for name in chosen], names=chosen)


def _mean_errors(qualities: pa.Array) -> pa.Array:
    """Return the mean probability of an error of each record; none is without qualities."""
    offsets, content = string_parts(qualities)
    marks = np.frombuffer(content, np.uint8)
    lengths = np.diff(offsets)
    if len(marks) <= 8 * _AT_ONCE:
        sums = np.add.reduceat(_ERROR[marks], offsets[:-1])
    else:
        sums = np.array([_sum(marks[start:stop]) for start, stop in pairwise(offsets.tolist())])
    return fixed_array((sums / lengths).astype(np.float32), pa.float32())


def _sum(marks: npt.NDArray[np.uint8]) -> float:
    return float(sum(_ERROR[marks[start : start + _AT_ONCE]].sum() for start in range(0, len(marks), _AT_ONCE)))
