"""The import pipeline: an importer's batches in, a new base file out.

Reading, checking and hashing run here, encoding beside it. Memory does not grow with the input except for
eight bytes a row, which decide at the end, before anything is made real, which rows are duplicates of each other or
of rows of the base.
"""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.alphabets import with_alphabets
from usr_core.records.arrays import boolean_array, fixed_array, text_array
from usr_core.records.base_schema import BASE_COLUMNS, META_LETTER_CASE
from usr_core.records.bulk_ids import IdHasher, id_words
from usr_core.store.base.append import BaseWriter
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.import_.kept import KeptValues
from usr_core.store.errors import BaseUnreadable
from usr_core.store.ids.id_stream import digits_of_words, find_rows
from usr_core.store.ids.position_cache.cache import extend_cache, open_cache
from usr_core.store.ids.position_index import BaseIndex
from usr_core.store.ids.row_numbers import distinct, row_numbers
from usr_core.store.ids.word_sets import (
    WordList,
    Words,
    WordSet,
    base_id_words,
    find_repeats,
    repeated_words,
    row_groups_from,
)
from usr_core.store.ids.words import words_of_ids
from usr_core.store.overlay.reserved import count_among
from usr_core.store.rules.columns import IMPORT_COLUMNS, bounded
from usr_core.store.rules.errors import DuplicateRecord, ImportCellError, TooManyRows
from usr_core.store.rules.record import ROW_LIMIT, LetterCase, check_option_kinds
from usr_core.store.rules.rows import ImportDefaults, RowReader, case_note, count_case_variants, noted_case

__all__ = [
    "IMPORT_COLUMNS",
    "BuildOutcome",
    "ImportDefaults",
    "Input",
    "InputRows",
    "RepeatedRecords",
    "build_base",
    "find_duplicates",
]

_FEWEST_ROWS_A_NEW_ONE = 16
"""Where the base has fewer rows for each imported one, its ids are read instead of being looked up."""
_SOUGHT_AMONG_ROWS = 262_144
"""The ids of a smaller base are read in any case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedRecords:
    """Rows that repeat an earlier one; the first of several equal rows is not among them.

    Attributes:
        rows: Their numbers from 0 among the imported rows, ascending.
        originals: For each the imported row that it repeats, or -1 where the base has the record.
    """

    rows: npt.NDArray[np.int64]
    originals: npt.NDArray[np.int64]


def find_duplicates(words: Words, *, written: Path, offset: int, existing: Path | None) -> RepeatedRecords | None:
    """Return the duplicates among imported rows, or None where every id is new and unique.

    Args:
        words: Word 0 of each imported id. Sorted in place: a copy of ten million would be 80 MB.
        written: The file that holds the imported rows, finished.
        offset: How many rows of `written` precede them.
        existing: The base whose records count as present, or None.

    Holds about 40 bytes a suspected row, of which there are none as a rule.
    """
    words.sort()
    suspects = [repeated_words(words)]
    found = None if existing is None else _known_rows(existing, written, offset, len(words))
    if found is not None:
        suspects.append(id_words(_ids_of(written, offset).take(row_numbers(np.flatnonzero(found >= 0)))))
    elif existing is not None:
        imported = WordSet(words)
        suspects += [found[imported.contains(found)] for _, _, found in base_id_words(existing)]
    suspected = distinct(np.concatenate(suspects))
    if not len(suspected):
        return None

    def read() -> Iterator[tuple[npt.NDArray[np.int64], pa.Array]]:
        if found is not None:
            known = np.flatnonzero(found >= 0)
            known = known[np.unique(found[known], return_index=True)[1]]
            yield found[known], _ids_of(written, offset).take(row_numbers(known))
        elif existing is not None:
            for start, ids, _ in base_id_words(existing):
                yield np.arange(start, start + len(ids)), ids
        with pq.ParquetFile(written) as source:
            for group, start in row_groups_from(source, offset):
                ids = source.read_row_group(group, columns=["id"]).column(0).combine_chunks()
                rows = np.arange(max(start, offset), start + len(ids))
                yield rows, ids.slice(int(rows[0]) - start)

    later, first = find_repeats(suspected, read)
    ours = later >= offset
    if not ours.any():
        return None
    return RepeatedRecords(rows=later[ours] - offset, originals=np.maximum(first[ours] - offset, -1))


def _known_rows(existing: Path, written: Path, offset: int, count: int) -> npt.NDArray[np.int64] | None:
    """Return the base row of each of `count` imported rows, or None where the base's ids are to be compared with all.

    It is -1 for new ones, and for those that repeat an imported one.

    Raises:
        BaseUnreadable: A page of the base is damaged.
    """
    with contextlib.closing(OpenParquet.open(existing)) as base:
        if base.rows < max(count * _FEWEST_ROWS_A_NEW_ONE, _SOUGHT_AMONG_ROWS):
            return None
        words = words_of_ids(_ids_of(written, offset))
        try:
            cache = open_cache(base, make=True, later=True)
            found = None if cache is None else cache.find(words)
            return (found or find_rows(base, digits_of_words(words), BaseIndex(words))).rows
        except (pa.ArrowException, OSError) as error:
            raise BaseUnreadable(existing, error) from error


def _ids_of(written: Path, offset: int) -> pa.Array:
    """Return the ids of the rows from `offset` on; they are few."""
    with pq.ParquetFile(written) as source:
        chunks = [
            source.read_row_group(group, columns=["id"]).column(0).slice(max(0, offset - start))
            for group, start in row_groups_from(source, offset)
        ]
    return pa.concat_arrays([chunk for column in chunks for chunk in column.chunks])


def _remember_too(existing: Path | None, destination: Path) -> None:
    """Let what is remembered of the base before, if there is one, hold for the one with the new rows behind it."""
    if existing is None:
        return
    with contextlib.closing(OpenParquet.open(existing)) as before:
        extend_cache(before, destination)


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One file of an import, or rows from memory.

    Attributes:
        label: Its name in errors, and where its records come from unless they or the options say it.
        batches: Columns of `IMPORT_COLUMNS` by name, ``sequence`` at least; text, or typed. Others are ignored.
    """

    label: str
    batches: Iterator[pa.RecordBatch]


