"""What a table of text seems to be where it is not of the dialect that it is read by: only for a hint."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from usr_core.api import SourceFile
from usr_core.api.formats import likely_encoding
from usr_csv.dialect import Dialect, delimiter_spelling
from usr_csv.text_stream import TextStream

__all__ = ["dialect_options", "other_delimiter"]

_SAMPLE_BYTES = 64 << 10
_ROWS = 20
_CANDIDATES = (";", "\t", "|", ",")
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+\s*")
_POINT_NUMBER = re.compile(r"\s*[+-]?\d+\.\d+\s*")


def other_delimiter(source: SourceFile, dialect: Dialect, names: Sequence[str]) -> str | None:
    """Return the delimiter that the file has instead of the dialect's, or None.

    It has to divide the header and the first record, where the dialect's does not divide both into as many cells.
    """
    if dialect.chosen:
        return None
    sample = _sample(source, dialect)
    rows = _rows(sample, dialect.delimiter)
    agrees = len(names) > 1 and (len(rows) < 2 or len(rows[1]) == len(names))
    for candidate in _CANDIDATES:
        if candidate == dialect.delimiter or agrees or not any(candidate in name for name in names):
            continue
        found = _rows(sample, candidate)
        width = len(found[0]) if found else 0
        divided = len(found) < 2 or (len(found[1]) > 1 if len(names) == 1 else len(found[1]) == width)
        if width > 1 and divided:
            return candidate
    return None


def dialect_options(source: SourceFile, dialect: Dialect, delimiter: str) -> str:
    """Return the options, as typed in a shell, by which the file is read as it seems to be meant."""
    sample = _sample(source, dialect)
    options = [delimiter_spelling(delimiter)]
    cells = [cell for row in _rows(sample, delimiter)[1:] for cell in row]
    if any(map(_COMMA_NUMBER.fullmatch, cells)) and not any(map(_POINT_NUMBER.fullmatch, cells)):
        options.append('--option "decimal=,"')
    if dialect.is_utf8 and any("\udc80" <= letter <= "\udcff" for letter in sample):
        options.append(f"--option encoding={likely_encoding(sample.encode('utf-8', 'surrogateescape'))}")
    return " ".join(options)


def _sample(source: SourceFile, dialect: Dialect) -> str:
    """Return the first lines, whole ones."""
    with io.BufferedReader(TextStream(source, dialect)) as raw:
        content = raw.read(_SAMPLE_BYTES)
    if len(content) == _SAMPLE_BYTES:
        content = content[: max(content.rfind(b"\n"), content.rfind(b"\r")) + 1] or content
    return content.decode("utf-8-sig", "surrogateescape")


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    found = list[list[str]]()
    try:
        for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter):
            if row:
                found.append(row)
            if len(found) > _ROWS:
                break
    except csv.Error:
        pass
    return found
