"""What a file seems to hold, by how it begins: for errors about a file that is not what its name says.

Nothing is read by what is found here; it only makes a reason and a hint.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

__all__ = ["OtherContent", "TextFault", "likely_encoding", "other_content", "text_fault", "text_format", "utf_16"]

PACKED = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_WORKBOOK = "A workbook is read under its own ending ({}), or by --from excel"
_BINARY = {
    b"PK\x03\x04": (
        "The file is a ZIP archive, as workbooks are.",
        f"{_WORKBOOK.format('.xlsx, .ods')}; unpack another archive first, and import the files in it.",
    ),
    b"\xd0\xcf\x11\xe0": (
        "The file is a document of an old Office program, or one with a password.",
        f"{_WORKBOOK.format('.xls')}; save another document as text.",
    ),
    b"%PDF": ("The file is a PDF document.", "Export the sequences or the table from the program that made it."),
    b"{\\rtf": ("The file is a document with formatted text (RTF).", "Save it as plain text in the editor."),
    b"PAR1": ("The file is a Parquet file.", "Give it a name that ends in .parquet, or --from parquet."),
    b"\x09\x00\x00\x00\x0eSnapGene": (
        "The file is a SnapGene file.",
        "Give it a name that ends in .dna, or --from genbank.",
    ),
    b"ABIF": ("The file is a chromatogram.", "Export its bases as FASTQ or FASTA from the program that shows it."),
    b"BAM\x01": ("The file is a BAM file.", "Convert it first: samtools fastq."),
}
_PAGE = re.compile(rb"\s*<(?:!doctype|!--|html|head|body|\?xml|[a-z]+[ >])", re.IGNORECASE)
_PAGE_HINT = "Look at it in a browser for what the site says, and download the file itself, not the page that shows it."
_TEXTS = (
    (re.compile(rb">"), "FASTA", "fasta"),
    (re.compile(rb"@"), "FASTQ", "fastq"),
    (re.compile(rb"LOCUS\s"), "GenBank", "genbank"),
    (re.compile(rb"ID   "), "EMBL", "genbank"),
    (re.compile(rb"\{\s*(?:\"|\}|\Z)"), "JSON Lines", "jsonl"),
)


@dataclass(frozen=True, slots=True)
class OtherContent:
    """What a file is that was taken for text of sequences or for a table; the line, from 1, where that is seen."""

    reason: str
    hint: str
    line: int | None = None


def other_content(start: bytes) -> OtherContent | None:
    """Return what a file is by its first bytes, or None where it may be the text that it is taken for.

    Args:
        start: A hundred bytes are enough, behind any blank lines.

    Example:
        >>> from usr_core.api.formats import other_content
        >>> other_content(b"<!DOCTYPE html>").reason, other_content(b">p1")
        ('The file is a web page.', None)
    """
    for mark, ending in PACKED.items():
        if start.startswith(mark):
            return OtherContent("The file is compressed.", f"Give it a name that ends in {ending}.")
    for mark, (reason, hint) in _BINARY.items():
        if start.startswith(mark):
            return OtherContent(reason, hint)
    text = start.removeprefix(codecs.BOM_UTF8)
    page = _PAGE.match(text)
    if page is not None:
        line = 1 + page[0].count(b"\n")
        return OtherContent("The file is a web page.", _PAGE_HINT, line)
    if start and not start.strip(b"\0"):
        return OtherContent(
            "The file begins with nothing but NUL bytes.", "Copy or download it again; its content is lost."
        )
    return None


def utf_16(start: bytes) -> str | None:
    r"""Return the encoding to read a file by that begins as UTF-16 does, with or without a byte order mark, or None.

    Example:
        >>> from usr_core.api.formats import utf_16
        >>> utf_16(">p1".encode("utf-16-le")), utf_16("\ufeff>p1".encode("utf-16-le")), utf_16(b">p1")
        ('utf-16-le', 'utf-16', None)
    """
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    # Most letters of such text are ASCII, so that most of every other byte are NUL.
    first, second = start[0:32:2], start[1:32:2]
    if second and b"\0" not in first and 2 * second.count(0) > len(second):
        return "utf-16-le"
    if second and b"\0" not in second and 2 * first.count(0) > len(first):
        return "utf-16-be"
    return None


def text_format(line: bytes) -> tuple[str, str] | None:
    """Return the text format of which a record seems to begin with this line, and the importer that reads it.

    Example:
        >>> from usr_core.api.formats import text_format
        >>> text_format(b"LOCUS       pUC19"), text_format(b"TTGACA")
        (('GenBank', 'genbank'), None)
    """
    return next(((name, importer) for mark, name, importer in _TEXTS if mark.match(line)), None)


@dataclass(frozen=True, slots=True)
class TextFault:
    """A byte that text of an encoding does not have: its place, and its line as it is most likely meant."""

    place: int
    reason: str
    hint: str
    value: str
    nul: bool = False


def text_fault(content: bytes, encoding: str = "utf-8") -> TextFault | None:
    r"""Return the first byte of `content` that is not UTF-8, or is NUL; None where there is none.

    Args:
        content: Text that should be UTF-8, with line feeds.
        encoding: What it was read by, for the reason.

    Example:
        >>> from usr_core.api.formats import text_fault
        >>> fault = text_fault(b">p1 M\xfcller\nTTGACA\n")
        >>> fault.reason, fault.value
        ('The line is not utf-8 text.', '>p1 Müller')
        >>> fault.hint
        'Give the encoding that the file has: --option encoding=latin-1.'
    """
    end, reason = len(content), ""
    if not content.isascii():
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            end, reason = error.start, f"The line is not {encoding} text."
    nul = content.find(b"\0", 0, end)
    if nul < 0 and not reason:
        return None
    place = end if nul < 0 else nul
    start = content.rfind(b"\n", 0, place) + 1
    stop = content.find(b"\n", place)
    line = content[start : stop if stop >= 0 else len(content)]
    if nul >= 0:
        hint = "Copy or download the file again: text has no NUL bytes, and a file that was not written to its end may."
        return TextFault(place, "The line holds a NUL byte.", hint, line.decode("utf-8", "replace"), nul=True)
    found = likely_encoding(line)
    return TextFault(
        place, reason, f"Give the encoding that the file has: --option encoding={found}.", line.decode(found)
    )


def likely_encoding(text: bytes) -> str:
    r"""Return which one-byte encoding a text that is not UTF-8 most likely has.

    Windows-1252 has letters, such as the typographic apostrophe, where Latin-1 has signs that no text holds.

    Example:
        >>> from usr_core.api.formats import likely_encoding
        >>> likely_encoding(b"5\x92 UTR"), likely_encoding(b"M\xfcller")
        ('cp1252', 'latin-1')
    """
    if any(0x80 <= letter < 0xA0 for letter in text):
        try:
            text.decode("cp1252")
            return "cp1252"
        except UnicodeDecodeError:
            pass
    return "latin-1"
