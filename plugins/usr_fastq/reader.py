"""The importer of FASTQ files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import pyarrow as pa

from usr_core.api import ImportRequest
from usr_core.api.formats import read_record_file
from usr_fastq.parser import COLUMNS, FastqOptions, parse_fastq

__all__ = ["FastqImporter"]

_CHUNK_BYTES = 1 << 20
"""More at a time costs more: what a chunk is turned into then leaves the processor's cache."""


class FastqImporter:
    """Reads FASTQ: names, descriptions and qualities as written, letters without blanks.

    Args:
        options: How files are read.
    """

    def __init__(self, options: FastqOptions | None = None) -> None:
        self._options = options or FastqOptions()

    def columns(self, request: ImportRequest) -> Sequence[str]:
        """Return what every FASTQ file has; reads nothing."""
        return COLUMNS

    def read(self, request: ImportRequest) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns: text, and ``fastq__mean_error`` as float32.

        Raises:
            SourceUnreadable: A record is not FASTQ, has no letters, or other than a quality for each; the name behind
                ``+`` is another; the text has another encoding. Row, line and the record's name are told.
            SourceTruncated: The file ends inside a record, or its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds about `ImportRequest.batch_bytes`, or twice the longest record.
        """
        chosen = COLUMNS if request.columns is None else [name for name in request.columns if name in COLUMNS]
        return read_record_file(
            request.path,
            lambda stream: parse_fastq(
                stream,
                self._options,
                columns=chosen,
                batch_bytes=min(_CHUNK_BYTES, request.batch_bytes),
                say=lambda note: print(f"{request.path}: {note}", file=sys.stderr),
            ),
        )
