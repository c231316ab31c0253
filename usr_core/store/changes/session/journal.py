"""The journal of a session: rows that are safe on disk and not in the dataset yet.

A segment is one file: eight bytes that name the format, then frames. A frame is the length of its payload, the
payload's CRC-32, the CRC-32 of these eight bytes, and the payload, an Arrow IPC message; the first frame holds
the schema, each further one a batch. A flush appends a frame and fsyncs, so it costs what it adds. What was being
written when the process died (a frame cut short, zeros that a power cut left) is passed over; anything else that
does not fit its checksums is an error; nothing is lost silently.

A commit retires the segment in the same transaction that publishes its rows, so that a row is in the journal or in
the dataset, never in both and never in neither.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from usr_core.fs.durable import sync_folder
from usr_core.fs.files import open_regular, share_descriptor
from usr_core.store.changes.session.errors import JournalUnreadable

__all__ = ["JournalSegment", "read_segment"]

_MAGIC = b"USRJRNL2"
_HEADER = struct.Struct("<III")
_BLOCK = 1 << 20


class JournalSegment:
    """A segment that is being written.

    Args:
        path: A new file.
        schema: Of all batches.

    Attributes:
        rows: Rows in it.
        size_bytes: Its size.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.schema = path, schema
        self.rows = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self.size_bytes = 0
        try:
            share_descriptor(self._descriptor, like=path.parent)
            self._append(_MAGIC + _framed(schema.serialize().to_pybytes()))
            sync_folder(path.parent)
        except BaseException:
            os.close(self._descriptor)
            path.unlink(missing_ok=True)
            raise

    def append(self, batch: pa.RecordBatch) -> None:
        """Add a batch; when this returns it survives a power cut. If it raises, the segment is as it was.

        Raises:
            OSError: The segment can't be written.
        """
        self._append(_framed(batch.serialize().to_pybytes()))
        self.rows += batch.num_rows

    def close(self) -> None:
        """Close the file; it stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, content: bytes) -> None:
        view, offset = memoryview(content), self.size_bytes
        try:
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                view, offset = view[written:], offset + written
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self.size_bytes = offset


def read_segment(path: Path) -> tuple[pa.Schema | None, Iterator[pa.RecordBatch]]:
    """Return a segment's schema and its batches, read one at a time; a torn last frame is left out.

    A segment whose first frame was not finished has no schema (None) and no rows.

    Raises:
        JournalUnreadable: A frame that is followed by others is damaged (while reading, also by the iterator).
    """
    frames = _frames(path)
    first = next(frames, None)
    if first is None:
        return None, iter(())
    schema = pa.ipc.read_schema(pa.py_buffer(first))
    return schema, (pa.ipc.read_record_batch(pa.py_buffer(frame), schema) for frame in frames)


def _framed(payload: bytes) -> bytes:
    return _header(len(payload), zlib.crc32(payload)) + payload


def _header(length: int, checksum: int) -> bytes:
    return _HEADER.pack(length, checksum, zlib.crc32(struct.pack("<II", length, checksum)))


def _frames(path: Path) -> Iterator[bytes]:
    with os.fdopen(open_regular(path), "rb") as handle:
        start = handle.read(len(_MAGIC))
        if start != _MAGIC:
            if not _MAGIC.startswith(start.rstrip(b"\0")) or _anything(handle):
                raise JournalUnreadable(path=path, frame=0, reason="it is not a journal of this version")
            return
        number = 0
        while header := handle.read(_HEADER.size):
            if len(header) < _HEADER.size:
                return  # cut short
            length, checksum, _ = _HEADER.unpack(header)
            if header != _header(length, checksum):
                if not any(header) and not _anything(handle):
                    return  # zeros: the size was on disk before the bytes were
                raise JournalUnreadable(path=path, frame=number, reason="its header is damaged")
            payload = handle.read(length)
            if len(payload) < length:
                return  # cut short
            if zlib.crc32(payload) != checksum:
                if payload.endswith(bytes(64)) and not _anything(handle):
                    return  # the end of the last frame did not reach the disk
                raise JournalUnreadable(path=path, frame=number, reason="its checksum is wrong")
            yield payload
            number += 1


def _anything(handle: BinaryIO) -> bool:
    """Tell whether a byte other than zero is left."""
    while block := handle.read(_BLOCK):
        if any(block):
            return True
    return False
