"""The importer of FASTA files."""

from __future__ import annotations

from usr_core.api import ImportRequest, Opened
from usr_core.api.formats import HeaderOptions, open_records
from usr_fasta.parser import COLUMNS, parse_fasta

__all__ = ["FastaImporter"]

_CHUNK_BYTES = 1 << 20
"""More at a time costs more: what a chunk is turned into then leaves the processor's cache."""


class FastaImporter:
    """Reads FASTA: names and descriptions as written, letters without blanks and line ends."""

    def open(self, request: ImportRequest) -> Opened:
        """Open a file; every FASTA file has the same columns, all of them text.

        Raises:
            SourceUnreadable: There is text before the first record, a record without letters, a ``>`` inside a line
                of letters, or text of another encoding; row, line and the record's name are told.
            SourceTruncated: Its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds about `ImportRequest.batch_bytes`, or the longest record.
        """
        options = HeaderOptions(**request.options)  # type: ignore[arg-type]  # the host has checked them
        size = min(_CHUNK_BYTES, request.batch_bytes)
        return open_records(
            request,
            COLUMNS,
            lambda stream, wanted, say: parse_fasta(stream, options, columns=wanted, batch_bytes=size, say=say),
        )
