"""Writing Parquet so that a write that fails is an exception.

pyarrow ends the process (``Check failed: _s.ok()``, SIGABRT) where its sink fails below content-defined chunking, on
a full disk for one. So its sinks here never fail: they keep the first error, drop what comes behind it, and whoever
writes asks for the error after each call. That holds for Ctrl-C too, whose handler may run while the sink does.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["KeptErrors", "ParquetOutput"]


class KeptErrors(io.RawIOBase):
    """A sink for pyarrow whose `write` never raises; positions go on counting behind an error.

    Args:
        write_at: Writes all of some bytes at a position.
    """

    def __init__(self, write_at: Callable[[int, memoryview], object]) -> None:
        super().__init__()
        self._write_at = write_at
        self._position = 0
        self._error: BaseException | None = None

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        view = memoryview(content).cast("B")
        size = view.nbytes
        try:
            if self._error is None:
                self._write_at(self._position, view)
        except BaseException as error:  # noqa: BLE001 - raised by `check`
            self._error = error
        self._position += size
        return size

    def check(self) -> None:
        """Raise the error that a write had, each time that this is called."""
        if self._error is not None:
            raise self._error

    def give_up(self) -> None:
        """Drop all that a writer may still write, when it is collected for one."""
        self._error = self._error or OSError("the file was given up")


class ParquetOutput:
    """A Parquet file that is written row group by row group; as `pyarrow.parquet.ParquetWriter`, with its arguments.

    Left with an exception, the block leaves a file that is none yet.

    Args:
        target: The file to make, or an open one, which is not closed.
        schema: Of the tables.
        arguments: As `pyarrow.parquet.ParquetWriter` takes them.

    Raises:
        OSError: The file can't be made or written.
    """

    def __init__(self, target: Path | BinaryIO, schema: pa.Schema, **arguments: Any) -> None:
        self._owned = isinstance(target, Path)
        self._file = target.open("wb", buffering=0) if isinstance(target, Path) else target
        self._sink = KeptErrors(self._append)
        try:
            self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), schema, **arguments)
            self._sink.check()
        except BaseException:
            self.abandon()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def write_table(self, table: pa.Table, *, row_group_size: int | None = None) -> None:
        """Write row groups of at most `row_group_size` rows."""
        self._writer.write_table(table, row_group_size=row_group_size)
        self._sink.check()

    def add_key_value_metadata(self, metadata: Mapping[str, str]) -> None:
        """Let the footer say this as well."""
        self._writer.add_key_value_metadata(metadata)

    def close(self) -> None:
        """Write the footer and close the file."""
        try:
            self._writer.close()
            self._sink.check()
        except BaseException:
            self.abandon()
            raise
        self._sink.give_up()
        if self._owned:
            self._file.close()

    def abandon(self) -> None:
        """Close the file without a footer; harmless when repeated."""
        self._sink.give_up()
        if self._owned:
            with contextlib.suppress(OSError):
                self._file.close()

    def _append(self, _: int, content: memoryview) -> None:
        while content:
            content = content[self._file.write(content) :]
