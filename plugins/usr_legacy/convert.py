"""Old exports to a dataset: records and the values of a namespace, in one change, all or none.

It is a writer session that is given everything in one call, so records and values come together in one event,
`convert_legacy`. All rows are held in memory.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from usr_core.api import UsrError
from usr_legacy.errors import DuplicateLegacyRecord, LegacyRowInvalid
from usr_legacy.rows import LegacyRow, LegacyRows, Naming, read_rows

if TYPE_CHECKING:
    from usr_core.api import Dataset

__all__ = ["ConvertOptions", "ConvertOutcome", "convert"]

_FOR_GOOD = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """How old rows become records.

    Attributes:
        namespace: The one whose columns get the values; where it is not registered, values are left out.
        renamed: Old column names to new ones.
        bio_type, alphabet: For rows without one.
        on_duplicate: ``skip`` leaves out records that are there, or came before, and counts them.
        dry_run: Check everything, and change nothing: the rows go into a dataset that stands in for this one.
    """

    namespace: str = "densegen"
    renamed: Mapping[str, str]
    bio_type: str = "dna"
    alphabet: str | None = None
    on_duplicate: Literal["error", "skip"] = "error"
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOutcome:
    """What was converted; `columns` are the namespace's that got values, `ignored` the old names left out."""

    rows_read: int
    added: int
    skipped: int
    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    registered: bool


def convert(dataset: Dataset, paths: Sequence[Path], options: ConvertOptions) -> ConvertOutcome:
    """Add the rows of old exports to a dataset.

    Raises:
        LegacyFileInvalid, LegacyHoldsCode, TorchMissing, SourceFileError: A file can't be read.
        UnknownBioType, UnknownAlphabet, AlphabetMismatch: An option is not allowed.
        LegacyRowInvalid, DuplicateLegacyRecord: A row can't become a record.
        ImportCellError, SessionRowError: A row breaks a rule of records, or of the registered types.
    """
    from usr_core.api.records import check_option_kinds, default_alphabet
    from usr_core.api.registry import load_registry

    alphabet = options.alphabet or default_alphabet(options.bio_type)
    check_option_kinds("options", bio_type=options.bio_type, alphabet=alphabet)
    entry = load_registry(dataset.ref.root).namespaces.get(options.namespace)
    types = {} if entry is None else {column.name: column.type.to_arrow() for column in entry.columns}
    naming = Naming(namespace=options.namespace, types=types, renamed=options.renamed)
    found = read_rows(paths, naming, dataset.host.importer("csv"))
    rows = _new_rows(dataset, found, options)
    added = len(rows)
    if rows and options.dry_run:
        from usr_core.api.results import stand_in

        with stand_in(dataset) as tried:
            added = _write(tried.init(), rows, options, with_values=entry is not None)
    elif rows:
        added = _write(dataset, rows, options, with_values=entry is not None)
    named = {name for row in rows for name, value in row.values.items() if value is not None}
    return ConvertOutcome(
        rows_read=len(found.rows),
        added=added,
        skipped=len(found.rows) - added,
        columns=tuple(name for name in types if name in named),
        ignored=found.ignored,
        registered=entry is not None,
    )


def _new_rows(dataset: Dataset, found: LegacyRows, options: ConvertOptions) -> list[LegacyRow]:
    """Return the rows whose record is neither in the dataset nor in an earlier row."""
    from usr_core.api.records import normalize, record_id

    by_id: dict[str, LegacyRow] = {}
    repeated: list[tuple[LegacyRow, str]] = []
    for row in found.rows:
        sequence, bio_type = row.record.get("sequence"), row.record.get("bio_type") or options.bio_type
        if not isinstance(sequence, str) or not isinstance(bio_type, str):
            column = "bio_type" if isinstance(sequence, str) else "sequence"
            value = row.record.get(column)
            raise LegacyRowInvalid(
                path=row.path,
                reason=f"The row has no {column}, or one that is not text.",
                row=row.row,
                column=column,
                value=value,
            )
        identity = record_id(bio_type, normalize(sequence))
        if identity in by_id:
            first = by_id[identity]
            repeated.append((row, f"The record is in {first.path.name}, row {first.row}, already."))
        else:
            by_id[identity] = row
    with dataset.scan(columns=["id"], include_deleted=True) as reader:
        for batch in reader:
            for identity in batch.column(0).to_pylist():
                if (there := by_id.pop(identity, None)) is not None:
                    repeated.append((there, "The record is in the dataset already."))
    if repeated and options.on_duplicate == "error":
        row, reason = repeated[0]
        raise DuplicateLegacyRecord(
            path=row.path,
            reason=reason,
            row=row.row,
            column="sequence",
            value=row.record["sequence"],
            hint=f"There are {len(repeated):,} such rows; --on-duplicate skip leaves them out.",
        )
    return list(by_id.values())


def _write(dataset: Dataset, rows: Sequence[LegacyRow], options: ConvertOptions, *, with_values: bool) -> int:
    namespaces = (options.namespace,) if with_values else ()
    session = dataset.writer(
        namespaces=namespaces,
        # A name of its own: what a killed conversion left must not be committed with the rows of another file.
        name=f"legacy-convert-{secrets.token_hex(8)}",
        action="convert_legacy",
        commit_rows=_FOR_GOOD,
        commit_seconds=float(_FOR_GOOD),
    )
    records = [_record(row, options) for row in rows]
    values = [_filled(row.values) or None for row in rows]
    with session as writer:
        try:
            writer.add(records, overlays={options.namespace: values} if with_values else None)
        except UsrError as error:
            _tell_place(error, rows)
            raise
    return writer.added


def _record(row: LegacyRow, options: ConvertOptions) -> dict[str, object]:
    """Return a record with nothing left to say; some rows of a file may say what others do not."""
    from usr_core.api.records import default_alphabet

    record = {"source": row.path.name, "bio_type": options.bio_type, **_filled(row.record)}
    if "alphabet" not in record:
        kind = record["bio_type"]
        chosen = options.alphabet if kind == options.bio_type else None
        record["alphabet"] = chosen or default_alphabet(str(kind))
    return record


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _tell_place(error: UsrError, rows: Sequence[LegacyRow]) -> None:
    """Name file and row of the export in an error that counts the rows of the session's call."""
    number = error.facts.get("row")
    if isinstance(number, int) and 1 <= number <= len(rows):
        row = rows[number - 1]
        error.facts = {"file": str(row.path), **error.facts, "row": row.row}
        error.facts["file"] = str(row.path)
