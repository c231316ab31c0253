"""FASTA files from batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult
from usr_core.api.arrow import bounded, string_parts, text_scalar
from usr_core.api.formats import HeaderColumns

__all__ = ["FastaExporter", "FastaOutput"]

_STEP_BYTES = 8 << 20
_FEW_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FastaOutput:
    """How a file is written.

    Attributes:
        name: The column of the names; by default ``fasta__name`` where there is one, and ``id`` where it is null.
        description: The column of what follows the name; by default ``fasta__description`` where there is one.
        width: Letters in a line; 0 writes a sequence on one line.
    """

    name: str | None = None
    description: str | None = None
    width: int = 60


class FastaExporter:
    """Writes a header and lines of letters for each record; other columns are left out."""

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write a record for each row; holds about 8 MiB of a batch as text at a time.

        Raises:
            UsrError: A column that is needed is not there or not text, or a name or description can't be written.
            OSError: Writing failed.
        """
        options = FastaOutput(**request.options)  # type: ignore[arg-type]  # the host has checked them
        chosen = HeaderColumns.chosen(request.schema, "FASTA", name=options.name, description=options.description)
        rows = 0
        with request.open() as file:
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                file.write(_text(batch, chosen.texts(batch, first_row=rows + 1), options.width))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _text(batch: pa.RecordBatch, headers: pa.Array, width: int) -> bytes:
    import pyarrow.compute as pc

    sequence = batch.column("sequence")
    lengths = np.diff(string_parts(sequence)[0])
    if width and len(lengths) and lengths.max() > width:
        sequence = _wrapped(sequence, width)
    lines = pc.binary_join_element_wise(
        text_scalar(">"), headers, text_scalar("\n"), sequence, text_scalar("\n"), text_scalar("")
    )
    return bytes(string_parts(lines)[1])


def _wrapped(sequences: pa.Array, width: int) -> pa.Array:
    """Return the sequences with a line feed behind every `width` letters, none at the end."""
    offsets, content = string_parts(sequences)
    texts = [_in_lines(content[start:stop], width) for start, stop in pairwise(offsets.tolist())]
    ends = np.zeros(len(texts) + 1, np.int32)
    np.cumsum([len(text) for text in texts], out=ends[1:])
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))])


def _in_lines(letters: memoryview, width: int) -> bytes:
    if len(letters) <= _FEW_LINES * width:
        return b"\n".join([letters[start : start + width] for start in range(0, len(letters), width)])
    count = (len(letters) - 1) // width
    full = np.empty((count, width + 1), np.uint8)
    full[:, :width] = np.frombuffer(letters, np.uint8, count * width).reshape(count, width)
    full[:, width] = ord("\n")
    return full.tobytes() + bytes(letters[count * width :])
