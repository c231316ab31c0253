"""What an import is asked for, before anything is read: the files and how they are opened."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import pyarrow as pa

from usr_core.errors import ExitCode, UsrError, visible
from usr_core.plugin.specs import ImporterSpec, ImportRequest, Opened
from usr_core.store.changes.import_.records import ImportSource
from usr_core.store.rules.columns import IMPORT_COLUMNS
from usr_core.store.rules.mappings import batches_of_rows, columns_of_rows

__all__ = ["ImportRequestInvalid", "check_request", "file_source", "opening", "own_namespace", "rows_source", "spooled"]

_STREAM = "-"
Opener = Callable[[Sequence[str], Mapping[str, pa.DataType]], Opened]


class ImportRequestInvalid(UsrError, ValueError):
    """What is asked of an import contradicts itself, or can't be meant."""

    code = "USR-IMPORT-200"
    exit_code = ExitCode.USAGE


class _Opens(Protocol):
    """What `usr_core.plugin.importing.HostedImporter` does here."""

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
    """Return the namespace that importers keep their further columns in by default; one for all, else None."""
    names = {spec.namespace for spec in specs}
    return names.pop() if len(names) == 1 else None


def opening(importer: _Opens, path: Path, options: Mapping[str, object], *, parse_json: bool = True) -> Opener:
    """Return what opens a file for an import or an attachment."""

    def open_file(wanted: Sequence[str], types: Mapping[str, pa.DataType]) -> Opened:
        return importer.open(
            ImportRequest(path=path, columns=tuple(wanted), types=types, parse_json=parse_json, options=options)
        )

    return open_file


def file_source(importer: _Opens, path: Path, options: Mapping[str, object], *, label: str) -> ImportSource:
    """Return a file as a source of records."""
    return ImportSource(label=label, open=opening(importer, path, options))


def rows_source(rows: Sequence[Mapping[str, object]], *, label: str) -> ImportSource:
    """Return records from memory as a source."""
    present = columns_of_rows(rows)

    def open_rows(wanted: Sequence[str], _: object) -> Opened:
        columns = [name for name in present if name in wanted]
        return Opened(columns=present, batches=batches_of_rows(rows, columns, label=label))

    return ImportSource(label=label, open=open_rows)
