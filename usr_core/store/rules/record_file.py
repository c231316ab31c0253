"""Reading a file of records by a parser that knows a stream and not the file: opening, watching, and telling faults."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from usr_core.errors import visible
from usr_core.plugin.specs import ImportRequest, Opened
from usr_core.records.text_records import BadRecord
from usr_core.store.rules.errors import SourceFileError, SourceTruncated, SourceUnreadable
from usr_core.store.rules.source_file import open_source

__all__ = ["open_records", "read_record_file", "record_fault"]


def read_record_file(path: Path, parse: Callable[[BinaryIO], Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Yield what `parse` makes of the unpacked content.

    The file is unpacked by its last suffix, as `open_source` does.

    Raises:
        SourceUnreadable: A record can't be read; its row, name and line are told.
        SourceTruncated: The file ends too early.
        FileChanged: The file changed while it was read.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api.formats import read_record_file
        >>> def parse(stream):
        ...     yield pa.record_batch({"sequence": stream.read().decode().split()})
        >>> size = (tmp_path / "motifs.txt").write_text("TTGACA TATAAT")
        >>> [batch.to_pydict() for batch in read_record_file(tmp_path / "motifs.txt", parse)]
        [{'sequence': ['TTGACA', 'TATAAT']}]
    """
    with open_source(path) as source:
        with source.stream() as stream:
            try:
                for batch in parse(cast(BinaryIO, stream)):
                    source.check_unchanged()
                    yield batch
            except BadRecord as bad:
                source.check_unchanged()
                raise record_fault(path, bad) from bad
        source.check_unchanged()


def open_records(
    request: ImportRequest,
    columns: Sequence[str],
    parse: Callable[[BinaryIO, list[str], Callable[[str], None]], Iterator[pa.RecordBatch]],
) -> Opened:
    """Open a file of a format whose files all have the same columns.

    Args:
        request: The file, and the columns that are wanted.
        columns: Those of every file of the format.
        parse: Yields batches of a stream, given which of the columns are wanted, and what says a note about the file.

    Errors of the batches are those of `read_record_file`.

    Example:
        >>> import pyarrow as pa
        >>> from usr_core.api import ImportRequest
        >>> from usr_core.api.formats import open_records
        >>> def parse(stream, wanted, say):
        ...     yield pa.record_batch({name: stream.read().decode().split() for name in wanted})
        >>> size = (tmp_path / "motifs.txt").write_text("TTGACA TATAAT")
        >>> opened = open_records(ImportRequest(path=tmp_path / "motifs.txt"), ["sequence"], parse)
        >>> opened.columns, next(opened.batches).num_rows
        (['sequence'], 2)
    """
    wanted = [name for name in (columns if request.columns is None else request.columns) if name in columns]

    def say(note: str) -> None:
        print(f"{request.path}: {note}", file=sys.stderr)

    batches = read_record_file(request.path, lambda stream: parse(stream, wanted, say))
    return Opened(columns=columns, batches=batches)


def record_fault(path: Path, bad: BadRecord) -> SourceFileError:
    """Return the error for a record of a file."""
    kind = SourceTruncated if bad.cut_off else SourceUnreadable
    fault = kind(path, bad.reason, hint=bad.hint, row=bad.row, line=bad.line, value=bad.value)
    if bad.name is not None:
        fault.facts["record"] = visible(bad.name)
    return fault
