"""GenBank and EMBL text, and SnapGene files, as batches of Arrow records."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from io import BufferedReader
from typing import BinaryIO

import pyarrow as pa

from usr_core.api import LONGEST_RECORD
from usr_core.api.formats import BadRecord, other_content, text_chunks, text_fault, text_format
from usr_genbank.flatfile import FlatFileFault, read_embl, read_genbank
from usr_genbank.record import COLUMNS, FlatRecord, to_batch
from usr_genbank.snapgene import COOKIE, read_snapgene

__all__ = ["GenbankOptions", "parse_genbank"]

_HINT = "A GenBank record begins with LOCUS, one of EMBL with ID, and both end with a line of //."
_BEGINNING = re.compile(rb"\n(LOCUS {2,}.*\d (?:bp|aa)\b.*|ID   .*\d (?:BP|AA)\.)")
_RELEASE = b"Genetic Sequence Data Bank"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenbankOptions:
    """How a file is read.

    Attributes:
        encoding: Of the text, by any name that Python knows.
        strict: A record whose length is not the one that it declares is refused.
    """

    encoding: str = "utf-8"
    strict: bool = False


def parse_genbank(
    stream: BinaryIO,
    options: GenbankOptions | None = None,
    *,
    columns: Collection[str] = COLUMNS,
    batch_bytes: int = 1 << 20,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[pa.RecordBatch]:
    """Yield the records with those of `columns` that the formats have, in the order of `columns`.

    Letters keep their case. `say` is told of each record whose length is not the one that it declares.

    Raises:
        BadRecord: A record can't be read, has no letters, or does not end; the file is a web page; the text has
            another encoding.

    Holds about `batch_bytes`, or a few times the longest record.
    """
    options = options or GenbankOptions()
    chosen = [name for name in columns if name in COLUMNS]
    buffered = BufferedReader(stream)  # type: ignore[type-var]
    start = buffered.peek(len(COOKIE))[: len(COOKIE)]
    if start and COOKIE.startswith(start):
        yield to_batch([read_snapgene(buffered)], chosen)
        return
    waiting, size = list[FlatRecord](), 0
    for row, line, content in _records(text_chunks(buffered, encoding=options.encoding)):
        waiting.append(_read(content, row, line, options, say))
        size += len(content)
        if size >= batch_bytes:
            yield to_batch(waiting, chosen)
            waiting, size = [], 0
    if waiting:
        yield to_batch(waiting, chosen)


def _records(chunks: Iterator[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, line and text of each record, without the line that ends it."""
    held, row, line = bytearray(b"\n"), 1, 0
    for chunk in chunks:
        begin, searched = 0, max(0, held.rfind(b"\n"))
        held += chunk
        while (end := _end_of_record(held, searched)) is not None:
            content = bytes(held[begin:end])
            lead, lines = _lead(content, row, line)
            if lead >= len(content):
                reason, hint = "There is no record above this line of //.", "Remove the line, or put the record back."
                raise BadRecord(reason, hint=hint, row=row, line=line + content.count(b"\n") + 1, value="//")
            yield row, line + lines, content[lead:]
            row, line = row + 1, line + content.count(b"\n") + 1
            begin = searched = held.index(b"\n", end + 1)
        del held[:begin]
        if len(held) > LONGEST_RECORD:
            reason = f"The record is longer than {LONGEST_RECORD >> 20} MiB, the most for one record."
            raise BadRecord(reason, hint=_HINT, row=row, line=line + 1)
        if row == 1 and len(held) > 1000:
            _lead(bytes(held[:2000]), row, line)
    if held.strip():
        lead, lines = _lead(bytes(held), row, line)
        name = _name(bytes(held[lead:]))
        hint = "Copy or download it again, and compare its size with the original's."
        reason = "the last record has no line of //"
        raise BadRecord(reason, hint=hint, row=row, line=line + lines, name=name, cut_off=True)


