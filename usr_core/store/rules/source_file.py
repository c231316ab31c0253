"""An input file, opened once: checked, unpacked where it is compressed, and watched for changes.

Importers of any origin can use it: ``with open_source(path) as source: … source.stream …``, and call
``source.check_unchanged()`` with each batch and at the end.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from usr_core.interrupts import SignalsHeld
from usr_core.records.content import other_content
from usr_core.store.rules.errors import (
    FileChanged,
    NotAFile,
    SourceFileError,
    SourceMissing,
    SourceNotPermitted,
    SourceTruncated,
    SourceUnreadable,
)
from usr_core.store.rules.unpacking import COMPRESSED_SUFFIXES, Unpacked, cut_off, is_packed, unpacked

__all__ = ["LONGEST_RECORD", "SourceFile", "SourceStream", "check_source", "open_source"]

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True)
class _Look:
    size: int
    modified_ns: int
    inode: int
    device: int

    def __str__(self) -> str:
        return f"{self.size} bytes, modified at {self.modified_ns} ns, inode {self.inode}"


LONGEST_RECORD = 320 << 20
"""Bytes of one record of a text file: the longest sequence allowed (256 MiB), and some more."""


class SourceFile:
    """A regular file that is being read.

    Attributes:
        path: As it was given; errors name it.
        compression: ``gzip``, ``zstd``, ``bz2``, ``xz`` or None, by the file's last suffix.
        size_bytes: Its size on disk when it was opened.

    Example:
        >>> from usr_core.api import open_source
        >>> with open_source(tmp_path / "more.csv") as source:
        ...     first = source.stream().read(8)
        ...     source.check_unchanged()
        ...     print(first, source.size_bytes, source.compression)
        b'sequence' 51 None
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.compression = COMPRESSED_SUFFIXES.get(path.suffix.lower())
        self._descriptor = descriptor
        self._first = _look(os.fstat(descriptor))
        self.size_bytes = self._first.size

    @property
    def descriptor(self) -> int:
        """The open file descriptor; it stays the file's even where the name is given to another."""
        return self._descriptor

    def stream(self) -> SourceStream:
        """Return the content from its beginning, unpacked; each call reads anew.

        Raises:
            SourceTruncated: The file is compressed, and empty, or a BGZF file without its last block.
            SourceUnreadable: The file is not compressed as its name says.
        """
        raw = _OwnPlace(self._descriptor)
        if self.compression is None:
            return SourceStream(self, raw)
        start = os.pread(self._descriptor, 1000, 0)
        if start and not is_packed(start, self.compression):
            raise self._not_packed(start)
        reason = cut_off(self._descriptor, self.compression)
        if reason is not None:
            raise SourceTruncated(self.path, reason)
        return SourceStream(self, unpacked(cast(BinaryIO, raw), self.compression))

    def _not_packed(self, start: bytes) -> SourceUnreadable:
        other = other_content(start)
        if other is not None and other.line is not None:
            return SourceUnreadable(self.path, other.reason, hint=other.hint, line=other.line)
        return SourceUnreadable(
            self.path,
            f"The file is not readable as {self.compression}: it does not begin as such a file does.",
            hint=f"Give it a name without {self.path.suffix} if it is not compressed, or copy it again.",
        )

    def check_unchanged(self) -> None:
        """Compare the file, and what its name leads to, with what was opened.

        Raises:
            FileChanged: Size, time of change or inode differ, or the name is gone.
        """
        now = _look(os.fstat(self._descriptor))
        try:
            named: _Look | None = _look(self.path.stat())
        except OSError:
            named = None
        for seen in (now, named):
            if seen != self._first:
                raise FileChanged(path=self.path, before=str(self._first), after=str(seen or "gone"))


