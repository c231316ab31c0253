"""Writing Parquet so that a write that fails is an exception.

pyarrow ends the process (``Check failed: _s.ok()``, SIGABRT) where its sink raises below content-defined chunking: on
a full disk for one, or where Ctrl-C comes while the sink is called, at any of its bytecodes. So its sinks here never
raise: they keep the first error, drop what comes behind it, and whoever writes asks for the error after each call;
signals wait until the call has returned.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.interrupts import SignalsHeld

__all__ = ["KeptErrors", "ParquetOutput"]


class KeptErrors(io.RawIOBase):
    """A sink for pyarrow whose `write` never raises; positions go on counting behind an error.

    It writes inside `calls` only. What a writer says at other times, when it is collected after an error for one, is
    dropped by a function that is no Python code, so no signal's handler can run in it.

    Args:
        write_at: Writes all of some bytes at a position.
    """

    write: Any  # `pa.PythonFile` looks it up for each call

    def __init__(self, write_at: Callable[[int, memoryview], object]) -> None:
        super().__init__()
        self._write_at = write_at
        self._position = 0
        self._error: BaseException | None = None
        self.write = len

    def writable(self) -> bool:
        return True

    @contextlib.contextmanager
    def calls(self) -> Iterator[None]:
        """Let the block's native calls write; signals are held until its end.

        Raises:
            OSError: A write failed, in this block or before.
            KeyboardInterrupt: Ctrl-C came meanwhile.
        """
        with SignalsHeld():
            self.write = self._keep
            try:
                yield
            finally:
                self.write = len
        if self._error is not None:
            raise self._error

    def _keep(self, content: Any, /) -> int:
        view = memoryview(content).cast("B")
        size = view.nbytes
        try:
            if self._error is None:
                self._write_at(self._position, view)
        except BaseException as error:  # noqa: BLE001 - raised at the end of `calls`
            self._error = error
        self._position += size
        return size


class ParquetOutput:
    """A Parquet file that is written row group by row group; as `pyarrow.parquet.ParquetWriter`, with its arguments.

    Left with an exception, the block leaves a file that is none yet.

    Args:
        target: The file to make, or an open one, which is not closed.
        schema: Of the tables.
        arguments: As `pyarrow.parquet.ParquetWriter` takes them.

    Raises:
        OSError: The file can't be made or written.

    Example:
        >>> import pyarrow as pa
        >>> import pyarrow.parquet as pq
        >>> from usr_core.api.arrow import ParquetOutput
        >>> table = pa.table({"id": ["p1", "p2"], "gc": [0.4, 0.55]})
        >>> with ParquetOutput(tmp_path / "gc.parquet", table.schema, compression="zstd") as output:
        ...     output.write_table(table, row_group_size=1)
        ...     output.add_key_value_metadata({"tool": "gc 1.0"})
        >>> pq.read_metadata(tmp_path / "gc.parquet").num_row_groups
        2
    """

    def __init__(self, target: Path | BinaryIO, schema: pa.Schema, **arguments: Any) -> None:
        self._owned = isinstance(target, Path)
        self._file = target.open("wb", buffering=0) if isinstance(target, Path) else target
        self._sink = KeptErrors(self._append)
        try:
            with self._sink.calls():
                self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), schema, **arguments)
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
        """Write row groups of at most `row_group_size` rows; signals wait until all are written."""
        with self._sink.calls():
            self._writer.write_table(table, row_group_size=row_group_size)

    def add_key_value_metadata(self, metadata: Mapping[str, str]) -> None:
        """Let the footer say this as well."""
        self._writer.add_key_value_metadata(metadata)

    def close(self) -> None:
        """Write the footer and close the file.

        Example:
            >>> import pyarrow as pa
            >>> import pyarrow.parquet as pq
            >>> from usr_core.api.arrow import ParquetOutput
            >>> output = ParquetOutput(tmp_path / "gc.parquet", pa.schema({"gc": pa.float64()}))
            >>> output.close()
            >>> pq.read_table(tmp_path / "gc.parquet").num_rows
            0
        """
        try:
            with self._sink.calls():
                self._writer.close()
        except BaseException:
            self.abandon()
            raise
        if self._owned:
            self._file.close()

    def abandon(self) -> None:
        """Close the file without a footer; harmless when repeated.

        Example:
            >>> import pyarrow as pa
            >>> from usr_core.api.arrow import ParquetOutput
            >>> output = ParquetOutput(tmp_path / "gc.parquet", pa.schema({"gc": pa.float64()}))
            >>> output.abandon()
            >>> (tmp_path / "gc.parquet").read_bytes()
            b'PAR1'
        """
        if self._owned:
            with contextlib.suppress(OSError):
                self._file.close()

    def _append(self, _: int, content: memoryview) -> None:
        while content:
            content = content[self._file.write(content) :]
