"""FASTA text as batches of Arrow records: names, descriptions and letters, straight from the places of the lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.api import LONGEST_RECORD
from usr_core.api.formats import (
    BadRecord,
    HeaderOptions,
    compact,
    line_ends,
    pieces,
    split_headers,
    text_chunks,
    text_fault,
    text_format,
    without_blanks,
)

__all__ = ["COLUMNS", "parse_fasta"]

COLUMNS = ("sequence", "fasta__name", "fasta__description")

_HINT = "A record is a line of > and a name, and lines of letters below it."
_LETTERS = np.ones(256, np.bool_)
_LETTERS[list(b"@/<{")] = False
"""What begins lines of other formats, and no line of letters."""


@dataclass(slots=True)
class _Place:
    """How far the file has been read: the next record, and the line of its header."""

    row: int = 1
    line: int = 1


@dataclass(frozen=True, slots=True)
class _Block:
    """Whole records: lines from `line` on, the first of which is the header of record `row`."""

    content: bytes
    row: int
    line: int


def parse_fasta(
    stream: BinaryIO,
    options: HeaderOptions | None = None,
    *,
    columns: Collection[str] = COLUMNS,
    batch_bytes: int = 1 << 20,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[pa.RecordBatch]:
    """Yield the records with those of `columns` that FASTA has, all text, in the order of `columns`.

    A name or description that is not there is null. Blanks in sequence lines are left out, which `say` is told once.

    Raises:
        BadRecord: There is text before the first header, a record without letters, a ``>`` inside a line of
            letters, or text of another encoding.

    Holds about `batch_bytes`, or the longest record.
    """
    options = options or HeaderOptions()
    said = False
    place = _Place()
    for content in _blocks(text_chunks(stream, encoding=options.encoding, size=batch_bytes), place):
        block = _Block(content, place.row, place.line)
        letters, starts, ends = line_ends(block.content)
        first = letters[starts]
        headers = np.flatnonzero(first == ord(">"))
        _refuse_wrong_text(block, headers, options.encoding)
        _refuse_other_lines(block, headers, first)
        lines = np.flatnonzero((first != ord(">")) & (first != ord(";")) & (first != ord("\n")))
        sequences = compact(pieces(block.content, starts[lines], ends[lines]), np.searchsorted(lines, headers))
        sequences, blank = without_blanks(sequences)
        if blank is not None and not said:
            where = f"record {block.row + blank}, below line {block.line + int(headers[blank])}"
            say(f"Blanks inside sequence lines are left out (first in {where}).")
            said = True
        _refuse_empty(block, headers, sequences)
        _refuse_headers_inside(block, headers, sequences)
        found = {"sequence": sequences}
        if "fasta__name" in columns or "fasta__description" in columns:
            texts = pieces(block.content, starts[headers] + 1, ends[headers])
            found["fasta__name"], found["fasta__description"] = split_headers(texts, whole=options.name == "whole")
        chosen = [name for name in columns if name in COLUMNS]
        place.row += len(headers)
        place.line += len(ends)
        yield pa.RecordBatch.from_arrays([found[name] for name in chosen], names=chosen)


def _blocks(chunks: Iterator[bytes], place: _Place) -> Iterator[bytes]:
    """Yield whole records; each chunk is looked at once, however long the record that it belongs to.

    Args:
        chunks: The text.
        place: Set to the first header; whoever takes the blocks counts on.
    """
    held, size, lead = list[bytes](), 0, b""
    for following in chunks:
        chunk = following
        if not held:
            chunk, begun = _behind_lead(lead + chunk, place)
            if not begun:
                lead = chunk
                continue
        # A header's line end may be the last letter of the chunk before.
        seam = bool(held) and held[-1].endswith(b"\n") and chunk.startswith(b">")
        cut = chunk.rfind(b"\n>") + 1
        if not cut and not seam:
            held.append(chunk)
            size += len(chunk)
            if size > LONGEST_RECORD:
                reason = f"The record is longer than {LONGEST_RECORD >> 20} MiB, the most for one record."
                raise BadRecord(reason, hint=_HINT, row=place.row, line=place.line, name=_name(held[0]))
            continue
        yield b"".join([*held, chunk[:cut]])
        held, size = [chunk[cut:]], len(chunk) - cut
    if held:
        yield b"".join(held)


def _behind_lead(text: bytes, place: _Place) -> tuple[bytes, bool]:
    """Return what begins with the first header; blank lines and comments above it are left out.

    Where no header has begun yet, a line without an end may be left.
    """
    while text and not text.startswith(b">"):
        first, end, rest = text.partition(b"\n")
        if first.strip() and not first.startswith(b";"):
            value = first.decode("utf-8", "replace")
            other = text_format(first)
            hint = _HINT if other is None else f"It looks like {other[0]}: --from {other[1]}."
            raise BadRecord("There is text before the first record.", hint=hint, line=place.line, value=value)
        if not end:
            return first[:1], False  # of a comment, its mark
        text, place.line = rest, place.line + 1
    return text, bool(text)


def _refuse_wrong_text(block: _Block, headers: npt.NDArray[np.int64], encoding: str) -> None:
    found = text_fault(block.content, encoding)
    if found is not None:
        line = block.content.count(b"\n", 0, found.place)
        record = int(np.searchsorted(headers, line, side="right")) - 1
        raise _fault(block, headers, record, found.reason, found.hint, line, found.value)


def _refuse_other_lines(block: _Block, headers: npt.NDArray[np.int64], first: npt.NDArray[np.uint8]) -> None:
    """Refuse a line among letters that begins as no such line does: as a rule, another format begins above it."""
    if _LETTERS[first].all():
        return
    at = int(np.argmin(_LETTERS[first]))
    record = int(np.searchsorted(headers, at, side="right")) - 1
    begin = int(headers[record]) + 1
    lines = block.content.split(b"\n", at + 1)[begin : at + 1]
    line, other = next(
        ((begin + index, found) for index, text in enumerate(lines) if (found := text_format(text)) is not None),
        (at, None),
    )
    hint = "Remove it, or begin it with ; if it is a comment."
    if other is not None:
        hint = f"It looks like {other[0]} from here on: put that into a file of its own."
    reason = "The line does not hold letters of a sequence."
    raise _fault(block, headers, record, reason, hint, line, lines[line - begin].decode("utf-8", "replace"))


def _refuse_empty(block: _Block, headers: npt.NDArray[np.int64], sequences: pa.Array) -> None:
    lengths = np.diff(np.frombuffer(sequences.buffers()[1], np.int32))
    if not lengths.all():
        record = int(np.flatnonzero(lengths == 0)[0])
        hint = "Write its letters below its header, or remove the header."
        raise _fault(block, headers, record, "The record has no letters.", hint, int(headers[record]))


def _refuse_headers_inside(block: _Block, headers: npt.NDArray[np.int64], sequences: pa.Array) -> None:
    """Refuse a ``>`` among letters: a header that lost its line end, or has a blank before it."""
    _, offsets, content = sequences.buffers()
    inside = np.frombuffer(content, np.uint8) == ord(">")
    if inside.any():
        place = int(np.flatnonzero(inside)[0])
        record = int(np.searchsorted(np.frombuffer(offsets, np.int32), place, side="right")) - 1
        following = (block.content.split(b"\n"))[int(headers[record]) + 1 :]
        index, text = next((index, text) for index, text in enumerate(following) if b">" in text and text[:1] != b";")
        line = int(headers[record]) + 1 + index
        hint = "Begin the header on a line of its own, with > as its first letter."
        raise _fault(block, headers, record, "There is a > inside a line of letters.", hint, line, text.decode())


def _fault(
    block: _Block,
    headers: npt.NDArray[np.int64],
    record: int,
    reason: str,
    hint: str,
    line: int,
    value: str | None = None,
) -> BadRecord:
    name = _name(block.content.split(b"\n", int(headers[record]) + 1)[int(headers[record])])
    return BadRecord(reason, hint=hint, row=block.row + record, line=block.line + line, name=name, value=value)


def _name(header: bytes) -> str:
    words = header[1:].partition(b"\n")[0].split(None, 1)
    return words[0].decode("utf-8", "replace") if words else ""
