"""The cursor: how far a log was delivered, in a file that survives a power cut.

It holds the byte behind the last line that was dealt with, and that line's digest: a log that was truncated or
replaced is known by the line that is not there any more.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from usr_core.api.events import NO_PREVIOUS
from usr_core.api.files import file_system_error, read_regular, sync_folder, temporary_sibling, write_new
from usr_notify.errors import CursorOfAnotherDataset, CursorUnusable

__all__ = ["Cursor", "load_cursor", "save_cursor"]

_VERSION = 1
_LARGEST = 1 << 16
_KEYS = {"dataset", "offset", "line_bytes", "line_sha256", "seq"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place in a log, behind a whole line.

    Attributes:
        dataset: Whose log it is.
        offset: Bytes before the place: the end of a line, its newline included, or 0.
        line_bytes: Length of that line without its newline.
        line_sha256: Its digest; `NO_PREVIOUS` at offset 0.
        seq: Its number, where it carries one.
    """

    dataset: str
    offset: int = 0
    line_bytes: int = 0
    line_sha256: str = NO_PREVIOUS
    seq: int | None = None

    def at_start(self) -> Cursor:
        """Return the place before the first line."""
        return Cursor(dataset=self.dataset)

    def behind(self, *, offset: int, line_bytes: int, line_sha256: str, seq: int | None) -> Cursor:
        """Return the place behind another line of the same log."""
        return replace(self, offset=offset, line_bytes=line_bytes, line_sha256=line_sha256, seq=seq)


def load_cursor(path: Path, *, dataset: str) -> Cursor | None:
    """Return the cursor in a file, or None where there is no such file.

    Raises:
        CursorUnusable: The file holds something else.
        CursorOfAnotherDataset: The cursor belongs to another dataset.
        FileSystemError: The file can't be read.
    """
    try:
        content = read_regular(path, _LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_system_error(error, path, "read the cursor") from error
    cursor = _parsed(path, content)
    if cursor.dataset != dataset:
        raise CursorOfAnotherDataset(path=path, dataset=dataset, belongs_to=cursor.dataset)
    return cursor


def save_cursor(path: Path, cursor: Cursor) -> None:
    """Replace the cursor file as a whole; the new one is durable when this returns.

    Raises:
        FileSystemError: The file can't be written; the old one is still there.
    """
    content = json.dumps({"usr_notify_cursor": _VERSION, **asdict(cursor)}, ensure_ascii=False).encode() + b"\n"
    temporary = temporary_sibling(path)
    try:
        try:
            write_new(temporary, content)
            os.rename(temporary, path)  # noqa: PTH104 - the POSIX call, which replaces at once
            sync_folder(path.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise file_system_error(error, path, "write the cursor") from error


def _parsed(path: Path, content: bytes) -> Cursor:
    try:
        held = json.loads(content)
    except (ValueError, RecursionError):
        raise CursorUnusable(path=path, reason="it is not the JSON of a cursor" if content else "it is empty") from None
    version = held.pop("usr_notify_cursor", None) if isinstance(held, dict) else None
    if version is None:
        raise CursorUnusable(path=path, reason="it is some other file")
    if version != _VERSION:
        raise CursorUnusable(path=path, reason=f"it has version {version!r}, and this USR knows {_VERSION}")
    numbers = [held.get(name) for name in ("offset", "line_bytes", "seq")]
    if numbers[2] is None:
        numbers[2] = 0
    texts = [held.get(name) for name in ("dataset", "line_sha256")]
    whole = all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers)
    if set(held) != _KEYS or not whole or not all(isinstance(text, str) for text in texts):
        raise CursorUnusable(path=path, reason="its keys or values are not those of a cursor")
    cursor = Cursor(**held)
    if cursor.offset and cursor.offset <= cursor.line_bytes:
        raise CursorUnusable(path=path, reason="its numbers contradict each other")
    return cursor
