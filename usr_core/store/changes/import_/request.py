"""What an import is asked for, before anything is read: the files and how they are opened, or records as mappings."""

from __future__ import annotations

import contextlib
import numbers
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

from usr_core.errors import ExitCode, UsrError, visible
from usr_core.plugin.specs import ImporterSpec, ImportRequest, Opened
from usr_core.records.arrays import text_array
from usr_core.store.rules.columns import IMPORT_COLUMNS
from usr_core.store.rules.errors import RecordsExpected, RowWithoutSequence, SourceUnreadable
from usr_core.store.rules.source_file import check_source

if TYPE_CHECKING:
    from usr_core.store.changes.import_.records import ImportSource

__all__ = [
    "ImportRequestInvalid",
    "batches_of_rows",
    "check_request",
    "checked_rows",
    "columns_of_rows",
    "file_source",
    "opening",
    "own_namespace",
    "rows_source",
    "spooled",
]

_RECORDS_HINT = "Give a mapping a record, in a list: add_sequences([{'sequence': 'ACGT'}])."
_ROWS = 65_536
_CHARACTERS = 64 << 20
_Rows = Sequence[Mapping[str, object]]


def checked_rows(rows: object) -> list[Mapping[str, object]]:
    """Return the records that were handed over, in order.

    Raises:
        RecordsExpected: `rows` are not mappings with names as keys, but a text, a table or a single mapping.
    """
    kind = type(rows).__name__
    if hasattr(rows, "__arrow_c_stream__"):
        to_rows = "to_dict('records')" if hasattr(rows, "iterrows") else "to_pylist()"
        to_rows = "to_dicts()" if hasattr(rows, "to_dicts") else to_rows
        raise RecordsExpected(f"this is a {kind}", hint=f"Give its rows: add_sequences(table.{to_rows}).")
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise RecordsExpected(f"this is a {kind}", hint=_RECORDS_HINT, value=rows)
    held = list(rows)
    for number, row in enumerate(held, start=1):
        fault = "" if isinstance(row, Mapping) else f"is a {type(row).__name__}"
        if not fault and not all(isinstance(name, str) for name in row):
            fault = "has a key that is not text"
        if fault:
            raise RecordsExpected(f"record {number} {fault}", hint=_RECORDS_HINT, row=number, value=row)
    return held


def columns_of_rows(rows: _Rows) -> list[str]:
    """Return the names that occur, in order of appearance; ``sequence`` even where there are no rows."""
    return list(dict.fromkeys(name for row in rows for name in row)) or ["sequence"]


def batches_of_rows(rows: _Rows, wanted: Sequence[str], *, label: str) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns as text; a time becomes RFC 3339, and a ``length`` may be a number.

    Raises:
        RowWithoutSequence: A value is not text.
    """
    for start, stop in _chunks(rows):
        part = rows[start:stop]
        columns = [
            text_array([_text(row.get(name), label, start + index + 1, name) for index, row in enumerate(part)])
            for name in wanted
        ]
        yield pa.RecordBatch.from_arrays(columns, names=list(wanted))


def _chunks(rows: _Rows) -> Iterator[tuple[int, int]]:
    """Yield bounds of chunks, each of so many rows or so much text at most, or of one row."""
    start = size = 0
    for stop, row in enumerate(rows):
        letters = sum(len(value) for value in row.values() if isinstance(value, str))
        if stop > start and (stop - start >= _ROWS or size + letters > _CHARACTERS):
            yield start, stop
            start, size = stop, 0
        size += letters
    if start < len(rows):
        yield start, len(rows)


def _text(value: object, label: str, row: int, column: str) -> str | None:
    if value is None:
        return value
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise RowWithoutSequence(label=label, row=row, column=column, value=value, reason="is not Unicode text")
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if column == "length" and isinstance(value, numbers.Real) and not isinstance(value, bool):
        return str(value)
    raise RowWithoutSequence(label=label, row=row, column=column, value=value, reason="is not text")


_STREAM = "-"
Opener = Callable[[Sequence[str], Mapping[str, pa.DataType]], Opened]


class ImportRequestInvalid(UsrError, ValueError):
    """What is asked of an import contradicts itself, or can't be meant."""

    code = "USR-IMPORT-200"
    exit_code = ExitCode.USAGE


class _Opens(Protocol):
    """What `usr_core.plugin.importing.HostedImporter` does here."""

    @property
    def spec(self) -> ImporterSpec: ...

    def open(self, request: ImportRequest) -> Opened: ...


