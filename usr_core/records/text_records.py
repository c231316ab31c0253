"""Text files of named sequences (FASTA, FASTQ …): what their readers share.

Content is read in chunks, decoded, and brought to one kind of line end. Letters and names are then copied in bulk from
the places of the lines to Arrow arrays. Nothing here knows a format.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.arrays import boolean_array
from usr_core.records.bulk_ids import string_parts
from usr_core.records.content import other_content, utf_16

__all__ = ["BadRecord", "compact", "line_ends", "nullable", "pieces", "split_headers", "text_chunks", "without_blanks"]

Places = npt.NDArray[np.int64]

_BLANKS = b" \t\x0b\x0c"
_IS_BLANK = np.zeros(256, np.bool_)
_IS_BLANK[list(_BLANKS)] = True
_STEPS = 16
"""Blanks in a row that are passed for all rows at once; a row with more is looked at alone."""


class BadRecord(Exception):
    """A record can't be read; who knows the file makes an error of it.

    Args:
        reason: A sentence.
        hint: What to do.
        row: Its number, from 1.
        name: Its name, where it has one.
        line: The line that is at fault, from 1.
        cut_off: The file ends too early; `reason` is then a clause.

    Example:
        >>> from usr_core.api.formats import BadRecord, read_record_file
        >>> def parse(stream):
        ...     raise BadRecord("The record has no letters.", hint="Write them.", row=2, name="p2", line=3)
        ...     yield
        >>> size = (tmp_path / "motifs.txt").write_text(">p1")
        >>> next(read_record_file(tmp_path / "motifs.txt", parse))
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.SourceUnreadable: The record has no letters.
    """

    def __init__(
        self,
        reason: str,
        *,
        hint: str,
        row: int | None = None,
        name: str | None = None,
        line: int | None = None,
        value: str | None = None,
        cut_off: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.row, self.name, self.line = reason, hint, row, name, line
        self.value, self.cut_off = value, cut_off


def text_chunks(stream: BinaryIO, *, encoding: str = "utf-8", size: int = 1 << 20) -> Iterator[bytes]:
    r"""Yield the content as UTF-8 with line feeds only, in chunks of about `size` bytes; the last line has an end.

    A byte order mark is left out. Bytes that should be UTF-8 are passed on as they are: only the reader of the format
    knows the record that holds wrong ones.

    Raises:
        BadRecord: The content is compressed, a web page, a document or an archive, or not text of the encoding, or
            there is no such encoding.

    Example:
        >>> import io
        >>> from usr_core.api.formats import text_chunks
        >>> b"".join(text_chunks(io.BytesIO(b">p1\r\nTTGACA")))
        b'>p1\nTTGACA\n'
    """
    decoder = _decoder(encoding)
    held, lines, last = b"", 0, b"\n"
    chunk = _filled(stream, max(size, 8))
    _refuse_other_content(chunk, encoding)
    if decoder is None:
        chunk = chunk.removeprefix(codecs.BOM_UTF8)
    while chunk:
        following = _filled(stream, size)
        text = held + (chunk if decoder is None else _decoded(decoder, chunk, encoding, lines, final=not following))
        held = b""
        if b"\r" in text:
            if following and text.endswith(b"\r"):
                text, held = text[:-1], b"\r"
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if text:
            last = text[-1:]
            if decoder is not None:
                lines += text.count(b"\n")
            yield text
        chunk = following
    if last != b"\n":
        yield b"\n"


def _filled(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end; a stream may give fewer at a time."""
    first = stream.read(size)
    if len(first) == size or not first:
        return first
    parts, held = [first], len(first)
    while held < size:
        part = stream.read(size - held)
        if not part:
            break
        parts.append(part)
        held += len(part)
    return b"".join(parts)


