"""The first record of a CSV file: the names of its columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

from usr_core.api import RepeatedColumn, SourceFile, SourceUnreadable

__all__ = ["LONGEST_HEADER", "UTF8_HINT", "chosen_columns", "read_header", "readable", "undecoded"]

LONGEST_HEADER = 16 << 20
"""Bytes of the line that names the columns."""

UTF8_HINT = "Save the file as UTF-8, for example: iconv -f LATIN1 -t UTF-8 in.csv > out.csv"


def read_header(source: SourceFile) -> list[str]:
    """Return the column names as they are written, quotes removed.

    Raises:
        SourceUnreadable: There is no header, it is longer than 16 MiB, or it is not UTF-8 text.
    """
    with io.BufferedReader(_Beginning(source)) as raw:
        start = raw.peek(4)[:4]
        if not start:
            raise SourceUnreadable(
                source.path, "The file is empty.", hint="A CSV file begins with a header line, such as: sequence,source"
            )
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise SourceUnreadable(source.path, "The file is UTF-16 text.", hint="Save it as UTF-8.", line=1)
        try:
            # What follows the header is decoded along with it, and is not ours to judge.
            text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors="surrogateescape", newline="")
            names = next(csv.reader(text, strict=True), [])
        except csv.Error as error:
            raise SourceUnreadable(
                source.path,
                f"The header can't be read: {error}.",
                hint="Write the names of the columns into the first line, separated by commas; close every quote.",
                line=1,
            ) from error
    if not names:
        raise SourceUnreadable(
            source.path, "The first line is blank.", hint="Begin with a header line, such as: sequence,source", line=1
        )
    for name in names:
        if undecoded(name):
            raise SourceUnreadable(
                source.path, "The header is not UTF-8 text.", hint=UTF8_HINT, line=1, value=readable(name)
            )
    return names


class _Beginning(io.RawIOBase):
    """The bytes of a source as far as a header may reach; a file without a line end would be read whole otherwise."""

    def __init__(self, source: SourceFile) -> None:
        super().__init__()
        self._source, self._stream, self._left = source, source.stream(), LONGEST_HEADER

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if self._left <= 0:
            raise SourceUnreadable(
                self._source.path,
                f"The header is longer than {LONGEST_HEADER >> 20} MiB.",
                hint="A CSV file begins with one line of column names; look for missing line ends or an open quote.",
                line=1,
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
    """Return such text as Latin-1 shows it, which is most likely what it is."""
    return cell.encode("utf-8", "surrogateescape").decode("latin-1")


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
