"""The first record of a CSV file: the names of its columns."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from usr_core.api import RepeatedColumn, SourceFile, SourceUnreadable
from usr_core.api.formats import likely_encoding, other_content, text_fault, text_format, utf_16
from usr_csv.dialect import Dialect, delimiter_word
from usr_csv.guess import dialect_options, other_delimiter
from usr_csv.text_stream import TextStream

__all__ = ["LONGEST_HEADER", "chosen_columns", "encoding_fault", "read_header", "readable", "undecoded"]

LONGEST_HEADER = 16 << 20
"""Bytes of the line that names the columns."""

_LOOK = 1000
"""Bytes at the beginning that tell a file of another kind."""
_UTF8_HINT = (
    "Give the encoding that the file has, such as --option encoding={option}, or save the file as UTF-8: "
    "iconv -f {name} -t UTF-8 in.csv > out.csv"
)
_NAMES_OF_ICONV = {"latin-1": "LATIN1", "cp1252": "CP1252"}


def read_header(source: SourceFile, dialect: Dialect) -> list[str]:
    """Return the column names as they are written, quotes removed.

    Raises:
        SourceUnreadable: There is no header, it is longer than 16 MiB, it is not text of the encoding, or the file
            has another delimiter.
    """
    stream = TextStream(source, dialect)
    with io.BufferedReader(_Beginning(source, stream)) as raw:
        start = raw.peek(4)[:4]
        if not start:
            raise _no_header(source, dialect)
        line = stream.line_in_file(1)
        _refuse_other_content(source, dialect, raw.peek(_LOOK)[:_LOOK], line=line)
        try:
            # What follows the header is decoded along with it, and is not ours to judge.
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
            names = next(csv.reader(text, delimiter=dialect.delimiter, strict=True), [])
        except csv.Error as error:
            raise SourceUnreadable(
                source.path,
                f"The header can't be read: {error}.",
                hint=f"Write the names of the columns into the first line, separated by "
                f"{delimiter_word(dialect.delimiter)}; close every quote.",
                line=line,
            ) from error
    if not names:
        raise SourceUnreadable(
            source.path,
            f"{'The first line' if line == 1 else 'The line of the header'} is blank.",
            hint="Begin with a header line, such as: sequence,source; or give --option skip_rows=N, with the number "
            "of lines above it.",
            line=line,
        )
    other = other_delimiter(source, dialect, names)
    if other is not None:
        raise SourceUnreadable(
            source.path,
            f"The columns are separated by {delimiter_word(other)}, not by {delimiter_word(dialect.delimiter)}.",
            hint=f"Read the file with {dialect_options(source, dialect, other)}",
            line=line,
            value=readable(dialect.delimiter.join(names)),
        )
    for name in names:
        if undecoded(name) or "\0" in name:
            raise encoding_fault(source, dialect, "The header", name, line=line)
    return names


def _refuse_other_content(source: SourceFile, dialect: Dialect, start: bytes, *, line: int) -> None:
    """Refuse a page, an archive, a document, or sequences of another format in the place of a table."""
    other = other_content(start)
    if other is not None:
        at = None if other.line is None else line + other.line - 1
        raise SourceUnreadable(source.path, other.reason, hint=other.hint, line=at)
    wide = utf_16(start) if dialect.is_utf8 else None
    if wide is not None:
        hint = f"Give --option encoding={wide}, or save it as UTF-8."
        raise SourceUnreadable(source.path, "The file is UTF-16 text.", hint=hint, line=line)
    first = start.removeprefix(codecs.BOM_UTF8).splitlines()[:1]
    found = text_format(first[0]) if first else None
    if found is None or (found[1] in ("fasta", "fastq") and _is_divided(start, dialect)):
        return
    value = first[0].decode("utf-8", "replace")
    hint = f"It looks like {found[0]}: --from {found[1]}."
    raise SourceUnreadable(source.path, "The first line is not a header.", hint=hint, line=line, value=value)


def _is_divided(start: bytes, dialect: Dialect) -> bool:
    """Tell whether a file whose first letter is that of a record of another format is a table nevertheless."""
    second = start.splitlines()[1:2]
    return not second or dialect.delimiter.encode() in second[0]


def encoding_fault(source: SourceFile, dialect: Dialect, what: str, cell: str, **place: Any) -> SourceUnreadable:
    """Return the error for a cell that `undecoded` has found; `place` is where it stands."""
    found = text_fault(cell.encode("utf-8", "surrogateescape"))
    if found is not None and found.nul:
        reason = f"{what} holds a NUL byte."
        return SourceUnreadable(source.path, reason, hint=found.hint, value=readable(cell), **place)
    name, hint = dialect.encoding, "Give the encoding that the file has, such as --option encoding=utf-8."
    if dialect.is_utf8:
        likely = likely_encoding(cell.encode("utf-8", "surrogateescape"))
        name, hint = "UTF-8", _UTF8_HINT.format(option=likely, name=_NAMES_OF_ICONV[likely])
    return SourceUnreadable(source.path, f"{what} is not {name} text.", hint=hint, value=readable(cell), **place)


def _no_header(source: SourceFile, dialect: Dialect) -> SourceUnreadable:
    hint = "A CSV file begins with a header line, such as: sequence,source"
    if not (dialect.skip_rows or dialect.comment):
        return SourceUnreadable(source.path, "The file is empty.", hint=hint)
    left_out = " and ".join(name for name in ("skip_rows", "comment") if getattr(dialect, name))
    reason = f"Nothing is left of the file but lines that the option {left_out} leaves out."
    return SourceUnreadable(source.path, reason, hint=f"Correct the option. {hint}")


class _Beginning(io.RawIOBase):
    """The bytes of a source as far as a header may reach; a file without a line end would be read whole otherwise."""

    def __init__(self, source: SourceFile, stream: TextStream) -> None:
        super().__init__()
        self._source, self._stream, self._left = source, stream, LONGEST_HEADER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._left <= 0:
            raise SourceUnreadable(
                self._source.path,
                f"The header is longer than {LONGEST_HEADER >> 20} MiB.",
                hint="A CSV file begins with one line of column names; look for missing line ends or an open quote.",
                line=self._stream.line_in_file(1),
            )
        size = self._stream.readinto(memoryview(buffer)[: self._left])
        self._left -= size
        return size

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def undecoded(cell: str) -> bool:
    """Tell whether text that was read with ``surrogateescape`` holds bytes that are not UTF-8."""
    return not cell.isascii() and any("\udc80" <= letter <= "\udcff" for letter in cell)


def readable(cell: str) -> str:
    """Return such text as the encoding shows it that it most likely has."""
    if not undecoded(cell):
        return cell
    content = cell.encode("utf-8", "surrogateescape")
    return content.decode(likely_encoding(content))


def chosen_columns(source: SourceFile, names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """Return the positions of the wanted columns that are there, in the order wanted; of all where None.

    Raises:
        RepeatedColumn: A wanted name occurs twice.
    """
    counts = Counter(names)
    chosen = list(names) if wanted is None else [name for name in wanted if name in counts]
    for name in chosen:
        if counts[name] > 1:
            raise RepeatedColumn(source.path, name)
    places = {name: place for place, name in enumerate(names)}
    return [places[name] for name in chosen]
