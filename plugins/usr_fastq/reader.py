"""The importer of FASTQ files."""

from __future__ import annotations

from usr_core.api import ImportRequest, Opened
from usr_core.api.formats import HeaderOptions, open_records
from usr_fastq.parser import COLUMNS, parse_fastq

__all__ = ["FastqImporter"]

_CHUNK_BYTES = 1 << 20
"""More at a time costs more: what a chunk is turned into then leaves the processor's cache."""


class FastqImporter:
    """Reads FASTQ: names, descriptions and qualities as written, letters without blanks."""

    def open(self, request: ImportRequest) -> Opened:
        """Open a file; every FASTQ file has the same columns: text, and ``fastq__mean_error`` as float32.

        Raises:
            SourceUnreadable: A record is not FASTQ, has no letters, or other than a quality for each; the name behind
                ``+`` is another; the text has another encoding. Row, line and the record's name are told.
            SourceTruncated: The file ends inside a record, or its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds about `ImportRequest.batch_bytes`, or twice the longest record.
        """
        options = HeaderOptions(**request.options)  # type: ignore[arg-type]  # the host has checked them
        size = min(_CHUNK_BYTES, request.batch_bytes)
        return open_records(
            request,
            COLUMNS,
            lambda stream, wanted, say: parse_fastq(stream, options, columns=wanted, batch_bytes=size, say=say),
        )
