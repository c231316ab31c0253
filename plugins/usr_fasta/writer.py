"""FASTA files from batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from usr_core.api import ExportRequest, ExportResult, UsrError
from usr_core.api.arrow import bounded, string_parts, text_scalar

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

    def __init__(self, options: FastaOutput | None = None) -> None:
        self._options = options or FastaOutput()

    def write(self, request: ExportRequest, batches: Iterable[pa.RecordBatch]) -> ExportResult:
        """Write a record for each row; holds about 8 MiB of a batch as text at a time.

        Raises:
            UsrError: A column that is needed is not there or not text, or a name or description can't be written.
            OSError: Writing failed.
        """
        names, description = _chosen(request.schema, self._options)
        rows = 0
        with request.open() as file:
            for batch in bounded(iter(batches), limit=_STEP_BYTES):
                file.write(_text(batch, names, description, self._options.width, first_row=rows + 1))
                rows += batch.num_rows
            size = file.tell()
        return ExportResult(rows=rows, size_bytes=size)


def _chosen(schema: pa.Schema, options: FastaOutput) -> tuple[list[str], str | None]:
    """Return the columns that give a name, the first that has one counts, and that of the description."""
    given = [options.name] if options.name else [name for name in ("fasta__name", "id") if name in schema.names]
    description = options.description or ("fasta__description" if "fasta__description" in schema.names else None)
    for column in ["sequence", *(given or ["id"]), *([description] if description else [])]:
        if column not in schema.names:
            raise UsrError(f"FASTA needs the column {column}, which is not exported.", hint="Add it to --columns.")
        if not pa.types.is_string(schema.field(column).type):
            raise UsrError(
                f"FASTA holds text, and the column {column} is {schema.field(column).type}.",
                hint="Take a column of text for names and descriptions.",
                facts={"column": column},
            )
    return given, description


def _text(batch: pa.RecordBatch, names: list[str], description: str | None, width: int, *, first_row: int) -> bytes:
    import pyarrow.compute as pc

    name = pc.coalesce(*(batch.column(column) for column in names)) if len(names) > 1 else batch.column(names[0])
    _refuse(name, pc.fill_null(pc.match_substring_regex(name, r"^$|[\s]"), True), names[0], first_row)
    header = name
    if description is not None:
        rest = batch.column(description)
        bad = pc.match_substring_regex(rest, r"^[ \t\v\f]|[ \t\v\f]$|[\r\n]|^$")
        _refuse(rest, pc.fill_null(bad, False), description, first_row)
        spaced = pc.binary_join_element_wise(text_scalar(" "), rest, text_scalar(""))
        header = pc.binary_join_element_wise(name, pc.fill_null(spaced, ""), text_scalar(""))
    sequence = batch.column("sequence")
    lengths = np.diff(string_parts(sequence)[0])
    if width and len(lengths) and lengths.max() > width:
        sequence = _wrapped(sequence, width)
    lines = pc.binary_join_element_wise(
        text_scalar(">"), header, text_scalar("\n"), sequence, text_scalar("\n"), text_scalar("")
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


def _refuse(values: pa.Array, bad: pa.Array, column: str, first_row: int) -> None:
    """Refuse what would be read back as something else."""
    for index, is_bad in enumerate(bad.to_pylist() if bad.true_count else ()):
        if is_bad:
            value = values[index].as_py()
            raise UsrError(
                "A FASTA file can't hold this name or description: it would be read back as another.",
                hint="Names have no blanks in them, and descriptions are one line without blanks around it.",
                facts={"row": first_row + index, "column": column, "value": "null" if value is None else repr(value)},
            )
