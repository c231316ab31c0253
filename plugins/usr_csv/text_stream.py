"""The text of a table as UTF-8, without the lines that are left out; knows the line that each of its lines was."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left

from usr_core.api import SourceFile
from usr_csv.dialect import Dialect
from usr_csv.quoting import MisplacedQuote, Quotes, State, WrappedStream

__all__ = ["TextStream"]

_CHUNK_BYTES = 1 << 20
_SHORT = 1 << 10
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)")
_END = re.compile(rb"\r\n|\r|\n")
_MARKED = "usr_csv.marked"
# What is not text of the encoding becomes a byte that UTF-8 never has, so that one check finds it in every encoding.
codecs.register_error(_MARKED, lambda error: ("\udcff", error.end))  # type: ignore[attr-defined]


class TextStream(WrappedStream):
    """A source's text from its beginning, by a dialect.

    Holds about a MiB.
    """

    def __init__(self, source: SourceFile, dialect: Dialect) -> None:
        super().__init__(source.stream())
        self._decoder = None if dialect.is_utf8 else codecs.getincrementaldecoder(dialect.encoding)(_MARKED)
        self._to_skip = self._skipped = dialect.skip_rows
        self._comments = _Comments(dialect) if dialect.comment else None
        self._as_it_is = self._decoder is None and not self._to_skip and self._comments is None
        self._ready, self._held, self._begun, self._ended = b"", b"", False, False

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = -1 if size is None else size
        if self._as_it_is:
            return self._stream.read(wanted) or b""
        parts = [self._ready]
        while not self._ended and (wanted < 0 or not parts[-1]):
            parts.append(self._more())
        content = b"".join(parts)
        end = len(content) if wanted < 0 else wanted
        self._ready = content[end:]
        return content[:end]

    def line_in_file(self, line: int) -> int:
        """Return which line of the file the stream's `line` is; lines that were left out count."""
        return self._skipped + line + (self._comments.before(line) if self._comments else 0)

    @property
    def skipped_all(self) -> bool:
        """Whether the file ended among the lines that are skipped."""
        return self._ended and self._to_skip > 0

    def _more(self) -> bytes:
        chunk = self._stream.read(_CHUNK_BYTES) or b""
        self._ended = not chunk
        if self._decoder is not None:
            chunk = _as_utf8(self._decoder.decode(chunk, self._ended))
        text = self._held + chunk
        self._held = b""
        if not self._begun:
            if len(text) < len(codecs.BOM_UTF8) and not self._ended:
                self._held = text
                return b""
            self._begun, text = True, text.removeprefix(codecs.BOM_UTF8)
        if text.endswith(b"\r") and not self._ended:
            # The line feed that belongs to it may follow.
            text, self._held = text[:-1], b"\r"
        text = self._behind_skipped(text)
        return self._comments.left_out(text) if self._comments else text

    def _behind_skipped(self, text: bytes) -> bytes:
        at = 0
        while self._to_skip:
            line = _LINE.match(text, at)
            if line is None:
                return b""
            at = line.end()
            self._to_skip -= 1
        return text[at:]


def _as_utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


class _Comments:
    """Leaves lines out that begin with a sign, but not inside quotes."""

    def __init__(self, dialect: Dialect) -> None:
        self._quotes = Quotes(dialect.delimiter.encode())
        self._mark = re.compile(rb"[\r\n]" + re.escape(dialect.comment.encode()))
        self._state: State | None = State.CELL_START
        self._inside, self._last = False, b"\n"
        self._kept, self._places = 0, list[int]()

    def before(self, line: int) -> int:
        """Return how many lines were left out before the `line` that was kept."""
        return bisect_left(self._places, line)

    def left_out(self, text: bytes) -> bytes:
        """Return the text, which comes piece by piece, without the lines that are comments."""
        kept, at = list[bytes](), 0
        if self._inside:
            at = self._comment_end(text, 0)
        # The letter before decides whether a line begins, and the first one's is in the piece before.
        lead = self._last if at == 0 else b"\n"
        text = lead + text[at:]
        self._last = text[-1:]
        seek, at = 0, 1
        while found := self._mark.search(text, seek):
            start = found.start() + 1
            kept.append(text[at:start])
            self._pass(kept[-1])
            at, seek = start, start
            if self._state not in (State.QUOTED, None):
                self._places.append(self._kept)
                at = self._comment_end(text, start)
                seek = at - 1
        kept.append(text[at:])
        self._pass(kept[-1])
        return b"".join(kept)

    def _comment_end(self, text: bytes, start: int) -> int:
        end = _END.search(text, start)
        self._inside = end is None
        return len(text) if end is None else end.end()

    def _pass(self, piece: bytes) -> None:
        self._kept += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
        if piece and self._state is not None:
            try:
                short = len(piece) < _SHORT
                self._state = (
                    self._quotes.state_behind_line(piece, self._state)
                    if short
                    else self._quotes.state_behind(piece, 0, self._state, 0)
                )
            except MisplacedQuote:
                # The reader of these bytes refuses it, with its place.
                self._state = None
