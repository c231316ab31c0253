"""Compressed input: which endings are unpacked, and the streams that unpack every member and stream of a file.

Arrow unpacks gzip and zstd. It does not know XZ, and fails at an empty bzip2 stream that others follow; Python's `open`
of both takes a damaged second stream for the end of the file. So the streams of these two are walked here.

A BGZF file is gzip members that end with an empty one. One that was cut off between two members unpacks without an
error, and only the missing last member shows it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from bz2 import BZ2Decompressor
    from lzma import LZMADecompressor

__all__ = ["COMPRESSED_SUFFIXES", "Unpacked", "cut_off", "is_packed", "unpacked"]

COMPRESSED_SUFFIXES = {".gz": "gzip", ".bgz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}

_MARKS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "bz2": b"BZh", "xz": b"\xfd7zXZ\0"}
_SKIPPED = tuple(bytes([letter]) + b"\x2a\x4d\x18" for letter in range(0x50, 0x60))
"""Frames of zstd that hold no content, with which a file may begin."""
_CHUNK = 1 << 18
_BGZF_HEADER = 18
_BGZF_LAST = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class Unpacked(Protocol):
    """Unpacked bytes."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


def unpacked(raw: BinaryIO, compression: str) -> Unpacked:
    """Return what `raw` holds, unpacked."""
    if compression in ("bz2", "xz"):
        return _Streams(raw, compression)
    stream: Unpacked = pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), compression)
    return stream


def is_packed(start: bytes, compression: str) -> bool:
    """Tell whether a file that begins with these bytes, or with fewer than a mark has, may be so compressed."""
    mark = _MARKS[compression]
    if compression == "zstd" and start.startswith(_SKIPPED):
        return True
    return start.startswith(mark) or mark.startswith(start)


def cut_off(descriptor: int, compression: str) -> str | None:
    """Return why a compressed file can't be whole although all of it unpacks, or None.

    Reads 18 bytes of each BGZF member, and nothing else of other files.
    """
    size = os.fstat(descriptor).st_size
    if size == 0:
        return f"it is empty, which no {compression} file is"
    if compression != "gzip":
        return None
    place, length = 0, 0
    while place < size:
        length = _bgzf_length(os.pread(descriptor, _BGZF_HEADER, place))
        if not length:
            return None
        place += length
    if place > size or os.pread(descriptor, length, place - length) == _BGZF_LAST:
        return None  # what lacks a part of its last member is noticed when it is unpacked
    return "it is BGZF, and its last block is missing"


def _bgzf_length(header: bytes) -> int:
    """Return how long the BGZF member is that begins with `header`; 0 where it is not one."""
    if len(header) < _BGZF_HEADER or header[:4] != b"\x1f\x8b\x08\x04" or header[10:16] != b"\x06\x00BC\x02\x00":
        return 0
    return int.from_bytes(header[16:18], "little") + 1


class _Streams:
    """The streams of a bzip2 or XZ file, one after the other; zeros between those of XZ are padding."""

    def __init__(self, raw: BinaryIO, compression: str) -> None:
        self._raw, self._packed, self._padding = raw, b"", b"\0" if compression == "xz" else b""
        self._decoder: BZ2Decompressor | LZMADecompressor | None = None

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        while True:
            decoder = self._decoder or self._next()
            if decoder is None:
                return b""
            content = self._unpack(decoder, size)
            if content or not size:
                return content

    def close(self) -> None:
        self._raw.close()

    def _next(self) -> BZ2Decompressor | LZMADecompressor | None:
        """Begin the next stream and return what unpacks it; None where no other follows."""
        import bz2
        import lzma

        self._packed = self._packed.lstrip(self._padding)
        while not self._packed:
            packed = self._raw.read(_CHUNK)
            if not packed:
                return None
            self._packed = packed.lstrip(self._padding)
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ) if self._padding else bz2.BZ2Decompressor()
        return self._decoder

    def _unpack(self, decoder: BZ2Decompressor | LZMADecompressor, size: int) -> bytes:
        from lzma import LZMAError

        if decoder.needs_input and not self._packed:
            self._packed = self._raw.read(_CHUNK)
            if not self._packed:
                raise OSError("end of stream")
        try:
            content = decoder.decompress(self._packed, size)
        except LZMAError as error:
            raise OSError(str(error)) from error
        self._packed = b""
        if decoder.eof:
            self._packed, self._decoder = decoder.unused_data, None
        return content
