"""How often restriction enzymes recognise a sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from usr_core.api.arrow import fixed_array
from usr_features.enzymes import DEFAULT_ENZYMES, SITES
from usr_features.errors import FeatureParameterInvalid
from usr_features.letters import Letters, letters_of, table_of

__all__ = ["enzyme_names", "restriction_site_counts"]

_BASES = {
    "A": 1, "C": 2, "G": 4, "T": 8, "R": 5, "Y": 10, "S": 6, "W": 9, "K": 12, "M": 3, "B": 14, "D": 13, "H": 11, "V": 7,
    "N": 15,
}  # fmt: skip
_MASKS = table_of(_BASES, other=16, kind=np.uint8)


def restriction_site_counts(batch: pa.RecordBatch, *, enzymes: str = DEFAULT_ENZYMES) -> pa.Array:
    """Return how often each enzyme's site stands in a sequence, on either strand, as ``fixed_size_list<int32>``.

    The counts are in the order of `enzymes`. A site that is its own reverse complement counts once; overlapping sites
    all count. An ambiguous letter of the sequence is part of a site only if every base that it stands for is. Sequences
    are taken as linear, and methylation is not known.

    Args:
        batch: DNA.
        enzymes: Names of `SITES`, with commas between them.

    Raises:
        FeatureParameterInvalid: An enzyme is not known or named twice.
        FeatureSequenceUnfit: A record is not DNA.
    """
    names = enzyme_names(enzymes)
    letters = letters_of(batch, function="restriction_site_counts", bio_types=("dna",))
    masks = _MASKS[letters.flat]
    counts = np.empty((letters.rows, len(names)), dtype=np.int32)
    for column, name in enumerate(names):
        site = [_BASES[letter] for letter in SITES[name]]
        turned = [_complement(mask) for mask in reversed(site)]
        strands = [site] if site == turned else [site, turned]
        counts[:, column] = sum(letters.sums(_stands_at(letters, masks, strand)) for strand in strands)
    flat = fixed_array(counts.reshape(-1), pa.int32())
    return pa.FixedSizeListArray.from_arrays(flat, len(names))


def enzyme_names(enzymes: str) -> tuple[str, ...]:
    """Return the names in their order, as `SITES` writes them.

    Raises:
        FeatureParameterInvalid: See `restriction_site_counts`.
    """
    names = tuple(name.strip() for name in enzymes.split(","))
    wrong = next((name for place, name in enumerate(names) if name not in SITES or name in names[:place]), None)
    if wrong is not None:
        raise FeatureParameterInvalid(
            function="restriction_site_counts", parameter="enzymes", value=wrong,
            hint=f"Name each enzyme once, of these: {', '.join(SITES)}.",
        )  # fmt: skip
    return names


def _complement(mask: int) -> int:
    """Return the bases that pair with those of a mask: A and T, C and G change places."""
    return sum(8 >> place for place in range(4) if mask & (1 << place))


def _stands_at(letters: Letters, masks: npt.NDArray[np.uint8], site: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return 1 for each letter of the batch at which the site begins."""
    found = np.zeros(len(masks), dtype=np.uint8)
    windows = len(masks) - len(site) + 1
    if windows > 0:
        fits = np.ones(windows, dtype=bool)
        for place, mask in enumerate(site):
            fits &= (masks[place : place + windows] & (31 ^ mask)) == 0
        starts = np.flatnonzero(fits)
        ends = letters.bounds[np.searchsorted(letters.bounds, starts, side="right")]
        found[starts[starts + len(site) <= ends]] = 1
    return found
