"""The rules that every record keeps, checked on a batch at a time.

All is well in nearly every batch, so the checks first ask the whole batch with a few passes over its
buffers; rows are looked for only where the answer is no.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.records.alphabets import ALPHABETS, BIO_TYPES, Alphabet
from usr_core.records.arrays import boolean_array, fixed_array, fixed_values, text_array
from usr_core.records.bulk_ids import IdHasher, string_parts
from usr_core.records.ids import DELIMITER, is_record_id
from usr_core.store.checks.validate import row_faults
from usr_core.store.checks.validate.row_faults import RowTally
from usr_core.store.ids.row_numbers import valid_mask
from usr_core.store.ids.texts import byte_values, comparable_ids, texts_of
from usr_core.store.rules.rows import SEQUENCE_LIMIT

__all__ = ["CHECKED_TOGETHER", "check_rows"]

CHECKED_TOGETHER = ("id", "bio_type", "sequence", "alphabet", "length")
"""Columns of which a row needs all before its values are compared with each other."""

Rows = npt.NDArray[np.int64]


def check_rows(columns: Mapping[str, pa.Array], first_row: int, hasher: IdHasher, tally: RowTally) -> pa.Array | None:
    """Check one batch and count what is wrong in `tally`.

    Args:
        columns: Those of the seven base columns that the file has with a usable type; text as strings, but
            ``bio_type`` and ``alphabet`` as dictionaries.
        first_row: Number of the batch's first row, from 1.
        hasher: Computes ids; for one thread.
        tally: Takes the faults.

    Returns:
        The ids that are there, in order, as `comparable_ids` gives them; None without the column.
    """
    rows = np.arange(first_row, first_row + len(next(iter(columns.values()), ())), dtype=np.int64)
    for name, column in columns.items():
        if column.null_count:
            tally.add(row_faults.NULL_VALUE, name, rows[~valid_mask(column)])
    ids = comparable_ids(columns["id"].drop_null()) if "id" in columns else None
    if all(name in columns for name in CHECKED_TOGETHER):
        _check_values({name: columns[name] for name in CHECKED_TOGETHER}, rows, hasher, tally)
    return ids


def _check_values(columns: dict[str, pa.Array], rows: Rows, hasher: IdHasher, tally: RowTally) -> None:
    if any(column.null_count for column in columns.values()):
        present = np.logical_and.reduce([valid_mask(column) for column in columns.values()])
        columns = {name: column.filter(boolean_array(present)) for name, column in columns.items()}
        rows = rows[present]
    if not len(rows):
        return
    sequences = columns["sequence"]
    offsets, content = string_parts(sequences)
    sizes = np.diff(offsets)
    known, by_alphabet = _check_kinds(columns["bio_type"], columns["alphabet"], rows, tally)
    tally.add(row_faults.SEQUENCE_EMPTY, "sequence", rows[sizes == 0])
    tally.add(row_faults.SEQUENCE_TOO_LONG, "sequence", rows[sizes > SEQUENCE_LIMIT])
    # Letters of an alphabet are ASCII and no white space: where all fit, bytes are letters and nothing needs trimming.
    clean = known and _check_letters(sequences, by_alphabet, rows, tally)
    letters = sizes if clean else sizes - _continuation_bytes(content, offsets)
    lengths = fixed_values(columns["length"])
    wrong = np.flatnonzero(lengths != letters)
    sample = f"{lengths[wrong[0]]} for {letters[wrong[0]]} letters" if len(wrong) else ""
    tally.add(row_faults.LENGTH_DIFFERS, "length", rows[wrong], sample=sample)
    _check_ids(columns, rows, hasher, tally, clean=clean)


def _check_kinds(
    bio_types: pa.DictionaryArray, alphabets: pa.DictionaryArray, rows: Rows, tally: RowTally
) -> tuple[bool, dict[str, Rows | None]]:
    """Check both names and their fit.

    Returns:
        Whether all are known and fit, and the places of each known alphabet (None: the whole batch).
    """
    bio_names, bio_codes = texts_of(bio_types.dictionary), _codes(bio_types)
    alphabet_names, alphabet_codes = texts_of(alphabets.dictionary), _codes(alphabets)
    pairs = np.bincount(bio_codes * len(alphabet_names) + alphabet_codes)
    fine, by_alphabet = True, dict[str, Rows | None]()
    for pair in np.flatnonzero(pairs):
        bio_code, alphabet_code = divmod(int(pair), len(alphabet_names))
        bio_type, name = bio_names[bio_code], alphabet_names[alphabet_code]
        fits = name in ALPHABETS and ALPHABETS[name].bio_type == bio_type
        if fits and pairs[pair] == len(rows):
            return True, {name: None}
        of_pair = (bio_codes == bio_code) & (alphabet_codes == alphabet_code)
        if bio_type not in BIO_TYPES:
            tally.add(row_faults.BIO_TYPE_UNKNOWN, "bio_type", rows[of_pair], sample=repr(bio_type))
        if name not in ALPHABETS:
            tally.add(row_faults.ALPHABET_UNKNOWN, "alphabet", rows[of_pair], sample=repr(name))
        elif bio_type in BIO_TYPES and not fits:
            tally.add(row_faults.ALPHABET_MISFIT, "alphabet", rows[of_pair], sample=f"{name} of {bio_type}")
        fine = fine and fits
        by_alphabet.setdefault(name, np.flatnonzero(alphabet_codes == alphabet_code))
    return fine, by_alphabet


def _check_letters(sequences: pa.Array, by_alphabet: dict[str, Rows | None], rows: Rows, tally: RowTally) -> bool:
    clean = True
    for name, places in by_alphabet.items():
        some = sequences if places is None else sequences.take(fixed_array(places, pa.int64()))
        offsets, content = string_parts(some)
        alphabet = ALPHABETS.get(name)
        if alphabet is not None and not bytes(content).translate(None, alphabet.upper + alphabet.lower):
            continue
        clean = False
        _find_strangers(offsets, content, alphabet, rows if places is None else rows[places], tally)
    return clean


def _find_strangers(
    offsets: npt.NDArray[np.int32], content: memoryview, alphabet: Alphabet | None, rows: Rows, tally: RowTally
) -> None:
    """Find the rows that hold something else than letters of the alphabet; without one, white space around them."""
    values = np.frombuffer(content, dtype=np.uint8)
    if alphabet is None:
        suspects = np.arange(len(rows))
    else:
        allowed = np.zeros(256, dtype=np.bool_)
        allowed[np.frombuffer(alphabet.upper + alphabet.lower, dtype=np.uint8)] = True
        foreign = np.flatnonzero(~allowed[values])
        suspects = np.unique(np.searchsorted(offsets, foreign, side="right") - 1)
    padded, strange, sample_padded, sample_strange = [], [], "", ""
    for place in suspects.tolist():
        text = bytes(content[offsets[place] : offsets[place + 1]]).decode("utf-8", "replace")
        bare = text.strip()
        if bare != text:
            sample_padded = sample_padded or repr(text)
            padded.append(place)
        at = alphabet.first_stranger(bare) if alphabet is not None else None
        if at is not None and alphabet is not None:
            sample_strange = sample_strange or f"{bare[at]!r} at letter {at + 1:,} ({alphabet.name})"
            strange.append(place)
    tally.add(row_faults.NOT_NORMALIZED, "sequence", rows[padded], sample=sample_padded)
    tally.add(row_faults.LETTER_FOREIGN, "sequence", rows[strange], sample=sample_strange)


def _check_ids(columns: dict[str, pa.Array], rows: Rows, hasher: IdHasher, tally: RowTally, *, clean: bool) -> None:
    ids, sequences, bio_types = columns["id"], columns["sequence"], columns["bio_type"]
    names = texts_of(bio_types.dictionary)
    if not clean:
        # What is not a known bio_type, or not text, does not go through the fast engine.
        expected = _ids_of_bytes([names[code] for code in _codes(bio_types).tolist()], sequences)
    elif len(names) == 1:
        expected = hasher.ids(names[0], sequences)
    else:
        expected = hasher.ids(bio_types.cast(pa.string()), sequences)
    if ids.equals(expected):
        return
    found, computed = (byte_values(array) for array in (ids, expected))
    wrong = [place for place, (one, other) in enumerate(zip(found, computed, strict=True)) if one != other]
    first = found[wrong[0]].decode("utf-8", "replace")
    form = repr(first) if is_record_id(first) else f"{first!r}, which is not 40 lower-case hexadecimal digits"
    tally.add(row_faults.ID_DIFFERS, "id", rows[wrong], sample=form)


def _ids_of_bytes(bio_types: list[str], sequences: pa.Array) -> pa.Array:
    values = byte_values(sequences)
    prefixes = {name: f"{name}{DELIMITER}".encode() for name in set(bio_types)}
    return text_array(
        [hashlib.sha1(prefixes[name] + value).hexdigest() for name, value in zip(bio_types, values, strict=True)]
    )


def _continuation_bytes(content: memoryview, offsets: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return for each value how many of its bytes do not begin a character of UTF-8."""
    inside = np.flatnonzero((np.frombuffer(content, dtype=np.uint8) & np.uint8(0xC0)) == np.uint8(0x80))
    owners = np.searchsorted(offsets, inside, side="right") - 1
    return np.bincount(owners, minlength=len(offsets) - 1)


def _codes(array: pa.DictionaryArray) -> npt.NDArray[np.int64]:
    return fixed_values(array.indices).astype(np.int64)
