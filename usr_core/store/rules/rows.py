"""One chunk of an import: raw cells in, checked rows of the base table out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from usr_core.records.arrays import constant_text, fixed_array, text_array, text_scalar
from usr_core.records.base_schema import base_schema
from usr_core.records.bulk_ids import IdHasher, string_parts
from usr_core.store.rules.columns import LETTER_BYTES, FewTexts, empty_as_null, given_lengths, text_column
from usr_core.store.rules.errors import MissingColumn
from usr_core.store.rules.record import LetterCase, RecordChunk
from usr_core.store.rules.stamps import created_at_column

__all__ = ["ImportDefaults", "RowReader", "stripped"]

_SCHEMA = base_schema()
_TEXTS = ("sequence", "bio_type", "alphabet", "id", "source")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportDefaults:
    """What counts for a row where the file has no value.

    Attributes:
        bio_type, alphabet: Where the file has no such column.
        alphabets: Likewise, by bio_type; `alphabet` holds for types that are not among them.
        source: Where the column is missing, null or empty.
        created_at_us: The same; microseconds since 1970 in UTC.
    """

    bio_type: str
    alphabet: str
    source: str
    created_at_us: int
    alphabets: Mapping[str, str] = field(default_factory=dict)


class RowReader:
    """Checks chunks and turns them into rows of the base table.

    Attributes:
        rows: Rows seen.
        case: The cases of their letters.
    """

    def __init__(self, *, label: str, defaults: ImportDefaults, hasher: IdHasher) -> None:
        self._label, self._defaults, self._hasher = label, defaults, hasher
        self.rows = 0
        self.case = LetterCase()

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
        )
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
    """Return sequences without white space around them; nothing is copied where each begins and ends with a letter."""
    if column.null_count:
        column = column.fill_null(text_scalar(""))
    offsets, values = string_parts(column)
    content = np.frombuffer(values, dtype=np.uint8)
    ends = offsets[1:][np.diff(offsets) > 0] - 1
    starts = offsets[:-1][np.diff(offsets) > 0]
    if LETTER_BYTES[content[starts]].all() and LETTER_BYTES[content[ends]].all():
        return column
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(column)
