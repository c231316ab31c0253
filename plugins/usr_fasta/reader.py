"""The importer of FASTA files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pyarrow as pa

from usr_core.api import ImportRequest
from usr_core.api.formats import read_record_file
from usr_fasta.parser import COLUMNS, FastaOptions, parse_fasta

__all__ = ["FastaImporter"]

_CHUNK_BYTES = 1 << 20
"""More at a time costs more: what a chunk is turned into then leaves the processor's cache."""


class FastaImporter:
    """Reads FASTA: names and descriptions as written, letters without blanks and line ends.

    Args:
        options: How files are read.
    """

    def __init__(self, options: FastaOptions | None = None) -> None:
        self._options = options or FastaOptions()

    def columns(self, request: ImportRequest) -> Sequence[str]:
        """Return what every FASTA file has; reads nothing."""
        return COLUMNS

    def read(self, request: ImportRequest) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns as text.

        Raises:
            SourceUnreadable: There is text before the first record, a record without letters, a ``>`` inside a line
                of letters, or text of another encoding; row, line and the record's name are told.
            SourceTruncated: Its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds about `ImportRequest.batch_bytes`, or the longest record.
        """
        chosen = COLUMNS if request.columns is None else [name for name in request.columns if name in COLUMNS]
        return read_record_file(
            request.path,
            lambda stream: parse_fasta(
                stream,
                self._options,
                columns=chosen,
                batch_bytes=min(_CHUNK_BYTES, request.batch_bytes),
                say=lambda note: print(f"{request.path}: {note}", file=sys.stderr),
            ),
        )
