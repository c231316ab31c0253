"""The import pipeline: an importer's batches in, a new base file out.

Reading, checking and hashing run here, encoding beside it. Memory does not grow with the input except for
eight bytes a row, which decide uniqueness at the end, before anything is made real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.arrays import boolean_array, fixed_array, text_array
from usr_core.records.base_schema import BASE_COLUMNS, META_LETTER_CASE
from usr_core.records.bulk_ids import IdHasher, id_words
from usr_core.store.base.append import BaseWriter
from usr_core.store.changes.import_.unique import RepeatedRecords, find_duplicates
from usr_core.store.ids.word_sets import WordList, row_groups_from
from usr_core.store.overlay.reserved import count_among
from usr_core.store.rules.case import case_note, count_case_variants, noted_case
from usr_core.store.rules.columns import IMPORT_COLUMNS, bounded
from usr_core.store.rules.errors import DuplicateRecord, TooManyRows
from usr_core.store.rules.record import ROW_LIMIT, LetterCase, check_option_kinds
from usr_core.store.rules.rows import ImportDefaults, RowReader

__all__ = ["IMPORT_COLUMNS", "BuildOutcome", "ImportDefaults", "build_base"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOutcome:
    """What an import did.

    Attributes:
        rows_read: Records of the file.
        added: Records that are new in the destination.
        skipped: Duplicates left out.
        skipped_deleted: Those of them whose record the existing base has, and which is deleted.
        case_variants: Added records that differ only in letter case from another record.
        rows_total: Records of the destination, or of the existing base where nothing was added.
        size_bytes: Size of the destination; 0 where nothing was added.
    """

    rows_read: int
    added: int
    skipped: int
    case_variants: int
    rows_total: int
    size_bytes: int
    skipped_deleted: int = 0


def build_base(
    batches: Iterator[pa.RecordBatch],
    *,
    label: str,
    existing: Path | None,
    destination: Path,
    defaults: ImportDefaults,
    on_duplicate: Literal["error", "skip"],
    metadata: Mapping[str, str],
    deleted: pa.Array | None = None,
    progress: Callable[[int], None] | None = None,
) -> BuildOutcome:
    """Write the base that results from adding `batches` to `existing`.

    Args:
        batches: Columns of `IMPORT_COLUMNS` by name, ``sequence`` at least; text, or typed. Others are ignored.
        label: The input's name in errors.
        existing: The base to add to; its rows come first and stay as they are. Not modified.
        destination: The file to create, in a folder that may hold a second temporary file for a while. The
            caller fsyncs it. Not created where no row is added.
        defaults: What counts where the file has no value.
        on_duplicate: ``error`` refuses records that the file has twice or the base has already; ``skip``
            leaves them out and keeps the first.
        metadata: Key/value metadata of the new file.
        deleted: Ids of deleted records of the existing base, so that a duplicate of one is told as such.
        progress: Called after each chunk with the number of its rows.

    Raises:
        ImportCellError: A cell breaks a rule. Row 1 is the first record of the file.
        UnknownBioType, UnknownAlphabet, AlphabetMismatch: An option or a cell is not allowed.
        MissingColumn, WrongColumnType: The columns are not those of sequences.
        DuplicateRecord: A record is there twice, under ``error``; the first such row is named.
        TooManyRows: The dataset would exceed `ROW_LIMIT` rows.
        BaseUnreadable: `existing` is not a base.
        FileExistsError: `destination` exists.

    After any error neither `destination` nor another new file is left.
    """
    check_option_kinds(label, bio_type=defaults.bio_type, alphabet=defaults.alphabet)
    case = noted_case(existing) if existing is not None else LetterCase()
    with BaseWriter(destination, existing=existing, metadata={}) as writer:
        with IdHasher() as hasher:
            reader = RowReader(label=label, defaults=defaults, hasher=hasher)
            words = WordList()
            for chunk in bounded(batches):
                rows = reader.read(chunk)
                if writer.existing_rows + reader.rows > ROW_LIMIT:
                    raise TooManyRows(label=label, limit=ROW_LIMIT)
                words.extend(id_words(rows.column(0)))
                writer.write(rows)
                if progress is not None:
                    progress(rows.num_rows)
        if not reader.rows:
            writer.abort()
            return _nothing(rows_read=0, skipped=0, rows_total=writer.existing_rows)
        case = _joined(case, reader.case)
        writer.metadata = _with_note(metadata, case, writer.existing_rows + reader.rows)
        size = writer.finish()
        offset = writer.existing_rows
        duplicates = find_duplicates(words.words(), written=destination, offset=offset, existing=existing)
        del words
        skipped = dead = 0
        if duplicates is not None:
            deleted = text_array([]) if deleted is None else deleted
            if on_duplicate == "error":
                raise _duplicate_error(label, duplicates, destination, offset, deleted)
            skipped = len(duplicates.rows)
            if len(deleted):
                dead = count_among(_known_ids(duplicates, destination, offset), deleted)
            if skipped == reader.rows:
                destination.unlink()
                return _nothing(rows_read=reader.rows, skipped=skipped, skipped_deleted=dead, rows_total=offset)
            size = _rewrite_without(
                duplicates,
                reader.rows,
                destination=destination,
                existing=existing,
                metadata=metadata,
                case=case,
            )
        variants = 0 if case is not None and case.uniform else count_case_variants(destination, offset=offset)
    return BuildOutcome(
        rows_read=reader.rows,
        added=reader.rows - skipped,
        skipped=skipped,
        case_variants=variants,
        rows_total=offset + reader.rows - skipped,
        size_bytes=size,
        skipped_deleted=dead,
    )


def _nothing(*, rows_read: int, skipped: int, rows_total: int, skipped_deleted: int = 0) -> BuildOutcome:
    return BuildOutcome(
        rows_read=rows_read,
        added=0,
        skipped=skipped,
        case_variants=0,
        rows_total=rows_total,
        size_bytes=0,
        skipped_deleted=skipped_deleted,
    )


def _known_ids(duplicates: RepeatedRecords, written: Path, offset: int) -> Iterator[pa.Array]:
    """Yield the ids of the imported rows that the existing base has."""
    rows = duplicates.rows[duplicates.originals < 0] + offset
    with pq.ParquetFile(written) as source:
        for group, start in row_groups_from(source, offset):
            stop = start + source.metadata.row_group(group).num_rows
            chosen = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)]
            if len(chosen):
                ids = source.read_row_group(group, columns=["id"]).column(0).combine_chunks()
                yield ids.take(fixed_array(chosen - start, pa.int64()))


def _joined(base: LetterCase | None, imported: LetterCase) -> LetterCase | None:
    """Return the case of all letters, or None where that of the base is not known."""
    if base is None:
        return None
    return LetterCase(upper=base.upper or imported.upper, lower=base.lower or imported.lower)


def _with_note(metadata: Mapping[str, str], case: LetterCase | None, rows: int) -> dict[str, str]:
    kept = {key: value for key, value in metadata.items() if key != META_LETTER_CASE}
    note = case_note(case, rows) if case is not None else None
    return kept | {META_LETTER_CASE: note} if note else kept


def _duplicate_error(
    label: str, duplicates: RepeatedRecords, written: Path, offset: int, deleted: pa.Array
) -> DuplicateRecord:
    row, original = int(duplicates.rows[0]), int(duplicates.originals[0])
    with pq.ParquetFile(written) as source:
        group, start = next(row_groups_from(source, offset + row))
        table = source.read_row_group(group, columns=["id", "sequence"])
        found = table.slice(offset + row - start, 1).to_pylist()[0]
    return DuplicateRecord(
        label,
        row=row + 1,
        sequence=found["sequence"],
        record_id=found["id"],
        first_row=None if original < 0 else original + 1,
        count=len(duplicates.rows),
        deleted=original < 0 and count_among([pa.array([found["id"]], pa.string())], deleted) > 0,
    )


def _rewrite_without(
    duplicates: RepeatedRecords,
    rows: int,
    *,
    destination: Path,
    existing: Path | None,
    metadata: Mapping[str, str],
    case: LetterCase | None,
) -> int:
    """Write `destination` again without the duplicates; return its size in bytes."""
    keep: npt.NDArray[np.bool_] = np.ones(rows, dtype=np.bool_)
    keep[duplicates.rows] = False
    full = destination.with_name(f"{destination.name}.full")
    destination.rename(full)
    try:
        with BaseWriter(destination, existing=existing, metadata={}) as writer:
            offset = writer.existing_rows
            writer.metadata = _with_note(metadata, case, offset + int(keep.sum()))
            with pq.ParquetFile(full) as source:
                for group, first in row_groups_from(source, offset):
                    at = first - offset
                    for batch in source.iter_batches(row_groups=[group], columns=list(BASE_COLUMNS)):
                        low = min(batch.num_rows, max(0, -at))  # all of it where it ends before the new rows
                        mask = keep[at + low : at + batch.num_rows]
                        at += batch.num_rows
                        if len(mask):
                            writer.write(batch.slice(low).filter(boolean_array(mask)))
            return writer.finish()
    finally:
        full.unlink(missing_ok=True)
