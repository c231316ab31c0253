"""One chunk of an import: raw cells in, checked rows of the base table out; and the case of the letters that came in.

How many imported records differ from another record only in the case of their letters? Where every letter of the file
and of the base has one case there are none, and nothing is read; the base's footer says so for the rows that an import
wrote. Otherwise each record gets a second word, that of the id which its sequence would have in upper case: two
records with equal words, whose ids are known to differ, are case variants. (Words have 64 bits: among ten million
records the chance of one wrong count, in what is only a warning, is three in a million.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.records.alphabets import OWN_ALPHABETS, KnownAlphabets
from usr_core.records.arrays import constant_text, fixed_array, text_array, text_scalar
from usr_core.records.base_schema import META_LETTER_CASE, base_schema
from usr_core.records.bulk_ids import IdHasher, id_words, trimmed
from usr_core.store.ids.word_sets import WordList, Words, WordSet, row_groups_from
from usr_core.store.rules.columns import (
    FewTexts,
    created_at_column,
    empty_as_null,
    given_lengths,
    text_column,
)
from usr_core.store.rules.errors import MissingColumn
from usr_core.store.rules.record import LetterCase, RecordChunk

__all__ = [
    "ImportDefaults",
    "RowReader",
    "case_note",
    "count_case_variants",
    "noted_case",
    "stripped",
]

_SCHEMA = base_schema()
_TEXTS = ("sequence", "bio_type", "alphabet", "id", "source")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportDefaults:
    """What counts for a row where the file has no value.

    Attributes:
        bio_type, alphabet: Where the file has no such column.
        alphabets: Likewise, by bio_type; `alphabet` holds for types that are not among them.
        known: The alphabets that there are.
        source: Where the column is missing, null or empty.
        created_at_us: The same; microseconds since 1970 in UTC.
    """

    bio_type: str
    alphabet: str
    source: str
    created_at_us: int
    alphabets: Mapping[str, str] = field(default_factory=dict)
    known: KnownAlphabets = OWN_ALPHABETS


class RowReader:
    """Checks chunks and turns them into rows of the base table.

    Attributes:
        rows: Rows seen.
        case: The cases of their letters.
        alphabets_of_plugins: Those that a row has and that are not USR's, each with its plugin's id.
    """

    def __init__(self, *, label: str, defaults: ImportDefaults, hasher: IdHasher) -> None:
        self._label, self._defaults, self._hasher = label, defaults, hasher
        self.rows = 0
        self.case = LetterCase()
        self.alphabets_of_plugins: dict[str, str] = {}

    def read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the seven columns, without nulls, of a chunk of at least one row.

        Raises:
            ImportCellError: A cell breaks a rule; row 1 is the first record of the file.
            UnknownBioType, UnknownAlphabet, AlphabetMismatch: A kind is not allowed.
            MissingColumn, WrongColumnType: The columns are not those of sequences.
        """
        label, first_row = self._label, self.rows + 1
        texts = {name: text_column(batch, name, label=label) for name in _TEXTS}
        given = {name: column for name, column in texts.items() if column is not None}
        lengths = given_lengths(batch, label=label)
        if "sequence" not in given:
            raise MissingColumn(label, column="sequence", present=batch.schema.names)
        bio_types = self._kind(given.get("bio_type"), self._defaults.bio_type, batch.num_rows)
        chunk = RecordChunk(
            given=given if lengths is None else given | {"length": lengths},
            sequences=stripped(given["sequence"]),
            bio_types=bio_types,
            alphabets=self._alphabets(given.get("alphabet"), bio_types, batch.num_rows),
            known=self._defaults.known,
        )
        self.alphabets_of_plugins |= {each.name: each.plugin for each in chunk.known_here if each.plugin is not None}
        for breach in chunk.breaches(self._hasher, self.case):
            raise breach.refusal(label, first_row)
        stamps = created_at_column(batch, label=label, first_row=first_row, default_us=self._defaults.created_at_us)
        self.rows += batch.num_rows
        return pa.RecordBatch.from_arrays(
            [
                chunk.ids,
                chunk.bio_types.column,
                chunk.sequences,
                chunk.alphabets.column,
                fixed_array(chunk.letters, pa.int32()),
                self._sources(given.get("source"), batch.num_rows),
                stamps,
            ],
            schema=_SCHEMA,
        )

    @staticmethod
    def _kind(column: pa.Array | None, default: str, rows: int) -> FewTexts:
        return FewTexts.constant(default, rows) if column is None else FewTexts.of(column)

    def _alphabets(self, column: pa.Array | None, bio_types: FewTexts, rows: int) -> FewTexts:
        if column is not None:
            return FewTexts.of(column)
        by_type = self._defaults.alphabets
        names = tuple(by_type.get(bio_type, self._defaults.alphabet) for bio_type in bio_types.values)
        if bio_types.codes is None or len(set(names)) == 1:
            return FewTexts.constant(names[0], rows)
        return FewTexts.of(pa.DictionaryArray.from_arrays(fixed_array(bio_types.codes, pa.int32()), text_array(names)))

    def _sources(self, column: pa.Array | None, rows: int) -> pa.Array:
        if column is None:
            return constant_text(self._defaults.source, rows)
        filled = empty_as_null(column)
        return filled.fill_null(text_scalar(self._defaults.source)) if filled.null_count else filled