@contextlib.contextmanager
def spooled(given: str | Path | BinaryIO) -> Iterator[tuple[Path, str]]:
    """Yield the path of a file, and the name that it has in messages and in the event.

    What can't be looked at twice, such as standard input, is copied to a temporary file first, which lasts as long as
    the block: a slow pipe so holds no lock.
    """
    if isinstance(given, (str, Path)):
        yield Path(given), str(given)
        return
    with tempfile.TemporaryDirectory(prefix="usr-input-") as folder:
        path = Path(folder) / "input"
        with path.open("wb") as file:
            shutil.copyfileobj(given, file, 1 << 20)
        try:
            yield path, _STREAM
        except UsrError as error:
            if error.facts.get("file") in (str(path), path.name):
                error.facts["file"] = _STREAM
            raise


def check_request(paths: Sequence[object], *, keep: str | None, bare: bool, mapping: Mapping[str, str]) -> None:
    """Refuse what can't be meant.

    Raises:
        ImportRequestInvalid: There is no file, or one comes twice; values are to be kept and not to be kept; or the
            mapping is for a column that a record does not have, or takes one column for two.
    """
    if not paths:
        raise ImportRequestInvalid("No file was named.", hint="Name at least one file.")
    repeated = next((path for path in paths if paths.count(path) > 1), None)
    if repeated is not None:
        raise ImportRequestInvalid(
            "A file is named twice.", hint="Name each file once.", facts={"file": visible(str(repeated))}
        )
    if keep is not None and bare:
        raise ImportRequestInvalid(
            "Columns are to be kept, and nothing is to be kept.", hint="Leave out --bare or --keep."
        )
    for column, name in mapping.items():
        if column not in IMPORT_COLUMNS:
            raise ImportRequestInvalid(
                f"A record has no column {visible(column)!r}.",
                hint=f"Map one of {', '.join(IMPORT_COLUMNS)}; other columns are kept by --keep NS.",
                facts={"column": visible(column), "value": visible(name)},
            )
        if list(mapping.values()).count(name) > 1:
            raise ImportRequestInvalid(
                f"The column {visible(name)!r} is mapped twice.",
                hint="Map each column of the file to one column of a record.",
                facts={"column": visible(name)},
            )


def own_namespace(specs: Sequence[ImporterSpec]) -> str | None:
    """Return the namespace that importers keep their further columns in by default; None where they have none.

    Raises:
        ImportRequestInvalid: Not all have the same: an import keeps the columns of one namespace, and names or features
            would be lost.
    """
    names = {spec.namespace for spec in specs}
    if len(names) > 1:
        formats = ", ".join(sorted({spec.name for spec in specs}))
        raise ImportRequestInvalid(
            "The files are of formats that don't keep their columns in one namespace.",
            hint="Import the files of each format by a command of their own, or keep none of these columns: --bare.",
            facts={"formats": formats},
        )
    return names.pop() if names else None


def opening(importer: _Opens, path: Path, options: Mapping[str, object], *, parse_json: bool = True) -> Opener:
    """Return what opens a file for an import or an attachment; an empty one is refused for importers of any origin."""

    def open_file(wanted: Sequence[str], types: Mapping[str, pa.DataType]) -> Opened:
        check_source(path)
        return importer.open(
            ImportRequest(path=path, columns=tuple(wanted), types=types, parse_json=parse_json, options=options)
        )

    return open_file


def file_source(importer: _Opens, path: Path, options: Mapping[str, object], *, label: str) -> ImportSource:
    """Return a file as a source of records; one of a format of sequences is refused if it holds none."""
    from usr_core.store.changes.import_.records import ImportSource

    opens = opening(importer, path, options)

    def open_records(wanted: Sequence[str], types: Mapping[str, pa.DataType]) -> Opened:
        opened = opens(wanted, types)
        return Opened(columns=opened.columns, batches=_some_records(opened.batches, path))

    return ImportSource(label=label, open=opens if importer.spec.namespace is None else open_records)


def _some_records(batches: Iterator[pa.RecordBatch], path: Path) -> Iterator[pa.RecordBatch]:
    empty = True
    for batch in batches:
        empty = empty and not batch.num_rows
        yield batch
    if empty:
        hint = "Check that it is the right file; blank lines and comments do not count as records."
        raise SourceUnreadable(path, "The file holds no record.", hint=hint)


def rows_source(rows: Sequence[Mapping[str, object]], *, label: str) -> ImportSource:
    """Return records from memory as a source."""
    from usr_core.store.changes.import_.records import ImportSource

    present = columns_of_rows(rows)

    def open_rows(wanted: Sequence[str], _: object) -> Opened:
        columns = [name for name in present if name in wanted]
        return Opened(columns=present, batches=batches_of_rows(rows, columns, label=label))

    return ImportSource(label=label, open=open_rows)