def _end_of_record(text: bytearray, start: int) -> int | None:
    """Return where the line end before a line of ``//`` stands."""
    while (place := text.find(b"\n//", start)) >= 0:
        end = text.find(b"\n", place + 1)
        if end < 0:
            return None
        if not text[place + 3 : end].strip():
            return place
        start = place + 1
    return None


def _lead(content: bytes, row: int, line: int) -> tuple[int, int]:
    """Return where the record begins, and the lines up to it; blank lines and a release's header may stand above.

    `content` begins with the line end of the line before it.
    """
    place, lines = 1, 1
    release = row == 1 and _RELEASE in content[:1000]
    while place < len(content):
        if content.startswith((b"LOCUS ", b"ID  "), place):
            return place, lines
        end = content.find(b"\n", place)
        text = content[place : end if end >= 0 else len(content)]
        if text.strip() and not release:
            raise _not_a_record(text, row, line + lines)
        if end < 0:
            break
        place, lines = end + 1, lines + 1
    return place, lines


def _not_a_record(text: bytes, row: int, line: int) -> BadRecord:
    """Return the fault of a line that should be the first one of a record."""
    value = text.decode("utf-8", "replace")
    wrong, other, found = text_fault(text), other_content(text), text_format(text)
    if wrong is not None:
        return BadRecord(wrong.reason, hint=wrong.hint, row=row, line=line, value=wrong.value)
    if other is not None:
        return BadRecord(other.reason, hint=other.hint, row=row, line=line, value=value)
    hint = _HINT
    if found is not None:
        hint = f"It looks like {found[0]}: --from {found[1]}."
        if row > 1:
            hint = f"It looks like {found[0]} from here on: put that into a file of its own."
    return BadRecord("This is not the first line of a record.", hint=hint, row=row, line=line, value=value)


def _read(content: bytes, row: int, line: int, options: GenbankOptions, say: Callable[[str], None]) -> FlatRecord:
    name = _name(content)
    wrong = text_fault(content, options.encoding)
    if wrong is not None:
        at = line + content.count(b"\n", 0, wrong.place)
        raise BadRecord(wrong.reason, hint=wrong.hint, row=row, line=at, name=name, value=wrong.value)
    inside = _BEGINNING.search(content)
    if inside is not None:
        reason = "Another record begins here, and the one above it has no line of // at its end."
        hint = "Write // above this line, if nothing of the record above is missing."
        at = line + content.count(b"\n", 0, inside.start()) + 1
        raise BadRecord(reason, hint=hint, row=row, line=at, name=name, value=inside[1].decode())
    try:
        text = content.decode("utf-8")
        record = read_genbank(text) if text.startswith("LOCUS") else read_embl(text)
    except FlatFileFault as fault:
        raise BadRecord(fault.reason, hint=fault.hint, row=row, line=line + fault.line, name=name) from fault
    if not record.sequence:
        reason, hint = "The record has no letters.", "Write them below a line of ORIGIN (SQ in EMBL)."
        if record.contig:
            reason = "The record has no letters, but says which other records they come from."
            hint = "Fetch it with its sequence: GenBank (full), or the return type gbwithparts."
        raise BadRecord(reason, hint=hint, row=row, line=line, name=name)
    if record.declared != len(record.sequence):
        reason = f"The record declares {record.declared} letters and has {len(record.sequence)}."
        if options.strict:
            hint = "Correct the file, or read it without strict=true."
            raise BadRecord(reason, hint=hint, row=row, line=line, name=name)
        say(f"{reason} (record {row}, {name}, line {line})")
    return record


def _name(content: bytes) -> str:
    first = content.partition(b"\n")[0].decode("utf-8", "replace")
    if first.startswith("ID"):
        return first[2:].partition(";")[0].strip()
    words = first[5:].split()
    lengths = [index for index, word in enumerate(words) if word.lower() in ("bp", "aa")]
    return " ".join(words[: lengths[-1] - 1] if lengths else words[:1])
