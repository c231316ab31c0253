"""Molecular weights of single molecules, from average atomic weights."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from usr_features.letters import letters_of, table_of

__all__ = ["molecular_weight"]

_WATER = 18.0153
_RESIDUES = {
    # 2'-deoxynucleoside 5'-monophosphates and nucleoside 5'-monophosphates, less the water that a bond sets free.
    "dna": {"A": 331.2218, "C": 307.1971, "G": 347.2212, "T": 322.2085},
    "rna": {"A": 347.2212, "C": 323.1965, "G": 363.2206, "U": 324.1813},
    # Amino acids; J is leucine or isoleucine, which weigh the same. U is selenocysteine, O pyrrolysine.
    "protein": {
        "A": 89.0932, "C": 121.1582, "D": 133.1027, "E": 147.1293, "F": 165.1891, "G": 75.0666, "H": 155.1546,
        "I": 131.1729, "J": 131.1729, "K": 146.1876, "L": 131.1729, "M": 149.2113, "N": 132.1179, "O": 255.3134,
        "P": 115.1305, "Q": 146.1445, "R": 174.2010, "S": 105.0926, "T": 119.1192, "U": 168.0532, "V": 117.1463,
        "W": 204.2252, "Y": 181.1885,
    },
}  # fmt: skip
_TABLES = {
    kind: table_of({letter: weight - _WATER for letter, weight in known.items()}, other=np.nan, kind=np.float64)
    for kind, known in _RESIDUES.items()
}


def molecular_weight(batch: pa.RecordBatch) -> pa.Array:
    """Return the average molecular weight in g/mol (Da, float64) of one linear, single-stranded molecule.

    DNA and RNA have a phosphate at the 5' end and a hydroxyl at the 3' end; acids are not dissociated. The weights are
    sums of standard atomic weights (IUPAC), as in ExPASy's and Biopython's tables. Null where a letter stands for
    molecules of different weights (N, R, B, X, …) or for none (``*``), and for an empty sequence.

    Raises:
        FeatureSequenceUnfit: A record is neither DNA nor RNA nor protein.
    """
    letters = letters_of(batch, function="molecular_weight", bio_types=tuple(_TABLES))
    types = batch.column("bio_type").to_numpy(zero_copy_only=False)
    weights = np.full(letters.rows, np.nan)
    for kind, table in _TABLES.items():
        of_kind = np.asarray(types == kind)
        if of_kind.any():
            weights = np.where(of_kind, letters.sums(table[letters.flat]) + _WATER, weights)
    unknown = np.isnan(weights) | (letters.lengths == 0)
    return pa.array(weights, pa.float64(), mask=unknown)