def _decoder(encoding: str) -> codecs.IncrementalDecoder | None:
    try:
        found = codecs.lookup(encoding)
        if not found._is_text_encoding:
            raise LookupError
    except LookupError:
        hint = "Give the name of an encoding, such as utf-8, latin-1 or utf-16."
        raise BadRecord(f"There is no encoding {encoding!r}.", hint=hint) from None
    return None if found.name in ("utf-8", "utf-8-sig", "ascii") else found.incrementaldecoder("strict")


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, encoding: str, lines: int, *, final: bool) -> bytes:
    try:
        return decoder.decode(chunk, final).encode("utf-8")
    except UnicodeError as error:
        before = chunk[: error.start] if isinstance(error, UnicodeDecodeError) else b""
        hint = "Give the encoding that the file has, such as --option encoding=latin-1."
        line = lines + before.count(b"\n") + 1
        raise BadRecord(f"The file is not {encoding} text.", hint=hint, line=line) from error


def _refuse_other_content(start: bytes, encoding: str) -> None:
    other = other_content(start[:1000])
    if other is not None:
        value = (
            None if other.line is None else start.split(b"\n", other.line)[other.line - 1].decode("utf-8", "replace")
        )
        raise BadRecord(other.reason, hint=other.hint, line=other.line, value=value)
    wide = utf_16(start[:100])
    if wide is not None and "16" not in encoding:
        raise BadRecord("The file is UTF-16 text.", hint=f"Give --option encoding={wide}.", line=1)


def line_ends(content: bytes) -> tuple[npt.NDArray[np.uint8], Places, Places]:
    r"""Return the bytes of `content`, and where each of its lines begins and ends; the last one has an end.

    `content` has line feeds only, as `text_chunks` gives it; an end is the place of the line feed.

    Example:
        >>> from usr_core.api.formats import line_ends
        >>> letters, starts, ends = line_ends(b">p1\nTTGACA\n")
        >>> starts.tolist(), ends.tolist()
        ([0, 4], [3, 10])
    """
    letters = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(letters == 10)
    starts = np.empty_like(ends)
    if len(ends):
        starts[0] = 0
        np.add(ends[:-1], 1, out=starts[1:])
    return letters, starts, ends


def pieces(content: bytes | memoryview, starts: npt.NDArray[Any], ends: npt.NDArray[Any]) -> pa.Array:
    r"""Return what lies between `starts` and `ends` as text; they ascend, and no piece reaches into the next.

    Places are bytes from 0.

    Example:
        >>> import numpy as np
        >>> from usr_core.api.formats import pieces
        >>> pieces(b">p1\nTTGACA\n", np.array([1, 4]), np.array([3, 10])).to_pylist()
        ['p1', 'TTGACA']
    """
    import pyarrow.compute as pc

    # An array of gaps and pieces in turns needs no copy; leaving out every other value copies all pieces at once.
    count = len(starts)
    bounds = np.zeros(2 * count + 1, np.int32)
    bounds[1::2], bounds[2::2] = starts, ends
    both = pa.Array.from_buffers(pa.string(), 2 * count, [None, pa.py_buffer(bounds), pa.py_buffer(content)])
    every_other = pa.py_buffer(b"\xaa" * (count // 4 + 1))
    return pc.filter(both, pa.Array.from_buffers(pa.bool_(), 2 * count, [None, every_other]))


def compact(values: pa.Array, firsts: npt.NDArray[Any]) -> pa.Array:
    """Join values to texts without a copy: each goes from the value at `firsts` up to the next, the last to the end.

    `firsts` ascend, from 0; `values` are of type string, without nulls.

    Example:
        >>> import numpy as np
        >>> from usr_core.api.arrow import text_array
        >>> from usr_core.api.formats import compact
        >>> compact(text_array(["TTG", "ACA", "TATAAT"]), np.array([0, 2])).to_pylist()
        ['TTGACA', 'TATAAT']
    """
    offsets, content = string_parts(values)
    bounds = np.append(offsets[firsts], offsets[-1]).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(firsts), [None, pa.py_buffer(bounds), pa.py_buffer(content)])


def without_blanks(texts: pa.Array) -> tuple[pa.Array, int | None]:
    """Return the texts without blanks in them, and the first that had one; without a copy where there are none.

    Example:
        >>> from usr_core.api.arrow import text_array
        >>> from usr_core.api.formats import without_blanks
        >>> texts, first = without_blanks(text_array(["TTGACA", "TAT AAT"]))
        >>> texts.to_pylist(), first
        (['TTGACA', 'TATAAT'], 1)
    """
    offsets, content = string_parts(texts)
    letters = np.frombuffer(content, np.uint8)
    if not (letters <= 32).any():
        return texts, None
    keep = ~_IS_BLANK[letters]
    if keep.all():
        return texts, None
    first = int(np.searchsorted(offsets, np.flatnonzero(~keep)[0], side="right")) - 1
    before = np.zeros(len(letters) + 1, np.int32)
    np.cumsum(keep, out=before[1:])
    buffers = [None, pa.py_buffer(before[offsets]), pa.py_buffer(letters[keep])]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers), first


