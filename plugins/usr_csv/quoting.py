"""Whether the quotes of a CSV file stand where RFC 4180 allows them, checked while the bytes pass by.

Arrow takes whatever follows a closing quote into the cell, and takes a file that ends inside quotes for whole. A
quote in the wrong place thus merges several records into one. Here a quoted cell begins at the cell's first byte, and
only a comma or a line end may follow its closing quote. A quote inside a cell that is not quoted is text.
"""

from __future__ import annotations

import codecs
import io
from enum import Enum
from typing import Any

import numpy as np

from usr_core.api import SourceStream

__all__ = ["CheckedStream", "Misplaced", "MisplacedQuote"]

_BOM = b"\xef\xbb\xbf"
_QUOTE = ord('"')
_BESIDE = np.zeros(256, np.bool_)
_BESIDE[list(b'",\r\n')] = True


class Misplaced(Enum):
    """What is wrong with a quote."""

    TEXT_BEHIND = "text follows the closing quote"
    BLANK_BEFORE = "a blank stands before the opening quote"
    NEVER_CLOSED = "the quoted cell is not closed"


class MisplacedQuote(ValueError):
    """A quote stands where it must not.

    Attributes:
        kind: What is wrong.
        offset: The byte behind the closing quote, or behind the blank, or the file's size.
    """

    def __init__(self, kind: Misplaced, offset: int) -> None:
        super().__init__(kind.value)
        self.kind, self.offset = kind, offset


class _State(Enum):
    """Where the next byte stands; the value is text that leads there."""

    CELL_START = b","
    BLANK = b", "
    PLAIN = b"x"
    QUOTED = b',"x'
    QUOTE_IN_QUOTED = b',""'


class CheckedStream(io.RawIOBase):
    """A source's bytes, with a line end behind the last record where it has none, as Arrow wants one.

    Reading raises `MisplacedQuote` in the piece that holds a quote in the wrong place or at the end where a quoted
    cell is not closed, and UnicodeDecodeError where the bytes are not UTF-8.
    """

    def __init__(self, stream: SourceStream) -> None:
        super().__init__()
        self._stream = stream
        self._state = _State.CELL_START
        self._offset = 0
        self._ended = False
        self._last = b"\n"
        # Arrow looks at the cells that are wanted; a file in another encoding is wrong as a whole.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = 1 << 62 if size is None or size < 0 else size
        parts = []
        while wanted and not self._ended:
            content = self._stream.read(wanted if wanted < 1 << 62 else -1)
            self._check_text(content)
            self._ended = not content
            self._last = content[-1:] or self._last
            parts.append(content)
            wanted -= len(content)
        piece = b"".join(parts)
        self._check_quotes(piece)
        if self._ended and self._last not in b"\r\n":
            piece += b"\n"
            self._last = b"\n"
        return piece

    def readinto(self, buffer: Any, /) -> int:
        content = self.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()

    def _check_text(self, content: bytes) -> None:
        """Raise UnicodeDecodeError at the first byte that is not UTF-8, or for a letter that is cut off at the end."""
        if not content or not content.isascii() or self._decoder.getstate()[0]:
            self._decoder.decode(content, final=not content)

    def _check_quotes(self, piece: bytes) -> None:
        start = len(_BOM) if not self._offset and piece.startswith(_BOM) else 0
        if len(piece) > start:
            self._state = _state_behind(piece, start, self._state, self._offset)
        self._offset += len(piece)
        if self._ended and self._state is _State.QUOTED:
            raise MisplacedQuote(Misplaced.NEVER_CLOSED, self._offset)


_IN_QUOTES = frozenset({_State.QUOTED, _State.QUOTE_IN_QUOTED})


def _state_behind(piece: bytes, start: int, state: _State, offset: int) -> _State:
    """Return the state behind `piece`, which stands at `offset` in the file and counts from `start` on."""
    if piece[-1] not in b" \t" and piece.find(b'"', start) < 0 and state not in _IN_QUOTES:
        return _outside_quotes(piece)
    text = state.value + (piece[start:] if start else piece)
    found = _state_by_pairs(text)
    return found or _state_by_cells(text, offset + start - len(state.value))


def _state_by_pairs(text: bytes) -> _State | None:
    """Return the state behind `text` where every quote opens, closes or doubles; None where one may not."""
    letters = np.frombuffer(text, np.uint8)
    quotes = np.flatnonzero(letters == _QUOTE)
    openings, closings = quotes[0::2], quotes[1::2]
    inner = closings[closings < len(letters) - 1]
    # A text begins with a comma or an x, so that no quote is its first letter.
    if not (_BESIDE[letters[openings - 1]].all() and _BESIDE[letters[inner + 1]].all()):
        return None
    if len(openings) > len(closings):
        return _State.QUOTED
    if len(inner) < len(closings):
        return _State.QUOTE_IN_QUOTED
    return _outside_quotes(text)


def _state_by_cells(text: bytes, offset: int) -> _State:
    """Return the state behind `text`, cell by cell; a quote inside a cell that is not quoted is text.

    Raises:
        MisplacedQuote: A quote stands where it must not; its place is that in `text`, plus `offset`.
    """
    at = 0
    while (opening := text.find(b'"', at)) >= 0:
        at = opening + 1
        before = opening - 1
        while text[before] in b" \t":
            before -= 1
        if text[before] not in b",\r\n":
            continue
        if before < opening - 1:
            raise MisplacedQuote(Misplaced.BLANK_BEFORE, offset + opening)
        while True:
            closing = text.find(b'"', at)
            if closing < 0:
                return _State.QUOTED
            at = closing + 1
            if at == len(text):
                return _State.QUOTE_IN_QUOTED
            if text[at] != _QUOTE:
                break
            at += 1
        if text[at] not in b",\r\n":
            raise MisplacedQuote(Misplaced.TEXT_BEHIND, offset + at)
    return _outside_quotes(text)


def _outside_quotes(text: bytes) -> _State:
    if text[-1] in b",\r\n":
        return _State.CELL_START
    if text[-1] in b" \t" and (text.rstrip(b" \t") or b"x")[-1] in b",\r\n":
        return _State.BLANK
    return _State.PLAIN