def stripped(column: pa.Array) -> pa.Array:
    """Return sequences without white space around them, the empty one for each null."""
    return trimmed(column.fill_null(text_scalar("")) if column.null_count else column)


_READ_ROWS = 16_384


def case_note(case: LetterCase, rows: int) -> str | None:
    """Return what the footer says of a base of `rows` rows whose letters are `case`; None where both cases occur."""
    return f"{case.uniform}:{rows}" if case.uniform else None


def noted_case(path: Path) -> LetterCase | None:
    """Return the case of all letters of a base, or None where its footer does not say so for its very rows."""
    metadata = pq.read_metadata(path)
    if metadata.num_rows == 0:
        return LetterCase()
    note = (metadata.metadata or {}).get(META_LETTER_CASE.encode(), b"").decode("utf-8", "replace")
    name, _, rows = note.partition(":")
    if rows != str(metadata.num_rows) or name not in ("upper", "lower"):
        return None
    return LetterCase(upper=name == "upper", lower=name == "lower")


def count_case_variants(written: Path, *, offset: int) -> int:
    """Count the rows from `offset` on that differ only in letter case from another row of the file.

    Args:
        written: A finished base whose ids are unique.
        offset: Rows that were there before; they count as the other row, but are not counted.

    Holds 16 bytes a new row; the rows before are streamed.
    """
    folded = WordList()
    with IdHasher() as hasher:
        for words in _folded_words(written, hasher, offset, None):
            folded.extend(words)
        ordered = np.sort(folded.words())
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        counts = np.diff(np.append(starts, len(ordered)))
        distinct = ordered[starts]
        shared = counts > 1
        if offset:
            known = WordSet(distinct)
            for words in _folded_words(written, hasher, 0, offset):
                shared[np.searchsorted(distinct, words[known.contains(words)])] = True
    return int(counts[shared].sum())


def _folded_words(written: Path, hasher: IdHasher, start: int, stop: int | None) -> Iterator[Words]:
    """Yield the words of the rows `start` to `stop`, as if every sequence were in upper case."""
    import pyarrow.compute as pc

    with pq.ParquetFile(written) as source:
        for group, first in row_groups_from(source, start):
            at = first
            columns = ["bio_type", "sequence"]
            for batch in source.iter_batches(_READ_ROWS, row_groups=[group], columns=columns):
                low = max(0, start - at)
                high = batch.num_rows if stop is None else max(0, min(batch.num_rows, stop - at))
                at += batch.num_rows
                if low < high:
                    part = batch.slice(low, high - low)
                    yield id_words(hasher.ids(part.column(0), pc.ascii_upper(part.column(1))))
            if stop is not None and at >= stop:
                return
