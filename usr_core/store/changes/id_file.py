"""Files with one record id a line, as ``--id-file`` takes them. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, NoReturn

from usr_core.roots.locate import refuse_archived_path
from usr_core.store.changes.record_errors import IdFileLineInvalid

__all__ = ["STDIN", "read_id_file"]

STDIN = "-"

_ID = re.compile(rb"[0-9a-f]{40}")
# Every line blank or an id; possessive, so that a long block that is not so is found out in one pass.
_IDS_ONLY = re.compile(rb"\s*+(?:[0-9a-f]{40}[^\S\n]*+\n\s*+)*+(?:[0-9a-f]{40}\s*+)?+")
_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 20
_LONGEST_LINE = 4_096
"""Bytes looked at of a line: a file without line ends is refused at its start, not taken into memory."""


def read_id_file(path: Path) -> Iterator[str]:
    r"""Yield the ids of a file in its order, repeated ones each time; a block of 1 MiB is held.

    Blank lines, white space around an id, Windows line ends and a byte-order mark do not matter.

    It reads while it is iterated, so an error comes when its line is reached.

    Args:
        path: The file; ``-`` is standard input.

    Raises:
        ArchivedPath: It lies in an ``archived/`` folder.
        IdFileLineInvalid: A line holds something else; file and line are named.
        OSError: The file can't be opened or read.

    Example:
        >>> from usr_core.api.commands import read_id_file
        >>> (tmp_path / "chosen.txt").write_text(f"{ids[0]}\n\n{ids[2]}\n")
        83
        >>> list(read_id_file(tmp_path / "chosen.txt")) == [ids[0], ids[2]]
        True
    """
    named = str(path)
    if named != STDIN:
        refuse_archived_path(path)
    with nullcontext(sys.stdin.buffer) if named == STDIN else path.open("rb") as handle:
        yield from _ids(handle, "standard input" if named == STDIN else named)


def _ids(handle: BinaryIO, label: str) -> Iterator[str]:
    done = 0
    while block := handle.read(_BLOCK):
        block += handle.readline(_LONGEST_LINE)
        if not done:
            block = block.removeprefix(_BOM)
        if not _IDS_ONLY.fullmatch(block):
            _refuse(block, label, done)
        yield from block.decode("ascii").split()
        done += block.count(b"\n")


def _refuse(block: bytes, label: str, done: int) -> NoReturn:
    """Raise the error for the first line of `block` that is neither blank nor an id; `done` lines precede it."""
    for number, line in enumerate(block.split(b"\n"), done + 1):
        text = line.strip()
        if text and not _ID.fullmatch(text):
            raise IdFileLineInvalid(
                file=label, line=number, value=text[:_LONGEST_LINE].decode("utf-8", "backslashreplace")
            )
    raise AssertionError("a block that is refused has a line that is not an id")
