"""A Parquet file held open: one descriptor, one footer, any number of readers.

Readers must open every file before they look whether the dataset changed meanwhile, and may then
read for long. So the descriptor is kept here, and each thread takes a reader of its own over it
(positioned reads share a descriptor safely; one reader must not be used by two threads at once).
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.fs.regular import refuse_special

__all__ = ["BUFFER_BYTES", "OpenParquet", "allow_descriptors"]

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
    """

    path: Path
    handle: pa.OSFile
    file: pq.ParquetFile
    schema: pa.Schema

    @classmethod
    def open(cls, path: Path) -> OpenParquet:
        """Open `path` and read its footer.

        Raises:
            SpecialFile: A FIFO, socket or device has the name.
            OSError: The file can't be opened or read.
            pa.ArrowException: The file is not a whole Parquet file, or its schema has no Arrow counterpart.
        """
        refuse_special(path)
        handle = pa.OSFile(os.fspath(path), "rb")
        try:
            file = pq.ParquetFile(handle, pre_buffer=False, coerce_int96_timestamp_unit=_INT96)
            return cls(path, handle, file, file.schema_arrow)
        except BaseException:
            handle.close()
            raise

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
