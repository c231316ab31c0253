"""What a sequence is composed of: length, GC, k-mers, runs of one letter."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.api.arrow import fixed_array
from usr_features.errors import FeatureParameterInvalid
from usr_features.letters import Letters, letters_of, table_of

__all__ = ["gc", "kmer_counts", "kmers", "length", "longest_homopolymer"]

_NUCLEIC = ("dna", "rna")
_AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
_ORDER = {"nucleotides": ("ACGT", 6), "amino_acids": (_AMINO_ACIDS, 3)}
"""The letters of k-mers in their order, and the largest k: 4,096 and 8,000 counts a record."""

_STRONG = table_of(dict.fromkeys("GCS", 1), other=0, kind=np.uint8)
_CERTAIN = table_of(dict.fromkeys("ACGTUSW", 1), other=0, kind=np.uint8)
_NUCLEOTIDE = table_of({"A": 1, "C": 1, "G": 1, "T": 1, "U": 1}, other=0, kind=np.uint8)
_AMINO_ACID = table_of(dict.fromkeys(_AMINO_ACIDS + "UO", 1), other=0, kind=np.uint8)

_MOST_COUNTS = 1 << 22
"""Counts of k-mers that are held at once."""


def length(batch: pa.RecordBatch) -> pa.Array:
    """Return the number of letters (int64), ambiguous ones and ``*`` included; for every type of sequence."""
    return fixed_array(letters_of(batch, function="length").lengths, pa.int64())


def gc(batch: pa.RecordBatch) -> pa.Array:
    """Return the part of letters that are G or C (float64, 0 to 1) of DNA and RNA.

    S (G or C) counts as one of them and W (A or T) as none; every other ambiguous letter is left out of both counts.
    Null where no letter is left.

    Raises:
        FeatureSequenceUnfit: A record is neither DNA nor RNA.
    """
    letters = letters_of(batch, function="gc", bio_types=_NUCLEIC)
    strong, certain = letters.sums(_STRONG[letters.flat]), letters.sums(_CERTAIN[letters.flat])
    return pa.array(strong / np.maximum(certain, 1), pa.float64(), mask=certain == 0)


def longest_homopolymer(batch: pa.RecordBatch) -> pa.Array:
    """Return the length of the longest run of one and the same letter (int64); for every type of sequence.

    An ambiguous letter ends a run and does not begin one: ``NNNN`` is not a homopolymer. U and T are different
    letters. The length is 0 where every letter is ambiguous.

    Raises:
        FeatureColumnMissing: The type of the sequences is not given.
    """
    letters = letters_of(batch, function="longest_homopolymer", bio_types=(*_NUCLEIC, "protein"))
    flat = letters.flat
    if not len(flat):
        return fixed_array(np.zeros(letters.rows, dtype=np.int64), pa.int64())
    protein = np.asarray(batch.column("bio_type").to_numpy(zero_copy_only=False) == "protein")
    certain = np.where(np.repeat(protein, letters.lengths), _AMINO_ACID[flat], _NUCLEOTIDE[flat])
    begins = np.empty(len(flat), dtype=bool)
    begins[0] = True
    np.not_equal(flat[1:], flat[:-1], out=begins[1:])
    begins[letters.bounds[:-1][letters.lengths > 0]] = True
    starts = np.flatnonzero(begins)
    runs = np.zeros(len(flat), dtype=np.int64)
    runs[starts] = np.diff(np.append(starts, len(flat))) * certain[starts]
    return fixed_array(letters.maxima(runs), pa.int64())


def kmer_counts(batch: pa.RecordBatch, *, k: int = 3, letters: str = "nucleotides") -> pa.Array:
    """Return how often each k-mer stands in a sequence, as ``fixed_size_list<int32>`` in the order of `kmers`.

    Overlapping k-mers all count, those of the strand that is stored only. U counts as T. A k-mer with an ambiguous
    letter is not counted; a sequence shorter than k has none.

    Args:
        batch: DNA and RNA, or proteins.
        k: 1 to 6 for nucleotides (4 to 4,096 counts), 1 to 3 for amino acids (20 to 8,000).
        letters: ``nucleotides`` or ``amino_acids``.

    Raises:
        FeatureParameterInvalid: k is out of this range, or the letters are none of the two.
        FeatureSequenceUnfit: A record is not of that kind.
    """
    names = kmers(k, letters)
    order = _ORDER[letters][0]
    found = letters_of(batch, function="kmer_counts", bio_types=_NUCLEIC if len(order) == 4 else ("protein",))
    codes = table_of({letter: place for place, letter in enumerate(order)}, other=-1, kind=np.int64)
    if len(order) == 4:
        codes[ord("U")] = codes[ord("T")]
    step = max(1, _MOST_COUNTS // len(names))
    parts = [
        _counted(found, codes, first, min(first + step, found.rows), k, len(order))
        for first in range(0, found.rows, step)
    ]
    flat = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
    return pa.FixedSizeListArray.from_arrays(fixed_array(flat, pa.int32()), len(names))


def kmers(k: int = 3, letters: str = "nucleotides") -> list[str]:
    """Return the k-mers in the order of the counts: ``AAA``, ``AAC``, …, ``TTT``.

    Raises:
        FeatureParameterInvalid: See `kmer_counts`.
    """
    if letters not in _ORDER:
        hint = f"Give one of: {', '.join(_ORDER)}."
        raise FeatureParameterInvalid(function="kmer_counts", parameter="letters", value=letters, hint=hint)
    order, most = _ORDER[letters]
    if not 1 <= k <= most:
        hint = f"Give 1 to {most}: there are {len(order)}^k counts for each record."
        raise FeatureParameterInvalid(function="kmer_counts", parameter="k", value=str(k), hint=hint)
    return ["".join(word) for word in product(order, repeat=k)]


def _counted(
    letters: Letters, codes: npt.NDArray[np.int64], first: int, stop: int, k: int, letters_known: int
) -> npt.NDArray[np.int32]:
    """Count the k-mers of the records from `first` to before `stop`."""
    begin, end = letters.bounds[first], letters.bounds[stop]
    part = Letters(flat=letters.flat[begin:end], bounds=letters.bounds[first : stop + 1] - begin)
    size = letters_known**k
    windows = len(part.flat) - k + 1
    if windows <= 0:
        return np.zeros(part.rows * size, dtype=np.int32)
    digits = codes[part.flat]
    row_of = part.row_of
    number: npt.NDArray[Any] = np.zeros(windows, dtype=np.int64)
    valid = row_of[:windows] == row_of[k - 1 :]
    for place in range(k):
        digit = digits[place : place + windows]
        valid &= digit >= 0
        number = number * letters_known + digit
    counted = np.bincount((row_of[:windows] * size + number)[valid], minlength=part.rows * size)
    return counted.astype(np.int32)
