"""A last record of our own behind the file's, which shows whether its last quoted cell was closed.

Arrow takes a file that ends inside quotes for whole: the cell simply runs to the end. With a sentinel
behind it, that cell swallows the sentinel, and the last record is not the one we put there.
"""

from __future__ import annotations

import codecs
import io
from typing import Any

import pyarrow as pa

from usr_core.store.incoming.source_file import SourceStream

__all__ = ["SentinelStream", "without_sentinel"]

_TOKEN = "\x1fusr:end\x1f"


class SentinelStream(io.RawIOBase):
    """A source's bytes with one more record of `cells` cells."""

    def __init__(self, stream: SourceStream, *, cells: int) -> None:
        super().__init__()
        self._stream = stream
        self._record = ",".join([_TOKEN] * cells).encode("ascii") + b"\n"
        self._last = b"\n"
        self._ended = False
        # Arrow looks at the cells that are wanted; a file in another encoding is wrong as a whole.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = 1 << 62 if size is None or size < 0 else size
        parts = []
        while wanted and not self._ended:
            data = self._stream.read(size)
            self._check_text(data)
            if not data:
                self._ended = True
                if self._last not in b"\r\n":
                    self._record = b"\n" + self._record
                break
            self._last = data[-1:]
            parts.append(data)
            wanted -= len(data)
            size = wanted
        if self._ended:
            # In one piece with what precedes it, as a block without a line end is an error to Arrow.
            parts.append(self._record[:wanted])
            self._record = self._record[wanted:]
        return b"".join(parts)

    def _check_text(self, data: bytes) -> None:
        """Raise UnicodeDecodeError at the first byte that is no UTF-8, or for a letter that is cut off at the end."""
        if not data or not data.isascii() or self._decoder.getstate()[0]:
            self._decoder.decode(data, final=not data)

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def without_sentinel(batch: pa.RecordBatch) -> pa.RecordBatch | None:
    """Return the last batch without its last record, or None where that is not the sentinel."""
    last = batch.num_rows - 1
    if any(column[last].as_py() != _TOKEN for column in batch.columns):
        return None
    return batch.slice(0, last)
