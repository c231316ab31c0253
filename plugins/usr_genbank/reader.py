"""The importer of GenBank and EMBL files."""

from __future__ import annotations

from usr_core.api import ImportRequest, Opened
from usr_core.api.formats import open_records
from usr_genbank.parser import GenbankOptions, parse_genbank
from usr_genbank.record import COLUMNS

__all__ = ["GenbankImporter"]


class GenbankImporter:
    """Reads GenBank and EMBL: what is said of a record, its features, and its letters."""

    def open(self, request: ImportRequest) -> Opened:
        """Open a file; every such file has the same columns, in their own types.

        Raises:
            SourceUnreadable: A record can't be read, or has no letters; the file is a web page, or text of another
                encoding. Row, line and the record's name are told.
            SourceTruncated: The last record has no end, or its compressed stream is cut off.
            FileChanged: The file changed while it was read.

        Holds about `ImportRequest.batch_bytes`, or a few times the longest record.
        """
        options = GenbankOptions(**request.options)  # type: ignore[arg-type]  # the host has checked them
        size = request.batch_bytes
        return open_records(
            request,
            COLUMNS,
            lambda stream, wanted, say: parse_genbank(stream, options, columns=wanted, batch_bytes=size, say=say),
        )
