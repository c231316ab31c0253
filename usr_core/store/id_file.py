"""Files with one record id a line, as ``--id-file`` takes them. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

from usr_core.store.record_errors import IdFileLineInvalid

__all__ = ["STDIN", "read_id_file"]

STDIN = "-"

_ID = re.compile(rb"[0-9a-f]{40}")
_BOM = b"\xef\xbb\xbf"
_LONGEST_LINE = 4_096
"""Bytes fetched for a line: a file without line ends is refused at its start, not taken into memory."""


def read_id_file(path: Path) -> Iterator[str]:
    """Yield the ids of a file in its order, repeated ones each time; a line at a time is held.

    Blank lines, white space around an id, Windows line ends and a byte-order mark do not matter.

    Args:
        path: The file; ``-`` is standard input.

    Raises:
        IdFileLineInvalid: A line holds something else; file and line are named.
        OSError: The file can't be opened or read.
    """
    named = str(path)
    with nullcontext(sys.stdin.buffer) if named == STDIN else path.open("rb") as handle:
        yield from _ids(handle, "standard input" if named == STDIN else named)


def _ids(handle: BinaryIO, label: str) -> Iterator[str]:
    number = 0
    while line := handle.readline(_LONGEST_LINE):
        number += 1
        text = line.strip()
        if number == 1:
            text = text.removeprefix(_BOM).strip()
        if not text:
            continue
        if not _ID.fullmatch(text):
            raise IdFileLineInvalid(label, line=number, value=text.decode("utf-8", "backslashreplace"))
        yield text.decode("ascii")
