"""Parquet files as they are read: held open (one descriptor, one footer, many readers); what the footer of a base says.

Readers must open every file before they look whether the dataset changed meanwhile, and may then
read for long. So the descriptor is kept here, and each thread takes a reader of its own over it
(positioned reads share a descriptor safely; one reader must not be used by two threads at once).
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.fs.errors import file_system_error
from usr_core.fs.files import refuse_special
from usr_core.store.errors import BaseUnreadable

if TYPE_CHECKING:
    from usr_core.events.event import BaseCounts, Fingerprint

__all__ = [
    "BUFFER_BYTES",
    "BaseFacts",
    "OpenParquet",
    "allow_descriptors",
    "footer_bytes",
    "read_base_facts",
    "usr_metadata",
]

BUFFER_BYTES = 1 << 20
"""What a buffered reader fetches at a time, where whole column chunks would be too much memory."""

_INT96 = "us"
"""The unit in which the old INT96 times are read: nanoseconds would wrap beyond 1677 and 2262."""
_SPARE_DESCRIPTORS = 64


@dataclass(frozen=True, slots=True)
class OpenParquet:
    """An open Parquet file.

    Attributes:
        path: Where it was opened. The name may be gone or taken since; the content stays readable.
        handle: The descriptor.
        file: A reader over the whole file, with the footer; for one thread.
        schema: The file's Arrow schema.
        cut_from: The rows of the whole file where only the first ones count, as its footer here says, and the one in
            the file does not.
    """

    path: Path
    handle: pa.OSFile
    file: pq.ParquetFile
    schema: pa.Schema
    cut_from: int | None = None

    @classmethod
    def open(cls, path: Path, *, rows: int | None = None) -> OpenParquet:
        """Open `path` and read its footer.

        Args:
            path: The file.
            rows: Take its first rows only, so many of them.

        Raises:
            SpecialFile: A FIFO, socket or device has the name.
            OSError: The file can't be opened or read.
            pa.ArrowException: The file is not a whole Parquet file, or its schema has no Arrow counterpart.
        """
        refuse_special(path)
        handle = pa.OSFile(os.fspath(path), "rb")
        try:
            file = cls.whole(handle)
            found = cls(path, handle, file, file.schema_arrow)
            return found if rows in (None, found.rows) else found.first_rows(rows or 0)
        except BaseException:
            handle.close()
            raise

    @staticmethod
    def whole(handle: pa.OSFile) -> pq.ParquetFile:
        """Return a reader over an open file, whose footer is read."""
        return pq.ParquetFile(handle, pre_buffer=False, coerce_int96_timestamp_unit=_INT96)

    @property
    def size_bytes(self) -> int:
        """Bytes of the file."""
        return int(self.handle.size())

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return int(self.file.metadata.num_rows)

    def reader(self, *, buffered: int = 0) -> pq.ParquetFile:
        """Return a new reader over the same descriptor.

        Args:
            buffered: Bytes to fetch at a time; 0 fetches whole column chunks, which is faster and takes their
                compressed size in memory.
        """
        return pq.ParquetFile(
            self.handle,
            metadata=self.file.metadata,
            pre_buffer=False,
            buffer_size=buffered,
            coerce_int96_timestamp_unit=_INT96,
        )

    def first_rows(self, rows: int) -> OpenParquet:
        """Return the file as one of its first `rows` rows only; the descriptor is shared.

        Raises:
            ValueError: It has fewer.
        """
        from usr_core.store.base.first_rows import footer_of_first_rows  # readers of all rows need none of it

        metadata = footer_of_first_rows(footer_bytes(self.handle), rows)
        file = pq.ParquetFile(self.handle, metadata=metadata, pre_buffer=False, coerce_int96_timestamp_unit=_INT96)
        return OpenParquet(self.path, self.handle, file, file.schema_arrow, cut_from=self.rows)

    def column_bytes(self, columns: frozenset[str]) -> int:
        """Return the uncompressed bytes of `columns` (top-level names) in the whole file."""
        metadata, total = self.file.metadata, 0
        for index in _leaves(metadata, columns):
            for group in range(metadata.num_row_groups):
                total += metadata.row_group(group).column(index).total_uncompressed_size
        return total

    def largest_chunk(self, columns: frozenset[str]) -> int:
        """Return the compressed bytes of the largest column chunk among `columns`."""
        metadata = self.file.metadata
        return max(
            (
                metadata.row_group(group).column(index).total_compressed_size
                for index in _leaves(metadata, columns)
                for group in range(metadata.num_row_groups)
            ),
            default=0,
        )

    def close(self) -> None:
        """Give the descriptor back; readers over it must not be used any more."""
        self.file.close(force=True)
        self.handle.close()


def footer_bytes(handle: pa.NativeFile) -> bytes:
    """Return the bytes of a Parquet file's footer, which says where every page is; the library has opened the file."""
    size = handle.size()
    length = int.from_bytes(handle.read_at(8, size - 8)[:4], "little")
    return bytes(handle.read_at(length, size - 8 - length))


