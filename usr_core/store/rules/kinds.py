"""Which bio_type and alphabet each row of an import has: the file's column where it has one, else the option."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.alphabets import ALPHABETS, BIO_TYPES, Alphabet, alphabets_for
from usr_core.records.arrays import constant_text
from usr_core.records.bulk_ids import string_parts
from usr_core.store.rules.columns import first_empty, text_column
from usr_core.store.rules.errors import AlphabetMismatch, ColumnEmpty, UnknownAlphabet, UnknownBioType

__all__ = ["RowKinds", "check_option_kinds", "row_kinds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKinds:
    """The kinds of one chunk's rows.

    Attributes:
        bio_types, alphabets: Columns of the base table.
        bio_type: The value where all rows share it, else None.
        groups: Each alphabet in use with the mask of its rows; None for all rows.
    """

    bio_types: pa.Array
    alphabets: pa.Array
    bio_type: str | None
    groups: tuple[tuple[Alphabet, npt.NDArray[np.bool_] | None], ...]


@dataclass(frozen=True, slots=True)
class _Coded:
    """A column as a few distinct values and each row's number among them (None where there is one value)."""

    column: pa.Array
    values: tuple[str, ...]
    codes: npt.NDArray[np.int32] | None

    def first_row(self, code: int) -> int:
        return 0 if self.codes is None else int(np.argmax(self.codes == code))


def check_option_kinds(label: str, *, bio_type: str, alphabet: str) -> None:
    """Refuse options that name no known bio_type or alphabet, or two that do not fit.

    Raises:
        UnknownBioType, UnknownAlphabet, AlphabetMismatch: An option is unknown, or the two do not fit. The facts
            name no row.
    """
    if bio_type not in BIO_TYPES:
        raise UnknownBioType(label, value=bio_type, known=BIO_TYPES)
    if alphabet not in ALPHABETS:
        raise UnknownAlphabet(label, value=alphabet, known=tuple(ALPHABETS))
    if ALPHABETS[alphabet].bio_type != bio_type:
        raise AlphabetMismatch(label, bio_type=bio_type, alphabet=alphabet, fitting=alphabets_for(bio_type))


def row_kinds(batch: pa.RecordBatch, *, label: str, first_row: int, bio_type: str, alphabet: str) -> RowKinds:
    """Return the kinds of a chunk's rows.

    Args:
        batch: The chunk, at least one row.
        label: The input's name, for errors.
        first_row: The number of the chunk's first row, 1 being the first record of the file.
        bio_type, alphabet: What counts where the file has no such column.

    Raises:
        ColumnEmpty: The file has the column, but a row has no value.
        UnknownBioType, UnknownAlphabet, AlphabetMismatch: A value or a pair of values is not allowed.
    """
    rows = batch.num_rows
    types = _coded(batch, "bio_type", bio_type, label=label, first_row=first_row)
    for code, value in enumerate(types.values):
        if value not in BIO_TYPES:
            raise UnknownBioType(label, value=value, known=BIO_TYPES, row=first_row + types.first_row(code))
    letters = _coded(batch, "alphabet", alphabet, label=label, first_row=first_row)
    for code, value in enumerate(letters.values):
        if value not in ALPHABETS:
            raise UnknownAlphabet(label, value=value, known=tuple(ALPHABETS), row=first_row + letters.first_row(code))
    _check_pairs(types, letters, rows, label=label, first_row=first_row)
    groups = tuple(
        (ALPHABETS[value], None if letters.codes is None else letters.codes == code)
        for code, value in enumerate(letters.values)
    )
    shared = types.values[0] if len(types.values) == 1 else None
    return RowKinds(bio_types=types.column, alphabets=letters.column, bio_type=shared, groups=groups)


def _coded(batch: pa.RecordBatch, name: str, default: str, *, label: str, first_row: int) -> _Coded:
    column = text_column(batch, name, label=label)
    if column is None:
        return _Coded(constant_text(default, batch.num_rows), (default,), None)
    empty = first_empty(column)
    if empty is not None:
        raise ColumnEmpty(
            label,
            f"The column {name!r} is there, but this row has no value.",
            hint=f"Fill {name!r} in every row, or remove the column and give --{name.replace('_', '-')}.",
            row=first_row + empty,
            column=name,
            value=column[empty].as_py(),
        )
    offsets, values = string_parts(column)
    content, width = bytes(values), int(offsets[1])
    if content == content[:width] * len(column) and bool((np.diff(offsets) == width).all()):
        return _Coded(column, (content[:width].decode("utf-8"),), None)
    encoded = column.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return _Coded(column, tuple(encoded.dictionary.to_pylist()), codes)


def _check_pairs(types: _Coded, letters: _Coded, rows: int, *, label: str, first_row: int) -> None:
    zeros = np.zeros(rows, dtype=np.int32) if types.codes is None or letters.codes is None else None
    left = types.codes if types.codes is not None else zeros
    right = letters.codes if letters.codes is not None else zeros
    if left is None or right is None or (types.codes is None and letters.codes is None):
        left = right = np.zeros(1, dtype=np.int32)
    width = len(letters.values)
    pairs, firsts = np.unique(left.astype(np.int64) * width + right, return_index=True)
    for pair, index in sorted(zip(pairs.tolist(), firsts.tolist(), strict=True), key=lambda found: found[1]):
        bio_type, alphabet = types.values[pair // width], letters.values[pair % width]
        if ALPHABETS[alphabet].bio_type != bio_type:
            raise AlphabetMismatch(
                label, bio_type=bio_type, alphabet=alphabet, fitting=alphabets_for(bio_type), row=first_row + index
            )
