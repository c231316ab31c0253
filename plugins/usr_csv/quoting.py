"""Whether the quotes of a CSV file stand where RFC 4180 allows them, checked while the bytes pass by.

Arrow takes whatever follows a closing quote into the cell, and takes a file that ends inside quotes for whole. A
quote in the wrong place thus merges several records into one. Here a quoted cell begins at the cell's first byte, and
only a delimiter or a line end may follow its closing quote. A quote inside a cell that is not quoted is text.
"""

from __future__ import annotations

import codecs
import io
from enum import Enum
from typing import Any

import numpy as np

__all__ = ["CheckedStream", "Misplaced", "MisplacedQuote", "Quotes", "State", "WrappedStream"]

_BOM = b"\xef\xbb\xbf"
_QUOTE = ord('"')


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


class State(Enum):
    """Where the next byte stands; the value is text that leads there, with commas between its cells."""

    CELL_START = b","
    BLANK = b", "
    PLAIN = b"x"
    QUOTED = b',"x'
    QUOTE_IN_QUOTED = b',""'


class WrappedStream(io.RawIOBase):
    """A stream made of another one, which it closes; a subclass says what `read` gives."""

    def __init__(self, stream: io.RawIOBase) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        content = self.read(memoryview(buffer).nbytes) or b""
        memoryview(buffer).cast("B")[: len(content)] = content
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


class CheckedStream(WrappedStream):
    """A table's text, with a line end behind the last record where it has none, as Arrow wants one.

    Reading raises `MisplacedQuote` in the piece that holds a quote in the wrong place or at the end where a quoted
    cell is not closed, and UnicodeDecodeError where the bytes are not UTF-8.
    """

    def __init__(self, stream: io.RawIOBase, delimiter: str = ",") -> None:
        super().__init__(stream)
        self._quotes = Quotes(delimiter.encode())
        self._state = State.CELL_START
        self._offset = 0
        self._ended = False
        self._last = b"\n"
        # Arrow looks at the cells that are wanted; a file in another encoding is wrong as a whole.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = 1 << 62 if size is None or size < 0 else size
        parts = []
        while wanted and not self._ended:
            content = self._stream.read(wanted if wanted < 1 << 62 else -1) or b""
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

    def _check_text(self, content: bytes) -> None:
        """Raise UnicodeDecodeError at the first byte that is not UTF-8, or for a letter that is cut off at the end."""
        if not content or not content.isascii() or self._decoder.getstate()[0]:
            self._decoder.decode(content, final=not content)

    def _check_quotes(self, piece: bytes) -> None:
        start = len(_BOM) if not self._offset and piece.startswith(_BOM) else 0
        if len(piece) > start:
            self._state = self._quotes.state_behind(piece, start, self._state, self._offset)
        self._offset += len(piece)
        if self._ended and self._state is State.QUOTED:
            raise MisplacedQuote(Misplaced.NEVER_CLOSED, self._offset)


_IN_QUOTES = frozenset({State.QUOTED, State.QUOTE_IN_QUOTED})


class Quotes:
    """Where quotes may stand in a text whose cells are divided by a delimiter of one byte."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._dividing = delimiter + b"\r\n"
        self._blanks = b" \t".replace(delimiter, b"")
        self._beside = np.zeros(256, np.bool_)
        self._beside[list(b'"' + self._dividing)] = True

    def state_behind(self, piece: bytes, start: int, state: State, offset: int) -> State:
        """Return the state behind `piece`, which stands at `offset` in the file and counts from `start` on.

        Raises:
            MisplacedQuote: A quote stands where it must not.
        """
        if piece[-1] not in self._blanks and piece.find(b'"', start) < 0 and state not in _IN_QUOTES:
            return self._outside_quotes(piece)
        lead = state.value.replace(b",", self._delimiter)
        text = lead + (piece[start:] if start else piece)
        found = self._state_by_pairs(text)
        return found or self._state_by_cells(text, offset + start - len(lead))

    def state_behind_line(self, line: bytes, state: State) -> State:
        """Return the state behind a few bytes, for which NumPy would take longer; else the same as `state_behind`."""
        return self._state_by_cells(state.value.replace(b",", self._delimiter) + line, 0)

    def _state_by_pairs(self, text: bytes) -> State | None:
        """Return the state behind `text` where every quote opens, closes or doubles; None where one may not."""
        letters = np.frombuffer(text, np.uint8)
        quotes = np.flatnonzero(letters == _QUOTE)
        openings, closings = quotes[0::2], quotes[1::2]
        inner = closings[closings < len(letters) - 1]
        # A text begins with a delimiter or an x, so that no quote is its first letter.
        if not (self._beside[letters[openings - 1]].all() and self._beside[letters[inner + 1]].all()):
            return None
        if len(openings) > len(closings):
            return State.QUOTED
        if len(inner) < len(closings):
            return State.QUOTE_IN_QUOTED
        return self._outside_quotes(text)

    def _state_by_cells(self, text: bytes, offset: int) -> State:
        """Return the state behind `text`, cell by cell; a quote inside a cell that is not quoted is text.

        Raises:
            MisplacedQuote: A quote stands where it must not; its place is that in `text`, plus `offset`.
        """
        at = 0
        while (opening := text.find(b'"', at)) >= 0:
            at = opening + 1
            before = opening - 1
            while text[before] in self._blanks:
                before -= 1
            if text[before] not in self._dividing:
                continue
            if before < opening - 1:
                raise MisplacedQuote(Misplaced.BLANK_BEFORE, offset + opening)
            while True:
                closing = text.find(b'"', at)
                if closing < 0:
                    return State.QUOTED
                at = closing + 1
                if at == len(text):
                    return State.QUOTE_IN_QUOTED
                if text[at] != _QUOTE:
                    break
                at += 1
            if text[at] not in self._dividing:
                raise MisplacedQuote(Misplaced.TEXT_BEHIND, offset + at)
        return self._outside_quotes(text)

    def _outside_quotes(self, text: bytes) -> State:
        if text[-1] in self._dividing:
            return State.CELL_START
        if text[-1] in self._blanks and (text.rstrip(self._blanks) or b"x")[-1] in self._dividing:
            return State.BLANK
        return State.PLAIN
