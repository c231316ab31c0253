"""SnapGene files (``.dna``): packets of a type, a length and content, some of them XML; one record a file.

The name of the molecule is that of the file, and is not in it. Primers, colours, the history and enzymes are left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.etree import ElementTree

from usr_core.api import LONGEST_RECORD
from usr_core.api.formats import BadRecord
from usr_genbank.record import Feature, FlatRecord

__all__ = ["COOKIE", "read_snapgene"]

COOKIE = b"\x09\x00\x00\x00\x0eSnapGene"
"""What every such file begins with."""

_DNA, _NOTES, _FEATURES = 0, 6, 10
_HINT = "Save it again in SnapGene, or export it as GenBank."
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_TAG = re.compile(r"<[^>]*>")


def read_snapgene(stream: BinaryIO) -> FlatRecord:
    """Read the record of a file.

    Raises:
        BadRecord: The file is cut off, holds no DNA, or one of its parts can't be read.
    """
    record, kinds = FlatRecord(), set[int]()
    for kind, content in _packets(stream):
        if kind == _DNA:
            record.sequence = content[1:].decode("ascii", "replace")
            record.topology = "circular" if content[0] & 1 else "linear"
            record.molecule_type = "ds-DNA" if content[0] & 2 else "ss-DNA"
        elif kind == _NOTES:
            _read_notes(record, _xml(content))
        elif kind == _FEATURES:
            record.features = [_feature(found, record) for found in _xml(content).iter("Feature")]
        kinds.add(kind)
    if kinds == {COOKIE[0]}:
        raise _cut_off("nothing follows its first part")
    if not record.sequence:
        raise BadRecord("The file holds no DNA.", hint="Protein and RNA files of SnapGene are not read.", row=1)
    record.declared = len(record.sequence)
    return record


def _packets(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    while head := stream.read(5):
        length = int.from_bytes(head[1:], "big")
        if length > LONGEST_RECORD:
            raise BadRecord("A part of the file is longer than a record may be.", hint=_HINT, row=1)
        content = stream.read(length)
        if len(head) < 5 or len(content) < length:
            raise _cut_off("one of its parts ends too early")
        if length:
            yield head[0], content


def _cut_off(reason: str) -> BadRecord:
    hint = "Copy or download it again, and compare its size with the original's."
    return BadRecord(reason, hint=hint, row=1, cut_off=True)


def _xml(content: bytes) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise BadRecord(f"A part of the file is not XML: {error}.", hint=_HINT, row=1) from error


def _read_notes(record: FlatRecord, notes: ElementTree.Element) -> None:
    record.accession = _plain(notes.findtext("AccessionNumber")) or None
    record.definition = _plain(notes.findtext("Description")) or None
    record.comment = _plain(notes.findtext("Comments")) or None
    date = re.fullmatch(
        r"(\d{4})\.(\d{1,2})\.(\d{1,2})", notes.findtext("LastModified") or notes.findtext("Created") or ""
    )
    if date is not None and 1 <= int(date[2]) <= 12:
        record.date = f"{int(date[3]):02}-{_MONTHS[int(date[2]) - 1]}-{date[1]}"


def _feature(found: ElementTree.Element, record: FlatRecord) -> Feature:
    parts = [_range(segment.get("range", ""), record) for segment in found.iter("Segment")]
    location = ",".join(parts)
    if "," in location:
        location = f"join({location})"
    if found.get("directionality") == "2":
        location = f"complement({location})"
    qualifiers = [
        (question.get("name", ""), _plain(value.get("text") or value.get("predef") or value.get("int")))
        for question in found.iter("Q")
        for value in question.iter("V")
    ]
    name = found.get("name")
    if name and ("label", name) not in qualifiers:
        qualifiers.insert(0, ("label", name))
    return Feature(found.get("type", "misc_feature"), location, list(qualifiers))


def _range(text: str, record: FlatRecord) -> str:
    start, _, end = text.partition("-")
    if not (start.isdecimal() and end.isdecimal()):
        raise BadRecord(f"A feature has the range {text!r}.", hint=_HINT, row=1)
    if int(start) > int(end):
        return f"{start}..{len(record.sequence)},1..{end}"
    return start if start == end else f"{start}..{end}"


def _plain(text: str | None) -> str:
    """Return text without the marks of HTML, in which SnapGene writes some of it, and on one line."""
    return " ".join(html.unescape(_TAG.sub(" ", text or "")).split())
