"""Melting temperatures of short DNA duplexes by the nearest-neighbour model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_features.errors import FeatureParameterInvalid
from usr_features.letters import Letters, letters_of, table_of, unfit

__all__ = ["melting_temperature"]

# Table 2 of SantaLucia 1998: enthalpy in kcal/mol and entropy in cal/(mol K) of two neighbours, 5' to 3'.
_NEIGHBOURS = {
    "AA": (-7.9, -22.2), "AT": (-7.2, -20.4), "TA": (-7.2, -21.3), "CA": (-8.5, -22.7), "GT": (-8.4, -22.4),
    "CT": (-7.8, -21.0), "GA": (-8.2, -22.2), "CG": (-10.6, -27.2), "GC": (-9.8, -24.4), "GG": (-8.0, -19.9),
}  # fmt: skip
_END_WITH_GC = (0.1, -2.8)
_END_WITH_AT = (2.3, 4.1)
_SYMMETRY_ENTROPY = -1.4
_SALT_ENTROPY = 0.368
_GAS_CONSTANT = 1.987
_ZERO_CELSIUS = 273.15

_ORDER = "ACGT"
_UNKNOWN = 4
_CODES = table_of({letter: code for code, letter in enumerate(_ORDER)}, other=_UNKNOWN, kind=np.int64)


def melting_temperature(
    batch: pa.RecordBatch, *, sodium_mm: float = 50.0, strands_nm: float = 50.0, longest: int = 60
) -> pa.Array:
    """Return at how many degrees Celsius (float64) half of the duplexes of a sequence and its complement are molten.

    The nearest-neighbour model with the unified parameters and the entropic salt correction of J. SantaLucia, A unified
    view of polymer, dumbbell, and oligonucleotide DNA nearest-neighbor thermodynamics, PNAS 95, 1460-1465 (1998), table
    2. Tm = ΔH / (ΔS + 0.368 (N - 1) ln [Na+] + R ln (C / 4)) - 273.15 with R = 1.987 cal/(mol K);
    for a self-complementary sequence C in place of C / 4, and the entropy of symmetry. Magnesium, dangling ends and
    mismatches are not in it. The defaults are those of Biopython's `Tm_NN`.

    Null where a sequence has an ambiguous letter or fewer than two letters.

    Args:
        batch: DNA.
        sodium_mm: Concentration of monovalent cations in mmol/l.
        strands_nm: Concentration of both strands together in nmol/l.
        longest: The longest sequence that gets a value. A duplex melts in two states, which the model takes for
            granted, up to about 60 base pairs.

    Raises:
        FeatureParameterInvalid: A concentration is not above 0.
        FeatureSequenceUnfit: A record is not DNA, or longer than `longest`.
    """
    for name, value in (("sodium_mm", sodium_mm), ("strands_nm", strands_nm)):
        if not 0 < value < float("inf"):
            hint = "Give a number above 0."
            raise FeatureParameterInvalid(function="melting_temperature", parameter=name, value=str(value), hint=hint)
    letters = letters_of(batch, function="melting_temperature", bio_types=("dna",))
    lengths = letters.lengths
    if (lengths > longest).any():
        row = int(np.argmax(lengths > longest))
        raise unfit(
            batch, row, function="melting_temperature", wanted=f"sequences of up to {longest} letters",
            found=f"has {lengths[row]}",
            hint=f"Choose records: --where 'length <= {longest}'; or --param longest={lengths[row]}.",
        )  # fmt: skip
    codes = _CODES[letters.flat]
    enthalpy, entropy = _stacked(letters, codes)
    symmetric = _self_complementary(letters, codes)
    entropy += np.where(symmetric, _SYMMETRY_ENTROPY, 0.0) + _SALT_ENTROPY * (lengths - 1) * np.log(sodium_mm * 1e-3)
    strands = strands_nm * 1e-9
    free = np.where(symmetric, strands, strands / 4)
    unknown = (lengths < 2) | (letters.maxima(codes) == _UNKNOWN)
    total = np.where(unknown, 1.0, entropy + _GAS_CONSTANT * np.log(free))
    return pa.array(1000 * enthalpy / total - _ZERO_CELSIUS, pa.float64(), mask=unknown)


def _tables() -> npt.NDArray[np.float64]:
    """Return enthalpies and entropies by the number of two neighbours, 5 x the first + the second."""
    tables = np.zeros((2, 25))
    for pair, values in _NEIGHBOURS.items():
        first, second = map(_ORDER.index, pair)
        for number in (5 * first + second, 5 * (3 - second) + 3 - first):  # the same step, read on the other strand
            tables[:, number] = values
    return tables


_STEPS = _tables()
_ENDS = np.array([_END_WITH_AT, _END_WITH_GC, _END_WITH_GC, _END_WITH_AT, (0.0, 0.0)]).T


def _stacked(letters: Letters, codes: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return enthalpy and entropy of each record's duplex, with its two ends."""
    pairs = np.full(len(codes), 5 * _UNKNOWN + _UNKNOWN)
    if len(codes):
        pairs[:-1] = 5 * codes[:-1] + codes[1:]
        pairs[letters.ends_record] = 5 * _UNKNOWN + _UNKNOWN
    filled = letters.lengths > 0
    enthalpy, entropy = (letters.sums(table[pairs]) for table in _STEPS)
    for total, ends in ((enthalpy, _ENDS[0]), (entropy, _ENDS[1])):
        total[filled] += ends[codes[letters.bounds[:-1][filled]]] + ends[codes[letters.bounds[1:][filled] - 1]]
    return enthalpy, entropy


def _self_complementary(letters: Letters, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell of each record whether it is its own reverse complement."""
    mirrored = (letters.bounds[:-1] + letters.bounds[1:] - 1)[letters.row_of] - np.arange(len(codes))
    differs = codes + codes[mirrored] != 3
    same: npt.NDArray[np.bool_] = letters.maxima(differs.astype(np.uint8)) == 0
    return same