class SourceStream(io.RawIOBase):
    """The unpacked bytes of a source; a cut-off or damaged compressed stream is an error here, never an end.

    Example:
        >>> import gzip
        >>> import io
        >>> from usr_core.api import open_source
        >>> size = (tmp_path / "motifs.txt.gz").write_bytes(gzip.compress(b"TTGACA TATAAT")[:-8])
        >>> with open_source(tmp_path / "motifs.txt.gz") as source, io.TextIOWrapper(source.stream()) as text:
        ...     text.read()
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.SourceTruncated: The file is cut off: the gzip stream ends too early.
    """

    def __init__(self, source: SourceFile, content: Unpacked) -> None:
        super().__init__()
        self._source, self._content = source, content

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, all that are left for -1; empty at the end.

        Raises:
            SourceTruncated: The compressed stream ends too early.
            SourceUnreadable: The stream is damaged, or not compressed that way.
        """
        try:
            with SignalsHeld():  # Arrow calls `_OwnPlace` back
                return self._content.read() if size is None or size < 0 else self._content.read(size)
        except (OSError, pa.ArrowInvalid) as error:
            raise self._failure(error) from error

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(memoryview(buffer).nbytes)
        memoryview(buffer).cast("B")[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            with SignalsHeld():
                self._content.close()
        super().close()

    def _failure(self, error: Exception) -> SourceFileError:
        path, kind = self._source.path, self._source.compression
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, SourceFileError):
            return error
        if kind is None:
            return SourceFileError(
                f"The file can't be read: {reason}.",
                hint="Check the disk or the connection it comes over, then run the command again.",
                facts={"file": str(path)},
            )
        if "runcated" in reason or "end of stream" in reason or "EOF" in reason:
            return SourceTruncated(path, f"the {kind} stream ends too early")
        return SourceUnreadable(
            path,
            f"The file is not readable as {kind}, or something else follows its {kind} stream: {reason}.",
            hint="Copy or download it again, and compare its size with the original's.",
        )


@contextmanager
def open_source(path: Path) -> Iterator[SourceFile]:
    """Open a regular file for reading; it is closed at the end of the block.

    Raises:
        SourceMissing: The file does not exist.
        NotAFile: `path` is a folder, a pipe or a device.
        SourceNotPermitted: The user may not read the file.
        SourceFileError: The file can't be opened for another reason.

    Example:
        >>> import gzip
        >>> import io
        >>> from usr_core.api import open_source
        >>> size = (tmp_path / "motifs.txt.gz").write_bytes(gzip.compress(b"TTGACA TATAAT"))
        >>> with open_source(tmp_path / "motifs.txt.gz") as source:
        ...     with io.TextIOWrapper(source.stream(), "ascii") as text:
        ...         text.read().split()
        ['TTGACA', 'TATAAT']
        >>> with open_source(tmp_path / "missing.txt"):
        ...     pass
        Traceback (most recent call last):
            ...
        usr_core.store.rules.errors.SourceMissing: There is no such file.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _opening_failure(path, error) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NotAFile(path=path, kind=next((name for test, name in _KINDS if test(mode)), "something else"))
        yield SourceFile(path, descriptor)
    finally:
        os.close(descriptor)


def check_source(path: Path) -> None:
    """Refuse a file that no reader can take, before one is chosen by its name.

    Raises:
        SourceFileError: As `open_source`, or the file is empty.
    """
    with open_source(path) as source:
        if not source.size_bytes and source.compression is None:
            hint = "Copy or download it again; or look at what should have written it."
            raise SourceUnreadable(path, "The file is empty.", hint=hint)


def _opening_failure(path: Path, error: OSError) -> SourceFileError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return SourceMissing(path=path)
    if error.errno in (errno.EACCES, errno.EPERM):
        return SourceNotPermitted(path=path)
    if error.errno == errno.EISDIR:
        return NotAFile(path=path, kind="a folder")
    return SourceFileError(
        f"The file can't be opened: {os.strerror(error.errno or 0)}.",
        hint="Check the path and the disk, then run the command again.",
        facts={"file": str(path)},
    )


def _look(found: os.stat_result) -> _Look:
    return _Look(size=found.st_size, modified_ns=found.st_mtime_ns, inode=found.st_ino, device=found.st_dev)


class _OwnPlace(io.RawIOBase):
    """A file read from its beginning, with a place of its own.

    Descriptors made by `os.dup` share one place. The threads of a reader that was given up may still read ahead, and
    would move the place of the next one.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._place = os.dup(descriptor), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: os.fstat(self._descriptor).st_size}[whence]
        self._place = start + offset
        return self._place

    def read(self, size: int = -1, /) -> bytes:
        found = os.pread(self._descriptor, size, self._place) if size >= 0 else self.readall()
        self._place += len(found) if size >= 0 else 0
        return found

    def readinto(self, buffer: Any) -> int:
        found = os.preadv(self._descriptor, [buffer], self._place)
        self._place += found
        return found

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
