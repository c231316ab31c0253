"""FASTQ files from batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult, UsrError
from usr_core.api.arrow import boolean_array, bounded, string_parts, text_scalar
from usr_core.api.formats import HeaderColumns

__all__ = ["FastqExporter", "FastqOutput"]

_STEP_BYTES = 8 << 20
_QUALITY = "fastq__quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class FastqOutput:
    """How a file is written.

    Attributes:
        name: The column of the names; by default ``fastq__name`` where there is one, and ``id`` where it is null.
        description: The column of what follows the name; by default ``fastq__description`` where there is one.
    """

    name: str | None = None
    description: str | None = None


class FastqExporter:
    """Writes four lines for each record, with the qualities of ``fastq__quality``; other columns are left out."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write a record for each row; holds about 8 MiB of a batch as text at a time.

        Raises:
            UsrError: A column that is needed is not there or not text, a name or description can't be written, or a
                record has not as many qualities as letters.
            OSError: Writing failed.
        """
        options = FastqOutput(**request.options)  # type: ignore[arg-type]  # the host has checked them
        chosen = HeaderColumns.chosen(
            request.schema,
            "FASTQ",
            name=options.name,
            description=options.description,
            further=[_QUALITY],
        )
        rows = 0
        with request.open() as file:
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                _refuse_wrong_qualities(batch, first_row=rows + 1)
                file.write(_text(batch, chosen.texts(batch, first_row=rows + 1)))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _text(batch: pa.RecordBatch, headers: pa.Array) -> bytes:
    import pyarrow.compute as pc

    end = text_scalar("\n")
    lines = pc.binary_join_element_wise(
        text_scalar("@"),
        headers,
        end,
        batch.column("sequence"),
        text_scalar("\n+\n"),
        batch.column(_QUALITY),
        end,
        text_scalar(""),
    )
    return bytes(string_parts(lines)[1])


def _refuse_wrong_qualities(batch: pa.RecordBatch, *, first_row: int) -> None:
    import pyarrow.compute as pc

    sequence, quality = batch.column("sequence"), batch.column(_QUALITY)
    good = pc.and_(
        pc.equal(pc.binary_length(sequence), pc.binary_length(quality)),
        pc.match_substring_regex(quality, "^[!-~]+$"),
    )
    good = pc.coalesce(good, boolean_array(np.zeros(1, np.bool_))[0])
    if good.false_count:
        index = good.index(False).as_py()
        value = quality[index].as_py()
        raise UsrError(
            "FASTQ needs a quality for each letter, and this record has other qualities or none.",
            hint="Export records that have fastq__quality, as many characters from ! to ~ as letters; or use FASTA.",
            facts={"row": first_row + index, "column": _QUALITY, "value": "null" if value is None else repr(value)},
        )