def split_headers(headers: pa.Array, *, whole: bool = False) -> tuple[pa.Array, pa.Array]:
    """Return the first word of each header, and what follows it; null where there is none.

    Blanks in front and at the end, and between the two, belong to neither.

    Args:
        headers: Text without nulls.
        whole: The whole header is the name, and there is no description.

    Example:
        >>> from usr_core.api.arrow import text_array
        >>> from usr_core.api.formats import split_headers
        >>> names, descriptions = split_headers(text_array(["p1 sigma70 box", "p2"]))
        >>> names.to_pylist(), descriptions.to_pylist()
        (['p1', 'p2'], ['sigma70 box', None])
    """
    offsets, content = string_parts(headers)
    letters = np.frombuffer(content, np.uint8)
    blank = _IS_BLANK[letters]
    blanks = np.flatnonzero(blank)
    starts, ends = offsets[:-1].astype(np.int64), offsets[1:].astype(np.int64)
    nothing = np.zeros(len(starts), np.int64)
    if not len(blanks):
        return nullable(headers), nullable(pieces(b"", nothing, nothing))
    starts = _behind_blanks(content, blank, starts, ends)
    ends = _before_blanks(content, blank, starts, ends)
    if whole:
        return nullable(pieces(content, starts, ends)), nullable(pieces(b"", nothing, nothing))
    places = np.append(blanks, len(letters))
    middles = np.minimum(places[np.searchsorted(blanks, starts)], ends)
    rests = _behind_blanks(content, blank, middles, ends)
    return nullable(pieces(content, starts, middles)), nullable(pieces(content, rests, ends))


def nullable(texts: pa.Array) -> pa.Array:
    """Return the texts with null for those without letters.

    Example:
        >>> from usr_core.api.arrow import text_array
        >>> from usr_core.api.formats import nullable
        >>> nullable(text_array(["sigma70", ""])).to_pylist()
        ['sigma70', None]
    """
    offsets, content = string_parts(texts)
    present = np.diff(offsets) > 0
    validity = None if present.all() else boolean_array(present).buffers()[1]
    return pa.Array.from_buffers(
        pa.string(), len(texts), [validity, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(content)]
    )


def _behind_blanks(content: memoryview, blank: npt.NDArray[np.bool_], starts: Places, ends: Places) -> Places:
    """Return the place of the first letter from each start on, or the end."""
    starts = starts.copy()
    left = np.arange(len(starts))
    for _ in range(_STEPS):
        left = left[starts[left] < ends[left]]
        left = left[blank[starts[left]]]
        if not len(left):
            return starts
        starts[left] += 1
    for row in left.tolist():
        rest = bytes(content[starts[row] : ends[row]])
        starts[row] += len(rest) - len(rest.lstrip(_BLANKS))
    return starts


def _before_blanks(content: memoryview, blank: npt.NDArray[np.bool_], starts: Places, ends: Places) -> Places:
    """Return the place behind the last letter of each, or the start."""
    ends = ends.copy()
    left = np.arange(len(starts))
    for _ in range(_STEPS):
        left = left[starts[left] < ends[left]]
        left = left[blank[ends[left] - 1]]
        if not len(left):
            return ends
        ends[left] -= 1
    for row in left.tolist():
        rest = bytes(content[starts[row] : ends[row]])
        ends[row] -= len(rest) - len(rest.rstrip(_BLANKS))
    return ends
