"""One chunk of an import: raw cells in, checked rows of the base table out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.alphabets import Alphabet
from usr_core.records.arrays import boolean_array, constant_text, fixed_array, text_scalar
from usr_core.records.base_schema import base_schema
from usr_core.records.bulk_ids import IdHasher, string_parts
from usr_core.store.rules.columns import given_lengths, text_column
from usr_core.store.rules.errors import (
    BlankSequence,
    ForgedId,
    LengthDiffers,
    LetterOutsideAlphabet,
    MissingColumn,
    SequenceTooLong,
)
from usr_core.store.rules.kinds import RowKinds, row_kinds
from usr_core.store.rules.stamps import created_at_column

__all__ = ["SEQUENCE_LIMIT", "ImportDefaults", "LetterCase", "RowReader", "letters_used"]

SEQUENCE_LIMIT = 256 << 20
"""Bytes a sequence may have (format.md, section 8)."""

_SCHEMA = base_schema()
_LETTER_BYTES = np.zeros(256, dtype=np.bool_)
_LETTER_BYTES[ord("A") : ord("Z") + 1] = _LETTER_BYTES[ord("a") : ord("z") + 1] = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportDefaults:
    """What counts for a row where the file has no value.

    Attributes:
        bio_type, alphabet: Where the file has no such column.
        source: Where the column is missing, null or empty.
        created_at_us: The same; microseconds since 1970 in UTC.
    """

    bio_type: str
    alphabet: str
    source: str
    created_at_us: int


@dataclass(slots=True)
class LetterCase:
    """Which cases the letters seen so far have."""

    upper: bool = False
    lower: bool = False

    @property
    def uniform(self) -> str | None:
        """``upper`` or ``lower`` where all letters are, else None; ``upper`` where there were none."""
        if self.upper and self.lower:
            return None
        return "lower" if self.lower else "upper"


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
        given = text_column(batch, "sequence", label=label)
        if given is None:
            raise MissingColumn(label, column="sequence", present=batch.schema.names)
        sequences = self._normalized(given, first_row)
        kinds = row_kinds(
            batch,
            label=label,
            first_row=first_row,
            bio_type=self._defaults.bio_type,
            alphabet=self._defaults.alphabet,
        )
        self._check_letters(sequences, kinds, first_row)
        ids = self._hasher.ids(kinds.bio_types if kinds.bio_type is None else kinds.bio_type, sequences)
        self._check_given_ids(text_column(batch, "id", label=label), ids, first_row)
        stamps = created_at_column(batch, label=label, first_row=first_row, default_us=self._defaults.created_at_us)
        lengths = fixed_array(np.diff(string_parts(sequences)[0]), pa.int32())
        self._check_given_lengths(batch, lengths, first_row)
        self.rows += batch.num_rows
        columns = [ids, kinds.bio_types, sequences, kinds.alphabets, lengths, self._sources(batch), stamps]
        return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)

    def _normalized(self, column: pa.Array, first_row: int) -> pa.Array:
        """Return the column stripped; nothing is copied where every value begins and ends with a letter."""
        if column.null_count:
            raise self._blank(first_row + next(i for i, cell in enumerate(column) if not cell.is_valid), None)
        offsets, values = string_parts(column)
        sizes = np.diff(offsets)
        content = np.frombuffer(values, dtype=np.uint8) if len(values) else np.zeros(0, dtype=np.uint8)
        if not sizes.all() or not (
            _LETTER_BYTES[content[offsets[:-1]]].all() and _LETTER_BYTES[content[offsets[1:] - 1]].all()
        ):
            import pyarrow.compute as pc

            trimmed = pc.utf8_trim_whitespace(column)
            sizes = np.diff(string_parts(trimmed)[0])
            if not sizes.all():
                row = int(np.argmin(sizes))
                raise self._blank(first_row + row, column[row].as_py())
            column = trimmed
        if sizes.max(initial=0) > SEQUENCE_LIMIT:
            row = int(np.argmax(sizes > SEQUENCE_LIMIT))
            raise SequenceTooLong(
                self._label,
                f"The sequence has {int(sizes[row]):,} bytes; at most {SEQUENCE_LIMIT:,} are allowed.",
                hint="Divide it into shorter records.",
                row=first_row + row,
                column="sequence",
                value=bytes(string_parts(column.slice(row, 1))[1][:40]).decode("utf-8", "replace"),
            )
        return column

    def _blank(self, row: int, value: str | None) -> BlankSequence:
        return BlankSequence(
            self._label,
            "The sequence is empty." if not value else "The sequence is blank.",
            hint="Fill the cell, or remove the row.",
            row=row,
            column="sequence",
            value=value,
        )

    def _check_letters(self, sequences: pa.Array, kinds: RowKinds, first_row: int) -> None:
        for alphabet, mask in kinds.groups:
            chosen = sequences if mask is None else sequences.filter(boolean_array(mask))
            offsets, values = string_parts(chosen)
            stranger = letters_used(bytes(values), alphabet, self.case)
            if stranger is None:
                continue
            place = int(np.searchsorted(offsets, stranger, side="right")) - 1
            sequence = chosen[place].as_py()
            row = place if mask is None else int(np.flatnonzero(mask)[place])
            raise LetterOutsideAlphabet(
                self._label,
                row=first_row + row,
                value=sequence,
                alphabet=alphabet.name,
                letters=alphabet.letters,
                position=alphabet.first_stranger(sequence) or 0,
            )

    def _check_given_ids(self, given: pa.Array | None, ids: pa.Array, first_row: int) -> None:
        if given is None or given.equals(ids):
            return
        for row, (claimed, computed) in enumerate(zip(given.to_pylist(), ids.to_pylist(), strict=True)):
            if claimed is not None and claimed != computed:
                raise ForgedId(
                    self._label,
                    f"The given id is not the record's, which is {computed}.",
                    hint="Remove the column 'id'; ids are computed from bio_type and sequence.",
                    row=first_row + row,
                    column="id",
                    value=claimed,
                )

    def _check_given_lengths(self, batch: pa.RecordBatch, lengths: pa.Array, first_row: int) -> None:
        given = given_lengths(batch, label=self._label)
        if given is None or given.equals(lengths):
            return
        for row, (claimed, computed) in enumerate(zip(given.to_pylist(), lengths.to_pylist(), strict=True)):
            if not _is_length(claimed, computed):
                raise LengthDiffers(
                    self._label,
                    f"The given length is not the sequence's, which is {computed:,}.",
                    hint="Correct the sequence, or remove the column 'length'; lengths are counted from the sequence.",
                    row=first_row + row,
                    column="length",
                    value=str(claimed),
                )

    def _sources(self, batch: pa.RecordBatch) -> pa.Array:
        column = text_column(batch, "source", label=self._label)
        if column is None:
            return constant_text(self._defaults.source, batch.num_rows)
        sizes: npt.NDArray[np.int32] = np.diff(string_parts(column)[0])
        if not column.null_count and sizes.all():
            return column
        import pyarrow.compute as pc

        missing = pc.or_(column.is_null(), boolean_array(sizes == 0))
        return pc.replace_with_mask(column, missing, text_scalar(self._defaults.source))


def _is_length(given: object, length: int) -> bool:
    """Tell whether a given length is the right one, however the number is written; null and "" say nothing."""
    if given is None or given == "":
        return True
    try:
        return float(str(given)) == length
    except ValueError:
        return False


def letters_used(content: bytes, alphabet: Alphabet, case: LetterCase) -> int | None:
    """Note the letters' cases in `case`; return the offset of the first byte outside the alphabet, or None."""
    rest = content.translate(None, alphabet.upper)
    case.upper |= len(rest) < len(content)
    if not rest:
        return None
    strangers = rest.translate(None, alphabet.lower)
    case.lower |= len(strangers) < len(rest)
    if not strangers:
        return None
    known = np.zeros(256, dtype=np.bool_)
    known[list(alphabet.upper + alphabet.lower)] = True
    return int(np.argmin(known[np.frombuffer(content, dtype=np.uint8)]))
