"""How Parquet files of a dataset are written: codecs, dictionaries, row groups, Bloom filters, errors that stay errors.

zstd level 1 everywhere (higher levels gain nothing on hexadecimal digits and ACGT), except for columns
of floats, which do not compress: those are written plain. Dictionaries only where values repeat.
Content-defined chunking is on: it costs a fifth more encoding time (0.10 s per million records) and
nothing on the bytes an append copies, and it lets rsync find what did not change after a rewrite. Only where
a column holds seconds it is off: Parquet has none, and with chunking on, pyarrow 26 ends the process instead
of raising when a time is beyond the range of milliseconds.

pyarrow also ends the process (``Check failed: _s.ok()``, SIGABRT) where its sink raises below content-defined
chunking: on a full disk for one, or where Ctrl-C comes while the sink is called, at any of its bytecodes. So the sinks
here never raise: they keep the first error, drop what comes behind it, and whoever writes asks for the error after
each call; signals wait until the call has returned.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.interrupts import SignalsHeld

__all__ = [
    "BLOOM_FPP",
    "GROUP_BYTES",
    "GROUP_ROWS",
    "WIDE_GROUP_ROWS",
    "KeptErrors",
    "ParquetOutput",
    "WriteOptions",
    "float_paths",
    "row_group_rows",
    "write_options",
]

GROUP_ROWS = 131_072
WIDE_GROUP_ROWS = 65_536
GROUP_BYTES = 64 << 20
"""Decoded bytes, roughly, that a row group may reach before it is closed early."""

BLOOM_FPP = 0.001

_REPEATING = frozenset({"bio_type", "alphabet", "length", "source", "created_at"})
_WIDE_BYTES = 256
_VARIABLE_WIDTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Settings of one `pyarrow.parquet.ParquetWriter`.

    Attributes:
        bloom: The column that gets a Bloom filter, or None.
        rows_per_group: Rows a row group holds at most; also what the Bloom filters are sized for.
        compression: Codec by column path.
        dictionary: Column paths with a dictionary.
        statistics: Column paths with statistics; none of floats (ADR 0015).
        chunked_by_content: Whether pages end where the content says.
    """

    bloom: str | None
    rows_per_group: int
    compression: dict[str, str]
    dictionary: tuple[str, ...]
    statistics: tuple[str, ...]
    chunked_by_content: bool

    def writer_arguments(self, *, rows: int | None = None) -> dict[str, Any]:
        """Return the keyword arguments of ``ParquetWriter``.

        Args:
            rows: Rows that the writer's groups will hold where that is known and less than `rows_per_group`;
                a filter for ten rows then takes bytes, not 256 KiB.
        """
        distinct = min(self.rows_per_group, max(rows, 1)) if rows is not None else self.rows_per_group
        codecs = set(self.compression.values())
        return {
            "compression": codecs.pop() if len(codecs) == 1 else dict(self.compression),
            "compression_level": _levels(self.compression),
            "use_dictionary": list(self.dictionary) or False,
            "write_statistics": list(self.statistics) or False,
            "write_page_index": True,
            # Five per cent of encoding; `usr validate` finds a flipped bit by them.
            "write_page_checksum": True,
            "use_content_defined_chunking": self.chunked_by_content,
            "bloom_filter_options": {self.bloom: {"ndv": distinct, "fpp": BLOOM_FPP}} if self.bloom else None,
        }


def write_options(schema: pa.Schema, *, bloom: str | None, rows_per_group: int | None = None) -> WriteOptions:
    """Return how a file of this schema is written; for base files and overlay parts alike.

    Args:
        schema: The columns.
        bloom: The column with the Bloom filter: ``id`` in the base, the join key in an overlay.
        rows_per_group: As `row_group_rows` says where None.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.arrow import ParquetOutput, write_options
        >>> table = pa.table({"id": ["p1"], "lab__gc": [0.4]})
        >>> options = write_options(table.schema, bloom="id")
        >>> with ParquetOutput(tmp_path / "part.parquet", table.schema, **options.writer_arguments(rows=1)) as output:
        ...     output.write_table(table)
    """
    compression: dict[str, str] = {}
    dictionary: list[str] = []
    statistics: list[str] = []
    seconds = False
    for field in schema:
        for path, leaf, nested in _leaves(field.name, field.type, nested=False):
            dense = pa.types.is_floating(leaf) and nested
            seconds |= pa.types.is_timestamp(leaf) and leaf.unit == "s"
            compression[path] = "none" if dense else "zstd"
            if path in _REPEATING:
                dictionary.append(path)
            if path in _REPEATING or (not nested and _is_small(leaf)):
                statistics.append(path)
    return WriteOptions(
        bloom=bloom,
        rows_per_group=rows_per_group or row_group_rows(schema),
        compression=compression,
        dictionary=tuple(dictionary),
        statistics=tuple(statistics),
        chunked_by_content=not seconds,
    )


def float_paths(schema: pa.Schema) -> frozenset[str]:
    """Return the Parquet column paths that hold floats, those inside lists and structs included."""
    leaves = (leaf for field in schema for leaf in _leaves(field.name, field.type, nested=False))
    return frozenset(path for path, kind, _ in leaves if pa.types.is_floating(kind))


def row_group_rows(schema: pa.Schema) -> int:
    """Return how many rows of this schema a row group holds at most.

    131,072, halved beside wide vectors, and fewer where the types alone tell that it would be far above 64 MiB.
    Long sequences are bounded while writing, by the bytes that they really have.
    """
    width = sum(_width(field.type) for field in schema)
    rows = WIDE_GROUP_ROWS if any(_width(field.type) >= _WIDE_BYTES for field in schema) else GROUP_ROWS
    while rows > 1024 and rows * width > GROUP_BYTES * 5 // 4:
        rows //= 2
    return rows


def _levels(compression: dict[str, str]) -> int | dict[str, int] | None:
    zstd = [path for path, codec in compression.items() if codec == "zstd"]
    if len(zstd) == len(compression):
        return 1
    return dict.fromkeys(zstd, 1) or None


def _is_small(leaf: pa.DataType) -> bool:
    """Tell whether minimum and maximum of a column cost little and may let a reader skip a row group.

    Those of floats leave NaN out, and readers (DuckDB, DataFusion) then skip the groups that hold it.
    """
    return bool(pa.types.is_primitive(leaf) and not pa.types.is_floating(leaf))


def _leaves(path: str, type_: pa.DataType, *, nested: bool) -> list[tuple[str, pa.DataType, bool]]:
    """Return the Parquet column paths below a column, with the Arrow type of each."""
    if pa.types.is_struct(type_):
        found: list[tuple[str, pa.DataType, bool]] = []
        for index in range(type_.num_fields):
            child = type_.field(index)
            found.extend(_leaves(f"{path}.{child.name}", child.type, nested=True))
        return found
    if pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        return _leaves(f"{path}.list.element", type_.value_type, nested=True)
    return [(path, type_, nested)]


def _width(type_: pa.DataType) -> int:
    """Return the bytes that one value takes, as far as the type alone says."""
    if pa.types.is_fixed_size_list(type_):
        return int(type_.list_size) * _width(type_.value_type)
    if pa.types.is_struct(type_):
        return sum(_width(type_.field(index).type) for index in range(type_.num_fields))
    try:
        return max(1, int(type_.bit_width) // 8)
    except ValueError:
        return _VARIABLE_WIDTH


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