class InputRows:
    """How many rows each input had, and so which row of which input a row of them all is."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self._ends: list[int] = []

    @property
    def total(self) -> int:
        """Rows of all of them."""
        return self._ends[-1] if self._ends else 0

    def add(self, label: str, rows: int) -> None:
        """Count an input that has been read."""
        self.labels.append(label)
        self._ends.append(self.total + rows)

    def place(self, row: int) -> tuple[str, int]:
        """Return the input of a row, numbered from 0 over all of them, and its number from 1 in there."""
        index = bisect.bisect_right(self._ends, row)
        return self.labels[index], row + 1 - (self._ends[index - 1] if index else 0)


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
        inputs: The rows by input.
        repeated: The duplicates that were left out; None where there were none.
        copied_bytes: Bytes of the existing base that the destination begins with.
    """

    rows_read: int
    added: int
    skipped: int
    case_variants: int
    rows_total: int
    size_bytes: int
    inputs: InputRows
    skipped_deleted: int = 0
    repeated: RepeatedRecords | None = None
    copied_bytes: int = 0


def build_base(
    inputs: Iterable[Input],
    *,
    label: str,
    existing: Path | None,
    destination: Path,
    defaults: ImportDefaults,
    on_duplicate: Literal["error", "skip"],
    metadata: Mapping[str, str],
    deleted: pa.Array | None = None,
    kept: KeptValues | None = None,
    examine: Callable[[InputRows], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> BuildOutcome:
    """Write the base that results from adding the rows of `inputs` to `existing`.

    Args:
        inputs: What is added, in order; each is read to its end before the next one is asked for.
        label: What they are called together in errors about an option.
        existing: The base to add to; its rows come first and stay as they are. Not modified.
        destination: The file to create, in a folder that may hold a second temporary file for a while. The
            caller fsyncs it. Not created where no row is added.
        defaults: What counts where a file has no value; an empty source is the input's label.
        on_duplicate: ``error`` refuses records that the file has twice or the base has already; ``skip``
            leaves them out and keeps the first.
        metadata: Key/value metadata of the new file.
        deleted: Ids of deleted records of the existing base, so that a duplicate of one is told as such.
        kept: Takes the values of other columns as they come; it is finished here.
        examine: Called once all rows are in `destination`, before duplicates are looked for; may refuse them.
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
    check_option_kinds(label, bio_type=defaults.bio_type, alphabet=defaults.alphabet, known=defaults.known)
    case = noted_case(existing) if existing is not None else LetterCase()
    with BaseWriter(destination, existing=existing, metadata={}) as writer:
        with IdHasher() as hasher:
            words, counted, imported = WordList(), InputRows(), LetterCase()
            for one in inputs:
                reader = RowReader(
                    label=one.label,
                    defaults=replace(defaults, source=defaults.source or one.label),
                    hasher=hasher,
                )
                for chunk in bounded(one.batches):
                    rows = _read(reader, chunk, kept)
                    if writer.existing_rows + counted.total + reader.rows > ROW_LIMIT:
                        raise TooManyRows(label=one.label, limit=ROW_LIMIT)
                    words.extend(id_words(rows.column(0)))
                    writer.write(rows)
                    if kept is not None:
                        kept.take(chunk, rows.column(0), first_row=reader.rows - rows.num_rows + 1)
                    if progress is not None:
                        progress(rows.num_rows)
                counted.add(one.label, reader.rows)
                imported.upper |= reader.case.upper
                imported.lower |= reader.case.lower
                metadata = with_alphabets(metadata, reader.alphabets_of_plugins)
        if kept is not None:
            kept.finish()
        if not counted.total:
            writer.abort()
            return _nothing(counted, rows_total=writer.existing_rows)
        case = _joined(case, imported)
        writer.metadata = _with_note(metadata, case, writer.existing_rows + counted.total)
        size = writer.finish()
        offset = writer.existing_rows
        if examine is not None:
            examine(counted)
        duplicates = find_duplicates(words.words(), written=destination, offset=offset, existing=existing)
        del words
        skipped = dead = 0
        if duplicates is not None:
            deleted = text_array([]) if deleted is None else deleted
            if on_duplicate == "error":
                raise _duplicate_error(counted, duplicates, destination, offset, deleted, kept)
            skipped = len(duplicates.rows)
            if len(deleted):
                dead = count_among(_known_ids(duplicates, destination, offset), deleted)
            if skipped == counted.total:
                destination.unlink()
                return _nothing(counted, rows_total=offset, repeated=duplicates, skipped_deleted=dead)
            size = _rewrite_without(
                duplicates,
                counted.total,
                destination=destination,
                existing=existing,
                metadata=metadata,
                case=case,
            )
        _remember_too(existing, destination)
        variants = 0 if case is not None and case.uniform else count_case_variants(destination, offset=offset)
    return BuildOutcome(
        rows_read=counted.total,
        added=counted.total - skipped,
        skipped=skipped,
        case_variants=variants,
        rows_total=offset + counted.total - skipped,
        size_bytes=size,
        inputs=counted,
        skipped_deleted=dead,
        repeated=duplicates,
        copied_bytes=writer.copied_bytes,
    )


def _read(reader: RowReader, chunk: pa.RecordBatch, kept: KeptValues | None) -> pa.RecordBatch:
    """Return the rows of a chunk; an error about one of them says what the input calls it."""
    before = reader.rows
    try:
        return reader.read(chunk)
    except ImportCellError as error:
        name = None if kept is None else kept.name_in(chunk, error.facts.get("row"), first_row=before + 1)
        if name is not None:
            error.facts = {"file": error.facts.get("file"), "row": error.facts.get("row"), "name": name} | error.facts
        raise


def _nothing(
    inputs: InputRows, *, rows_total: int, repeated: RepeatedRecords | None = None, skipped_deleted: int = 0
) -> BuildOutcome:
    return BuildOutcome(
        rows_read=inputs.total,
        added=0,
        skipped=0 if repeated is None else len(repeated.rows),
        case_variants=0,
        rows_total=rows_total,
        size_bytes=0,
        inputs=inputs,
        skipped_deleted=skipped_deleted,
        repeated=repeated,
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
    inputs: InputRows,
    duplicates: RepeatedRecords,
    written: Path,
    offset: int,
    deleted: pa.Array,
    kept: KeptValues | None,
) -> DuplicateRecord:
    at, first = int(duplicates.rows[0]), int(duplicates.originals[0])
    with pq.ParquetFile(written) as source:
        group, start = next(row_groups_from(source, offset + at))
        table = source.read_row_group(group, columns=["id", "sequence"])
        found = table.slice(offset + at - start, 1).to_pylist()[0]
    label, row = inputs.place(at)
    first_label, first_row = (None, None) if first < 0 else inputs.place(first)
    return DuplicateRecord(
        label,
        row=row,
        sequence=found["sequence"],
        record_id=found["id"],
        first_row=first_row,
        first_file=first_label if first_label != label else None,
        name=None if kept is None else kept.name_of(at),
        first_name=None if kept is None or first < 0 else kept.name_of(first),
        count=len(duplicates.rows),
        deleted=first < 0 and count_among([pa.array([found["id"]], pa.string())], deleted) > 0,
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