def allow_descriptors(count: int) -> None:
    """Raise this process's soft limit of open files so that `count` more fit, as far as the hard limit lets it.

    What the hard limit forbids shows as EMFILE when a file is opened.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or count + _SPARE_DESCRIPTORS < soft // 2:
        return
    wanted = soft + count + _SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _leaves(metadata: pq.FileMetaData, columns: frozenset[str]) -> list[int]:
    schema = metadata.schema
    return [index for index in range(metadata.num_columns) if schema.column(index).path.split(".", 1)[0] in columns]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFacts:
    """The footer of one base file.

    Attributes:
        rows: Records, deleted ones included.
        schema: Arrow schema without metadata.
        metadata: The ``usr:…`` keys and values.
        bio_types: The least and the greatest bio_type of each row group, as its statistics tell, sorted.
        size_bytes: Size of the file.
    """

    rows: int
    schema: pa.Schema
    metadata: Mapping[str, str]
    size_bytes: int
    bio_types: tuple[str, ...] = ()

    def fingerprint(self, content: Path | None = None) -> Fingerprint:
        """Return the fingerprint an event carries, with the sha256 of `content` where one is given."""
        return self.counts.fingerprint(content)

    @property
    def counts(self) -> BaseCounts:
        """Its rows, columns and bytes."""
        from usr_core.events.event import BaseCounts

        return BaseCounts(self.rows, len(self.schema), self.size_bytes)


def read_base_facts(path: Path) -> BaseFacts:
    """Read the footer of a base file.

    Raises:
        BaseUnreadable: The file is not a whole Parquet file.
        SpecialFile: A FIFO, socket or device has the name.
    """
    try:
        refuse_special(path)
        with pq.ParquetFile(path) as file:
            schema, rows, kinds = file.schema_arrow, file.metadata.num_rows, _bio_types(file.metadata)
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a footer's name is not UTF-8
        if isinstance(error, FileNotFoundError):
            raise
        if isinstance(error, OSError) and error.errno is not None:
            raise file_system_error(error, path, "read the records") from error
        raise BaseUnreadable(path, error) from error
    return BaseFacts(
        bio_types=kinds,
        rows=rows,
        schema=schema.remove_metadata(),
        metadata=usr_metadata(schema),
        size_bytes=path.stat().st_size,
    )


def _bio_types(metadata: pq.FileMetaData) -> tuple[str, ...]:
    found: set[str] = set()
    names = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    if "bio_type" in names:
        column = names.index("bio_type")
        for group in range(metadata.num_row_groups):
            statistics = metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                found.update((str(statistics.min), str(statistics.max)))
    return tuple(sorted(found))


def usr_metadata(schema: pa.Schema) -> dict[str, str]:
    """Return the ``usr:…`` key/value metadata of a schema."""
    found = schema.metadata or {}
    ours = {key: value for key, value in found.items() if key.startswith(b"usr:")}
    return {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in ours.items()}
