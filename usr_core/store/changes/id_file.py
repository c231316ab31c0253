"""Files with one record id a line, as ``--id-file`` takes them. Imports nothing heavy."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from usr_core.roots.locate import refuse_archived_path
from usr_core.store.changes.record_errors import IdFileLineInvalid

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["STDIN", "id_file_column", "read_id_file"]

STDIN = "-"

_ID = re.compile(rb"[0-9a-f]{40}")
_LENGTH = 40
_DIGITS, _SPACE = b"0123456789abcdef", b" \t\n\r\v\f"
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
    for digits in _blocks(path):
        text = digits.decode("ascii")
        yield from (text[at : at + _LENGTH] for at in range(0, len(text), _LENGTH))


def id_file_column(path: Path) -> pa.Array:
    r"""Return the ids of a file, as `read_id_file` yields them, as one Arrow array of strings: 44 bytes an id.

    No Python text is made of an id, which for many takes a tenth of the time.

    Args:
        path: The file; ``-`` is standard input.

    Raises:
        ArchivedPath, IdFileLineInvalid, OSError: See `read_id_file`.

    Example:
        >>> from usr_core.api.commands import id_file_column
        >>> (tmp_path / "chosen.txt").write_text(f"{ids[0]}\n\n{ids[2]}\n")
        83
        >>> dataset.delete(id_file_column(tmp_path / "chosen.txt")).deleted
        2
    """
    import numpy as np

    from usr_core.store.ids.id_stream import id_array

    return id_array(np.frombuffer(b"".join(_blocks(path)), np.uint8))


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield the digits of the ids in each block of the file, one id behind the other."""
    named = str(path)
    if named != STDIN:
        refuse_archived_path(path)
    label, done = "standard input" if named == STDIN else named, 0
    with nullcontext(sys.stdin.buffer) if named == STDIN else path.open("rb") as handle:
        while block := handle.read(_BLOCK):
            block += handle.readline(_LONGEST_LINE)
            if not done:
                block = block.removeprefix(_BOM)
            yield _plain_digits(block) or _digits(block, label, done)
            done += block.count(b"\n")


def _plain_digits(block: bytes) -> bytes:
    """Return the digits of a block with nothing but ids and line feeds; nothing where there is more to look at."""
    lines = b"\n" * (len(block) // (_LENGTH + 1))
    if len(block) % (_LENGTH + 1) or block[_LENGTH :: _LENGTH + 1] != lines or block.translate(None, _DIGITS) != lines:
        return b""
    return block.replace(b"\n", b"")


def _digits(block: bytes, label: str, done: int) -> bytes:
    """Return the digits of any block; `done` lines precede it.

    Raises:
        IdFileLineInvalid: A line is neither blank nor an id.
    """
    text = block.decode("ascii", "replace")
    ids = text.split()
    if not _are_ids(ids, block) or not (text.removesuffix("\n") == "\n".join(ids) or _one_a_line(ids, text)):
        _refuse(block, label, done)
    return "".join(ids).encode("ascii")


def _are_ids(words: list[str], block: bytes) -> bool:
    """Tell whether the words of a block, which white space separates, are ids."""
    return {_LENGTH}.issuperset(map(len, words)) and not block.translate(None, _DIGITS + _SPACE)


def _one_a_line(words: list[str], text: str) -> bool:
    return len(words) == sum(1 for line in text.split("\n") if line and not line.isspace())


def _refuse(block: bytes, label: str, done: int) -> NoReturn:
    """Raise the error for the first line of `block` that is neither blank nor an id; `done` lines precede it."""
    for number, line in enumerate(block.split(b"\n"), done + 1):
        text = line.strip()
        if text and not _ID.fullmatch(text):
            raise IdFileLineInvalid(
                file=label, line=number, value=text[:_LONGEST_LINE].decode("utf-8", "backslashreplace")
            )
    raise AssertionError("a block that is refused has a line that is not an id")
