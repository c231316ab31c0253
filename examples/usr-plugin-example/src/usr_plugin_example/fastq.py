"""FASTQ files as batches: names, sequences and qualities."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Sequence

import pyarrow as pa

from usr_core.api import ImportRequest, SourceFile, open_source
from usr_plugin_example.errors import BadFastq

__all__ = ["COLUMNS", "FastqImporter"]

COLUMNS = ("name", "sequence", "quality")


class FastqImporter:
    """Reads FASTQ with four lines a record, also below ``.gz`` and ``.zst``."""

    def columns(self, request: ImportRequest) -> Sequence[str]:
        """Return the columns, which are those of every FASTQ file."""
        return COLUMNS

    def read(self, request: ImportRequest) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns as text, about `ImportRequest.batch_bytes` at a time.

        Raises:
            BadFastq: A record breaks the format; file and row are told.
            SourceFileError: The file can't be read, or changed meanwhile.
        """
        wanted = [name for name in COLUMNS if request.columns is None or name in request.columns]
        with open_source(request.path) as source:
            held: list[tuple[str, str, str]] = []
            size = 0
            for record in _records(source):
                held.append(record)
                size += sum(map(len, record))
                if size >= request.batch_bytes:
                    source.check_unchanged()
                    yield _batch(held, wanted)
                    held, size = [], 0
            source.check_unchanged()
            if held:
                yield _batch(held, wanted)


def _records(source: SourceFile) -> Iterator[tuple[str, str, str]]:
    lines = (line.rstrip("\r\n") for line in io.TextIOWrapper(io.BufferedReader(source.stream()), encoding="utf-8"))
    row = 0
    try:
        # The lines of a record come from one iterator; what is missing at the file's end is empty.
        for row, (head, sequence, plus, quality) in enumerate(
            itertools.zip_longest(lines, lines, lines, lines, fillvalue=""), start=1
        ):
            if not head.startswith("@") or not plus.startswith("+"):
                raise BadFastq(
                    path=source.path, reason="The record does not begin with @name, a sequence and +.", row=row
                )
            if len(sequence) != len(quality):
                raise BadFastq(
                    path=source.path, reason=f"There are {len(quality)} qualities for {len(sequence)} letters.", row=row
                )
            yield head[1:], sequence, quality
    except UnicodeDecodeError as error:
        raise BadFastq(path=source.path, reason=f"The file is not text: {error.reason}.", row=row + 1) from error


def _batch(records: Sequence[tuple[str, str, str]], names: Sequence[str]) -> pa.RecordBatch:
    cells = {name: [record[index] for record in records] for index, name in enumerate(COLUMNS)}
    return pa.record_batch({name: pa.array(cells[name], pa.string()) for name in names})
